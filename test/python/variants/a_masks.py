# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class A: softmax with a mask. One kernel, one pass."""

import math

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

full = Variant("A", "full")


@full("BHSD BHND BHNE")
def matmul(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


@full("BSHD BNHD BNHE")
def einsum_bshd(q, k, v):
    scores = torch.einsum("bqhd,bkhd->bhqk", q * 0.5, k * 0.5)
    return torch.einsum("bhqk,bkhe->bqhe", scores.softmax(-1), v)


@full("BSD BND BNE BSN")
def baddbmm(q, k, v, b):
    scores = torch.baddbmm(b, q, k.transpose(1, 2), beta=0.0, alpha=0.25)
    return torch.bmm(F.softmax(scores, -1), v)


@full("BHSD BHND BHNE")
def transposed_scores(q, k, v):
    scores = k @ q.mT * 0.2
    return scores.softmax(-2).mT @ v


@full("BHSD BHND BHNE")
def by_hand(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    top = scores.amax(-1, keepdim=True)
    weights = torch.exp(scores - top)
    return (weights @ v) / weights.sum(-1, keepdim=True)


@full("BHSD BHND BHNE")
def by_exp2(q, k, v):
    scores = q @ k.mT * (0.2 * 1.4426950408889634)
    weights = torch.exp2(scores - scores.max(-1, keepdim=True).values)
    weights = weights / weights.sum(-1, keepdim=True)
    return weights @ v


@full("BHSD BHND BHNE")
def by_log_softmax(q, k, v):
    return F.log_softmax(q @ k.mT * 0.2, -1).exp() @ v


@full("BHSD BHND BHNE", sizes={"dtype": torch.bfloat16})
def float_softmax(q, k, v):
    scores = (q * 0.25) @ k.mT
    return F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype) @ v


@full("BHSD BHND BHNE", sizes={"dtype": torch.float16})
def float_scores(q, k, v):
    scores = torch.matmul(q, k.mT).float() * 0.25
    return torch.matmul(torch.softmax(scores, -1).type_as(v), v)


@full("SD ND NE")
def two_dims(q, k, v):
    return F.softmax(q @ k.T * 0.25, -1) @ v


@full("HD HND HNE")
def one_query(q, k, v):
    scores = torch.einsum("hd,hnd->hn", q, k)
    return torch.einsum("hn,hne->he", torch.softmax(scores, -1), v)


@full("BHSD")
def one_tensor(x):
    return torch.softmax(x @ x.mT * 0.25, -1) @ x


@full("BHSD BHND BHNE", sizes={"dtype": torch.float64})
def double(q, k, v):
    return F.softmax(q @ k.mT * 0.2, -1) @ v


@full("BHSD BHND BHNE")
def vmapped(q, k, v):
    def head(q, k, v):
        return torch.softmax(q @ k.T * 0.25, -1) @ v

    return torch.func.vmap(torch.func.vmap(head))(q, k, v)


@full("BHSD BHND BHNE")
def sum_as_a_column(q, k, v):
    """The divisor is the product with a further column of the values, of ones."""
    scores = q @ k.mT * 0.25
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    both = e @ torch.cat([v, torch.ones_like(v[..., :1])], -1)
    return both[..., :-1] / both[..., -1:]


@full("BHSD BHND BHNE", large=False)
def online_by_hand(q, k, v):
    """FlashAttention as a loop in Python."""
    top = torch.full((*q.shape[:3], 1), -INF)
    total, out = torch.zeros_like(top), torch.zeros(*q.shape[:3], v.shape[-1])
    for keys, values in zip(k.split(40, 2), v.split(40, 2), strict=True):
        scores = q @ keys.mT * 0.25
        before, top = top, torch.maximum(top, scores.amax(-1, keepdim=True))
        weights, moved = torch.exp(scores - top), torch.exp(before - top)
        total = total * moved + weights.sum(-1, keepdim=True)
        out = out * moved + weights @ values
    return out / total


causal = Variant("A", "causal")


@causal("BHSD BHSD BHSE")
def triu_masked_fill(q, k, v):
    size = q.shape[-2]
    mask = torch.triu(torch.ones(size, size, dtype=torch.bool), diagonal=1)
    scores = q @ k.mT * 0.25
    return scores.masked_fill(mask, -INF).softmax(-1) @ v


@causal("BHSD BHSD BHSE")
def arange_where(q, k, v):
    i = torch.arange(q.shape[-2])
    scores = q @ k.mT * 0.25
    scores = torch.where(i[:, None] >= i[None, :], scores, torch.finfo(scores.dtype).min)
    return scores.softmax(-1) @ v


@causal("BHSD BHSD BHSE")
def additive(q, k, v):
    size = q.shape[-2]
    mask = torch.full((size, size), -INF, dtype=q.dtype).triu(1)
    return torch.softmax(q @ k.mT * 0.25 + mask, -1) @ v


@causal("BHSD BHSD BHSE")
def multiplied_mask(q, k, v):
    """As GPT-2 was first published."""
    size = q.shape[-2]
    keep = torch.tril(torch.ones(size, size, dtype=q.dtype))
    scores = q @ k.mT * 0.25
    scores = scores * keep - 1e4 * (1 - keep)
    return scores.softmax(-1) @ v


@causal("BSHD BSHD BSHE")
def einsum_float_min(q, k, v):
    size = q.shape[1]
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) * 0.25
    i, j = torch.arange(size).view(-1, 1), torch.arange(size).view(1, -1)
    scores = scores + (j > i) * torch.finfo(q.dtype).min
    return torch.einsum("bhqk,bkhe->bqhe", scores.softmax(-1), v)


