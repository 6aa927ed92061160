# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Level 3: tile programs. A function with a grid is run once for each of its programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from flashlight.interpreter.affine import Map, grid
from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Body, Frame, Run, Translator, argument_attribute, builder
from flashlight.interpreter.memory import Memory
from flashlight.interpreter.program import integers
from flashlight.interpreter.types import element_dtype, parse_grid_axis
from flashlight.mlir import ir


@builder("flashlight.program_id")
def program_id(_op: ir.Operation, _translator: Translator) -> Run:
    """The linear index of the running program."""

    def run(frame: Frame) -> tuple[torch.Tensor]:
        if not frame.program:
            raise InterpreterError("stands outside of a grid")
        return (torch.tensor(frame.program[0]),)

    return run


class _Access:
    """What loads and stores share: where the elements of a tile lie."""

    def __init__(self, op: ir.Operation, tile: Sequence[int]) -> None:
        map_ = Map(op.attributes["map"])
        self.rank = map_.results
        self.limited = integers(op, "limited") if "limited" in op.attributes else ()
        self.tile = tuple(tile)
        self._map = map_
        self._dims = grid([0] * len(tile), tile, "cpu")

    def __call__(
        self,
        memory: Memory,
        offsets: Sequence[Any],
        limits: Sequence[Any],
        indices: Sequence[torch.Tensor] = (),
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The distance of each element from the first in memory, and which are within limits.

        `indices` are the values of the map's symbols, tiles of integers."""
        mask = torch.ones((), dtype=torch.bool)
        for dim, limit in zip(self.limited, limits, strict=True):
            mask = mask & (self._dims[dim] < int(limit))
        mask = mask.expand(self.tile)
        where = torch.zeros((), dtype=torch.int64)
        tensor = memory.tensor
        dims = [*self._dims, *(index.to(torch.int64) for index in indices)]
        for dim, (offset, relative) in enumerate(zip(offsets, self._map(dims), strict=True)):
            index = torch.as_tensor(relative) + int(offset)
            outside = mask & ((index < 0) | (index >= tensor.shape[dim]))
            if bool(outside.any()):
                bad = index.expand(self.tile)[outside]
                raise InterpreterError(
                    f"accesses index {int(bad.flatten()[0])} along dim {dim}, "
                    f"which has {tensor.shape[dim]} elements"
                )
            where = where + index * tensor.stride(dim)
        return where.expand(self.tile), mask


@builder("flashlight.load")
def load(op: ir.Operation, translator: Translator) -> Run:
    """A tile of memory, zero beyond the limits."""
    info = translator.info(op.results[0].type)
    dtype = translator.dtype_of(info)
    access = _Access(op, info.shape)
    limits = len(op.operands) - len(access.limited) - 1

    def run(frame: Frame, memory: Memory, *operands: Any) -> tuple[torch.Tensor]:
        offsets, indices = operands[: access.rank], operands[access.rank : limits]
        where, mask = access(memory, offsets, operands[limits:], indices)
        zeros = torch.zeros(access.tile, dtype=dtype)
        return (memory.read(where, mask, zeros, frame.program[0]),)

    return run


@builder("flashlight.store")
def store(op: ir.Operation, translator: Translator) -> Run:
    """Writes a tile's elements within the limits."""
    access = _Access(op, translator.info(op.operands[0].type).shape)

    def run(frame: Frame, value: torch.Tensor, memory: Memory, *operands: Any) -> tuple[()]:
        where, mask = access(memory, operands[: access.rank], operands[access.rank :])
        memory.write(where, mask, value, frame.program[0])
        return ()

    return run


def as_memory(tensor: Any, element: str, role: str, dtype: torch.dtype | None) -> Memory:
    """A tensor as a kernel's argument, of its element type or of the run's `dtype`."""
    if not isinstance(tensor, torch.Tensor):
        raise InterpreterError(f"expected {role} to be a tensor, got {type(tensor).__name__}")
    memory = Memory(tensor)
    expected = element_dtype(element)
    if memory.tensor.dtype not in (expected, dtype):
        raise InterpreterError(f"expected {role} of {expected}, got {tensor.dtype}")
    return memory


def run_grid(
    translator: Translator,
    function: ir.Operation,
    body: Body,
    args: Sequence[torch.Tensor | int],
    frame: Frame,
) -> None:
    """Runs every program of a function with a grid; outputs are written in place.

    Args:
        translator: what translated the function.
        function: the function.
        body: its body.
        args: tensors for memrefs (inputs, then outputs), ints for symbols.
        frame: gives the symbols; those that an argument carries are added.

    Raises:
        InterpreterError: an argument does not fit, or an element of an output was never written.
    """
    symbols = dict(frame.symbols)
    values: list[Any] = []
    outputs: list[tuple[str, Memory]] = []
    for i, (arg, argument) in enumerate(
        zip(args, function.regions[0].blocks[0].arguments, strict=True)
    ):
        symbol = argument_attribute(function, i, "flashlight.symbol")
        if symbol is not None:
            symbols[ir.StringAttr(symbol).value] = int(arg)
            values.append(torch.tensor(int(arg)))
            continue
        type_ = ir.MemRefType(argument.type)
        memory = as_memory(arg, str(type_.element_type), f"argument {i}", translator.options.dtype)
        if memory.tensor.dim() != type_.rank or any(
            not type_.is_dynamic_dim(d) and type_.get_dim_size(d) != extent
            for d, extent in enumerate(memory.tensor.shape)
        ):
            raise InterpreterError(
                f"expected argument {i} to fit {type_}, got shape {list(memory.tensor.shape)}",
                function,
            )
        values.append(memory)
        if argument_attribute(function, i, "flashlight.output") is not None:
            outputs.append((f"argument {i}", memory))
    inner = replace(frame, values={}, symbols=symbols, extents={})
    programs = count_programs(function, inner)
    for program in range(programs):
        inner.program = (program,)
        inner.grid = (programs,)
        body.run(inner, values)
    for what, memory in outputs:
        try:
            memory.check_written(what)
        except InterpreterError as error:
            raise InterpreterError(str(error), function) from error


def count_programs(function: ir.Operation, frame: Frame) -> int:
    """The size of a function's grid, for the symbols of a frame."""
    axes = [parse_grid_axis(axis) for axis in function.attributes["flashlight.grid"]]
    return math.prod(-(-frame.extent(axis.extent) // axis.tile) for axis in axes)


def _arguments(
    function: ir.Operation,
    inputs: Sequence[torch.Tensor],
    outputs: Sequence[torch.Tensor],
    symbols: Mapping[str, int],
) -> list[torch.Tensor | int]:
    """A launch's values in the order of the function's arguments."""
    rest, made = iter(inputs), iter(outputs)
    args: list[torch.Tensor | int] = []
    for i in range(len(function.regions[0].blocks[0].arguments)):
        symbol = argument_attribute(function, i, "flashlight.symbol")
        if symbol is not None:
            name = ir.StringAttr(symbol).value
            if name not in symbols:
                raise InterpreterError(f"symbol '{name}' of the kernel has no value")
            args.append(symbols[name])
        elif argument_attribute(function, i, "flashlight.output") is not None:
            args.append(next(made))
        else:
            args.append(next(rest))
    return args


@builder("flashlight.launch")
def launch(op: ir.Operation, translator: Translator) -> Run:
    """Runs a kernel's whole grid on new result tensors."""
    name = ir.FlatSymbolRefAttr(op.attributes["kernel"]).value
    function, body = translator.function(name)
    infos = [translator.info(result.type) for result in op.results]

    def run(frame: Frame, *inputs: torch.Tensor) -> Sequence[torch.Tensor]:
        outputs = [torch.empty(frame.shape(i), dtype=translator.dtype_of(i)) for i in infos]
        args = _arguments(function, inputs, outputs, frame.symbols)
        if translator.options.run_kernel is not None:
            translator.options.run_kernel(name, args, count_programs(function, frame))
        else:
            run_grid(translator, function, body, args, frame)
        return outputs

    return run
