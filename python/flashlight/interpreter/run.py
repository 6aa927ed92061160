# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ways in: run one op, or a function of a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

# Imported for what they register.
from flashlight.interpreter import control, floats, integers, program  # noqa: F401
from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Frame, Options, TorchCall, Translator
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
) -> list[torch.Tensor]:
    """Runs a function of a module at the program level, with the kernels and launches in it.

    Args:
        module: the module.
        func_name: the function's symbol.
        args: the value of each argument, of the argument's type.
        symbols: the extents of symbolic dims; those that an argument has need not be given.
        dtype: computes all float arithmetic in this dtype (`torch.float64`) instead of the types'.
        blocks: how `flashlight.stream` cuts its axis: a block size, a list of sizes that sum to the
            extent, or None for one block.
        torch_call: runs `flashlight.torch_call`; called with the op and its operands' values.

    Returns:
        The value of each result.

    Raises:
        InterpreterError: as for `evaluate_op`.
    """
    translator = Translator(Options(dtype=dtype, blocks=blocks, torch_call=torch_call), module)
    function, body = translator.function(func_name)
    if len(args) != len(body.arguments):
        raise InterpreterError(
            f"expected {len(body.arguments)} arguments, got {len(args)}", function
        )
    frame = Frame(symbols=dict(symbols or {}), device=_device(args))
    values = []
    for i, (arg, argument) in enumerate(zip(args, _arguments(function), strict=True)):
        info = translator.info(argument.type)
        values.append(_value(arg, info, translator.dtype_of(info), f"argument {i}"))
        frame.bind(info, values[-1], f"argument {i}")
    return body.run(frame, values)


def _arguments(function: ir.Operation) -> Sequence[ir.Value]:
    return list(function.regions[0].blocks[0].arguments)
