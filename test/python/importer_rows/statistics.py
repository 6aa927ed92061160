# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Activations, statistics, integer division, padding."""

import math

import torch
import torch.nn.functional as F

from .cases import INF, ROW, SPECIAL, A, I, J, V, X, Y, case, ints, rand

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
for name, arguments, part in (
    ("", (0, -2, -1), rand(3, 4)),
    ("-above", (2, 1, 2), rand(3, 3)),
    ("-below", (-1, 1, 2), rand(3, 3)),
    ("-turned", (0, 2, 0), rand(4, 3)),
):
    case(
        f"diagonal_scatter{name}",
        lambda x, y, a=arguments: torch.diagonal_scatter(x, y, *a),
        X,
        part,
    )
case("copy", lambda x, y: A.copy.default(x, y), X, ROW.bfloat16())
case(
    "empty", lambda x: A.empty_like.default(x).numel() + A.new_empty.default(x, [2]).numel() + x, X
)
case("empty-zero", lambda x: A.zero.default(torch.empty(5)) + x, X)
case("empty-permuted", lambda x: A.fill.Scalar(A.empty_permuted.default([2, 3], [1, 0]), 1.0), X)
for op in ("cummax", "cummin"):
    case(f"{op}-index", lambda x, o=op: getattr(x, o)(-1).indices, ints(4, 9, high=3).float())
    case(f"{op}-index-nan", lambda x, o=op: getattr(x, o)(0).indices, SPECIAL)
    case(f"{op}-index-int", lambda x, o=op: getattr(x, o)(0).indices, I)
for p in (0.0, 1.0, 2.0, 2.5, math.inf):
    case(f"cdist-{p}", lambda x, y, p=p: torch.cdist(x, y, p=p), X, rand(3, 6, 5))
case("cdist-forward", lambda x, y: A._cdist_forward.default(x, y, 1.0, None), X, Y)
case("cdist-broadcast", lambda x, y: torch.cdist(x, y[0]), X, Y)
