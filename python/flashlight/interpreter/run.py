# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ways in: run one op, or a function of a module."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch

# Imported for what they register.
from flashlight.interpreter import (  # noqa: F401
    control,
    floats,
    integers,
    kernel,
    program,
    tile,
    triton,
)
from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Frame, Options, RunKernel, TorchCall, Translator
from flashlight.interpreter.types import TypeInfo
from flashlight.mlir import ir


def _value(operand: Any, info: TypeInfo, dtype: torch.dtype | None, role: str) -> Any:
    """An argument as the machine wants it: a tensor of the type's dtype, also for scalars."""
    if dtype is None:
        raise InterpreterError(
            f"expected {role} to be a number or a tensor, its type is {info.text}"
        )
    if not isinstance(operand, torch.Tensor):
        return torch.tensor(operand, dtype=dtype)
    if operand.dtype != info.dtype and operand.dtype != dtype:
        raise InterpreterError(
            f"expected {role} of {info.dtype} ({info.text}), got {operand.dtype}"
        )
    return operand.to(dtype)


def _device(values: Sequence[Any]) -> torch.device | str:
    for value in values:
        if isinstance(value, torch.Tensor) and value.device.type != "cpu":
            return value.device
    return "cpu"


def evaluate_op(
    op: ir.Operation | ir.OpView,
    operands: Sequence[torch.Tensor | int | float],
    symbols: Mapping[str, int] | None = None,
    *,
    dtype: torch.dtype | None = None,
) -> list[torch.Tensor]:
    """Evaluates one program-level op.

    Args:
        op: an op without regions, of the program level.
        operands: the value of each operand: tensors of the operands' types, numbers for scalars.
        symbols: the extents of symbolic dims, by name.
        dtype: computes all float arithmetic in this dtype (`torch.float64`) instead of the types'.

    Returns:
        The value of each result. It may share memory with an operand (views do).

    Raises:
        InterpreterError: names the op and its location: the op is unknown, an operand has not its
            type, a symbol has no value, or the op itself cannot be done (an index out of range).
    """
    operation = op.operation
    translator = Translator(Options(dtype=dtype))
    step = translator.step(operation)
    if len(operands) != len(step.operands):
        raise InterpreterError(
            f"expected {len(step.operands)} operands, got {len(operands)}", operation
        )
    frame = Frame(symbols=dict(symbols or {}), device=_device(operands))
    try:
        values = []
        for i, (operand, value) in enumerate(zip(operands, operation.operands, strict=True)):
            info = translator.info(value.type)
            values.append(_value(operand, info, translator.dtype_of(info), f"operand {i}"))
            frame.bind(info, values[-1], f"operand {i}")
    except InterpreterError as error:
        raise InterpreterError(str(error), operation) from error
    return list(step(frame, values))


def interpret(
    module: ir.Module,
    func_name: str = "main",
    args: Sequence[torch.Tensor | int | float] = (),
    symbols: Mapping[str, int] | None = None,
    *,
    dtype: torch.dtype | None = None,
    blocks: int | Sequence[int] | None = None,
    torch_call: TorchCall | None = None,
    run_kernel: RunKernel | None = None,
    merge: bool = False,
) -> list[torch.Tensor]:
    """Runs a function of a module: a program, with its kernels and launches, or a tile program.

    A tile program (a function with `flashlight.grid`) is run for its whole grid. Its arguments are
    tensors for memrefs, ints for symbols; outputs are written in place, and there are no results.

    Args:
        module: the module.
        func_name: the function's symbol.
        args: the value of each argument, of the argument's type.
        symbols: the extents of symbolic dims; those that an argument has need not be given.
        dtype: computes all float arithmetic in this dtype (`torch.float64`) instead of the types'.
        blocks: how `flashlight.stream` cuts its axis: a block size, a list of sizes that sum to the
            extent, or None for one block.
        torch_call: runs `flashlight.torch_call`; called with the op and its operands' values.
        run_kernel: runs what `flashlight.launch` launches, in place of the tile program; called
            with its name, its arguments (tensors, ints for symbols) and the number of programs.
        merge: sweeps the blocks of a stream apart and merges their states, where it says how.

    Returns:
        The value of each result.

    Raises:
        InterpreterError: as for `evaluate_op`.
    """
    translator = Translator(Options(dtype, blocks, torch_call, run_kernel, merge), module)
    function, body = translator.function(func_name)
    if len(args) != len(body.arguments):
        raise InterpreterError(
            f"expected {len(body.arguments)} arguments, got {len(args)}", function
        )
    frame = Frame(symbols=dict(symbols or {}), device=_device(args))
    if "flashlight.grid" in function.attributes:
        tile.run_grid(translator, function, body, args, frame)
        return []
    values = []
    for i, (arg, argument) in enumerate(zip(args, _arguments(function), strict=True)):
        info = translator.info(argument.type)
        values.append(_value(arg, info, translator.dtype_of(info), f"argument {i}"))
        frame.bind(info, values[-1], f"argument {i}")
    return body.run(frame, values)


def _arguments(function: ir.Operation) -> Sequence[ir.Value]:
    return list(function.regions[0].blocks[0].arguments)


def interpret_triton(
    module: ir.Module,
    func_name: str,
    args: Sequence[torch.Tensor | int | float],
    grid: int | Sequence[int],
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """Runs a kernel of the tt dialect for its whole grid, one program after the other.

    Args:
        module: the module.
        func_name: the kernel's symbol.
        args: a tensor for each pointer (the pointer is to its first element), a number for each
            scalar. Tensors are written in place.
        grid: the number of programs, or the numbers along up to three dimensions.
        dtype: computes all float arithmetic in this dtype (`torch.float64`) instead of the types'.

    Raises:
        InterpreterError: as for `evaluate_op`; also an access that no mask guards outside of a
            tensor, or to what another program has written.
    """
    translator = Translator(Options(dtype=dtype), module)
    function, body = translator.function(func_name)
    if len(args) != len(body.arguments):
        raise InterpreterError(
            f"expected {len(body.arguments)} arguments, got {len(args)}", function
        )
    values: list[Any] = []
    for i, (arg, argument) in enumerate(zip(args, _arguments(function), strict=True)):
        info = translator.info(argument.type)
        if info.text.startswith("!tt.ptr<"):
            element = info.text.removeprefix("!tt.ptr<").removesuffix(">")
            memory = tile.as_memory(arg, element, f"argument {i}", dtype)
            values.append(triton.Pointer(memory, torch.zeros((), dtype=torch.int64)))
        else:
            values.append(_value(arg, info, translator.dtype_of(info), f"argument {i}"))
    extents = (grid,) if isinstance(grid, int) else tuple(grid)
    for index in itertools.product(*(range(extent) for extent in extents)):
        body.run(Frame(program=index, grid=extents), values)
