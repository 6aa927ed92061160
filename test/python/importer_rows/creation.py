# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors that come from numbers."""

import torch

from .cases import INF, A, B, I, V, X, case

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
case("eye", lambda x: x @ torch.eye(5, 6), X)
case("eye-square", lambda x: x @ torch.eye(5), X)
