# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions and scans. Halves accumulate in f32, integers and booleans sum in i64, as eager."""

from __future__ import annotations

import math as pymath

import torch

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor, compute_dtype
from ..table import Unsupported, row
from .common import normal_dim, normal_dims


def _widened(b: Builder, x: Tensor, dtype: torch.dtype) -> Tensor:
    """`x` converted to the result type, then to the type that eager accumulates it in."""
    return b.cast(b.cast(x, dtype), compute_dtype(dtype))


def _reduced(b: Builder, out: Meta, kind: str, x: Tensor, dims, keepdim: bool) -> Tensor:
    dims = normal_dims(dims, x.rank)
    return b.cast(b.reduce(kind, _widened(b, x, out.dtype), dims, keepdim), out.dtype)


@row("sum.default", "sum.dim_IntList")
def sum_(b: Builder, out: Meta, self: Tensor, dim=None, keepdim=False, dtype=None) -> Tensor:
    return _reduced(b, out, "sum", self, dim, keepdim)


@row("mean.default", "mean.dim")
def mean(b: Builder, out: Meta, self: Tensor, dim=None, keepdim=False, dtype=None) -> Tensor:
    return b.cast(mean_wide(b, _widened(b, self, out.dtype), dim, keepdim), out.dtype)


def mean_wide(b: Builder, x: Tensor, dims, keepdim: bool) -> Tensor:
    dims = normal_dims(dims, x.rank)
    total = b.reduce("sum", x, dims, keepdim)
    count = b.cast(b.element_count([x.shape[dim] for dim in dims]), x.dtype)
    return b.div(total, b.broadcast_to(count, total.shape))


@row("amax.default")
def amax(b: Builder, out: Meta, self: Tensor, dim=(), keepdim=False) -> Tensor:
    return extremum(b, out, "max", self, dim, keepdim)


@row("amin.default")
def amin(b: Builder, out: Meta, self: Tensor, dim=(), keepdim=False) -> Tensor:
    return extremum(b, out, "min", self, dim, keepdim)


