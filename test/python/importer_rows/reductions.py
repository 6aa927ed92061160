# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions, scans and norms."""

import torch
import torch.nn.functional as F

from .cases import HALVES, INF, ROW, SPECIAL, A, B, I, V, X, case

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
case("cumsum-reverse", lambda x: x.flip(-1).cumsum(-1).flip(-1), X)
case("cumsum-dynamic", lambda x: x.cumsum(0), V, dynamic=True)
case("cumsum-reverse-two-dims", lambda x: x.flip(0, 1).cumsum(1).flip(1).flip(0), X)
case("cumsum-reverse-other-dim", lambda x: x.flip(0).cumsum(1).flip(0), X)
case("cumprod-from-the-last", lambda x: x.flip(1).cumprod(1) + x.flip(1), X)
