# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a kernel's tile programs do in one call: operations and bytes.

The scalars of a tile program (offsets, bounds of loops, limits) depend on nothing but the program's
number and sizes. So they are evaluated, for all programs of the grid at once, while tiles are only
counted: exactly what the generated code does, with whatever the tiles repeat, pad or skip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..interpreter.machine import argument_attribute
from ..interpreter.program import integers
from ..interpreter.types import parse_grid_axis, parse_schedule_tiles, type_info
from ..mlir import ir
from .work import is_function

# A loop whose body depends on its variable is counted trip by trip: this many at most.
_MOST_TRIPS = 1 << 14


@dataclass
class TileWork:
    """Totals over all programs of a launch.

    Attributes:
        programs: the size of the grid.
        tiles: for each axis that is tiled how many elements a program, or a block, takes.
        flops: of the contractions: 2 for each element of a tile's iteration space, padding too.
        functions: evaluations of `exp`, `tanh`, ...
        loaded, stored: bytes within the limits of loads and stores, whether or not a cache has
            them.
    """

    programs: int
    tiles: dict[str, int]
    flops: int = 0
    functions: dict[str, int] = field(default_factory=dict)
    loaded: int = 0
    stored: int = 0


class NotCounted(Exception):
    """A tile program whose scalars depend on data."""


def count_tiles(function: ir.Operation, symbols: Mapping[str, int]) -> TileWork:
    """Counts what all programs of a tile-level kernel do.

    Args:
        function: a `func.func` with a grid.
        symbols: the value of every symbol of the kernel.

    Raises:
        NotCounted: bounds depend on data, or an op is unknown to this module.
    """
    return _Counter(function, symbols).run()


_Array = np.ndarray


def _floor_div(a: _Array, b: _Array) -> _Array:
    return np.floor_divide(a, b)


def _truncated_div(a: _Array, b: _Array) -> _Array:
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


