# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pointwise ops that are composed of others."""

import torch

from .cases import INF, SPECIAL, B, I, X, Y, case

GRID = torch.meshgrid(SPECIAL, SPECIAL, indexing="ij")
NUMBERS = SPECIAL[~SPECIAL.isnan()]
for name in ("fmax", "fmin", "hypot"):
    function = getattr(torch, name)
    case(name, function, X, Y)
    case(f"{name}-bf16", function, X.bfloat16(), Y[0].bfloat16())
    # The C library's hypot of an infinity and NaN is an infinity; this one is NaN.
    special = torch.meshgrid(NUMBERS, NUMBERS, indexing="ij") if name == "hypot" else GRID
    case(f"{name}-special", function, *special)
case("hypot-large", torch.hypot, X * 1e30, Y * 1e30)
case("copysign", torch.copysign, X, Y)
case("copysign-special", torch.copysign, *torch.meshgrid(SPECIAL, NUMBERS, indexing="ij"))
case("copysign-number", lambda x: torch.copysign(x, -0.0), X)
case("cosh", torch.cosh, X)
case("cosh-special", torch.cosh, torch.cat([SPECIAL, torch.tensor([88.9, 89.3, -89.3, 89.5])]))
case("cosh-bf16", torch.cosh, X.bfloat16())
case("index_fill", lambda x: x.index_fill(1, torch.tensor([2, -4]), -INF), X)
case("index_fill-tensor", lambda x, v: x.index_fill(-1, I[0].abs() % 3, v), X, torch.tensor(2.0))
case("index_fill-bool", lambda x: x.index_fill(0, torch.tensor([1]), True), B)
