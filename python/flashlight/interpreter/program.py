# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""flashlight's ops on tensors: programs, and what kernels and tiles share with them.

Where an op names its dims by axes (in a kernel) instead of by an attribute, the types say them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from flashlight.interpreter.affine import Map, check_bounds, grid
from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.floats import reduce_tensor
from flashlight.interpreter.machine import Frame, Run, Translator, builder, pointwise
from flashlight.interpreter.types import reduce_kind
from flashlight.mlir import ir

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def integers(op: ir.Operation, name: str) -> tuple[int, ...]:
    """A DenseI64ArrayAttr as a tuple."""
    return tuple(ir.DenseI64ArrayAttr(op.attributes[name]))


def integer(op: ir.Operation, name: str) -> int:
    """An IntegerAttr as an int."""
    return ir.IntegerAttr(op.attributes[name]).value


def _equation(op: ir.Operation, translator: Translator) -> str:
    """The einsum equation of a contract: its own, or one that its axes spell."""
    if "equation" in op.attributes:
        return ir.StringAttr(op.attributes["equation"]).value
    letters: dict[str, str] = {}
    terms = []
    for value in (op.operands[0], op.operands[1], op.results[0]):
        axes = translator.info(value.type).axes or ()
        terms.append("".join(letters.setdefault(a, _LETTERS[len(letters)]) for a in axes))
    return f"{terms[0]},{terms[1]}->{terms[2]}"


@builder("flashlight.contract")
def contract(op: ir.Operation, translator: Translator) -> Run:
    """An einsum whose products and sum are of the result's type."""
    equation = _equation(op, translator)
    dtype = translator.dtype(op.results[0].type)

    def run(_frame: Frame, a: torch.Tensor, b: torch.Tensor, *init: torch.Tensor) -> Sequence:
        result = torch.einsum(equation, a.to(dtype), b.to(dtype))
        return (result + init[0] if init else result,)

    return run


@builder("flashlight.reduce")
def reduce(op: ir.Operation, translator: Translator) -> Run:
    """Combines along `dims`, or along the axes that the result lacks."""
    kind = reduce_kind(op.attributes["kind"])
    if "dims" in op.attributes:
        dims = integers(op, "dims")
    else:
        kept = translator.info(op.results[0].type).axes or ()
        axes = translator.info(op.operands[0].type).axes or ()
        dims = tuple(i for i, axis in enumerate(axes) if axis not in kept)
    return lambda _frame, x: (reduce_tensor(kind, x, dims),)


@builder("flashlight.broadcast")
def broadcast(op: ir.Operation, translator: Translator) -> Run:
    """Repeats along dims that the operand lacks or has once."""
    info = translator.info(op.results[0].type)
    if "dims" in op.attributes:
        dims = integers(op, "dims")
    else:
        axes = translator.info(op.operands[0].type).axes or ()
        dims = tuple((info.axes or ()).index(axis) for axis in axes)
    # In a kernel the order of the axes is free: dims need not ascend.
    order = sorted(range(len(dims)), key=lambda i: dims[i])

    def run(frame: Frame, x: torch.Tensor) -> tuple[torch.Tensor]:
        shape = frame.shape(info)
        aligned = [1] * len(shape)
        for i in order:
            aligned[dims[i]] = x.shape[i]
        return (x.permute(order).reshape(aligned).expand(shape),)

    return run


@builder("flashlight.iota")
def iota(op: ir.Operation, translator: Translator) -> Run:
    """Indices along the dim: those of the block, along an axis that is streamed."""
    info = translator.info(op.results[0].type)

    def run(frame: Frame) -> tuple[torch.Tensor]:
        start, size = frame.extents[info.axes[0]] if info.axes else (0, frame.shape(info)[0])
        return (torch.arange(start, start + size, dtype=info.dtype, device=frame.device),)

    return run


@builder("flashlight.size")
def size(op: ir.Operation, _translator: Translator) -> Run:
    """The value of a symbol."""
    name = ir.StringAttr(op.attributes["symbol"]).value
    return lambda frame: (torch.tensor(frame.symbol(name), device=frame.device),)


@builder("flashlight.transpose")
def transpose(op: ir.Operation, _translator: Translator) -> Run:
    """Permutes dims."""
    permutation = integers(op, "permutation")
    return lambda _frame, x: (x.permute(permutation),)


@builder("flashlight.reshape")
def reshape(op: ir.Operation, translator: Translator) -> Run:
    """The same elements in row-major order."""
    info = translator.info(op.results[0].type)
    return lambda frame, x: (x.reshape(frame.shape(info)),)


