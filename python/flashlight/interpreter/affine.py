# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Affine maps on index tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.mlir import ir

Index = torch.Tensor | int
Expression = Callable[[Sequence[Index]], Index]


def _ceil_div(a: Index, b: Index) -> Index:
    return -(-a // b)


_BINARY: dict[type, Callable[[Index, Index], Index]] = {
    ir.AffineAddExpr: lambda a, b: a + b,
    ir.AffineMulExpr: lambda a, b: a * b,
    ir.AffineModExpr: lambda a, b: a % b,
    ir.AffineFloorDivExpr: lambda a, b: a // b,
    ir.AffineCeilDivExpr: _ceil_div,
}


def _translate(expression: ir.AffineExpr, used: set[int], first_symbol: int) -> Expression:
    if isinstance(expression, ir.AffineConstantExpr):
        value = expression.value
        return lambda _dims: value
    if isinstance(expression, ir.AffineDimExpr):
        position = expression.position
        used.add(position)
        return lambda dims: dims[position]
    if isinstance(expression, ir.AffineSymbolExpr):
        symbol = first_symbol + expression.position
        return lambda dims: dims[symbol]
    combine = _BINARY.get(type(expression))
    if combine is None:
        raise InterpreterError(f"expected an affine expression of dims, got {expression}")
    left = _translate(expression.lhs, used, first_symbol)
    right = _translate(expression.rhs, used, first_symbol)
    return lambda dims: combine(left(dims), right(dims))


class Map:
    """An affine map, ready to be applied.

    Attributes:
        results: how many indices it gives.
        used: for each result, the dims that it depends on.
    """

    def __init__(self, attribute: ir.Attribute) -> None:
        """Reads an AffineMapAttr."""
        value = ir.AffineMapAttr(attribute).value
        expressions = list(value.results)
        self.results = len(expressions)
        self.used: list[set[int]] = [set() for _ in expressions]
        self._expressions = [
            _translate(e, used, value.n_dims) for e, used in zip(expressions, self.used)
        ]

    def __call__(self, dims: Sequence[Index]) -> list[Index]:
        """The map's results for the dims, then the symbols: index tensors (or ints) that broadcast
        against each other."""
        return [expression(dims) for expression in self._expressions]


def grid(starts: Sequence[int], sizes: Sequence[int], device: torch.device | str) -> list[Index]:
    """Indices `start, start + 1, ...` of each dim, shaped to broadcast against each other."""
    rank = len(sizes)
    return [
        torch.arange(start, start + size, device=device).reshape(
            [size if i == dim else 1 for i in range(rank)]
        )
        for dim, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]


def check_bounds(indices: Sequence[torch.Tensor | int], shape: Sequence[int], what: str) -> None:
    """Fails at the first index that is out of range; `what` is what is done with it."""
    for dim, (index, extent) in enumerate(zip(indices, shape, strict=True)):
        where = torch.as_tensor(index)
        outside = (where < 0) | (where >= extent)
        if bool(outside.any()):
            raise InterpreterError(
                f"{what} index {int(where[outside].flatten()[0])} along dim {dim}, "
                f"which has {extent} elements"
            )
