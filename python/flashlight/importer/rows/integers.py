# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Division with a rounding, remainders and shifts."""

from __future__ import annotations

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..table import Unsupported, row
from .common import Operand, is_number, operands


def require_divisor(other: Operand) -> None:
    """An integer division by zero is an error in eager, undefined in a kernel."""
    if not is_number(other) or other in (0, -1):
        raise Unsupported("an integer divisor that is not known to be neither 0 nor -1")


def _floor_remainder(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """fmod(x, y), moved to the sign of y; exact."""
    rest = b.binary(arith.RemFOp, None, x, y)
    zero = b.full(x.shape, 0, x.dtype)
    differ = b.binary(None, arith.XOrIOp, b.compare("lt", rest, zero), b.compare("lt", y, zero))
    moved = b.binary(None, arith.AndIOp, b.compare("ne", rest, zero), differ)
    return b.select(moved, b.add(rest, y), rest)


@row("floor_divide.default", "floor_divide.Scalar")
def floor_divide(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    if out.dtype.is_floating_point:
        # Eager corrects the quotient by the remainder; floor(x / y) rounds up where x / y does.
        raise Unsupported("floor division of floats")
    require_divisor(other)
    x, y = operands(b, out.shape, out.dtype, self, other)
    return b.binary(None, arith.FloorDivSIOp, x, y)


@row("remainder.Scalar", "remainder.Tensor")
def remainder(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    x, y = operands(b, out.shape, out.dtype, self, other)
    if out.dtype.is_floating_point:
        return b.cast(_floor_remainder(b, x, y), out.dtype)
    require_divisor(other)
    quotient = b.binary(None, arith.FloorDivSIOp, x, y)
    return b.sub(x, b.mul(quotient, y))


@row("fmod.Scalar", "fmod.Tensor")
def fmod(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    """The remainder with the sign of the dividend."""
    if not out.dtype.is_floating_point:
        require_divisor(other)
    x, y = operands(b, out.shape, out.dtype, self, other)
    return b.cast(b.binary(arith.RemFOp, arith.RemSIOp, x, y), out.dtype)


def _register_shift(name: str, op: type) -> None:
    @row(f"__{name}__.Scalar", f"bitwise_{_SHIFTS[name]}.Tensor_Scalar")
    def shift(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
        bits = b.bits(out.dtype)
        if out.dtype.is_floating_point or not (is_number(other) and 0 <= other < bits):
            raise Unsupported("a shift of floats, or by a number that is not known to fit")
        x, y = operands(b, out.shape, out.dtype, self, other)
        return b.binary(None, op, x, y)


_SHIFTS = {"lshift": "left_shift", "rshift": "right_shift"}
_register_shift("lshift", arith.ShLIOp)
_register_shift("rshift", arith.ShRSIOp)


@row("div.Tensor_mode", "div.Scalar_mode")
def div_mode(b: Builder, out: Meta, self: Tensor, other: Operand, rounding_mode: str) -> Tensor:
    if rounding_mode == "floor":
        return floor_divide(b, out, self, other)
    x, y = operands(b, out.shape, out.dtype, self, other)
    if rounding_mode is None:
        x, y = operands(b, out.shape, out.dtype, self, other, exact_scalars=True)
        return b.cast(b.div(x, y), out.dtype)
    if out.dtype.is_floating_point:
        return b.cast(b.unary(math.TruncOp, b.div(x, y)), out.dtype)
    require_divisor(other)
    return b.binary(None, arith.DivSIOp, x, y)
