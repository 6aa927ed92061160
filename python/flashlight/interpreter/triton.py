# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tt dialect: what Triton's ops do, on the CPU.

A pointer is a memory and an element offset; a tile of pointers is a memory and a tile of offsets.
Masked-off elements are not touched. Where Triton leaves a value undefined (a masked-off element
without `other`), it is NaN or the smallest integer here, so that a program that uses it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Frame, Run, Translator, builder, pointwise
from flashlight.interpreter.memory import Memory
from flashlight.interpreter.program import integer
from flashlight.mlir import ir


@dataclass(frozen=True)
class Pointer:
    """A pointer or a tile of pointers: elements of `memory` at `offsets` (int64, in elements)."""

    memory: Memory
    offsets: torch.Tensor


def _on_tile(function: Callable[[torch.Tensor], torch.Tensor], value: Any) -> Any:
    """Applies a function that only moves elements, to numbers or to pointers."""
    if isinstance(value, Pointer):
        return replace(value, offsets=function(value.offsets))
    return function(value)


def _shape(op: ir.Operation, translator: Translator) -> tuple[int, ...]:
    return translator.info(op.results[0].type).shape or ()


@builder("tt.get_program_id")
def get_program_id(op: ir.Operation, _translator: Translator) -> Run:
    """The program's index along a dim of the grid."""
    axis = integer(op, "axis")
    return lambda frame: (torch.tensor((*frame.program, 0, 0)[axis], dtype=torch.int32),)


@builder("tt.get_num_programs")
def get_num_programs(op: ir.Operation, _translator: Translator) -> Run:
    """The extent of a dim of the grid."""
    axis = integer(op, "axis")
    return lambda frame: (torch.tensor((*frame.grid, 1, 1)[axis], dtype=torch.int32),)


@builder("tt.make_range")
def make_range(op: ir.Operation, _translator: Translator) -> Run:
    """start, start + 1, ..., end - 1."""
    start, end = integer(op, "start"), integer(op, "end")
    return lambda _frame: (torch.arange(start, end, dtype=torch.int32),)


@builder("tt.splat", "tt.broadcast")
def expand(op: ir.Operation, translator: Translator) -> Run:
    """Repeats a scalar, or along dims of extent 1."""
    shape = _shape(op, translator)
    return lambda _frame, x: (_on_tile(lambda t: t.expand(shape), x),)


@builder("tt.unsplat")
def unsplat(_op: ir.Operation, _translator: Translator) -> Run:
    """The one element of a tile."""
    return lambda _frame, x: (_on_tile(lambda t: t.reshape(()), x),)


@builder("tt.expand_dims")
def expand_dims(op: ir.Operation, _translator: Translator) -> Run:
    """A new dim of extent 1."""
    axis = integer(op, "axis")
    return lambda _frame, x: (_on_tile(lambda t: t.unsqueeze(axis), x),)


@builder("tt.reshape")
def reshape(op: ir.Operation, translator: Translator) -> Run:
    """The same elements in row-major order."""
    if "allow_reorder" in op.attributes:
        raise InterpreterError("leaves the order of elements open (allow_reorder)")
    shape = _shape(op, translator)
    return lambda _frame, x: (_on_tile(lambda t: t.reshape(shape), x),)


@builder("tt.trans")
def trans(op: ir.Operation, _translator: Translator) -> Run:
    """Permutes dims."""
    order = tuple(ir.DenseI32ArrayAttr(op.attributes["order"]))
    return lambda _frame, x: (_on_tile(lambda t: t.permute(order), x),)


@builder("tt.addptr")
def addptr(_op: ir.Operation, _translator: Translator) -> Run:
    """Moves pointers by elements."""

    def run(_frame: Frame, pointer: Pointer, offset: torch.Tensor) -> tuple[Pointer]:
        return (replace(pointer, offsets=pointer.offsets + offset.to(torch.int64)),)

    return run