_INTEGER: dict[str, Callable[[_Array, _Array], _Array]] = {
    "arith.addi": np.add,
    "arith.subi": np.subtract,
    "arith.muli": np.multiply,
    "arith.divui": _floor_div,
    "arith.divsi": _truncated_div,
    "arith.floordivsi": _floor_div,
    "arith.ceildivsi": lambda a, b: -(-a // b),
    "arith.ceildivui": lambda a, b: -(-a // b),
    "arith.remui": np.remainder,
    "arith.remsi": np.fmod,
    "arith.minsi": np.minimum,
    "arith.minui": np.minimum,
    "arith.maxsi": np.maximum,
    "arith.maxui": np.maximum,
    "arith.andi": np.bitwise_and,
    "arith.ori": np.bitwise_or,
    "arith.xori": np.bitwise_xor,
}

# By the number of the predicate in arith.cmpi; positions are not negative.
_COMPARE = (
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
)

_CASTS = frozenset(("arith.index_cast", "arith.extsi", "arith.extui", "arith.index_castui"))


class _Counter:
    def __init__(self, function: ir.Operation, symbols: Mapping[str, int]) -> None:
        self.block = function.regions[0].blocks[0]
        axes = tuple(map(parse_grid_axis, ir.ArrayAttr(function.attributes["flashlight.grid"])))
        programs = 1
        for axis in axes:
            extent = axis.extent if isinstance(axis.extent, int) else symbols[axis.extent]
            programs *= -(-extent // axis.tile)
        tiles = {axis.name: axis.tile for axis in axes}
        if "flashlight.schedule" in function.attributes:
            tiles |= parse_schedule_tiles(function.attributes["flashlight.schedule"])
        self.work = TileWork(programs, tiles)
        self.values: dict[ir.Value, _Array | None] = {}
        for i, argument in enumerate(self.block.arguments):
            symbol = argument_attribute(function, i, "flashlight.symbol")
            if symbol is not None:
                name = ir.StringAttr(symbol).value
                self.values[argument] = np.full(programs, symbols[name])

    def run(self) -> TileWork:
        self.count(self.block, np.ones(self.work.programs, dtype=np.int64))
        return self.work

    def value(self, value: ir.Value) -> _Array:
        known = self.values.get(value)
        if known is None:
            raise NotCounted(f"a scalar of the tile program is not known: {value}")
        return known

    def count(self, block: ir.Block, times: _Array) -> None:
        """Counts a block that each program runs so many times."""
        for view in block.operations:
            op = view.operation
            if op.name == "scf.for":
                self.loop(op, times)
            elif op.name == "scf.if":
                self.branch(op, times)
            elif op.name == "flashlight.load":
                self.work.loaded += self.access(op, op.results[0], times)
            elif op.name == "flashlight.store":
                self.work.stored += self.access(op, op.operands[0], times)
            elif op.regions:
                raise NotCounted(f"'{op.name}' is not counted")
            elif op.results:
                self.scalar(op)
                self.tile(op, times)

    # ---- control --------------------------------------------------------------------------------

    def loop(self, op: ir.Operation, times: _Array) -> None:
        low, high, step = (self.value(operand) for operand in list(op.operands)[:3])
        trips = np.maximum(-((low - high) // step), 0)
        body = op.regions[0].blocks[0]
        before = self.work
        trial = TileWork(before.programs, before.tiles)
        self.work = trial
        try:
            # Mostly the body does the same in every trip.
            self.values[body.arguments[0]] = None
            self.count(body, times * trips)
        except NotCounted:
            self.work = before
            most = int(trips.max(initial=0))
            if most > _MOST_TRIPS:
                raise
            for trip in range(most):
                self.values[body.arguments[0]] = low + trip * step
                self.count(body, times * (trip < trips))
        else:
            before.flops += trial.flops
            before.loaded += trial.loaded
            before.stored += trial.stored
            for name, count in trial.functions.items():
                before.functions[name] = before.functions.get(name, 0) + count
            self.work = before
        for result in op.results:
            self.values[result] = None

    def branch(self, op: ir.Operation, times: _Array) -> None:
        taken = self.value(op.operands[0]).astype(bool)
        self.count(op.regions[0].blocks[0], times * taken)
        if len(op.regions[1].blocks):
            self.count(op.regions[1].blocks[0], times * ~taken)
        yields = [
            list(region.blocks[0].operations)[-1].operation
            for region in op.regions
            if len(region.blocks)
        ]
        for i, result in enumerate(op.results):
            sides = [self.values.get(each.operands[i]) for each in yields]
            known = len(sides) == 2 and all(side is not None for side in sides)
            self.values[result] = np.where(taken, *sides) if known else None

    # ---- scalars --------------------------------------------------------------------------------

    def scalar(self, op: ir.Operation) -> None:
        """Evaluates an op on indices; everything else is left unknown."""
        result = op.results[0]
        if isinstance(result.type, ir.RankedTensorType):
            return
        if op.name == "flashlight.program_id":
            self.values[result] = np.arange(self.work.programs)
        elif op.name == "arith.constant":
            attribute = op.attributes["value"]
            if isinstance(attribute, (ir.IntegerAttr, ir.BoolAttr)):
                self.values[result] = np.full(self.work.programs, int(attribute.value))
        else:
            operands = [self.values.get(operand) for operand in op.operands]
            if any(operand is None for operand in operands):
                self.values[result] = None
            elif op.name in _INTEGER:
                self.values[result] = _INTEGER[op.name](*operands)
            elif op.name in _CASTS:
                self.values[result] = operands[0]
            elif op.name == "arith.cmpi":
                predicate = ir.IntegerAttr(op.attributes["predicate"]).value
                self.values[result] = _COMPARE[predicate](*operands).astype(np.int64)
            elif op.name == "arith.select":
                self.values[result] = np.where(*operands)

    # ---- tiles ----------------------------------------------------------------------------------

    def access(self, op: ir.Operation, tile: ir.Value, times: _Array) -> int:
        """Bytes of a load or store that lie within its limits, over all programs."""
        info = type_info(tile.type)
        limited = integers(op, "limited") if "limited" in op.attributes else ()
        elements = np.full(self.work.programs, info.dtype.itemsize, dtype=np.int64)
        for dim, extent in enumerate(info.shape):
            if dim not in limited:
                elements = elements * extent
        for dim, limit in zip(
            limited, list(op.operands)[len(op.operands) - len(limited) :], strict=True
        ):
            elements = elements * np.clip(self.value(limit), 0, info.shape[dim])
        return int((elements * times).sum())

    def tile(self, op: ir.Operation, times: _Array) -> None:
        result = type_info(op.results[0].type)
        if result.shape is None:
            return
        total = int(times.sum())
        if op.name == "flashlight.contract":
            self.work.flops += 2 * total * self.contraction(op)
        elif is_function(op.name):
            name = op.name.removeprefix("math.")
            done = self.work.functions.get(name, 0)
            self.work.functions[name] = done + total * math.prod(result.shape)

    def contraction(self, op: ir.Operation) -> int:
        """The size of a contraction's iteration space."""
        equation = ir.StringAttr(op.attributes["equation"]).value
        extents: dict[str, int] = {}
        sides = equation.partition("->")[0].split(",")
        for labels, operand in zip(sides, op.operands, strict=False):
            extents.update(zip(labels, type_info(operand.type).shape, strict=True))
        return math.prod(extents.values())
