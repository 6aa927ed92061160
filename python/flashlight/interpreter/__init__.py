# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executable meaning for every level of Flashlight's IR, on torch tensors.

The interpreter is the reference that passes are tested against, and what runs a single op that no
kernel took. It says what an op means; it is not fast.
"""

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.machine import known_ops
from flashlight.interpreter.run import evaluate_op, interpret, interpret_triton

__all__ = ["InterpreterError", "evaluate_op", "interpret", "interpret_triton", "known_ops"]
