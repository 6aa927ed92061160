# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inverse hyperbolic functions, written out: distances in hyperbolic space.

    asinh x = log1p(x + x^2 / (1 + sqrt(1 + x^2)))
    acosh x = log1p(t + sqrt(t) sqrt(t + 2)),  t = x - 1
    atanh x = log1p(2 x / (1 - x)) / 2

Those of x < 0 follow by symmetry.
"""

from __future__ import annotations

import math as pymath
from collections.abc import Callable

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..table import row
from .common import operands


def _number(b: Builder, value: float, like: Tensor) -> Tensor:
    return b.full(like.shape, value, like.dtype)


def _with_sign(b: Builder, magnitude: Tensor, x: Tensor) -> Tensor:
    negative = b.compare("lt", x, _number(b, 0, x))
    return b.select(negative, b.unary(arith.NegFOp, magnitude), magnitude)


def _asinh(b: Builder, x: Tensor) -> Tensor:
    one, size = _number(b, 1, x), b.unary(math.AbsFOp, x)
    square = b.mul(size, size)
    root = b.unary(math.SqrtOp, b.add(one, square))
    small = b.unary(math.Log1pOp, b.add(size, b.div(square, b.add(one, root))))
    return _with_sign(b, _or_log_twice(b, size, small), x)


def _or_log_twice(b: Builder, x: Tensor, small: Tensor) -> Tensor:
    """log(2 x) is as good for a large x, and does not overflow."""
    large = b.add(b.unary(math.LogOp, x), _number(b, pymath.log(2), x))
    return b.select(b.compare("gt", x, _number(b, 1e9, x)), large, small)


def _acosh(b: Builder, x: Tensor) -> Tensor:
    t = b.sub(x, _number(b, 1, x))
    root = b.mul(b.unary(math.SqrtOp, t), b.unary(math.SqrtOp, b.add(t, _number(b, 2, x))))
    return _or_log_twice(b, x, b.unary(math.Log1pOp, b.add(t, root)))


def _atanh(b: Builder, x: Tensor) -> Tensor:
    size = b.unary(math.AbsFOp, x)
    ratio = b.div(b.add(size, size), b.sub(_number(b, 1, x), size))
    return _with_sign(b, b.mul(_number(b, 0.5, x), b.unary(math.Log1pOp, ratio)), x)


def _register(name: str, formula: Callable[[Builder, Tensor], Tensor]) -> None:
    @row(f"{name}.default", f"arc{name[1:]}.default")
    def function(b: Builder, out: Meta, self: Tensor) -> Tensor:
        (x,) = operands(b, out.shape, out.dtype, self)
        return b.cast(formula(b, x), out.dtype)


for _name, _formula in {"asinh": _asinh, "acosh": _acosh, "atanh": _atanh}.items():
    _register(_name, _formula)
