# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every row of the importer's table: exported, imported, interpreted, and compared with eager."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from flashlight.importer import ROWS, import_program
from flashlight.interpreter import interpret

A = torch.ops.aten
INF = math.inf
SEEN: set[str] = set()  # the ops that were imported
RUN: set[str] = set()  # the cases that ran


@dataclass
class Case:
    name: str
    function: Any
    args: tuple
    dynamic: bool


CASES: list[Case] = []


def case(name, function, *args, dynamic=False):
    assert all(item.name != name for item in CASES), name
    CASES.append(Case(name, function, args, dynamic))


def rand(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator).to(dtype)


def ints(*shape, dtype=torch.int64, high=7):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-high, high, shape, generator=generator).to(dtype)


def bools(*shape):
    return ints(*shape) > 0


X, Y, ROW = rand(3, 4, 5), rand(3, 4, 5, seed=1), rand(5, seed=2)
SPECIAL = torch.tensor([0.0, -0.0, 1.5, -2.5, INF, -INF, math.nan, 1e-30, 60.0, -60.0])
I, J, B = ints(3, 4), ints(3, 4, high=5), bools(3, 4)  # noqa: E741
HALVES = (torch.float16, torch.bfloat16)

# Pointwise, in every dtype that attention is written in -------------------------------------------

UNARY = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log1p",
    "sqrt",
    "rsqrt",
    "tanh",
    "sin",
    "cos",
    "erf",
    "floor",
    "ceil",
    "trunc",
    "round",
    "abs",
    "neg",
    "reciprocal",
    "square",
    "sigmoid",
    "relu",
    "isnan",
    "isinf",
    "logical_not",
]
for op in UNARY:
    function = getattr(A, op).default
    case(op, function, SPECIAL)
    case(f"{op}-f64", function, rand(7, dtype=torch.float64))
    for half in HALVES:
        case(f"{op}-{half}", function, rand(4, 6, dtype=half))
for op in ("silu", "log_sigmoid", "softplus", "gelu", "leaky_relu"):
    function = getattr(A, op).default
    # torch's own vectorized gelu of an infinity is NaN in f32 and not in f64.
    case(op, function, SPECIAL[SPECIAL.abs() != INF] if op == "gelu" else SPECIAL)
    case(f"{op}-bf16", function, rand(4, 6, dtype=torch.bfloat16))
case("gelu-tanh", lambda x: F.gelu(x, approximate="tanh"), X)
case("leaky_relu-slope", lambda x: F.leaky_relu(x, 0.3), X)
case("softplus-beta", lambda x: F.softplus(x, beta=2.0, threshold=1.0), X)
case("abs-int", torch.abs, I)
case("neg-int", torch.neg, I)
case("square-int", torch.square, I)

for op in ("add", "sub", "mul", "maximum", "minimum"):
    function = getattr(torch, op)
    case(op, function, X, ROW)
    case(f"{op}-f32-f64", function, X, rand(5, dtype=torch.float64))
    case(f"{op}-bf16-f32", function, X.bfloat16(), ROW)
    case(f"{op}-int", function, I, J)
    case(f"{op}-int-float", function, I, rand(4))
    case(f"{op}-special", function, SPECIAL, SPECIAL.flip(0))
    for half in HALVES:
        case(f"{op}-{half}", function, X.to(half), ROW.to(half))
for op in ("add", "sub", "mul", "div"):
    function = getattr(torch, op)
    for dtype in (torch.float32, *HALVES):
        case(f"{op}-number-{dtype}", lambda x, f=function: f(x, 0.3), X.to(dtype))
    case(f"{op}-scalar-tensor", function, X.bfloat16(), torch.tensor(0.3))
case("div", torch.div, X, Y)
case("true_divide", lambda x, y: A.true_divide.Tensor(x, y), X, Y)
case("div-int", torch.div, I, J.abs() + 1)
case("div-floor-int", lambda x: torch.div(x, 3, rounding_mode="floor"), I)
case("div-trunc-int", lambda x: torch.div(x, 3, rounding_mode="trunc"), I)
case("div-trunc", lambda x, y: torch.div(x, y, rounding_mode="trunc"), X, Y)
case("div-mode-none", lambda x, y: torch.div(x, y, rounding_mode=None), X, Y)
case("div-scalar-op", lambda x: A.div.Scalar(x, 0.7), X)
case("div-scalar-mode", lambda x: A.div.Scalar_mode(x, 3, rounding_mode="floor"), I)
case("add-alpha", lambda x, y: torch.add(x, y, alpha=2.5), X, Y)
case("add-alpha-bf16", lambda x, y: torch.add(x, y, alpha=2.5), X.bfloat16(), Y.bfloat16())
case("sub-alpha", lambda x, y: torch.sub(x, y, alpha=3), I, J)
for op in ("add", "sub", "mul", "rsub"):
    case(f"{op}-scalar-op", lambda x, o=op: getattr(A, o).Scalar(x, 1.5), X)
