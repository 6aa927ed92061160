# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`flex_attention`, the higher-order op of an exported program, by its meaning.

    s = where(mask_mod(b, h, i, j), score_mod(scale q k', b, h, i, j), -inf)    in f32, or f64
    out = safe_softmax(s) v,   lse = logsumexp(s) / ln 2,   top = max s / ln 2

The two functions are graphs on scalars. PyTorch maps them over grids of positions, as its own
definition of the op does, and the result is an ordinary graph of ATen ops. Positions are ranges
there, so that masks become comparisons of axes, and reads of captured tensors become gathers. The
tables of blocks say nothing that the mask does not: PyTorch's definition does not read them either.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from .builder import Builder, Tensor
from .expand import trace
from .ranges import interval
from .rows.attention import repeat_heads, safe_softmax_wide, terms
from .rows.common import is_number
from .rows.contractions import pair
from .rows.reductions import logsumexp_wide
from .table import Unsupported

TARGET = "flex_attention"


def modified_scores(node: fx.Node) -> tuple[fx.GraphModule, list[fx.Node]]:
    """The graph of (modified scores, mask), and the nodes that its arguments stand for.

    Its placeholders are the query, the key, the scores, and what the two functions captured.
    """
    query, key, _, score_mod, block_mask, _, _, of_scores, of_mask = node.args
    functions = [_function(score_mod), _function(block_mask[-1])]
    captured = [*of_scores, *of_mask]
    if not all(isinstance(entry, fx.Node) for entry in captured):
        raise Unsupported("score or mask functions that captured something other than tensors")
    values = [operand.meta["val"] for operand in (query, key, *captured)]
    with values[0].fake_mode:
        shape = (*values[0].shape[:3], values[1].shape[2])
        # Without strides of its own: tracing cannot write products of many symbols.
        one = torch.empty(1, dtype=_working(values[0].dtype), device=values[0].device)
        scores = one.expand(shape)

    def call(query: torch.Tensor, key: torch.Tensor, scores: torch.Tensor, *given: torch.Tensor):
        sizes = (*query.shape[:3], key.shape[2])
        grids = [torch.arange(size, device=query.device) for size in sizes]
        split = len(of_scores)
        return (
            _mapped(functions[0], [scores], grids, given[:split]),
            _mapped(functions[1], [], grids, given[split:]),
        )

    arguments = [*values[:2], scores, *values[2:]]
    return trace(call, arguments, "its score or mask function is not traced"), captured


def _mapped(function: fx.GraphModule, scores: list, grids: list, captured: tuple) -> torch.Tensor:
    from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
    from torch.nn.attention.flex_attention import _vmap_for_bhqkv

    over = _vmap_for_bhqkv(function, prefix=(0,) * len(scores), suffix=(None,) * len(captured))
    with TransformGetItemToIndex():
        return over(*scores, *grids, *captured)


def _function(node: Any) -> fx.GraphModule:
    found = node.meta.get("flashlight.attribute") if isinstance(node, fx.Node) else None
    if not isinstance(found, fx.GraphModule):
        raise Unsupported("a score or mask function that is not a graph")
    return found


def _working(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def scaled_scores(b: Builder, query: Tensor, key: Tensor, scale: Any) -> Tensor:
    """scale q k' in the working type; products of halves are exact in it."""
    if query.rank != 4 or key.rank != 4 or query.dtype != key.dtype:
        raise Unsupported("queries and keys of different types, or not of rank 4")
    if not is_number(scale):
        raise Unsupported("a symbolic scale")
    key = repeat_heads(b, key, query)
    letters = terms(query, key, "md", "nd", "mn")
    scores = pair(b, query, key, *letters, query.dtype, wide=True)
    return b.mul(scores, b.full(scores.shape, scale, scores.dtype))


def attend(
    b: Builder,
    query: Tensor,
    value: Tensor,
    scores: Tensor,
    mask: Tensor,
) -> list[Tensor | None]:
    """The op's results, from modified scores and the mask."""
    lowest = b.full(scores.shape, -math.inf, scores.dtype)
    if interval(mask.value) != (1, 1):
        scores = b.select(b.broadcast_to(mask, scores.shape), scores, lowest)
    used = b.used_results
    results: list[Tensor | None] = [None, None, None]
    last = scores.rank - 1
    natural = math.log(2)
    if used is None or 0 in used:
        weights = b.cast(safe_softmax_wide(b, scores, last), query.dtype)
        value = repeat_heads(b, b.cast(value, query.dtype), query)
        letters = terms(weights, value, "mn", "ne", "me")
        results[0] = pair(b, weights, value, *letters, query.dtype)
    if used is None or 1 in used:
        total = logsumexp_wide(b, scores, [last])
        results[1] = b.div(total, b.full(total.shape, natural, total.dtype))
    if used is None or 2 in used:
        top = b.reduce("max", scores, [last])
        results[2] = b.div(top, b.full(top.shape, natural, top.dtype))
    return results