@causal("BHSD BHND BHNE")
def last_rows(q, k, v):
    """Queries are the last of the sequence: the diagonal ends in the corner."""
    rows, keys = q.shape[-2], k.shape[-2]
    keep = torch.ones(rows, keys, dtype=torch.bool).tril(keys - rows)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


window = Variant("A", "sliding window")


@window("BHSD BHSD BHSE")
def at_most(q, k, v):
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(q.shape[-2])[None]
    keep = (i - j <= 16) & (i >= j)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


@window("BHSD BHSD BHSE")
def less_than(q, k, v):
    i = torch.arange(q.shape[-2])
    distance = i.unsqueeze(-1) - i
    scores = torch.where((distance < 17) & (distance >= 0), q @ k.mT * 0.25, -1e9)
    return scores.softmax(-1) @ v


@window("BHSD BHSD BHSE")
def band(q, k, v):
    size = q.shape[-2]
    keep = torch.ones(size, size, dtype=torch.bool).tril().triu(-16)
    mask = torch.zeros(size, size, dtype=q.dtype).masked_fill(~keep, -INF)
    return torch.softmax(q @ k.mT * 0.25 + mask, -1) @ v


@window("BHSD BHSD BHSE")
def both_sides(q, k, v):
    i = torch.arange(q.shape[-2])
    far = (i[:, None] - i[None]).abs() > 9
    return (q @ k.mT * 0.25).masked_fill(far, -INF).softmax(-1) @ v


prefix = Variant("A", "prefix LM")


@prefix("BHSD BHSD BHSE")
def written_in_place(q, k, v):
    """The first keys are seen by all, the others get a bias of their own."""
    scores = q @ k.mT * 0.25
    causal = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    masked = scores.masked_fill(~causal, -INF)
    masked[..., :3] = scores[..., :3]
    masked[..., 5:] += 0.5
    return masked.softmax(-1) @ v


@prefix("BHSD BHSD BHSE")
def logical_or(q, k, v):
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(q.shape[-2])[None]
    keep = (j < 20) | (i >= j)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


@prefix("BHSD BHSD BHSE len.B")
def length_tensor(q, k, v, prefix):
    i = torch.arange(q.shape[-2])
    keep = torch.logical_or(i < prefix[:, None, None, None], i[:, None] >= i)
    scores = torch.where(keep, q @ k.mT * 0.25, torch.finfo(q.dtype).min)
    return scores.softmax(-1) @ v


@prefix("BHSD BHSD BHSE")
def filled_block(q, k, v):
    size = q.shape[-2]
    mask = torch.full((size, size), -INF, dtype=q.dtype).triu(1)
    mask = torch.where(torch.arange(size) < 20, 0.0, mask).to(q.dtype)
    return torch.softmax(q @ k.mT * 0.25 + mask, -1) @ v


document = Variant("A", "document mask")


@document("BHSD BHSD BHSE doc.BS")
def equal(q, k, v, doc):
    same = doc[:, None, :, None] == doc[:, None, None, :]
    return (q @ k.mT * 0.25).masked_fill(~same, -INF).softmax(-1) @ v


@document("BHSD BHSD BHSE doc.BS")
def causal_and_equal(q, k, v, doc):
    i = torch.arange(q.shape[-2])
    keep = (doc.unsqueeze(-1) == doc.unsqueeze(-2)) & (i[:, None] >= i)
    scores = torch.where(keep[:, None], q @ k.mT * 0.25, -INF)
    return scores.softmax(-1) @ v


@document("BHSD BHSD BHSE doc.BS")
def additive_difference(q, k, v, doc):
    other = (doc[:, :, None] - doc[:, None, :]).ne(0)
    bias = other[:, None].to(q.dtype) * -1e9
    return torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25 + bias, -1) @ v