case("rsub", torch.rsub, X, Y)
case("mul-bool", torch.mul, B, ~B)
case("floor_divide", lambda x: A.floor_divide.Scalar(x, 3), I)
case("floor_divide-tensor", lambda x: x // 4, I)
case("remainder", lambda x: x % 3, I)
case("remainder-negative", lambda x: torch.remainder(x, -3), I)
for exponent in (2, 3, 0.5, -0.5, -1, 1.7):
    case(f"pow{exponent}", lambda x, e=exponent: torch.pow(x, e), X.abs())
case("pow-int", lambda x: x**3, I)
case("pow-tensor", torch.pow, X.abs(), Y)
case("pow-scalar", lambda y: torch.pow(2.0, y), Y)
case("clamp", lambda x: torch.clamp(x, -0.5, 0.7), SPECIAL)
case("clamp-clip", lambda x: A.clip.default(x, None, 0.7), X)
case("clamp-int", lambda x: torch.clamp(x, min=0), I)
case("clamp-tensor", torch.clamp, X, -ROW.abs(), ROW.abs())
case("clamp_min", lambda x: torch.clamp_min(x, 0.1), X.bfloat16())
case("clamp_max", lambda x: torch.clamp_max(x, 0.1), X)
case("clamp_min-tensor", lambda x, y: A.clamp_min.Tensor(x, y), X, Y)
case("clamp_max-tensor", lambda x, y: A.clamp_max.Tensor(x, y), X, Y)
case("addcmul", lambda x, y, z: torch.addcmul(x, y, z, value=0.5), X, Y, X)
for op in ("eq", "ne", "lt", "le", "gt", "ge"):
    function = getattr(torch, op)
    case(op, function, SPECIAL, SPECIAL.flip(0))
    case(f"{op}-int", function, I, J)
    case(f"{op}-number", lambda x, f=function: f(x, 0.5), X)
    case(f"{op}-number-bf16", lambda x, f=function: f(x, 0.1), rand(64, dtype=torch.bfloat16))
    case(f"{op}-int-number", lambda x, f=function: f(x, 2), I)
    case(f"{op}-mixed", function, I, rand(4))
case("lt-bool", torch.lt, B, ~B)
for op in ("and", "or", "xor"):
    case(f"bitwise_{op}", getattr(torch, f"bitwise_{op}"), I, J)
    case(f"bitwise_{op}-number", lambda x, o=op: getattr(torch, f"bitwise_{o}")(x, 3), I)
    case(f"__{op}__", lambda x, y, o=op: getattr(x, f"__{o}__")(y), B, ~B)
    case(f"__{op}__-aten", lambda x, y, o=op: getattr(A, f"__{o}__").Tensor(x, y), B, B)
    case(f"__{op}__-number", lambda x, o=op: getattr(A, f"__{o}__").Scalar(x, 3), I)
    case(f"logical_{op}", getattr(torch, f"logical_{op}"), I, rand(4))
case("bitwise_not", torch.bitwise_not, B)
case("bitwise_not-int", torch.bitwise_not, I)
case("isinf-int", lambda x: A.isinf.default(x), I)
case("isnan-int", lambda x: A.isnan.default(x), I)

case("where", torch.where, B, rand(3, 4), rand(4))
case("where-types", torch.where, B, rand(3, 4, dtype=torch.bfloat16), rand(4))
case("where-number", lambda c, x: torch.where(c, x, -INF), B, rand(3, 4))
case("where-number-first", lambda c, x: torch.where(c, 0.1, x), B, rand(3, 4, dtype=torch.bfloat16))
case("where-numbers", lambda c: torch.where(c, 1.0, 0.0), B)
case("masked_fill", lambda x, m: x.masked_fill(m, -INF), rand(2, 3, 4), B)
case("masked_fill-bf16", lambda x, m: x.masked_fill(m, 0.1), rand(2, 3, 4, dtype=torch.bfloat16), B)
case("masked_fill-tensor", lambda x, m, v: x.masked_fill(m, v), rand(2, 3, 4), B, torch.tensor(3.0))
TYPES = (
    torch.float64,
    torch.float32,
    *HALVES,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.bool,
)
for source in TYPES:
    for target in TYPES:
        case(f"to-{source}-{target}", lambda x, t=target: x.to(t), (rand(9) * 3).to(source))
case("to-copy", lambda x: A._to_copy.default(x, dtype=torch.bfloat16), X)
case("to-device", lambda x: A.to.device(x, "cpu", torch.float64), X)
case("to-layout", lambda x: A.to.dtype_layout(x, dtype=torch.float64), X)
case("type_as", lambda x, y: x.type_as(y), X, I)
case("to-other", lambda x, y: A.to.other(x, y), X, I)

# Views -------------------------------------------------------------------------------------------

V = rand(2, 3, 4, 6)
case("view", lambda x: x.view(6, -1), V)
case("unsafe-view", lambda x: A._unsafe_view.default(x, [6, 24]), V)
case("reshape", lambda x: x.transpose(1, 2).reshape(2, 4, -1), V)
case("reshape-dynamic", lambda x: x.reshape(x.shape[0], x.shape[1], 2, 12), V, dynamic=True)
case("reshape-merge-dynamic", lambda x: x.reshape(-1, 24), V, dynamic=True)
case("flatten", lambda x: x.flatten(1, 2), V)
case("unflatten", lambda x: x.unflatten(3, (2, 3)), V)
case("view_as", lambda x, y: x.view_as(y), V, rand(6, 24))
case("reshape_as", lambda x, y: x.reshape_as(y), V, rand(6, 24))
case("unsqueeze", lambda x: x.unsqueeze(-1) * x[:, None].mT.mT[..., None].squeeze(1), V)
case("squeeze", lambda x: x.squeeze(), rand(1, 3, 1))
case("squeeze-dim", lambda x: x.squeeze(0), rand(1, 3, 1))
case("squeeze-dims", lambda x: x.squeeze((0, 2)), rand(1, 3, 1))
case("expand", lambda x: x.expand(2, -1, 4), rand(3, 1))
case("expand_as", lambda x, y: x.expand_as(y), rand(1, 4), rand(2, 3, 4))
case("broadcast_to", lambda x: torch.broadcast_to(x, (2, 3, 4)), rand(4))
case("permute", lambda x: x.permute(0, -1, 1, 2), V)
case("transpose", lambda x: x.transpose(-1, 1), V)
case("swapaxes", lambda x: torch.swapaxes(x, 0, 1), V)
case("t", lambda x: x.t(), rand(3, 4))
case("numpy_T", lambda x: x.T, rand(3, 4))
case("mT", lambda x: x.mT, V)
case("adjoint", lambda x: torch.adjoint(x), V)
case("matrix_H", lambda x: A.matrix_H.default(x), rand(3, 4))
case("movedim", lambda x: x.movedim(1, -1), V)
case("movedim-list", lambda x: x.movedim((0, 1), (2, 0)), V)
case("contiguous", lambda x: x.transpose(0, 1).contiguous() + 1, V)
case("clone", lambda x: x.clone() + x.detach() + A.alias.default(x), V)
case("positive", lambda x: torch.positive(x), V)
case("dropout-eval", lambda x: F.dropout(x, 0.5, training=False), V)
case("dropout-zero", lambda x: F.dropout(x, 0.0, training=True), V)
case("slice", lambda x: x[:, 1:, :-1, 1::2], V)
case("slice-empty", lambda x: x[:, 3:], V)
case("slice-dynamic", lambda x: x[:, :, 1:], V, dynamic=True)
case("narrow", lambda x: x.narrow(-1, 2, 3), V)
case("select", lambda x: x[:, -1] + x.select(1, 0), V)
case("split", lambda x: torch.cat(x.split(4, -1)[::-1], -1), V)
case("split-sizes", lambda x: torch.cat(x.split([1, 2, 3], -1)[::-1], -1), V)
case("split-sizes-op", lambda x: torch.cat(A.split_with_sizes.default(x, [1, 5], -1)[::-1], -1), V)
case("split-list", lambda x: A.split.sizes(x, [1, 5], -1)[1], V)
case("lift", lambda x: A.lift_fresh_copy.default(x), V)
case("chunk", lambda x: x.chunk(2, -1)[1] - x.chunk(2, -1)[0], V)
case("unbind", lambda x: x.unbind(1)[2] - x.unbind(1)[0], V)
case("cat", lambda x, y: torch.cat([x, y], 1), V, rand(2, 5, 4, 6))
case("cat-types", lambda x, y: torch.cat([x, y], 1), V.bfloat16(), rand(2, 5, 4, 6))
case("cat-empty", lambda x, y: torch.cat([y, x], 1), V, torch.empty(0))
case("cat-dynamic", lambda x: torch.cat([x, x], 0), V, dynamic=True)
case("concat", lambda x: A.concat.default([x, x], -1), V)
case("concatenate", lambda x: A.concatenate.default([x, x], -1), V)
case("stack", lambda x: torch.stack([x, x + 1], -2), V)
case("repeat", lambda x: x.repeat(2, 1, 3), rand(3, 4))
case("repeat-unit", lambda x: x.repeat(2, 5), rand(3, 1))
case("repeat_interleave", lambda x: x.repeat_interleave(3, dim=1), V)
case("repeat_interleave-flat", lambda x: x.repeat_interleave(3), rand(4))
case("roll", lambda x: x.roll(2, -1) + x.roll(-1, 1).roll(0, 1), V)

# Reductions --------------------------------------------------------------------------------------

for dtype in (torch.float32, torch.float64, *HALVES):
    case(f"sum-{dtype}", lambda x: x.sum(-1), X.to(dtype))
    case(f"mean-{dtype}", lambda x: x.mean((0, 2), keepdim=True), X.to(dtype))
    case(f"amax-{dtype}", lambda x: x.amax(1), X.to(dtype))
    case(f"logsumexp-{dtype}", lambda x: x.logsumexp(-1), X.to(dtype))
    case(f"cumsum-{dtype}", lambda x: x.cumsum(-1), X.to(dtype))
case("sum-all", torch.sum, X)
case("sum-int", lambda x: x.sum(0), I)
case("sum-bool", lambda x: x.sum(-1), B)
case("sum-dtype", lambda x: x.sum(-1, dtype=torch.float32), X.bfloat16())
case("sum-dynamic", lambda x: x.sum(0), V, dynamic=True)
case("mean-all", torch.mean, X)
case("mean-dynamic", lambda x: x.mean((0, 2)), V, dynamic=True)
case("amin", lambda x: x.amin((0, 1), keepdim=True), X)
case("amax-all", lambda x: x.amax(), X)
case("amax-nan", lambda x: x.amax(0), SPECIAL)
case("amax-int", lambda x: x.amax(0), I)
case("max", torch.max, X)
case("min", torch.min, X)
case("max-dim", lambda x: x.max(-1).values, X)
case("min-dim", lambda x: x.min(-1, keepdim=True)[0], X)
for op in ("any", "all"):
    case(op, getattr(torch, op), B)
    case(f"{op}-dim", lambda x, o=op: getattr(x, o)(-1), B)
    case(f"{op}-dims", lambda x, o=op: getattr(A, o).dims(x, [0, 1], True), B)
    case(f"{op}-float", lambda x, o=op: getattr(x, o)(-1, keepdim=True), X)
case("prod", lambda x: x.prod(-1), X)
case("prod-all", torch.prod, I)
case(
    "logsumexp-infinite", lambda x: x.logsumexp(-1), torch.tensor([[-INF, -INF], [INF, 1], [1, 2]])
)
case("cumsum-int", lambda x: x.cumsum(0), I)
case("rms_norm", lambda x, w: F.rms_norm(x, (5,), w, 1e-5), X, ROW)
case("rms_norm-bf16", lambda x, w: F.rms_norm(x, (5,), w), X.bfloat16(), ROW.bfloat16())
case("rms_norm-plain", lambda x: F.rms_norm(x, (4, 5)), X)
case("layer_norm", lambda x, w, b: F.layer_norm(x, (5,), w, b), X, ROW, ROW)
case("layer_norm-bf16", lambda x: F.layer_norm(x, (4, 5)), X.bfloat16())


# Activations, statistics, integers, parts --------------------------------------------------------

case("sign", torch.sign, SPECIAL)
case("elu", lambda x: F.elu(x, 1.5), SPECIAL)
case("elu-bf16", F.elu, X.bfloat16())
case("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.7), SPECIAL)
case("relu6-int", F.relu6, I)
for correction in (0, 1):
    case(f"var{correction}", lambda x, c=correction: x.var(-1, correction=c), X)
case("var-bf16", lambda x: x.var((0, 2), unbiased=False, keepdim=True), X.bfloat16())
case("var-all", torch.var, X)
case("var_mean-correction", lambda x: A.var_mean.correction(x, [1], correction=0)[1], X)
case("var_mean", lambda x: torch.var_mean(x, (0, 1))[0] + torch.var_mean(x, (0, 1))[1], X)
for order in (0, 1, 2, 3, INF, -INF):
    case(f"vector_norm{order}", lambda x, o=order: torch.linalg.vector_norm(x, o, -1), X)
case("vector_norm-bf16", lambda x: x.norm(dim=(0, 2), keepdim=True), X.bfloat16())
for op in ("argmax", "argmin"):
    case(op, lambda x, o=op: getattr(x, o)(-1), X)
    case(f"{op}-keepdim", lambda x, o=op: getattr(x, o)(0, keepdim=True), X.bfloat16())
    case(f"{op}-all", lambda x, o=op: getattr(x, o)(), X)
    case(f"{op}-nan", lambda x, o=op: getattr(x, o)(-1), SPECIAL.expand(2, 10))
    case(f"{op}-ties", lambda x, o=op: getattr(x, o)(-1), ints(4, 9, high=2))
case("argmax-dynamic", lambda x: x.argmax(0), V, dynamic=True)
case("max-dim-index", lambda x: x.max(1).indices, X)
case("min-dim-index", lambda x: x.min(1, keepdim=True).indices, I)
case("max-other", torch.max, X, Y)
case("min-other", torch.min, I, J)
case("cumprod", lambda x: x.cumprod(1), X)
case("cumprod-bf16", lambda x: x.cumprod(1), X.bfloat16())
case("cummax", lambda x: x.cummax(-1).values, X)
case("cummin-nan", lambda x: x.cummin(0).values, SPECIAL)
case("remainder-float", lambda x: x % 0.7, SPECIAL)
case("remainder-tensor", torch.remainder, X, ROW)
case("remainder-infinite", torch.remainder, SPECIAL, SPECIAL.flip(0))
case("remainder-bf16", lambda x: x % -0.75, X.bfloat16())
case("fmod", lambda x: torch.fmod(x, 0.7), X)
case("fmod-int", lambda x: torch.fmod(x, 3), I)
case("fmod-tensor", torch.fmod, X, ROW)
case("shifts", lambda x: (x << 2) + (x >> 1), I)
case("shifts-named", lambda x: torch.bitwise_left_shift(x, 1) + torch.bitwise_right_shift(x, 2), I)
case("roll-several", lambda x: x.roll((1, -2), (0, 2)), X)
case("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=3.0), X)
case("pad-cut", lambda x: F.pad(x, (-1, 2, 1, -1)), X)
case("constant_pad_nd", lambda x: A.constant_pad_nd.default(x, [0, 1], 2), I)
case("slice_scatter", lambda x, y: torch.slice_scatter(x, y, 1, 1, 3), X, rand(3, 2, 5))
case("slice_scatter-all", lambda x, y: torch.slice_scatter(x, y, 0), X, Y)
case("copy", lambda x, y: A.copy.default(x, y), X, ROW.bfloat16())
case(
    "empty", lambda x: A.empty_like.default(x).numel() + A.new_empty.default(x, [2]).numel() + x, X
)
case("empty-zero", lambda x: A.zero.default(torch.empty(5)) + x, X)
case("empty-permuted", lambda x: A.fill.Scalar(A.empty_permuted.default([2, 3], [1, 0]), 1.0), X)

# Ops without a row: written out by PyTorch --------------------------------------------------------

EXPANDED = {
    "selu": F.selu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "softsign": F.softsign,
    "glu": lambda x: F.glu(x, 1),
    "softmin": lambda x: F.softmin(x, -1),
    "nan_to_num": torch.nan_to_num,
    "isfinite": torch.isfinite,
    "logaddexp": lambda x: torch.logaddexp(x, x * 2),
    "xlogy": lambda x: torch.xlogy(x, x.abs()),
    "lerp": lambda x: torch.lerp(x, x * 3, 0.3),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1),
    "std": lambda x: x.std(-1),
    "std_mean": lambda x: torch.std_mean(x, -1)[0],
    "normalize": lambda x: F.normalize(x, dim=-1),
    "norm": lambda x: x.norm(dim=-1),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x + 1, dim=-1),
    "group_norm": lambda x: F.group_norm(x, 2),
    "nanmean": lambda x: x.nanmean(-1),
    "diff": lambda x: x.diff(),
    "hstack": lambda x: torch.hstack([x, x]),
    "vstack": lambda x: torch.vstack([x, x]),
    "tensordot": lambda x: torch.tensordot(x, x, ([0, 1], [0, 1])),
    "inner": lambda x: torch.inner(x, x),
    "tile": lambda x: x.tile(2, 1, 1),
    "ravel": torch.ravel,
    "meshgrid": lambda x: torch.meshgrid(x[0, 0], x[1, 1], indexing="ij")[0],
    "count_nonzero": lambda x: (x > 0).long().count_nonzero(-1),
    "multiply": lambda x: torch.multiply(x, torch.subtract(x, 2)),
    "greater": lambda x: torch.greater(x, 0.1) & torch.less_equal(x, 1),
    "movements": lambda x: torch.moveaxis(x, 0, 1).swapdims(0, 2),
    "linspace": lambda x: x + torch.linspace(0, 1, 5),
    "select_scatter": lambda x: torch.select_scatter(x, x[:, 0] * 2, 1, 2),
    "isclose": lambda x: torch.isclose(x, x + 1e-9),
    "setitem": lambda x: _assigned(x),
}


def _assigned(x):
    y = x.clone()
    y[:, 1:3] = 0
    y[..., 0] *= 2
    return y


for name, function in EXPANDED.items():
    case(f"expanded-{name}", function, X)
    if name not in ("linspace", "std", "std_mean", "group_norm", "cosine_similarity", "nanmean"):
        case(f"expanded-{name}-bf16", function, X.bfloat16())
case(
    "expanded-dynamic",
    lambda x: F.normalize(x, dim=-1) + x.diff(dim=-1, prepend=x[..., :1]),
    V,
    dynamic=True,
)

# Contractions ------------------------------------------------------------------------------------

for left, right in [
    ((4, 5), (5, 3)),
    ((2, 4, 5), (2, 5, 3)),
    ((2, 4, 5), (5, 3)),
    ((4, 5), (2, 5, 3)),
    ((5,), (5, 3)),
    ((4, 5), (5,)),
    ((2, 4, 5), (5,)),
    ((5,), (5,)),
    ((2, 1, 4, 5), (3, 5, 6)),
    ((1, 2, 4, 5), (3, 1, 5, 6)),
]:
    case(f"matmul-{left}-{right}", torch.matmul, rand(*left), rand(*right))
for dtype in (torch.float64, *HALVES):
    case(f"matmul-{dtype}", torch.matmul, X.to(dtype), rand(5, 6).to(dtype))
case("matmul-int", torch.matmul, I, J.t().contiguous())
case("bmm", torch.bmm, X, X.mT.contiguous())
case("mm", torch.mm, rand(3, 4), rand(4, 5))
case("mv", torch.mv, rand(3, 4), rand(4))
case("dot", torch.dot, rand(4), rand(4, seed=5))
case("linear", F.linear, X, rand(7, 5))
case("linear-bias", F.linear, X.bfloat16(), rand(7, 5).bfloat16(), rand(7).bfloat16())
case("linear-vector", F.linear, ROW, rand(7, 5))
case(
    "addmm",
    lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2),
    rand(5),
    rand(3, 4),
    rand(4, 5),
)
case(
    "addmm-nan",
    lambda c, x, y: torch.addmm(c, x, y, beta=0),
    torch.full((5,), math.nan),
    rand(3, 4),
    rand(4, 5),
)
case(
    "baddbmm",
    lambda c, x, y: torch.baddbmm(c, x, y, alpha=0.125),
    rand(3, 4, 4).bfloat16(),
    X.bfloat16(),
    X.mT.contiguous().bfloat16(),
)
case("outer", torch.outer, rand(3), rand(4))
case("ger", lambda x, y: A.ger.default(x, y), rand(3), rand(4))
for equation, shapes in {
    "bhmd,bhnd->bhmn": ((2, 3, 4, 5), (2, 3, 6, 5)),
    "bmhd,bnhd": ((2, 4, 3, 5), (2, 6, 3, 5)),
    "...ij,...jk->...ik": ((2, 4, 5), (3, 1, 5, 6)),
    "ij->ji": ((3, 4),),
    "ijk->k": ((3, 4, 5),),
    "ij,ij->": ((3, 4), (3, 4)),
    "ij,jk,kl->il": ((3, 4), (4, 5), (5, 2)),
    "bi,bi->b": ((3, 1), (3, 4)),
    "i,j->ij": ((3,), (4,)),
    "ijk,l->il": ((3, 4, 5), (2,)),
}.items():
    case(
        f"einsum-{equation}",
        lambda *x, e=equation: torch.einsum(e, *x),
        *(rand(*shape, seed=i) for i, shape in enumerate(shapes)),
    )
