# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of integers before they are computed: intervals, from the ops that make them.

Eager counts negative indices from the end, so an index costs a comparison and a selection, unless
it is known not to be negative: a position, a clamped difference plus its bound, a remainder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..mlir import ir

Bound = int | None  # None is unbounded
Interval = tuple[Bound, Bound]

_UNKNOWN: Interval = (None, None)
# Chains of index arithmetic are short; what lies deeper is not looked at.
_DEPTH = 48
# No tensor has more elements along a dim than there are addresses.
_LONGEST = 1 << 48


def is_nonnegative(value: ir.Value) -> bool:
    """Whether every element of an integer tensor is known to be at least 0."""
    low, _ = interval(value)
    return low is not None and low >= 0


def interval(value: ir.Value, depth: int = _DEPTH) -> Interval:
    """The least and the greatest value that an element of an integer tensor can have."""
    element = ir.ShapedType(value.type).element_type
    if not isinstance(element, ir.IntegerType) or isinstance(value.owner, ir.Block) or not depth:
        return _UNKNOWN
    op = value.owner.operation
    rule = _RULES.get(op.name)
    if rule is None:
        return _UNKNOWN
    low, high = rule(op, depth - 1)
    if element.width == 1:
        return (low, high) if low == high else (0, 1)
    # What does not fit wraps around.
    least, most = -(1 << (element.width - 1)), (1 << (element.width - 1)) - 1
    fits = (low is None or low >= least) and (high is None or high <= most)
    return (low, high) if fits else _UNKNOWN


def position_dim(value: ir.Value) -> int | None:
    """The dim along which a tensor is 0, 1, 2, ... and the same in all others, if it is so."""
    if isinstance(value.owner, ir.Block):
        return None
    op = value.owner.operation
    if op.name == "flashlight.iota":
        return 0
    if op.name not in ("flashlight.broadcast", "flashlight.reshape", "flashlight.transpose"):
        return None
    dim = position_dim(op.operands[0])
    if dim is None:
        return None
    if op.name == "flashlight.broadcast":
        return list(ir.DenseI64ArrayAttr(op.attributes["dims"]))[dim]
    if op.name == "flashlight.transpose":
        return list(ir.DenseI64ArrayAttr(op.attributes["permutation"])).index(dim)
    # The elements keep their order: where all other extents are 1 there is one place for the dim.
    before, after = (_extents(x.type) for x in (op.operands[0], op.results[0]))
    places = [i for i, extent in enumerate(after) if extent != 1]
    if any(extent != 1 for i, extent in enumerate(before) if i != dim) or len(places) != 1:
        return None
    return places[0]


def _extents(kind: ir.Type) -> list[int | None]:
    shape = ir.ShapedType(kind)
    return [None if shape.is_dynamic_dim(i) else shape.get_dim_size(i) for i in range(shape.rank)]


def _operands(op: ir.Operation, depth: int) -> list[Interval]:
    return [interval(operand, depth) for operand in op.operands]


def _constant(op: ir.Operation, depth: int) -> Interval:
    value = ir.DenseElementsAttr(op.attributes["value"])
    if not value.is_splat:
        return _UNKNOWN
    number = int(ir.IntegerAttr(value.get_splat_value()).value)
    if ir.IntegerType(ir.ShapedType(op.results[0].type).element_type).width == 1:
        number = abs(number)
    return (number, number)


def _iota(op: ir.Operation, depth: int) -> Interval:
    kind = ir.ShapedType(op.results[0].type)
    return (0, _LONGEST if kind.is_dynamic_dim(0) else max(kind.get_dim_size(0) - 1, 0))


def _same(op: ir.Operation, depth: int) -> Interval:
    return interval(op.operands[0], depth)


def _union(op: ir.Operation, depth: int) -> Interval:
    return _hull(_operands(op, depth))


def _hull(parts: Sequence[Interval]) -> Interval:
    lows, highs = zip(*parts, strict=True)
    return (
        None if None in lows else min(lows),
        None if None in highs else max(highs),
    )


def _selected(op: ir.Operation, depth: int) -> Interval:
    return _hull(_operands(op, depth)[1:])


def _truth(op: ir.Operation, depth: int) -> Interval:
    low, high = interval(op.operands[0], depth)
    return (0, 1) if low is None or high is None else (low, high)


