# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The values of a call's symbols.

A symbol's name is a printed expression over base symbols. `SymbolValues` is a mapping from names
to ints that is filled from a call's inputs and, for data-dependent symbols, as nodes run; other
expressions are evaluated on first use.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy
import torch
from torch.utils._sympy.printers import PythonPrinter

_NAMES = {"math": math, "torch": torch, "min": min, "max": max, "abs": abs, "round": round}


class Expressions:
    """Compiles expressions once a program."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[[dict], object]] = {}
        self._symbols: dict[str, frozenset[str]] = {}

    def add(self, expression: sympy.Basic) -> str:
        """Registers an expression; returns its name."""
        name = str(expression)
        if name not in self._functions:
            code = compile(PythonPrinter().doprint(expression), f"<{name}>", "eval")
            self._functions[name] = lambda values: eval(code, _NAMES, values)  # noqa: S307
        return name

    def value(self, name: str, values: dict) -> object:
        """The value of a registered expression, given its symbols'."""
        return self._functions[name](values)

    def __contains__(self, name: str) -> bool:
        return name in self._functions


class SymbolValues(dict):
    """Symbol values of one call, by name; evaluates registered expressions on demand."""

    def __init__(self, expressions: Expressions) -> None:
        super().__init__()
        self._expressions = expressions

    def __missing__(self, name: str) -> object:
        if name not in self._expressions or name.isidentifier():
            raise KeyError(name)
        value = self._expressions.value(name, self)
        self[name] = value
        return value