case(
    "einsum-bf16",
    lambda x, y: torch.einsum("abc,dc->abd", x, y),
    X.bfloat16(),
    rand(6, 5).bfloat16(),
)

# Softmax and attention ---------------------------------------------------------------------------

MASKED = torch.tensor([[1.0, -INF, 2.0], [-INF, -INF, -INF], [INF, 0.0, 1.0], [math.nan, 0, 1]])
for dtype in (torch.float32, torch.float64, *HALVES):
    case(f"softmax-{dtype}", lambda x: x.softmax(1), X.to(dtype))
    case(f"log_softmax-{dtype}", lambda x: x.log_softmax(-1), X.to(dtype))
case("softmax-special", lambda x: x.softmax(-1), MASKED)
case("log_softmax-special", lambda x: x.log_softmax(-1), MASKED)
case("softmax-dtype", lambda x: torch.softmax(x, -1, dtype=torch.float32), X.bfloat16())
case("softmax-int", lambda x: torch.softmax(x, -1, dtype=torch.float32), I)
case("log_softmax-dtype", lambda x: torch.log_softmax(x, -1, dtype=torch.float64), X)
case("softmax-op", lambda x: A._softmax.default(x, 1, False), X)
case("log_softmax-op", lambda x: A._log_softmax.default(x, 1, False), X)
case("safe_softmax", lambda x: A._safe_softmax.default(x, -1), MASKED[:2])

