# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flashlight: compiles plain PyTorch attention into fused one-pass kernels."""

from .errors import ArgumentTypeError, ArgumentValueError, CompileError, SourceLocation
from .explain import Explanation
from .options import Options
from .plan import Fallback
from .program import CompiledProgram, Kernel, compile  # noqa: A004

__all__ = [
    "ArgumentTypeError",
    "ArgumentValueError",
    "CompileError",
    "CompiledProgram",
    "Explanation",
    "Fallback",
    "Kernel",
    "Options",
    "SourceLocation",
    "compile",
]
