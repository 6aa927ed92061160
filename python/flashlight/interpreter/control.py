# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions and structured control flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import Frame, Run, Translator, builder
from flashlight.mlir import ir


@builder("func.call", "tt.call")
def call(op: ir.Operation, translator: Translator) -> Run:
    """Runs a function of the module."""
    name = ir.FlatSymbolRefAttr(op.attributes["callee"]).value
    _, body = translator.function(name)
    return lambda frame, *operands: body.run(frame, operands)


def _count(value: Any) -> int:
    return int(value)


@builder("scf.for")
def for_(op: ir.Operation, translator: Translator) -> Run:
    """Counts from the lower to below the upper bound, with loop-carried values."""
    body = translator.region(op)
    dtype = translator.dtype(op.operands[0].type)

    def run(frame: Frame, lower: Any, upper: Any, step: Any, *carried: Any) -> Sequence[Any]:
        if _count(step) <= 0:
            raise InterpreterError(f"expected a positive step, got {_count(step)}")
        values: Sequence[Any] = carried
        for i in range(_count(lower), _count(upper), _count(step)):
            values = body.run(frame, [torch.tensor(i, dtype=dtype), *values])
        return values

    return run


@builder("scf.if")
def if_(op: ir.Operation, translator: Translator) -> Run:
    """One of two regions."""
    then, otherwise = translator.region(op, 0), translator.region(op, 1)

    def run(frame: Frame, condition: torch.Tensor) -> Sequence[Any]:
        body = then if bool(condition) else otherwise
        return body.run(frame, []) if body else ()

    return run


@builder("scf.while")
def while_(op: ir.Operation, translator: Translator) -> Run:
    """Runs `before`, and `after` as long as `before` says so."""
    before, after = translator.region(op, 0), translator.region(op, 1)

    def run(frame: Frame, *carried: Any) -> Sequence[Any]:
        values: Sequence[Any] = carried
        while True:
            condition, *values = before.run(frame, values)
            if not bool(condition):
                return values
            values = after.run(frame, values)

    return run
