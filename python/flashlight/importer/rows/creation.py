# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors that come from numbers: constants, ranges, triangles."""

from __future__ import annotations

import torch

from ...mlir.dialects import arith
from ..builder import COMPUTED, Builder, Meta, Tensor
from ..symbols import Dim, is_static
from ..table import Unsupported, row
from .common import Number, is_number


def _filled(b: Builder, out: Meta, number: Number | Dim) -> Tensor:
    if out.dtype not in COMPUTED:
        raise Unsupported(f"{out.dtype} is not computed in kernels")
    if isinstance(number, Tensor):
        return b.broadcast_to(b.cast(number, out.dtype), out.shape)
    if is_number(number):
        return b.full(out.shape, number, out.dtype)
    return b.broadcast_to(b.cast(b.size(number), out.dtype), out.shape)


@row(
    "full.default",
    "new_full.default",
    "full_like.default",
    "scalar_tensor.default",
    "fill.Scalar",
    "fill.Tensor",
)
def full(
    b: Builder, out: Meta, self=None, size=None, fill_value=None, s=None, value=None, dtype=None
):
    number = next(x for x in (fill_value, s, value) if x is not None)
    return _filled(b, out, number)


# Elements that nobody wrote may be anything: zeros, too.
@row("empty.memory_format", "empty_like.default", "new_empty.default", "empty_permuted.default")
def empty(b: Builder, out: Meta, self=None, size=None, physical_layout=None, dtype=None) -> Tensor:
    return _filled(b, out, 0)


@row("zeros.default", "zeros_like.default", "new_zeros.default", "zero.default")
def zeros(b: Builder, out: Meta, self=None, size=None, dtype=None) -> Tensor:
    return _filled(b, out, 0)


@row("ones.default", "ones_like.default", "new_ones.default")
def ones(b: Builder, out: Meta, self=None, size=None, dtype=None) -> Tensor:
    return _filled(b, out, 1)


@row("arange.default", "arange.start", "arange.start_step")
def arange(b: Builder, out: Meta, start: Number | Dim = 0, end=None, step: Number = 1, dtype=None):
    """start + step * iota, in i64 where both are integers, else in f64 (as eager computes it)"""
    positions = b.iota(out.shape[0])
    integral = all(not isinstance(x, float) or x.is_integer() for x in (start, step))
    kind = torch.int64 if integral else torch.float64
    x = b.cast(positions, kind)
    if step != 1:
        x = b.mul(x, b.broadcast_to(_number(b, step, kind), x.shape))
    if start != 0:
        x = b.add(x, b.broadcast_to(_number(b, start, kind), x.shape))
    return b.cast(x, out.dtype)


def _number(b: Builder, x: Number | Dim, dtype: torch.dtype) -> Tensor:
    return b.scalar(x, dtype) if is_number(x) else b.cast(b.size(x), dtype)


@row("eye.default", "eye.m")
def eye(b: Builder, out: Meta, n: Dim, m: Dim | None = None, dtype=None) -> Tensor:
    rows, columns = (b.broadcast(b.iota(out.shape[i]), out.shape, [i]) for i in (0, 1))
    return b.cast(b.compare("eq", rows, columns), out.dtype)


@row("triu.default")
def triu(b: Builder, out: Meta, self: Tensor, diagonal=0) -> Tensor:
    return _triangle(b, self, "ge", diagonal)


@row("tril.default")
def tril(b: Builder, out: Meta, self: Tensor, diagonal=0) -> Tensor:
    return _triangle(b, self, "le", diagonal)


def _triangle(b: Builder, x: Tensor, how: str, diagonal: Number | Dim) -> Tensor:
    """Keeps the elements with j - i at or above (below) the diagonal; the others are 0."""
    last = x.rank - 1
    rows = b.iota(x.shape[last - 1])
    if not (is_static(diagonal) and diagonal == 0):
        rows = b.add(rows, b.broadcast_to(_number(b, diagonal, torch.int64), rows.shape))
    plane = x.shape[last - 1 :]
    keep = b.compare(
        how, b.broadcast(b.iota(x.shape[last]), plane, [1]), b.broadcast(rows, plane, [0])
    )
    if x.dtype == torch.bool:
        return b.binary(None, arith.AndIOp, x, b.broadcast_to(keep, x.shape))
    return b.select(b.broadcast_to(keep, x.shape), x, b.full(x.shape, 0, x.dtype))
