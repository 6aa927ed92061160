# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Less common pointwise ops that PyTorch does not write out in others; here they are."""

from __future__ import annotations

import math as pymath

import torch

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..table import Unsupported, row
from .common import Number, Operand, is_number, normal_dim, operands


def _is_nan(b: Builder, x: Tensor) -> Tensor:
    return b.compare("ne", x, x)


def _other_than_nan(b: Builder, out: Meta, op: type, x: Operand, y: Operand) -> Tensor:
    if not out.dtype.is_floating_point:
        raise Unsupported("an extremum of integers")
    x, y = operands(b, out.shape, out.dtype, x, y)
    both = b.binary(op, None, x, y)
    return b.cast(b.select(_is_nan(b, x), y, b.select(_is_nan(b, y), x, both)), out.dtype)


@row("fmax.default")
def fmax(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return _other_than_nan(b, out, arith.MaximumFOp, self, other)


@row("fmin.default")
def fmin(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return _other_than_nan(b, out, arith.MinimumFOp, self, other)


@row("copysign.Tensor", "copysign.Scalar")
def copysign(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    """|x| with the sign of y, of a zero too: 1 / -0 is negative"""
    x, y = operands(b, out.shape, out.dtype, self, other)
    zero, one = (b.full(out.shape, value, x.dtype) for value in (0, 1))
    size = b.unary(math.AbsFOp, x)
    flipped = b.unary(arith.NegFOp, size)
    of_zero = b.select(b.compare("lt", b.div(one, y), zero), flipped, size)
    return b.cast(b.select(b.compare("lt", y, zero), flipped, of_zero), out.dtype)


@row("hypot.default")
def hypot(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    """Of the larger side a and the smaller c: a sqrt(1 + (c / a)^2), which does not overflow"""
    x, y = (b.unary(math.AbsFOp, x) for x in operands(b, out.shape, out.dtype, self, other))
    large, small = b.binary(arith.MaximumFOp, None, x, y), b.binary(arith.MinimumFOp, None, x, y)
    ratio = b.div(small, large)
    one = b.full(out.shape, 1, x.dtype)
    result = b.mul(large, b.unary(math.SqrtOp, b.add(one, b.mul(ratio, ratio))))
    for whole in (0, pymath.inf):  # where the ratio is none
        same = b.compare("eq", large, b.full(out.shape, whole, x.dtype))
        result = b.select(same, large, result)
    return b.cast(result, out.dtype)


@row("cosh.default")
def cosh(b: Builder, out: Meta, self: Tensor) -> Tensor:
    """exp(|x| - log 2) + exp(-|x| - log 2), which overflows where the result does"""
    (x,) = operands(b, out.shape, out.dtype, self)
    size = b.unary(math.AbsFOp, x)
    half = b.full(out.shape, pymath.log(2), x.dtype)
    return b.cast(
        b.add(b.exp(b.sub(size, half)), b.exp(b.sub(b.unary(arith.NegFOp, size), half))), out.dtype
    )


@row("index_fill.int_Scalar", "index_fill.int_Tensor")
def index_fill(
    b: Builder, out: Meta, self: Tensor, dim: int, index: Tensor, value: Number | Tensor
) -> Tensor:
    """The value where the position is one of the indices; negative ones count from the end"""
    if self.rank == 0 or index.rank != 1:
        raise Unsupported("an index that is no list of positions")
    dim = normal_dim(dim, self.rank)
    plane = (self.shape[dim], index.shape[0])
    at = b.broadcast(b.cast(index, torch.int64), plane, [1])
    positions = b.broadcast(b.iota(plane[0]), plane, [0])
    extent = b.broadcast_to(b.size(plane[0]), plane)
    hits = b.binary(
        None,
        arith.OrIOp,
        b.compare("eq", at, positions),
        b.compare("eq", b.add(at, extent), positions),
    )
    named = b.broadcast(b.reduce("any", hits, [1]), out.shape, [dim])
    if is_number(value):
        filled = b.full(out.shape, value, out.dtype)
    else:
        filled = b.broadcast_to(b.cast(value, out.dtype), out.shape)
    return b.select(named, filled, self)
