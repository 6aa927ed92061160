# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""arith on integers: MLIR's integers have no sign, so the ops do. torch's are signed.

Unsigned arithmetic up to 32 bits is done in 64 bits; on 64 bits it is done by numpy. An `i1` is a
torch bool: -1 to signed ops, 1 to unsigned ones.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy
import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Run, Translator, builder, pointwise
from flashlight.mlir import ir

_MIN64 = -(2**63)


def bits(dtype: torch.dtype) -> int:
    """The width of an integer dtype."""
    return 1 if dtype == torch.bool else torch.iinfo(dtype).bits


def as_signed(x: torch.Tensor) -> torch.Tensor:
    """The signed reading: a bool becomes 0 or -1."""
    return -x.to(torch.int8) if x.dtype == torch.bool else x


def as_unsigned(x: torch.Tensor) -> torch.Tensor:
    """The unsigned reading in 64 bits, for widths below 64."""
    width = bits(x.dtype)
    return x.to(torch.int64) & ((1 << width) - 1)


def wrap(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The low bits of an integer tensor, as `dtype`."""
    return (x & 1).to(torch.bool) if dtype == torch.bool else x.to(dtype)


def _ordered(x: torch.Tensor) -> torch.Tensor:
    """Integers whose signed order is the unsigned order of `x`."""
    return x ^ _MIN64 if x.dtype == torch.int64 else as_unsigned(x)


def _wrapping(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def run(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if a.dtype == torch.bool:
            return wrap(function(a.to(torch.int8), b.to(torch.int8)), torch.bool)
        return function(a, b)

    return run


pointwise("arith.addi")(_wrapping(torch.add))
pointwise("arith.subi")(_wrapping(torch.sub))
pointwise("arith.muli")(_wrapping(torch.mul))
pointwise("arith.andi")(torch.bitwise_and)
pointwise("arith.ori")(torch.bitwise_or)
pointwise("arith.xori")(torch.bitwise_xor)
pointwise("arith.shli")(torch.bitwise_left_shift)


def _check_divisor(b: torch.Tensor) -> None:
    if bool((b == 0).any()):
        raise InterpreterError("divides an integer by zero")


def _unsigned64(function: Callable[..., numpy.ndarray]) -> Callable[..., torch.Tensor]:
    def run(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        x, y = (t.cpu().numpy().astype(numpy.uint64) for t in (a, b))
        result = numpy.asarray(function(x, y)).astype(numpy.int64)
        return torch.from_numpy(result.reshape(torch.broadcast_shapes(a.shape, b.shape))).to(
            a.device
        )

    return run


def _division(rounding: str, unsigned: bool) -> Callable[..., torch.Tensor]:
    def divide(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if rounding == "ceil":
            floor = torch.div(a, b, rounding_mode="floor")
            return floor + (floor * b != a).to(floor.dtype)
        return torch.div(a, b, rounding_mode=rounding)

    wide = _unsigned64(lambda x, y: x // y + (x % y != 0) * (rounding == "ceil"))

    def run(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        _check_divisor(b)
        if not unsigned:
            return wrap(divide(as_signed(a), as_signed(b)), a.dtype)
        if a.dtype == torch.int64:
            # Addresses and extents are never negative: the common case needs no numpy.
            if bool((a >= 0).all()) and bool((b >= 0).all()):
                return divide(a, b)
            return wide(a, b)
        return wrap(divide(as_unsigned(a), as_unsigned(b)), a.dtype)

    return run


pointwise("arith.divsi")(_division("trunc", unsigned=False))
pointwise("arith.floordivsi")(_division("floor", unsigned=False))
pointwise("arith.ceildivsi")(_division("ceil", unsigned=False))
pointwise("arith.divui")(_division("trunc", unsigned=True))
pointwise("arith.ceildivui")(_division("ceil", unsigned=True))


@pointwise("arith.remsi")
def remsi(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The remainder has the dividend's sign."""
    _check_divisor(b)
    return wrap(torch.fmod(as_signed(a), as_signed(b)), a.dtype)


@pointwise("arith.remui")
def remui(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The remainder of unsigned division."""
    _check_divisor(b)
    if a.dtype == torch.int64:
        if bool((a >= 0).all()) and bool((b >= 0).all()):
            return torch.remainder(a, b)
        return _unsigned64(operator.mod)(a, b)
    return wrap(torch.remainder(as_unsigned(a), as_unsigned(b)), a.dtype)


@pointwise("arith.shrsi")
def shrsi(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Shifts in copies of the sign bit."""
    return torch.bitwise_right_shift(a, b)


@pointwise("arith.shrui")
def shrui(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Shifts in zeros."""
    if a.dtype == torch.int64:
        return _unsigned64(numpy.right_shift)(a, b)
    return wrap(torch.bitwise_right_shift(as_unsigned(a), as_unsigned(b)), a.dtype)


def _extremum(function: Callable[..., torch.Tensor], unsigned: bool) -> Callable[..., torch.Tensor]:
    def run(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if not unsigned:
            return wrap(function(as_signed(a), as_signed(b)), a.dtype)
        result = function(_ordered(a), _ordered(b))
        return result ^ _MIN64 if a.dtype == torch.int64 else wrap(result, a.dtype)

    return run


pointwise("arith.maxsi")(_extremum(torch.maximum, unsigned=False))
pointwise("arith.minsi")(_extremum(torch.minimum, unsigned=False))
pointwise("arith.maxui")(_extremum(torch.maximum, unsigned=True))
pointwise("arith.minui")(_extremum(torch.minimum, unsigned=True))

_ICMP = {0: torch.eq, 1: torch.ne}
_ICMP |= {2: torch.lt, 3: torch.le, 4: torch.gt, 5: torch.ge}  # signed
_ICMP |= {6: torch.lt, 7: torch.le, 8: torch.gt, 9: torch.ge}  # unsigned


@builder("arith.cmpi")
def cmpi(op: ir.Operation, _translator: Translator) -> Run:
    """Compares; the predicate says how the operands are read."""
    predicate = ir.IntegerAttr(op.attributes["predicate"]).value
    compare = _ICMP[predicate]
    read = _ordered if predicate >= 6 else as_signed
    return lambda _frame, a, b: (compare(read(a), read(b)),)


@builder("arith.extsi", "arith.trunci", "arith.index_cast")
def signed_cast(op: ir.Operation, translator: Translator) -> Run:
    """Widens by the sign bit, or keeps the low bits."""
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, a: (wrap(as_signed(a), dtype),)


@builder("arith.extui", "arith.index_castui")
def unsigned_cast(op: ir.Operation, translator: Translator) -> Run:
    """Widens by zeros, or keeps the low bits."""
    dtype = translator.dtype(op.results[0].type)

    def run(_frame: object, a: torch.Tensor) -> tuple[torch.Tensor]:
        return (wrap(a if a.dtype == torch.int64 else as_unsigned(a), dtype),)

    return run


def _count(function: Callable[[int, int], int]) -> Callable[[torch.Tensor], torch.Tensor]:
    def run(a: torch.Tensor) -> torch.Tensor:
        width = bits(a.dtype)
        mask = (1 << width) - 1
        counts = [function(int(v) & mask, width) for v in a.reshape(-1).tolist()]
        return torch.tensor(counts, dtype=a.dtype, device=a.device).reshape(a.shape)

    return run


pointwise("math.ctlz")(_count(lambda v, width: width - v.bit_length()))
pointwise("math.cttz")(_count(lambda v, width: (v & -v).bit_length() - 1 if v else width))
pointwise("math.ctpop")(_count(lambda v, _width: v.bit_count()))
pointwise("math.absi")(torch.abs)