@builder("flashlight.slice")
def slice_(op: ir.Operation, translator: Translator) -> Run:
    """A strided box; one that leaves the operand is an error."""
    info = translator.info(op.results[0].type)
    offsets, strides = integers(op, "offsets"), integers(op, "strides")

    def run(frame: Frame, x: torch.Tensor) -> tuple[torch.Tensor]:
        for dim, (offset, stride, size) in enumerate(
            zip(offsets, strides, frame.shape(info), strict=True)
        ):
            last = offset + (size - 1) * abs(stride)
            if size > 0 and last >= x.shape[dim]:
                raise InterpreterError(
                    f"reads up to {last + 1} along dim {dim}, which has {x.shape[dim]} elements"
                )
            where = torch.arange(size, device=x.device) * abs(stride) + offset
            x = x.index_select(dim, where if stride > 0 else x.shape[dim] - 1 - where)
        return (x,)

    return run


@builder("flashlight.concat")
def concat(op: ir.Operation, _translator: Translator) -> Run:
    """Tensors one after the other."""
    dim = integer(op, "dim")
    return lambda _frame, *tensors: (torch.cat(tensors, dim),)


@builder("flashlight.gather")
def gather(op: ir.Operation, _translator: Translator) -> Run:
    """Elements at computed positions; an index out of range is an error."""
    map_ = Map(op.attributes["map"])

    def run(frame: Frame, source: torch.Tensor, *indices: torch.Tensor) -> tuple[torch.Tensor]:
        shape = indices[0].shape
        dims = grid([0] * len(shape), shape, source.device)
        where = map_([*dims, *(index.to(torch.int64) for index in indices)])
        check_bounds(where, source.shape, "reads")
        return (source[tuple(torch.as_tensor(i).expand(shape) for i in where)],)

    return run


def _nothing(kind: str, dtype: torch.dtype) -> float:
    """What combining no elements gives."""
    if kind in ("sum", "prod"):
        return int(kind == "prod")
    if dtype.is_floating_point:
        return -math.inf if kind == "max" else math.inf
    limits = torch.iinfo(dtype)
    return limits.min if kind == "max" else limits.max


def scan_along(
    x: torch.Tensor, kind: str, dim: int, reverse: bool, exclusive: bool
) -> torch.Tensor:
    """The running combination of `x` along `dim`, in its own type."""
    if reverse:
        return scan_along(x.flip(dim), kind, dim, False, exclusive).flip(dim)
    if exclusive and x.shape[dim]:
        first = torch.full_like(x.narrow(dim, 0, 1), _nothing(kind, x.dtype))
        x = torch.cat([first, x.narrow(dim, 0, x.shape[dim] - 1)], dim)
    if kind == "sum":
        return torch.cumsum(x, dim, dtype=x.dtype)
    if kind == "prod":
        return torch.cumprod(x, dim, dtype=x.dtype)
    return (torch.cummax if kind == "max" else torch.cummin)(x, dim).values


@builder("flashlight.scan")
def scan(op: ir.Operation, translator: Translator) -> Run:
    """Running combination; in a stream, over the block."""
    kind = reduce_kind(op.attributes["kind"])
    reverse, exclusive = "reverse" in op.attributes, "exclusive" in op.attributes
    if "dim" in op.attributes:
        dim = integer(op, "dim")
    else:
        axes = translator.info(op.results[0].type).axes or ()
        dim = axes.index(ir.StringAttr(op.attributes["axis"]).value)
    return lambda _frame, x: (scan_along(x, kind, dim, reverse, exclusive),)


@builder("flashlight.torch_call")
def torch_call(op: ir.Operation, translator: Translator) -> Run:
    """Whatever the caller of the interpreter says that it is."""
    call = translator.options.torch_call
    if call is None:
        target = ir.StringAttr(op.attributes["target"]).value
        raise InterpreterError(f"calls {target}, and no 'torch_call' was given to run it")
    return lambda _frame, *operands: tuple(call(op, list(operands)))


@pointwise("tensor.cast")
def cast(x: torch.Tensor) -> torch.Tensor:
    """Forgets or claims static extents; the machine checks what it claims."""
    return x


@builder("tensor.splat")
def splat(op: ir.Operation, translator: Translator) -> Run:
    """A scalar at every index."""
    info = translator.info(op.results[0].type)
    return lambda frame, x, *_sizes: (x.expand(frame.shape(info)),)


@builder("tensor.extract")
def extract(_op: ir.Operation, _translator: Translator) -> Run:
    """The element at an index."""

    def run(_frame: Frame, x: torch.Tensor, *indices: torch.Tensor) -> tuple[torch.Tensor]:
        return (x[tuple(int(index) for index in indices)],)

    return run


@builder("tensor.from_elements")
def from_elements(op: ir.Operation, translator: Translator) -> Run:
    """A tensor of scalars, in row-major order."""
    info = translator.info(op.results[0].type)
    return lambda frame, *elements: (torch.stack(elements).reshape(frame.shape(info)),)


@builder("tensor.dim")
def dim(_op: ir.Operation, _translator: Translator) -> Run:
    """An extent, as an index."""
    return lambda _frame, x, index: (torch.tensor(x.shape[int(index)]),)