Q, K, W = rand(2, 4, 5, 8), rand(2, 4, 6, 8, seed=1), rand(2, 4, 6, 7, seed=2)
SOME = bools(5, 6)
SOME[1] = False  # a row without a key
ADDED = torch.zeros(5, 6).masked_fill(~SOME, -INF)
sdpa = F.scaled_dot_product_attention
for dtype in (torch.float32, torch.float64, *HALVES):
    q, k, v = (x.to(dtype) for x in (Q, K, W))
    case(f"sdpa-{dtype}", sdpa, q, k, v)
    case(f"sdpa-causal-{dtype}", lambda q, k, v: sdpa(q, k, v, is_causal=True), q, k, v)
    case(f"sdpa-bool-{dtype}", sdpa, q, k, v, SOME)
    case(f"sdpa-float-{dtype}", sdpa, q, k, v, ADDED.to(dtype))
case("sdpa-causal-long", lambda q, k, v: sdpa(q, k, v, is_causal=True), K, Q, rand(2, 4, 5, 3))
case("sdpa-scale", lambda q, k, v: sdpa(q, k, v, scale=0.3), Q, K, W)
case("sdpa-groups", lambda q, k, v: sdpa(q, k, v, enable_gqa=True), Q, K[:, :2], W[:, :2])
case(
    "sdpa-mask-groups",
    lambda q, k, v, m: sdpa(q, k, v, m, enable_gqa=True),
    Q,
    K[:, :1],
    W[:, :1],
    SOME.expand(2, 1, 5, 6),
)
case("sdpa-three-dims", sdpa, Q[0], K[0], W[0])
case("sdpa-dynamic", lambda q: sdpa(q, q, q, is_causal=True), Q, dynamic=True)

