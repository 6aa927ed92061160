# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Activations in one piece, as eager computes them: in the compute type, rounded once."""

from __future__ import annotations

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..table import row
from .common import Number, operands


@row("elu.default")
def elu(
    b: Builder, out: Meta, self: Tensor, alpha: Number = 1, scale: Number = 1, input_scale=1
) -> Tensor:
    """scale x where x > 0, else scale alpha (exp(input_scale x) - 1)"""
    (x,) = operands(b, out.shape, out.dtype, self)

    def constant(number: Number) -> Tensor:
        return b.full(x.shape, number, x.dtype)

    below = b.unary(math.ExpM1Op, b.mul(x, constant(input_scale)))
    below = b.mul(below, constant(alpha * scale))
    positive = b.compare("gt", x, constant(0))
    return b.cast(b.select(positive, b.mul(x, constant(scale)), below), out.dtype)


@row("hardtanh.default")
def hardtanh(
    b: Builder, out: Meta, self: Tensor, min_val: Number = -1, max_val: Number = 1
) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    low, high = operands(b, out.shape, out.dtype, min_val, max_val)
    x = b.binary(arith.MaximumFOp, arith.MaxSIOp, x, low)
    return b.cast(b.binary(arith.MinimumFOp, arith.MinSIOp, x, high), out.dtype)


@row("sign.default")
def sign(b: Builder, out: Meta, self: Tensor) -> Tensor:
    """1, 0 or -1; 0 for NaN, as in eager"""
    (x,) = operands(b, out.shape, out.dtype, self)
    zero = b.full(x.shape, 0, x.dtype)
    above = b.cast(b.compare("gt", x, zero), x.dtype)
    return b.cast(b.sub(above, b.cast(b.compare("lt", x, zero), x.dtype)), out.dtype)
