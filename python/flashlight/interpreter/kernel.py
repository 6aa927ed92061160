# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Level 2: kernels over named axes.

A value is a tensor whose dims its type names. Inside a `flashlight.stream`, the frame's extent of
the streamed axis is that of the block, and what came from outside is cut to the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from flashlight.interpreter.affine import Map, check_bounds, grid
from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Frame, Run, Translator, builder
from flashlight.interpreter.types import parse_axis
from flashlight.mlir import ir


def _declared_axes(op: ir.Operation) -> list[str]:
    """The axes of the kernel that an op stands in, in order."""
    while op.name != "flashlight.kernel":
        op = op.parent.operation
    return [parse_axis(axis).name for axis in op.attributes["axes"]]


@builder("flashlight.kernel")
def kernel(op: ir.Operation, translator: Translator) -> Run:
    """Runs the body once over all of its axes, and writes the yielded values through their maps."""
    axes = [parse_axis(axis) for axis in op.attributes["axes"]]
    names = [axis.name for axis in axes]
    body = translator.region(op)
    terminator = body.terminator
    maps = [Map(m) for m in terminator.attributes["maps"]] if len(terminator.operands) else []
    yielded = [translator.info(value.type).axes or () for value in terminator.operands]
    results = [translator.info(result.type) for result in op.results]

    def run(frame: Frame, *inputs: torch.Tensor) -> Sequence[torch.Tensor]:
        extents = {axis.name: (0, frame.extent(axis.extent)) for axis in axes}
        inner = replace(frame, values={}, extents=extents)
        values = body.run(inner, inputs)
        return [
            _write(value, axes_of, names, inner, map_, frame.shape(info))
            for value, axes_of, map_, info in zip(values, yielded, maps, results, strict=True)
        ]

    return run


def _write(
    value: torch.Tensor,
    axes: Sequence[str],
    names: Sequence[str],
    frame: Frame,
    map_: Map,
    shape: Sequence[int],
) -> torch.Tensor:
    """A new tensor of `shape` that has `value` at `map_` of its axes; each element written once."""
    used = sorted(set().union(*map_.used)) if map_.results else []
    missing = [axis for axis in axes if names.index(axis) not in used]
    if missing:
        raise InterpreterError(
            f"yields a value with axis '{missing[0]}', which its map does not use"
        )
    starts, sizes = zip(*(frame.extents[names[i]] for i in used)) if used else ((), ())
    dims: list[torch.Tensor | int] = [0] * len(names)
    for i, index in zip(used, grid(starts, sizes, frame.device)):
        dims[i] = index
    order = [axes.index(names[i]) for i in used if names[i] in axes]
    aligned = [size if names[i] in axes else 1 for i, size in zip(used, sizes)]
    source = value.permute(order).reshape(aligned).expand(sizes)
    indices = [torch.as_tensor(i, device=value.device).expand(sizes) for i in map_(dims)]
    check_bounds(indices, shape, "writes")
    result = torch.zeros(tuple(shape), dtype=value.dtype, device=value.device)
    writes = torch.zeros(tuple(shape), dtype=torch.int64, device=value.device)
    result.index_put_(tuple(indices), source) if indices else result.copy_(source)
    one = torch.ones((), dtype=torch.int64, device=value.device)
    writes.index_put_(tuple(indices), one, accumulate=True) if indices else writes.fill_(1)
    if not bool((writes == 1).all()):
        where = torch.nonzero(writes != 1)[0].tolist()
        count = int(writes[tuple(where)])
        raise InterpreterError(f"writes element {where} of a result {count} times, expected once")
    return result


@builder("flashlight.read")
def read(op: ir.Operation, translator: Translator) -> Run:
    """Gathers the source through the map; an index out of bounds is an error."""
    names = _declared_axes(op)
    map_ = Map(op.attributes["map"])
    axes = translator.info(op.results[0].type).axes or ()

    of_index = [translator.info(operand.type).axes or () for operand in list(op.operands)[1:]]

    def run(frame: Frame, source: torch.Tensor, *values: torch.Tensor) -> tuple[torch.Tensor]:
        starts, sizes = zip(*(frame.extents[a] for a in axes)) if axes else ((), ())
        dims: list[torch.Tensor | int] = [0] * len(names)
        for axis, index in zip(axes, grid(starts, sizes, source.device)):
            dims[names.index(axis)] = index
        for value, own in zip(values, of_index, strict=True):
            shape = [size if axis in own else 1 for axis, size in zip(axes, sizes)]
            dims.append(value.to(torch.int64).reshape(shape))
        indices = map_(dims)
        check_bounds(indices, source.shape, "reads")
        if not indices:
            return (source,)
        tensors = [torch.as_tensor(i, device=source.device).expand(sizes) for i in indices]
        return (source[tuple(tensors)],)

    return run


def _operations(op: ir.Operation) -> Iterator[ir.Operation]:
    """All ops inside an op."""
    for region in op.regions:
        for block in region.blocks:
            for view in block.operations:
                yield view.operation
                yield from _operations(view.operation)


def _partition(blocks: int | Sequence[int] | None, extent: int, axis: str) -> list[int]:
    if blocks is None:
        return [extent] if extent else []
    if isinstance(blocks, int):
        return [min(blocks, extent - start) for start in range(0, extent, blocks)]
    if sum(blocks) != extent:
        raise InterpreterError(f"blocks {list(blocks)} do not make up axis '{axis}' ({extent})")
    return list(blocks)


@builder("flashlight.stream")
def stream(op: ir.Operation, translator: Translator) -> Run:
    """Runs the body block by block, along the axis as `Options.blocks` cuts it.

    With `Options.merge`, a stream that has a merge region sweeps every block from the inits and
    merges the states."""
    axis = ir.StringAttr(op.attributes["axis"]).value
    body, merge = translator.region(op), translator.region(op, 1)
    reverse = "reverse" in op.attributes
    inside = {translator.slot(r) for inner in _operations(op) for r in inner.results}
    inside |= set(body.arguments)
    # Values from outside that have the axis, and at which dim: inside they stand for the block.
    cut: dict[int, int] = {}
    for inner in _operations(op):
        for operand in inner.operands:
            axes = translator.info(operand.type).axes or ()
            if axis in axes and translator.slot(operand) not in inside:
                cut[translator.slot(operand)] = axes.index(axis)

    def run(frame: Frame, *inits: torch.Tensor) -> Sequence[torch.Tensor]:
        first, extent = frame.extents[axis]
        state: Sequence[torch.Tensor] = inits
        blocks, start = [], 0
        for size in _partition(translator.options.blocks, extent, axis):
            blocks.append((start, size))
            start += size
        apart = translator.options.merge and merge is not None
        for i, (start, size) in enumerate(reversed(blocks) if reverse else blocks):
            values = dict(frame.values)
            for slot, dim in cut.items():
                values[slot] = values[slot].narrow(dim, start, size)
            extents = {**frame.extents, axis: (first + start, size)}
            block = replace(frame, values=values, extents=extents)
            if apart and i > 0:
                state = merge.run(frame, [*state, *body.run(block, inits)])
            else:
                state = body.run(block, state)
        return state

    return run
