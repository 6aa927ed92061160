# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dims of imported tensors: integers, or sympy expressions over the program's symbols.

A symbol of the IR is a name: the printed expression ("s0", "2*s0"). What it is worth comes at
call time, from the base symbols' values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
import torch
from torch.utils._sympy.functions import FloorDiv

Dim = int | sympy.Expr
Shape = tuple[Dim, ...]


def to_dim(value: int | torch.SymInt | sympy.Expr) -> Dim:
    """The dim as an int where it is static, else its sympy expression."""
    if isinstance(value, torch.SymInt):
        value = value.node.expr
    if isinstance(value, sympy.Expr):
        if value.has(FloorDiv):
            value = value.replace(FloorDiv, _quotient)
        return int(value) if value.is_Integer else value
    return int(value)


def _quotient(dividend: sympy.Expr, divisor: sympy.Expr) -> sympy.Expr:
    """`dividend // divisor`; as a polynomial where it divides, which torch does not always see.

    A dim that torch found by viewing ("s0**2 // s0") must equal the one that it comes from.
    """
    exact = sympy.cancel(dividend / divisor)
    if exact.is_Integer or exact.is_polynomial() and _is_integral(exact):
        return exact
    return FloorDiv(dividend, divisor)


def _is_integral(expression: sympy.Expr) -> bool:
    """Whether a polynomial has integers as coefficients."""
    return all(c.is_Integer for c in sympy.Poly(expression).coeffs())


def to_shape(sizes: Iterable[int | torch.SymInt]) -> Shape:
    """The dims of a torch size."""
    return tuple(to_dim(size) for size in sizes)


def is_static(dim: Dim) -> bool:
    """Whether the dim is known at compile time."""
    return isinstance(dim, int)


def symbol_name(dim: sympy.Expr) -> str:
    """The name that stands for the expression in the IR."""
    return str(dim)


def product(dims: Sequence[Dim]) -> Dim:
    """The number of elements of a shape."""
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return to_dim(total)


@dataclass(frozen=True)
class InputDim:
    """A size of an input tensor: `expression` equals the input's `dim`."""

    input: int
    dim: int
    expression: sympy.Expr


@dataclass(frozen=True)
class InputNumber:
    """An integer that the caller passes."""

    input: int
    expression: sympy.Expr


@dataclass(frozen=True)
class NodeNumber:
    """An integer that a node computes from data: `keypath` leads to it in the node's result."""

    node: str
    keypath: tuple


Source = InputDim | InputNumber | NodeNumber


@dataclass
class SymbolTable:
    """Where the values of symbols come from.

    Attributes:
        sources: for every base symbol the first place that gives its value.
        constraints: all sizes and numbers of inputs that are symbolic, for the checks of a call.
        bounds: for every base symbol its least and greatest value; None is unbounded.
    """

    sources: dict[sympy.Symbol, Source] = field(default_factory=dict)
    constraints: list[InputDim | InputNumber] = field(default_factory=list)
    bounds: dict[sympy.Symbol, tuple[int, int | None]] = field(default_factory=dict)

    def bind_input(self, index: int, value: Any) -> None:
        """Notes the symbols that an input's sizes (or the input itself) have."""
        if isinstance(value, torch.Tensor):
            for dim, size in enumerate(to_shape(value.shape)):
                if not is_static(size):
                    self._bind(InputDim(index, dim, size))
        elif isinstance(value, torch.SymInt) and not is_static(to_dim(value)):
            self._bind(InputNumber(index, to_dim(value)))

    def _bind(self, source: InputDim | InputNumber) -> None:
        self.constraints.append(source)
        # A plain symbol is read off; an expression of one symbol can be solved for it.
        for symbol in source.expression.free_symbols:
            known = self.sources.get(symbol)
            if known is None or not known.expression.is_Symbol and source.expression.is_Symbol:
                self.sources[symbol] = source

    def bind_node(self, node: torch.fx.Node) -> None:
        """Notes the data-dependent symbols that a node makes."""
        for symbol, keypath in (node.meta.get("unbacked_bindings") or {}).items():
            self.sources.setdefault(symbol, NodeNumber(node.name, tuple(keypath)))

    def add_ranges(self, constraints: dict[sympy.Symbol, Any]) -> None:
        """Takes over torch's ranges of symbols."""
        for symbol, bounds in constraints.items():
            upper = bounds.upper
            finite = upper.is_Integer and int(upper) < 2**62
            lower = int(bounds.lower) if bounds.lower.is_Integer else 0
            self.bounds[symbol] = (max(0, lower), int(upper) if finite else None)