def _poison(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    if dtype.is_floating_point:
        return torch.full(shape, float("nan"), dtype=dtype)
    return torch.full(shape, torch.iinfo(dtype).min, dtype=dtype)


@builder("tt.load")
def load(op: ir.Operation, translator: Translator) -> Run:
    """Reads where the mask holds; elsewhere the element is that of `other`."""
    info = translator.info(op.results[0].type)
    dtype = translator.dtype_of(info)
    shape = info.shape or ()

    def run(frame: Frame, pointer: Pointer, *operands: torch.Tensor) -> tuple[torch.Tensor]:
        mask = operands[0] if operands else torch.ones(shape, dtype=torch.bool)
        other = operands[1] if len(operands) > 1 else _poison(shape, dtype)
        program = _linear(frame)
        return (pointer.memory.read(pointer.offsets, mask, other.expand(shape), program),)

    return run


@builder("tt.store")
def store(_op: ir.Operation, _translator: Translator) -> Run:
    """Writes where the mask holds."""

    def run(frame: Frame, pointer: Pointer, value: torch.Tensor, *masks: torch.Tensor) -> tuple[()]:
        mask = masks[0] if masks else torch.ones(pointer.offsets.shape, dtype=torch.bool)
        pointer.memory.write(pointer.offsets, mask, value, _linear(frame))
        return ()

    return run


def _linear(frame: Frame) -> int:
    """One number for the program, for checking who writes what."""
    index = 0
    for program, extent in zip(frame.program, frame.grid, strict=True):
        index = index * extent + program
    return index


@builder("tt.dot")
def dot(op: ir.Operation, translator: Translator) -> Run:
    """c + a b, in the type of c; TF32's lost bits are not modelled."""
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, a, b, c: (c + torch.matmul(a.to(dtype), b.to(dtype)),)


@builder("tt.reduce")
def reduce(op: ir.Operation, translator: Translator) -> Run:
    """Folds halves of the dim on each other by the region, which is taken to be associative."""
    axis = integer(op, "axis")
    body = translator.region(op)

    def run(frame: Frame, *values: torch.Tensor) -> Sequence[torch.Tensor]:
        # The region is written for two scalars; here it combines two tiles, element by element.
        inner = replace(frame, checked=False)
        parts = [v.movedim(axis, 0) for v in values]
        while len(parts[0]) > 1:
            half = len(parts[0]) // 2
            left = [p[:half] for p in parts]
            right = [p[half : 2 * half] for p in parts]
            combined = body.run(inner, [*left, *right])
            parts = [torch.cat([c, p[2 * half :]]) for c, p in zip(combined, parts, strict=True)]
        return [p[0] for p in parts]

    return run


@builder("tt.scan")
def scan(op: ir.Operation, translator: Translator) -> Run:
    """Combines each element with what comes before it, one after the other."""
    axis = integer(op, "axis")
    reverse = ir.BoolAttr(op.attributes["reverse"]).value
    body = translator.region(op)

    def run(frame: Frame, *values: torch.Tensor) -> list[torch.Tensor]:
        inner = replace(frame, checked=False)
        steps = list(zip(*(value.unbind(axis) for value in values), strict=True))
        if reverse:
            steps.reverse()
        for i in range(1, len(steps)):
            steps[i] = tuple(body.run(inner, [*steps[i - 1], *steps[i]]))
        if reverse:
            steps.reverse()
        return [torch.stack(parts, axis) for parts in zip(*steps, strict=True)]

    return run


@builder("tt.fp_to_fp")
def fp_to_fp(op: ir.Operation, translator: Translator) -> Run:
    """Rounds to the nearest."""
    if "rounding" in op.attributes and integer(op, "rounding") != 1:
        raise InterpreterError("expected rounding to the nearest even")
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, x: (x.to(dtype),)


pointwise("tt.precise_sqrt")(torch.sqrt)
pointwise("tt.precise_divf")(torch.div)

_LIBDEVICE = {"fabs": torch.abs, "rint": torch.round, "fmax": torch.fmax, "fmin": torch.fmin}
_LIBDEVICE |= {
    name: getattr(torch, name)
    for name in ["exp", "exp2", "expm1", "log", "log2", "log1p", "sqrt", "rsqrt", "tanh", "erf"]
}
_LIBDEVICE |= {
    name: getattr(torch, name) for name in ["sin", "cos", "floor", "ceil", "trunc", "pow", "fmod"]
}


@builder("tt.extern_elementwise")
def extern_elementwise(op: ir.Operation, _translator: Translator) -> Run:
    """A function of NVIDIA's libdevice, by its name."""
    symbol = ir.StringAttr(op.attributes["symbol"]).value
    name = symbol.removeprefix("__nv_")
    function = _LIBDEVICE.get(name) or _LIBDEVICE.get(name.removesuffix("f"))
    if function is None:
        raise InterpreterError(f"calls '{symbol}', which the interpreter does not know")
    return lambda _frame, *operands: (function(*operands),)
