# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of each channel by itself, as sums of shifted tensors.

    y[.., i] = bias + sum over taps a of w[a] x[.., i + dilation a - padding],  x = 0 outside

Such are smoothed scores and weights of attention, and short convolutions of keys. One of a single
tap is a contraction over channels: a projection, or heads that are mixed. Others that mix channels,
or step over positions, are products with many weights and stay with PyTorch.
"""

from __future__ import annotations

import itertools
import string

from ..builder import Builder, Meta, Tensor, compute_dtype
from ..symbols import is_static
from ..table import Unsupported, row
from .common import is_number

# Every tap is a term of its own, and a load of its own in a kernel.
_MOST_TAPS = 16


def _each(value, rank: int) -> list[int]:
    values = [value] if is_number(value) else list(value)
    return values * rank if len(values) == 1 else values


def _paddings(padding, taps: tuple[int, ...], dilation: list[int]) -> list[tuple[int, int]]:
    """Before and after each dim."""
    if padding == "valid":
        return [(0, 0)] * len(taps)
    if padding == "same":
        spans = [step * (size - 1) for size, step in zip(taps, dilation, strict=True)]
        return [(span // 2, span - span // 2) for span in spans]
    return [(amount, amount) for amount in _each(padding, len(taps))]


@row("conv1d.default", "conv1d.padding", "conv2d.default", "conv2d.padding")
def convolution(
    b: Builder,
    out: Meta,
    input: Tensor,
    weight: Tensor,
    bias=None,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
) -> Tensor:
    rank = weight.rank - 2
    taps = weight.shape[2:]
    channels = weight.shape[0]
    if input.rank != rank + 2 or not all(is_static(extent) for extent in input.shape[1:]):
        raise Unsupported("a convolution without a batch, or of symbolic extents")
    count = 1
    for size in taps:
        count *= size
    steps = any(step != 1 for step in _each(stride, rank))
    if len({x.dtype for x in (input, weight, bias) if x is not None}) != 1:
        raise Unsupported("operands of different types")
    wide = compute_dtype(out.dtype)
    if groups == 1 and count == 1 and not steps and out.shape[2:] == input.shape[2:]:
        return b.cast(_of_channels(b, input, weight, bias, out), out.dtype)
    if groups != channels or input.shape[1] != channels:
        raise Unsupported("a convolution that mixes channels")
    dilation = _each(dilation, rank)
    if steps or count > _MOST_TAPS:
        raise Unsupported("a convolution that steps over positions, or with very many taps")
    x = b.cast(input, wide)
    for i, (before, after) in enumerate(_paddings(padding, taps, dilation)):
        x = _padded(b, x, 2 + i, before, after)
    factors = b.cast(b.reshape(weight, (channels, *taps)), wide)
    total = None
    for place in itertools.product(*(range(size) for size in taps)):
        term, factor = x, factors
        for i, tap in enumerate(place):
            term = b.slice(term, 2 + i, tap * dilation[i], 1, out.shape[2 + i])
            factor = b.slice(factor, 1 + i, tap, 1, 1)
        factor = b.broadcast(b.reshape(factor, (channels,)), out.shape, [1])
        term = b.mul(term, factor)
        total = term if total is None else b.add(total, term)
    if bias is not None:
        total = b.add(total, b.broadcast(b.cast(bias, wide), out.shape, [1]))
    return b.cast(total, out.dtype)


def _of_channels(b: Builder, x: Tensor, weight: Tensor, bias, out: Meta) -> Tensor:
    """One tap: a product over channels at each position, before the rounding."""
    places = string.ascii_lowercase[: x.rank - 2]
    matrix = b.reshape(weight, weight.shape[:2])
    total = b.contract_wide(x, matrix, f"zx{places},yx->zy{places}", out.dtype)
    if bias is None:
        return total
    return b.add(total, b.broadcast(b.cast(bias, total.dtype), total.shape, [1]))


def _padded(b: Builder, x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Zeros before and after a dim."""

    def zeros(width: int) -> list[Tensor]:
        shape = (*x.shape[:dim], width, *x.shape[dim + 1 :])
        return [b.full(shape, 0, x.dtype)] if width else []

    parts = [*zeros(before), x, *zeros(after)]
    return x if len(parts) == 1 else b.concat(parts, dim)
