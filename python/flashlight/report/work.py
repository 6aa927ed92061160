# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a kernel has to do, from its level-2 form: operations and bytes, as formulas over its axes.

A value of a kernel has exactly the axes that it depends on, so an op's work is the product of the
extents of its axes. Work in a stream is counted for the whole axis: what a tile program then
skips is counted at the tile level (`tile_work.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sympy

from ..interpreter.types import TypeInfo, parse_axis, type_info
from ..mlir import ir

Size = int | sympy.Expr

# math ops that are a single instruction; all others are evaluated by several, on their own units.
_SIMPLE = frozenset(f"math.{name}" for name in ("absf", "absi", "copysign", "fma"))


def is_function(name: str) -> bool:
    """Whether an op is `exp`, `tanh`, ...: more than one instruction, on units of their own."""
    return name.startswith("math.") and name not in _SIMPLE


@dataclass
class Count:
    """A sum of products of axes, such as ``2*b*m*n*d + 2*b*m*n*e``.

    Attributes:
        terms: for each product (the axes in the kernel's order) its factor.
    """

    terms: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, axes: Iterable[str], factor: int = 1) -> None:
        """Adds `factor` times the product of the axes."""
        key = tuple(axes)
        self.terms[key] = self.terms.get(key, 0) + factor

    def value(self, extents: Mapping[str, Size]) -> Size:
        """The number, for the extents of axes."""
        return sum(
            (factor * math.prod(extents[axis] for axis in axes))
            for axes, factor in self.terms.items()
        )

    def __str__(self) -> str:
        parts = []
        for axes, factor in self.terms.items():
            factors = [str(factor)] if factor != 1 or not axes else []
            parts.append("·".join([*factors, *axes]))
        return " + ".join(parts) or "0"


@dataclass(frozen=True)
class Traffic:
    """One tensor of a kernel.

    Attributes:
        name: the graph's name of it, or its place among the operands or results.
        shape: its extents.
        width: bytes of an element.
        elements: how many different elements the kernel reads or writes.
        exact: False where `elements` is an upper bound (indices that are data, maps that overlap).
        written: an output.
    """

    name: str
    shape: tuple[Size, ...]
    width: int
    elements: Size
    exact: bool
    written: bool

    @property
    def bytes(self) -> Size:
        """`elements` in bytes."""
        return self.elements * self.width


@dataclass(frozen=True)
class Work:
    """What a kernel has to do, whatever the tiles.

    Attributes:
        axes: the kernel's axes, in order, and their extents.
        stream: the axis that it sweeps over.
        contractions: floating point operations of its contractions: a multiplication and an
            addition for each element of the product's iteration space.
        functions: evaluations of `exp`, `tanh`, ... by name; what a sweep evaluates once a block
            has `blocks` among its axes, how many there are depends on the tiles.
        pointwise: other floating point operations, and the additions or comparisons of reductions.
        traffic: each tensor that it reads or writes, each byte once.
    """

    axes: Mapping[str, Size]
    stream: str
    contractions: Count
    functions: Mapping[str, Count]
    pointwise: Count
    traffic: tuple[Traffic, ...]

    def flops(self) -> Size:
        """Operations of the contractions."""
        return self.contractions.value(self.axes)

    def bytes(self, written: bool) -> Size:
        """Bytes that are read or written, each once."""
        return sum(entry.bytes for entry in self.traffic if entry.written == written)


def kernel_work(
    op: ir.Operation,
    names: Sequence[str | None],
    results: Sequence[str | None],
    resolve: Callable[[str], Size],
) -> Work:
    """Counts the work of a `flashlight.kernel` with its streams.

    Args:
        op: the kernel.
        names: what its operands are called, None where nobody knows.
        results: the same for its results.
        resolve: the expression that a symbol's name stands for.
    """
    axes = {
        axis.name: axis.extent if isinstance(axis.extent, int) else resolve(axis.extent)
        for axis in map(parse_axis, ir.ArrayAttr(op.attributes["axes"]))
    }
    counter = _Counter(axes, op, [name or f"operand {i}" for i, name in enumerate(names)], resolve)
    counter.block(op.regions[0].blocks[0])
    outputs = []
    for i, (result, name) in enumerate(zip(op.results, results, strict=True)):
        shape, width = _tensor(type_info(result.type), resolve)
        outputs.append(Traffic(name or f"result {i}", shape, width, math.prod(shape), True, True))
    return Work(
        axes,
        ir.StringAttr(op.attributes["stream"]).value,
        counter.contractions,
        counter.functions,
        counter.pointwise,
        (*counter.traffic(), *outputs),
    )


def _is_float(info: TypeInfo) -> bool:
    return info.dtype is not None and info.dtype.is_floating_point


def _tensor(info: TypeInfo, resolve: Callable[[str], Size]) -> tuple[tuple[Size, ...], int]:
    """A tensor's extents and the bytes of an element."""
    symbols = info.symbols or [None] * len(info.shape)
    shape = tuple(
        resolve(symbol) if size is None and symbol is not None else size
        for size, symbol in zip(info.shape, symbols, strict=True)
    )
    return shape, info.dtype.itemsize


class _Counter:
    def __init__(
        self,
        axes: Mapping[str, Size],
        op: ir.Operation,
        names: Sequence[str],
        resolve: Callable[[str], Size],
    ) -> None:
        self.axes = axes
        self.order = list(axes)
        self.stream: str | None = None  # of the sweep that is being counted
        self.contractions = Count()
        self.functions: dict[str, Count] = {}
        self.pointwise = Count()
        self.resolve = resolve
        # For each operand the parts that reads see: the element count, whether that is exact.
        self.inputs = list(zip(names, op.operands, strict=True))
        self.position = {
            argument: i for i, argument in enumerate(op.regions[0].blocks[0].arguments)
        }
        self.parts: dict[int, dict[object, tuple[Size, bool]]] = {}

    def block(self, block: ir.Block) -> None:
        for view in block.operations:
            op = view.operation
            if op.name == "flashlight.stream":
                # The merge of two parts is not counted: a program that sweeps alone has none.
                self.stream = ir.StringAttr(op.attributes["axis"]).value
                self.block(op.regions[0].blocks[0])
                self.stream = None
            elif op.name == "flashlight.read":
                self.read(op)
            elif op.results and not op.regions:
                self.compute(op)

    def sorted(self, axes: Iterable[str]) -> list[str]:
        return sorted(set(axes), key=self.order.index)

    def compute(self, op: ir.Operation) -> None:
        infos = [type_info(value.type) for value in op.operands]
        result = type_info(op.results[0].type)
        space = self.sorted(
            axis for info in (*infos, result) if info.axes is not None for axis in info.axes
        )
        if op.name == "flashlight.contract":
            self.contractions.add(space, 2)
        elif op.name in ("flashlight.reduce", "flashlight.scan"):
            self.pointwise.add(space)
        elif is_function(op.name):
            name = op.name.removeprefix("math.")
            if self.stream is not None and self.stream not in space:
                space.append("blocks")
            self.functions.setdefault(name, Count()).add(space)
        elif op.name.startswith(("arith.", "math.")) and infos and _is_float(result):
            self.pointwise.add(space)

    # ---- memory ---------------------------------------------------------------------------------

    def read(self, op: ir.Operation) -> None:
        operand = self.position[op.operands[0]]
        shape, _ = _tensor(type_info(op.operands[0].type), self.resolve)
        map_ = ir.AffineMapAttr(op.attributes["map"]).value
        gathered = len(op.operands) > 1
        key = (str(map_), gathered)
        self.parts.setdefault(operand, {})[key] = self.image(list(map_.results), shape, gathered)

    def image(
        self, results: Sequence[ir.AffineExpr], shape: Sequence[Size], gathered: bool
    ) -> tuple[Size, bool]:
        """How many elements of a tensor a map of all axes reaches, and whether that is exact."""
        whole = math.prod(shape)
        used = [_positions(expr) for expr in results]
        if gathered or None in used:
            return whole, False
        axes = [self.order[position] for position in sorted(set().union(*used))]
        points = math.prod(self.axes[axis] for axis in axes)
        simple = [expr for expr, at in zip(results, used, strict=True) if at]
        if all(isinstance(expr, ir.AffineDimExpr) for expr in simple):
            return points, True  # an axis may be used twice: a diagonal
        # Dims that share no axis are independent of each other.
        shared = sum(len(at) for at in used) != len(set().union(*used))
        counts = [_distinct(expr, self.order, self.axes) for expr in simple]
        if shared or None in counts:
            if isinstance(whole, int) and isinstance(points, int):
                return min(whole, points), False
            return whole, False
        return math.prod(counts), True

    def traffic(self) -> list[Traffic]:
        entries = []
        for i, (name, operand) in enumerate(self.inputs):
            if i not in self.parts:
                continue
            shape, width = _tensor(type_info(operand.type), self.resolve)
            counts = list(dict.fromkeys(self.parts[i].values()))
            elements, exact = counts[0]
            whole = math.prod(shape)
            if any(count == whole and sure for count, sure in counts):
                elements, exact = whole, True
            elif len(self.parts[i]) > 1:
                # Parts may overlap; no more than the tensor is there.
                total = sum(count for count, _ in self.parts[i].values())
                known = isinstance(total, int) and isinstance(whole, int)
                elements, exact = (min(total, whole) if known else whole), False
            entries.append(Traffic(name, shape, width, elements, exact, False))
        return entries


def _positions(expr: ir.AffineExpr) -> set[int] | None:
    """The dims that an expression uses; None if it uses a symbol (the value of an index)."""
    if isinstance(expr, ir.AffineDimExpr):
        return {expr.position}
    if isinstance(expr, ir.AffineConstantExpr):
        return set()
    if isinstance(expr, ir.AffineSymbolExpr):
        return None
    left, right = _positions(expr.lhs), _positions(expr.rhs)
    return None if left is None or right is None else left | right


def _distinct(
    expr: ir.AffineExpr, order: Sequence[str], extents: Mapping[str, Size]
) -> Size | None:
    """How many values an expression takes over all axes, where that is easy to say."""
    positions = _positions(expr)
    if isinstance(expr, ir.AffineDimExpr):
        return extents[order[expr.position]]
    if isinstance(expr, ir.AffineFloorDivExpr) and isinstance(expr.lhs, ir.AffineDimExpr):
        extent = extents[order[expr.lhs.position]]
        divisor = expr.rhs.value
        return -(-extent // divisor) if isinstance(extent, int) else sympy.ceiling(extent / divisor)
    sizes = [extents[order[position]] for position in sorted(positions)]
    if not all(isinstance(size, int) for size in sizes) or math.prod(sizes) > 1 << 20:
        return None
    values = {0}
    points = [{}]
    for position, size in zip(sorted(positions), sizes, strict=True):
        points = [{**point, position: i} for point in points for i in range(size)]
    values = {_evaluate(expr, point) for point in points}
    return len(values)


def _evaluate(expr: ir.AffineExpr, point: Mapping[int, int]) -> int:
    if isinstance(expr, ir.AffineDimExpr):
        return point[expr.position]
    if isinstance(expr, ir.AffineConstantExpr):
        return expr.value
    left, right = _evaluate(expr.lhs, point), _evaluate(expr.rhs, point)
    if isinstance(expr, ir.AffineAddExpr):
        return left + right
    if isinstance(expr, ir.AffineMulExpr):
        return left * right
    if isinstance(expr, ir.AffineModExpr):
        return left % right
    if isinstance(expr, ir.AffineFloorDivExpr):
        return left // right
    return -(-left // right)
