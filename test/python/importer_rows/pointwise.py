# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pointwise rows, in every dtype that attention is written in."""

import torch
import torch.nn.functional as F

from .cases import HALVES, INF, ROW, SPECIAL, A, B, I, J, X, Y, case, rand

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
    "tan",
    "sinh",
    "asin",
    "acos",
    "atan",
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

# Both sides of where their formulas change, what is outside, and what overflows in a square.
EDGES = torch.tensor([0.49, 0.51, -0.49, -0.51, 0.999, -0.999, 1.0, -1.0, 1.001, 2.0, -1.5, 1e-4])
LARGE = torch.tensor([1e10, -1e10, 3e38, 80.0, -80.0, 0.3])
for op in ("asin", "acos", "atan", "asinh", "acosh", "atanh"):
    function = getattr(torch, op)
    case(f"{op}-edges", function, torch.cat([SPECIAL, EDGES, LARGE]))
    for half in HALVES:
        case(f"{op}-edges-{half}", function, (EDGES / 2 + (1.5 if op == "acosh" else 0)).to(half))
for op in ("asinh", "acosh", "atanh"):
    case(f"{op}-f64", getattr(torch, op), torch.cat([EDGES, LARGE]).double())
for op in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"):
    case(op, getattr(torch, op), EDGES)

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
