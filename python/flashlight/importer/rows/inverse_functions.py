# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inverse functions of circles and hyperbolas, written out: similarities as angles, distances in
hyperbolic space.

    asin x  = x + x z P(z),  z = x^2              |x| <= 1/2
            = pi/2 - 2 asin(sqrt((1 - x) / 2))    beyond, for x > 0
    atan x  = 2 atan(x / (1 + sqrt(1 + x^2)))     |x| <= 1; beyond, pi/2 - atan(1/x)
    asinh x = log1p(x + x^2 / (1 + sqrt(1 + x^2)))
    acosh x = log1p(t + sqrt(t) sqrt(t + 2)),  t = x - 1
    atanh x = log1p(2 x / (1 - x)) / 2

The polynomials are least squares at Chebyshev nodes, good for float32. Each function of x < 0
follows by symmetry.
"""

from __future__ import annotations

import math as pymath
from collections.abc import Callable, Sequence

import torch

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..table import Unsupported, row
from .common import operands

# (asin(sqrt z) / sqrt z - 1) / z for z up to 1/4, (atan(sqrt z) / sqrt z - 1) / z up to tan(pi/8)^2
_ASIN = (0.16666666, 0.07500099, 0.04459787, 0.03111766, 0.01707186, 0.03381448)
_ATAN = (-0.33333333, 0.19999978, -0.14284168, 0.11071657, -0.08626692, 0.05052944)


def _number(b: Builder, value: float, like: Tensor) -> Tensor:
    return b.full(like.shape, value, like.dtype)


def _series(b: Builder, t: Tensor, z: Tensor, coefficients: Sequence[float]) -> Tensor:
    """t + t z (c0 + z (c1 + ...))"""
    sum_ = _number(b, coefficients[-1], z)
    for c in reversed(coefficients[:-1]):
        sum_ = b.add(b.mul(sum_, z), _number(b, c, z))
    return b.add(t, b.mul(b.mul(t, z), sum_))


def _with_sign(b: Builder, magnitude: Tensor, x: Tensor) -> Tensor:
    negative = b.compare("lt", x, _number(b, 0, x))
    return b.select(negative, b.unary(arith.NegFOp, magnitude), magnitude)


def _near_or_far(b: Builder, x: Tensor) -> tuple[Tensor, Tensor]:
    """Whether |x| > 1/2; and asin |x| where it is not, else asin(sqrt((1 - |x|) / 2))."""
    size = b.unary(math.AbsFOp, x)
    far = b.compare("gt", size, _number(b, 0.5, x))
    half = b.mul(b.sub(_number(b, 1, x), size), _number(b, 0.5, x))
    z = b.select(far, half, b.mul(x, x))
    t = b.select(far, b.unary(math.SqrtOp, half), size)
    return far, _series(b, t, z, _ASIN)


def _asin(b: Builder, x: Tensor) -> Tensor:
    far, angle = _near_or_far(b, x)
    other = b.sub(_number(b, pymath.pi / 2, x), b.add(angle, angle))
    return _with_sign(b, b.select(far, other, angle), x)


def _acos(b: Builder, x: Tensor) -> Tensor:
    """Not pi/2 - asin x: that would lose the digits of a small angle."""
    far, angle = _near_or_far(b, x)
    double = b.add(angle, angle)
    negative = b.compare("lt", x, _number(b, 0, x))
    outer = b.select(negative, b.sub(_number(b, pymath.pi, x), double), double)
    return b.select(far, outer, b.sub(_number(b, pymath.pi / 2, x), _with_sign(b, angle, x)))


def _atan(b: Builder, x: Tensor) -> Tensor:
    one, size = _number(b, 1, x), b.unary(math.AbsFOp, x)
    far = b.compare("gt", size, one)
    near = b.select(far, b.div(one, size), size)
    root = b.unary(math.SqrtOp, b.add(one, b.mul(near, near)))
    half = b.div(near, b.add(one, root))
    angle = _series(b, half, b.mul(half, half), _ATAN)
    angle = b.add(angle, angle)
    angle = b.select(far, b.sub(_number(b, pymath.pi / 2, x), angle), angle)
    return _with_sign(b, angle, x)


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


def _register(name: str, formula: Callable[[Builder, Tensor], Tensor], series: bool) -> None:
    names = [f"{name}.default"] + ([f"arc{name[1:]}.default"] if name[0] == "a" else [])

    @row(*names)
    def function(b: Builder, out: Meta, self: Tensor) -> Tensor:
        if series and out.dtype == torch.float64:
            raise Unsupported("an angle in double precision")
        (x,) = operands(b, out.shape, out.dtype, self)
        return b.cast(formula(b, x), out.dtype)


for _name, _formula, _uses_series in (
    ("asin", _asin, True),
    ("acos", _acos, True),
    ("atan", _atan, True),
    ("asinh", _asinh, False),
    ("acosh", _acosh, False),
    ("atanh", _atanh, False),
):
    _register(_name, _formula, _uses_series)