# Creation and indexing ---------------------------------------------------------------------------

case("arange", lambda x: x + torch.arange(5), X)
case("arange-range", lambda x: x + torch.arange(3, 18, 3), X)
case("arange-start", lambda x: x + torch.arange(3, 8), X)
case("arange-float", lambda x: x + torch.arange(0, 1, 0.2), X)
case("arange-dtype", lambda x: x * torch.arange(5, dtype=torch.float32, device=x.device), X)
case(
    "arange-dynamic",
    lambda x: torch.arange(x.shape[0])[:, None] - torch.arange(1, x.shape[0] + 1),
    V,
    dynamic=True,
)
case("full", lambda x: x + torch.full((5,), -INF), X)
case("full-like", lambda x: torch.full_like(x, 2), I)
case("new-full", lambda x: x.new_full((2, 5), 0.1), X.bfloat16())
case(
    "full-dynamic",
    lambda x: torch.full((x.shape[0],), x.shape[0] + 1) + x.shape[0],
    V,
    dynamic=True,
)
case("zeros", lambda x: x + torch.zeros(5), X)
case("zeros-like", torch.zeros_like, X)
case("new-zeros", lambda x: x.new_zeros(3), X)
case("ones", lambda x: x + torch.ones(5, dtype=torch.bool), X)
case("ones-like", lambda x: torch.ones_like(x, dtype=torch.int32), X)
case("new-ones", lambda x: x.new_ones(3), X)
case("fill", lambda x: A.fill.Scalar(x, 2.5), X)
case("fill-tensor", lambda x, y: A.fill.Tensor(x, y), X, torch.tensor(2.5))
case("scalar-tensor", lambda x: x + torch.scalar_tensor(2.0), X)
case("lifted", lambda x: x + torch.tensor(2.5), X)
for diagonal in (-2, 0, 1):
    case(f"triu{diagonal}", lambda x, d=diagonal: x.triu(d), X)
    case(f"tril{diagonal}", lambda x, d=diagonal: torch.tril(x, d), B)
