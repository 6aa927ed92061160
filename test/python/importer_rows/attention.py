# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softmax and scaled dot product attention."""

import math

import torch
import torch.nn.functional as F

from .cases import HALVES, INF, A, I, X, bools, case, rand

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