def _add(op: ir.Operation, depth: int) -> Interval:
    (low, high), (least, most) = _operands(op, depth)
    return (
        None if low is None or least is None else low + least,
        None if high is None or most is None else high + most,
    )


def _subtract(op: ir.Operation, depth: int) -> Interval:
    remainder = _floor_remainder(op)
    if remainder is not None:
        return (0, remainder - 1)
    (low, high), (least, most) = _operands(op, depth)
    return (
        None if low is None or most is None else low - most,
        None if high is None or least is None else high - least,
    )


def _floor_remainder(op: ir.Operation) -> int | None:
    """`c` where the op is x - (x floordiv c) * c with a positive c."""
    x, product = op.operands
    if isinstance(product.owner, ir.Block) or product.owner.operation.name != "arith.muli":
        return None
    quotient, factor = product.owner.operation.operands
    if isinstance(quotient.owner, ir.Block):
        return None
    division = quotient.owner.operation
    if division.name != "arith.floordivsi" or division.operands[0] != x:
        return None
    low, high = interval(factor)
    if low is None or low != high or low <= 0 or interval(division.operands[1]) != (low, low):
        return None
    return low


def _multiply(op: ir.Operation, depth: int) -> Interval:
    (low, high), (least, most) = _operands(op, depth)
    if None not in (low, high, least, most):
        corners = [a * b for a in (low, high) for b in (least, most)]
        return (min(corners), max(corners))
    nonnegative = low is not None and low >= 0 and least is not None and least >= 0
    return (low * least, None) if nonnegative else _UNKNOWN


def _divide(op: ir.Operation, depth: int) -> Interval:
    """By a positive constant; towards zero and towards -infinity agree from 0 on."""
    (low, high), (least, most) = _operands(op, depth)
    if least is None or least != most or least <= 0:
        return _UNKNOWN
    if op.name != "arith.floordivsi" and (low is None or low < 0):
        return _UNKNOWN
    return (
        None if low is None else low // least,
        None if high is None else high // least,
    )


def _maximum(op: ir.Operation, depth: int) -> Interval:
    (low, high), (least, most) = _operands(op, depth)
    lows = [bound for bound in (low, least) if bound is not None]
    return (
        max(lows) if lows else None,
        None if high is None or most is None else max(high, most),
    )


def _minimum(op: ir.Operation, depth: int) -> Interval:
    (low, high), (least, most) = _operands(op, depth)
    highs = [bound for bound in (high, most) if bound is not None]
    return (
        None if low is None or least is None else min(low, least),
        min(highs) if highs else None,
    )


def _masked(op: ir.Operation, depth: int) -> Interval:
    """A conjunction with what is not negative is neither negative nor greater."""
    bounds = [(low, high) for low, high in _operands(op, depth) if low is not None and low >= 0]
    if not bounds:
        return _UNKNOWN
    highs = [high for _, high in bounds if high is not None]
    return (0, min(highs) if highs else None)


def _reduced(op: ir.Operation, depth: int) -> Interval:
    kind = str(op.attributes["kind"]).split()[-1].rstrip(">")
    low, high = interval(op.operands[0], depth)
    if kind in ("max", "min"):
        return (low, high)
    return (0, None) if kind == "sum" and low is not None and low >= 0 else _UNKNOWN


def _absolute(op: ir.Operation, depth: int) -> Interval:
    """The absolute value of the least integer is itself: both bounds must be known."""
    low, high = interval(op.operands[0], depth)
    if low is None or high is None:
        return _UNKNOWN
    return (max(low, -high, 0), max(-low, high))


_RULES: dict[str, Callable[[ir.Operation, int], Interval]] = {
    "arith.constant": _constant,
    "math.absi": _absolute,
    "arith.addi": _add,
    "arith.subi": _subtract,
    "arith.muli": _multiply,
    "arith.floordivsi": _divide,
    "arith.divsi": _divide,
    "arith.maxsi": _maximum,
    "arith.minsi": _minimum,
    "arith.andi": _masked,
    "arith.select": _selected,
    "arith.extui": _truth,
    "arith.extsi": _same,
    "arith.trunci": _same,
    "flashlight.iota": _iota,
    "flashlight.broadcast": _same,
    "flashlight.reshape": _same,
    "flashlight.transpose": _same,
    "flashlight.slice": _same,
    "flashlight.concat": _union,
    "flashlight.gather": _same,
    "flashlight.reduce": _reduced,
    "flashlight.scan": _reduced,
}