case("triu-special", lambda x: x.triu(1), torch.full((4, 4), -INF))
TABLE = rand(10, 4)
case("embedding", lambda t, i: F.embedding(i, t), TABLE, I.abs())
case("embedding-padding", lambda t, i: F.embedding(i, t, padding_idx=0), TABLE, I.abs())
case("index_select", lambda t, i: t.index_select(1, i), rand(3, 9), torch.tensor([3, 0, 3]))
case("index", lambda t, i: t[i], TABLE, I)
case("index-second", lambda t, i: t[:, i], rand(3, 9), I)
case("index-int32", lambda t, i: t[i], TABLE, I.int())


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def tolerance(dtype):
    """Rounding order may differ: a few units in the last place of the values' own size."""
    if not dtype.is_floating_point:
        return {"rtol": 0, "atol": 0}
    unit = torch.finfo(dtype).eps
    return {"rtol": 16 * unit, "atol": 4 * unit}


def symbol_values(program, inputs):
    """What every symbolic extent of the module is for these inputs."""
    base = {
        symbol: inputs[source.input].shape[source.dim]
        for symbol, source in program.symbols.sources.items()
    }
    return {name: int(value.subs(base)) for name, value in program.expressions.items()}


def export(item: Case):
    shapes = None
    if item.dynamic:
        batch = torch.export.Dim("batch", max=64)
        shapes = ((dict.fromkeys([0], batch),) * len(item.args),)
    return torch.export.export(Module(item.function), item.args, dynamic_shapes=shapes)


@pytest.mark.parametrize("item", CASES, ids=lambda item: item.name)
def test_row(item):
    RUN.add(item.name)
    exported = export(item)
    program = import_program(exported)
    SEEN.update(str(node.target) for node in program.graph.nodes if node.op == "call_function")
    assert not program.calls, "the rows were expected to take every op"
    inputs = []
    for entry in program.inputs:
        if entry.target in program.exported.constants:
            inputs.append(program.exported.constants[entry.target])
        else:
            inputs.append(
                item.args[[e.name for e in program.inputs if e.target is None].index(entry.name)]
            )
    (actual,) = interpret(program.module, "main", inputs, symbol_values(program, inputs))
    expected = item.function(*item.args)
    assert actual.dtype == expected.dtype
    torch.testing.assert_close(actual, expected, equal_nan=True, **tolerance(expected.dtype))


def test_every_row_is_tested():
    if len(RUN) < len(CASES):
        pytest.skip("not all of the rows' tests ran in this process")
    assert sorted(set(ROWS) - SEEN) == []
