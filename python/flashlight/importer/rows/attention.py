# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softmax and scaled dot product attention, written out. Below this file nobody knows them.

softmax:  m = max x,  e = exp(x - m),  e / sum e. A row of -inf gives NaN, as in eager.
SDPA:     s = scale q k' + bias, -inf where masked; a row in which everything is -inf gives 0.
"""

from __future__ import annotations

import math as pymath

import torch

from ..builder import Builder, Meta, Tensor, compute_dtype
from ..symbols import is_static
from ..table import Unsupported, row
from .common import is_number, normal_dim
from .contractions import pair
from .parts import repeat_dim

_LETTERS = "bhgtuvw"


def softmax_wide(b: Builder, x: Tensor, dim: int) -> Tensor:
    top = b.reduce("max", x, [dim])
    powers = b.exp(b.sub(x, b.spread(top, x.shape, [dim])))
    total = b.reduce("sum", powers, [dim])
    return b.div(powers, b.spread(total, x.shape, [dim]))


def safe_softmax_wide(b: Builder, x: Tensor, dim: int) -> Tensor:
    """As softmax, but a row in which everything is -inf gives 0."""
    lowest = b.full(x.shape, -pymath.inf, x.dtype)
    alive = b.reduce("any", b.compare("ne", x, lowest), [dim])
    zero = b.full(x.shape, 0, x.dtype)
    return b.select(b.spread(alive, x.shape, [dim]), softmax_wide(b, x, dim), zero)


def _prepared(b: Builder, out: Meta, x: Tensor, dim: int) -> tuple[Tensor, int]:
    if not out.dtype.is_floating_point or x.rank == 0:
        raise Unsupported("the softmax of integers or of a scalar")
    # With half_to_float, and with dtype, eager widens first: `out` has the type it computes in.
    return b.cast(b.cast(x, out.dtype), compute_dtype(out.dtype)), normal_dim(dim, x.rank)


@row("softmax.int", "_softmax.default")
def softmax(
    b: Builder, out: Meta, self: Tensor, dim: int, dtype=None, half_to_float=False
) -> Tensor:
    x, dim = _prepared(b, out, self, dim)
    return b.cast(softmax_wide(b, x, dim), out.dtype)


@row("_safe_softmax.default")
def safe_softmax(b: Builder, out: Meta, self: Tensor, dim: int, dtype=None) -> Tensor:
    x, dim = _prepared(b, out, self, dim)
    return b.cast(safe_softmax_wide(b, x, dim), out.dtype)


@row("log_softmax.int", "_log_softmax.default")
def log_softmax(
    b: Builder, out: Meta, self: Tensor, dim: int, dtype=None, half_to_float=False
) -> Tensor:
    """x - m - log(sum exp(x - m))"""
    x, dim = _prepared(b, out, self, dim)
    top = b.reduce("max", x, [dim])
    shifted = b.sub(x, b.spread(top, x.shape, [dim]))
    total = b.log(b.reduce("sum", b.exp(shifted), [dim]))
    return b.cast(b.sub(shifted, b.spread(total, x.shape, [dim])), out.dtype)


@row("scaled_dot_product_attention.default")
def sdpa(
    b: Builder,
    out: Meta,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask=None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale=None,
    enable_gqa: bool = False,
):
    if dropout_p != 0:
        raise Unsupported("attention dropout")
    if len({query.dtype, key.dtype, value.dtype}) != 1 or not query.dtype.is_floating_point:
        raise Unsupported("queries, keys and values of different or integer types")
    if query.rank < 2 or query.rank > len(_LETTERS) + 2:
        raise Unsupported(f"attention on tensors of rank {query.rank}")
    if enable_gqa:
        key = repeat_heads(b, key, query)
        value = repeat_heads(b, value, query)
    scores = _scores(b, query, key, scale)
    scores = _masked(b, scores, attn_mask, is_causal)
    weights = safe_softmax_wide(b, scores, scores.rank - 1)
    weights = b.cast(weights, out.dtype)
    left, right, result = terms(weights, value, "mn", "ne", "me")
    return pair(b, weights, value, left, right, result, out.dtype)


def terms(x: Tensor, y: Tensor, left: str, right: str, result: str) -> tuple[str, str, str]:
    """Batch letters, right-aligned, before the given ones."""
    batch = max(x.rank, y.rank) - 2
    letters = _LETTERS[:batch]
    return (
        letters[batch - (x.rank - 2) :] + left,
        letters[batch - (y.rank - 2) :] + right,
        letters + result,
    )


def _scores(b: Builder, query: Tensor, key: Tensor, scale) -> Tensor:
    left, right, result = terms(query, key, "md", "nd", "mn")
    scores = pair(b, query, key, left, right, result, query.dtype, wide=True)
    if scale is None:
        width = query.shape[-1]
        if not is_static(width):
            raise Unsupported("a symbolic width, which the scale depends on")
        scale = 1 / pymath.sqrt(width)
    elif not is_number(scale):
        raise Unsupported("a symbolic scale")
    return b.mul(scores, b.full(scores.shape, scale, scores.dtype))


def _masked(b: Builder, scores: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    if is_causal:
        keep = b.compare("ge", *_positions(b, scores.shape))
        lowest = b.full(scores.shape, -pymath.inf, scores.dtype)
        scores = b.select(keep, scores, lowest)
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        lowest = b.full(scores.shape, -pymath.inf, scores.dtype)
        return b.select(b.broadcast_to(mask, scores.shape), scores, lowest)
    return b.add(scores, b.broadcast_to(b.cast(mask, scores.dtype), scores.shape))


def _positions(b: Builder, shape: tuple) -> tuple[Tensor, Tensor]:
    """The query's and the key's position for every score, counted from the first of each."""
    last = len(shape) - 1
    rows = b.broadcast(b.iota(shape[last - 1]), shape, [last - 1])
    columns = b.broadcast(b.iota(shape[last]), shape, [last])
    return rows, columns


def repeat_heads(b: Builder, x: Tensor, query: Tensor) -> Tensor:
    """A head of keys for every head of queries: head h reads head h // (Hq / Hkv)."""
    heads, wanted = x.shape[-3], query.shape[-3]
    if not (is_static(heads) and is_static(wanted)) or wanted % heads:
        raise Unsupported("grouped heads of symbolic number")
    shape = (*x.shape[:-3], wanted, *x.shape[-2:])
    return repeat_dim(b, x, x.rank - 3, wanted // heads, shape)
