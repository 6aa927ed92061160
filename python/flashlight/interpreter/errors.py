# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Errors of the interpreter: each names the op and where the user's code wrote it."""

from __future__ import annotations

from flashlight.mlir import ir


class InterpreterError(RuntimeError):
    """An op that has no meaning: unknown, or given values that it does not take.

    Attributes:
        op_name: the op's full name, such as ``arith.addf``, or None where no op is at fault.
        location: the op's location as text, such as ``"model.py":12:3``, or None.
    """

    def __init__(self, message: str, op: ir.Operation | ir.OpView | None = None) -> None:
        """Says `message` of `op`."""
        self.op_name: str | None = None
        self.location: str | None = None
        if op is not None:
            operation = op.operation
            self.op_name = operation.name
            self.location = str(operation.location).removeprefix("loc(").removesuffix(")")
            message = f"{self.location}: '{self.op_name}' op {message}"
        super().__init__(message)