@document("BSHD BSHD BSHE doc.S")
def one_row_of_numbers(q, k, v, doc):
    keep = doc.int()[None] == doc.int()[:, None]
    scores = torch.einsum("bihd,bjhd->bijh", q, k) * 0.25
    weights = scores.masked_fill(~keep[None, :, :, None], -INF).softmax(2)
    return torch.einsum("bijh,bjhe->bihe", weights, v)


padding = Variant("A", "key padding mask")


@padding("BHSD BHND BHNE keep.BN")
def masked_fill(q, k, v, keep):
    return (q @ k.mT * 0.25).masked_fill(~keep[:, None, None, :], -INF).softmax(-1) @ v


@padding("BHSD BHND BHNE keep.BN")
def bert(q, k, v, keep):
    mask = (1.0 - keep[:, None, None, :].to(q.dtype)) * torch.finfo(q.dtype).min
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask, dim=-1) @ v


@padding("BHSD BHND BHNE len.B")
def lengths(q, k, v, length):
    keep = torch.arange(k.shape[-2])[None, :] < length[:, None]
    scores = torch.where(keep[:, None, None], q @ k.mT * 0.25, -1e9)
    return scores.softmax(-1) @ v


@padding("BHSD BHND BHNE keep.BN")
def zeroed_weights(q, k, v, keep):
    """The maximum is over all keys, the sum over those kept."""
    scores = q @ k.mT * 0.25
    weights = torch.exp(scores - scores.amax(-1, keepdim=True)) * keep[:, None, None].to(q.dtype)
    return (weights @ v) / weights.sum(-1, keepdim=True)


blocks = Variant("A", "masks of index arithmetic")


@blocks("BHSD BHSD BHSE")
def blocks_by_division(q, k, v):
    i = torch.arange(q.shape[-2])
    keep = (i[:, None] // 16) == (i[None] // 16)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


@blocks("BHSD BHSD BHSE")
def dilated_by_remainder(q, k, v):
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(q.shape[-2])[None]
    keep = ((i - j) % 4 == 0) & (i >= j)
    return torch.where(keep, q @ k.mT * 0.25, -INF).softmax(-1) @ v


@blocks("BHSD BHSD BHSE")
def window_in_two_dims(q, k, v):
    i = torch.arange(q.shape[-2])
    row, column = i // 10, i % 10
    near = (row[:, None] - row).abs().le(2) & (column[:, None] - column).abs().le(3)
    return (q @ k.mT * 0.25 + torch.where(near, 0.0, -1e9).to(q.dtype)).softmax(-1) @ v


@blocks("BHSD BHSD BHSE")
def all_but_itself(q, k, v):
    """LSH attention does without the key of the row itself."""
    scores = q @ k.mT * 0.25
    scores.diagonal(dim1=-2, dim2=-1).fill_(-1e5)
    return scores.softmax(-1) @ v


masked_rows = Variant("A", "rows without keys")


@masked_rows("BHSD BHND BHNE")
def infinite_fill(q, k, v):
    """Eager gives NaN."""
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])[None]
    return (q @ k.mT * 0.25).masked_fill(j + 40 > i, -INF).softmax(-1) @ v


@masked_rows("BHSD BHND BHNE")
def finite_fill(q, k, v):
    """The mean of v."""
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])[None]
    return (q @ k.mT * 0.25).masked_fill(j + 40 > i, -1e9).softmax(-1) @ v


@masked_rows("BHSD BHND BHNE")
def safe_sdpa(q, k, v):
    """Zero."""
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])[None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=j + 40 <= i)


@masked_rows("BHSD BHND BHNE")
def nan_to_num(q, k, v):
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])[None]
    return (
        torch.nan_to_num((q @ k.mT * 0.25).masked_fill(j + 40 > i, -INF).softmax(-1), nan=0.0) @ v
    )


@masked_rows("BHSD BHND BHNE")
def filled_where_no_number(q, k, v):
    keep = torch.arange(k.shape[-2])[None] + 40 <= torch.arange(q.shape[-2])[:, None]
    weights = torch.einsum("bhmd,bhnd->bhmn", q, k).mul(0.25).where(keep, -INF).softmax(-1)
    return torch.einsum("bhmn,bhne->bhme", weights.masked_fill(weights.isnan(), 0.0), v)


@masked_rows("BHSD BHND BHNE")
def where_any(q, k, v):
    keep = torch.arange(k.shape[-2])[None] + 40 <= torch.arange(q.shape[-2])[:, None]
    weights = torch.where(keep, q @ k.mT * 0.25, -INF).softmax(-1)
    return torch.where(keep.any(-1, keepdim=True), weights, 0.0) @ v