@row("max.default")
def max_all(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return extremum(b, out, "max", self, None, False)


@row("min.default")
def min_all(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return extremum(b, out, "min", self, None, False)


def extremum(b: Builder, out: Meta, kind: str, x: Tensor, dims, keepdim: bool) -> Tensor:
    if x.dtype == torch.bool:
        raise Unsupported("the extremum of booleans")
    return _reduced(b, out, kind, x, dims, keepdim)


def _register_logical(kind: str) -> None:
    @row(f"{kind}.default", f"{kind}.dim", f"{kind}.dims")
    def logical(b: Builder, out: Meta, self: Tensor, dim=None, keepdim=False) -> Tensor:
        if out.dtype != torch.bool:
            raise Unsupported(f"{kind} of {self.dtype}")
        dims = normal_dims(dim, self.rank)
        return b.reduce(kind, b.cast(self, torch.bool), dims, keepdim)


_register_logical("any")
_register_logical("all")


@row("prod.default", "prod.dim_int")
def prod(b: Builder, out: Meta, self: Tensor, dim=None, keepdim=False, dtype=None) -> Tensor:
    return _reduced(b, out, "prod", self, dim, keepdim)


@row("logsumexp.default")
def logsumexp(b: Builder, out: Meta, self: Tensor, dim, keepdim=False) -> Tensor:
    if not self.dtype.is_floating_point:
        raise Unsupported("logsumexp of integers")
    x = _widened(b, self, out.dtype)
    total = logsumexp_wide(b, x, normal_dims(dim, x.rank))
    return b.cast(b.reshape(total, out.shape), out.dtype)


def logsumexp_wide(b: Builder, x: Tensor, dims: list[int]) -> Tensor:
    """m + log(sum exp(x - m)), with m = max x where that is finite, else 0"""
    top = b.reduce("max", x, dims)
    infinite = b.compare("eq", b.unary(math.AbsFOp, top), b.full(top.shape, pymath.inf, x.dtype))
    top = b.select(infinite, b.full(top.shape, 0, x.dtype), top)
    powers = b.exp(b.sub(x, b.spread(top, x.shape, dims)))
    return b.add(top, b.log(b.reduce("sum", powers, dims)))


def _register_scan(name: str, kind: str) -> None:
    @row(f"{name}.default")
    def scan(b: Builder, out: Meta, self: Tensor, dim, dtype=None) -> Tensor:
        if self.rank == 0:
            raise Unsupported(f"{name} of a scalar")
        x = _widened(b, self, out.dtype)
        return b.cast(b.scan(kind, x, normal_dim(dim, self.rank)), out.dtype)


_register_scan("cumsum", "sum")
_register_scan("cumprod", "prod")


def _register_running_extremum(name: str, kind: str) -> None:
    @row(f"{name}.default")
    def extremum(b: Builder, out: list[Meta], self: Tensor, dim):
        if self.dtype == torch.bool or self.rank == 0:
            raise Unsupported(f"{name} of booleans or of a scalar")
        dim = normal_dim(dim, self.rank)
        value = b.scan(kind, self, dim)
        if b.used_results is not None and 1 not in b.used_results:
            return [value, None]
        # The last position so far that holds the extremum (or NaN): max of positions where it is.
        found = b.compare("eq", self, value)
        if self.dtype.is_floating_point:
            found = b.binary(None, arith.OrIOp, found, b.compare("ne", self, self))
        positions = b.broadcast(b.iota(self.shape[dim]), self.shape, [dim])
        positions = b.select(found, positions, b.full(self.shape, 0, torch.int64))
        return [value, b.scan("max", positions, dim)]


_register_running_extremum("cummax", "max")
_register_running_extremum("cummin", "min")


# ---- normalisations ---------------------------------------------------------------------------


@row("rms_norm.default")
def rms_norm(
    b: Builder, out: Meta, input: Tensor, normalized_shape, weight=None, eps=None
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, in the compute type"""
    x = b.cast(input, compute_dtype(input.dtype))
    if eps is None:
        # Eager takes the epsilon of the type that it computes in.
        eps = torch.finfo(x.dtype).eps
    dims = list(range(x.rank - len(normalized_shape), x.rank))
    square = mean_wide(b, b.mul(x, x), dims, False)
    scale = b.unary(math.RsqrtOp, b.add(square, b.full(square.shape, eps, x.dtype)))
    y = b.mul(x, b.spread(scale, x.shape, dims))
    if weight is not None:
        if weight.dtype != input.dtype:
            raise Unsupported("a weight of another type than the input")
        y = b.mul(y, b.broadcast_to(b.cast(weight, x.dtype), x.shape))
    return b.cast(y, out.dtype)


@row("layer_norm.default")
def layer_norm(
    b: Builder,
    out: Meta,
    input: Tensor,
    normalized_shape,
    weight=None,
    bias=None,
    eps=1e-5,
    cudnn_enable=True,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, in the compute type"""
    x = b.cast(input, compute_dtype(input.dtype))
    dims = list(range(x.rank - len(normalized_shape), x.rank))
    centre = b.spread(mean_wide(b, x, dims, False), x.shape, dims)
    y = b.sub(x, centre)
    variance = mean_wide(b, b.mul(y, y), dims, False)
    scale = b.unary(math.RsqrtOp, b.add(variance, b.full(variance.shape, eps, x.dtype)))
    y = b.mul(y, b.spread(scale, x.shape, dims))
    if weight is not None:
        y = b.mul(y, b.broadcast_to(b.cast(weight, x.dtype), x.shape))
    if bias is not None:
        y = b.add(y, b.broadcast_to(b.cast(bias, x.dtype), x.shape))
    return b.cast(y, out.dtype)
