# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flashlight: compiles plain PyTorch attention into fused one-pass kernels."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import ArgumentTypeError, ArgumentValueError, CompileError, SourceLocation
    from .fallbacks import Fallback
    from .options import Options
    from .program import CompiledProgram, Kernel, compile  # noqa: A004
    from .report import Explanation

# Loaded on first use: the command line tools live in this package too, and need no torch.
_HOMES = {
    "ArgumentTypeError": "errors",
    "ArgumentValueError": "errors",
    "CompileError": "errors",
    "SourceLocation": "errors",
    "Explanation": "report",
    "Options": "options",
    "Fallback": "plan",
    "CompiledProgram": "program",
    "Kernel": "program",
    "compile": "program",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'flashlight' has no attribute '{name}'")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
