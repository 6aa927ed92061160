# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Variances, vector norms, and where an extremum stands."""

from __future__ import annotations

import math as pymath

import torch

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor, compute_dtype
from ..symbols import is_static, product
from ..table import Unsupported, row
from .common import is_number, normal_dim, normal_dims
from .reductions import extremum, mean_wide


def _variance(b: Builder, x: Tensor, dims: list[int], correction) -> Tensor:
    """sum (x - mean)^2 / max(0, n - correction), in two passes as eager's error bound asks."""
    centre = b.spread(mean_wide(b, x, dims, False), x.shape, dims)
    apart = b.sub(x, centre)
    total = b.reduce("sum", b.mul(apart, apart), dims)
    count = product([x.shape[dim] for dim in dims])
    if not is_static(count) or not is_number(correction):
        raise Unsupported("the variance of a symbolic number of elements")
    return b.div(total, b.full(total.shape, max(0.0, count - correction), x.dtype))


@row("var.correction")
def var(b: Builder, out: Meta, self: Tensor, dim=None, correction=None, keepdim=False) -> Tensor:
    dims = normal_dims(dim, self.rank)
    x = b.cast(self, compute_dtype(out.dtype))
    correction = 1 if correction is None else correction
    return b.cast(b.reshape(_variance(b, x, dims, correction), out.shape), out.dtype)


@row("var_mean.correction")
def var_mean(
    b: Builder, out: list[Meta], self: Tensor, dim=None, correction=None, keepdim=False
) -> list[Tensor]:
    variance = var(b, out[0], self, dim, correction, keepdim)
    dims = normal_dims(dim, self.rank)
    centre = mean_wide(b, b.cast(self, compute_dtype(out[1].dtype)), dims, False)
    return [variance, b.cast(b.reshape(centre, out[1].shape), out[1].dtype)]


@row("linalg_vector_norm.default")
def vector_norm(
    b: Builder, out: Meta, self: Tensor, ord=2, dim=None, keepdim=False, dtype=None
) -> Tensor:
    """(sum |x|^p)^(1/p); the largest (least) |x| for p = (-)inf, the count of x != 0 for p = 0"""
    if not self.dtype.is_floating_point:
        raise Unsupported("a norm of complex numbers")
    dims = normal_dims(dim, self.rank)
    x = b.cast(b.cast(self, out.dtype), compute_dtype(out.dtype))
    size = b.unary(math.AbsFOp, x)
    if ord in (pymath.inf, -pymath.inf):
        result = b.reduce("max" if ord > 0 else "min", size, dims)
    elif ord == 0:
        nonzero = b.compare("ne", x, b.full(x.shape, 0, x.dtype))
        result = b.reduce("sum", b.cast(nonzero, x.dtype), dims)
    elif ord == 1:
        result = b.reduce("sum", size, dims)
    elif ord == 2:
        result = b.unary(math.SqrtOp, b.reduce("sum", b.mul(x, x), dims))
    else:
        powers = b.binary(math.PowFOp, None, size, b.full(x.shape, ord, x.dtype))
        total = b.reduce("sum", powers, dims)
        result = b.binary(math.PowFOp, None, total, b.full(total.shape, 1 / ord, x.dtype))
    return b.cast(b.reshape(result, out.shape), out.dtype)


@row("_cdist_forward.default")
def cdist(b: Builder, out: Meta, x1: Tensor, x2: Tensor, p, compute_mode=None) -> Tensor:
    """The norm of x1[.., m, :] - x2[.., n, :], by differences: by products it would cancel"""
    shape = (*out.shape, x1.shape[-1])
    dim = len(out.shape)
    rows = b.broadcast_to(b.unsqueeze(x1, x1.rank - 1), shape)
    columns = b.broadcast_to(b.unsqueeze(x2, x2.rank - 2), shape)
    return vector_norm(b, out, b.sub(rows, columns), p, [dim])


def first_extremum(b: Builder, kind: str, x: Tensor, dim: int) -> Tensor:
    """The first position along `dim` that holds the extremum, or the first NaN: an i64.

    min over n of (n where x == max x or x is NaN, else the largest i64, which is no position). The
    extremum is NaN where an element is.
    """
    extremum = b.spread(b.reduce(kind, x, [dim]), x.shape, [dim])
    found = b.compare("eq", x, extremum)
    if x.dtype.is_floating_point:
        found = b.binary(None, arith.OrIOp, found, b.compare("ne", x, x))
    positions = b.broadcast(b.iota(x.shape[dim]), x.shape, [dim])
    beyond = b.full(x.shape, torch.iinfo(torch.int64).max, torch.int64)
    return b.reduce("min", b.select(found, positions, beyond), [dim])


def _register_position(name: str, kind: str) -> None:
    @row(f"{name}.default")
    def position(b: Builder, out: Meta, self: Tensor, dim=None, keepdim=False) -> Tensor:
        if self.dtype == torch.bool or self.rank == 0:
            raise Unsupported(f"{name} of booleans or of a scalar")
        x = b.cast(self, compute_dtype(self.dtype))
        if dim is None:
            x = b.reshape(x, (product(x.shape),))
        where = first_extremum(b, kind, x, 0 if dim is None else normal_dim(dim, x.rank))
        return b.reshape(where, out.shape)


_register_position("argmax", "max")
_register_position("argmin", "min")


def _register_extremum_along(kind: str) -> None:
    @row(f"{kind}.dim")
    def along(b: Builder, out: list[Meta], self: Tensor, dim, keepdim=False):
        value = extremum(b, out[0], kind, self, dim, keepdim)
        if b.used_results is not None and 1 not in b.used_results:
            return [value, None]
        if self.rank == 0:
            raise Unsupported("the index of the extremum of a scalar")
        x = b.cast(self, compute_dtype(self.dtype))
        where = first_extremum(b, kind, x, normal_dim(dim, x.rank))
        return [value, b.reshape(where, out[1].shape)]


_register_extremum_along("max")
_register_extremum_along("min")
