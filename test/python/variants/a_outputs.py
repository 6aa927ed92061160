# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class A: sinks, what is done to outputs, further outputs, and PyTorch's own ops. One pass."""

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

gate = Variant("A", "gated output")


@gate("BHSD BHND BHNE BHSE")
def sigmoid_gate(q, k, v, g):
    return (F.softmax(q @ k.mT * 0.25, -1) @ v) * torch.sigmoid(g)


@gate("BSHD BNHD BNHE BSW")
def gate_of_joined_heads(q, k, v, g):
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    out = torch.einsum("bhmn,bnhe->bmhe", scores.softmax(-1), v).flatten(2)
    return out * g.sigmoid()


@gate("BHSD BHND BHNE BHSE")
def silu_gate(q, k, v, g):
    return F.silu(g) * torch.matmul((q @ k.mT * 0.25).softmax(-1), v)


@gate("BHSD BHND BHNE BHS")
def gate_of_heads(q, k, v, g):
    out = F.scaled_dot_product_attention(q, k, v)
    return out * torch.sigmoid(g).unsqueeze(-1)


norm = Variant("A", "normed output")


@norm("BHSD BHND BHNE E")
def rms_norm(q, k, v, w):
    return F.rms_norm(F.softmax(q @ k.mT * 0.25, -1) @ v, v.shape[-1:], w, 1e-6)


@norm("BSHD BNHD BNHE E")
def rms_by_hand(q, k, v, w):
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    out = torch.einsum("bhmn,bnhe->bmhe", scores.softmax(-1), v)
    wide = out.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
    return wide.to(out.dtype) * w


@norm("BHSD BHND BHNE E BHSE")
def norm_and_gate(q, k, v, w, g):
    out = (q @ k.mT * 0.25).softmax(-1) @ v
    out = out / (out.square().mean(-1, keepdim=True) + 1e-6).sqrt() * w
    return (out * F.silu(g)).transpose(1, 2).flatten(2)


sinks = Variant("A", "attention sinks")


@sinks("BHSD BHND BHNE H")
def concatenated(q, k, v, sink):
    scores = q @ k.mT * 0.25
    batch, heads, rows, _ = scores.shape
    column = sink.reshape(1, heads, 1, 1).expand(batch, heads, rows, 1)
    weights = torch.cat([scores, column], -1).softmax(-1)
    return weights[..., :-1] @ v


@sinks("BHSD BHSD BHSE H")
def gpt_oss(q, k, v, sink):
    scores = torch.matmul(q, k.transpose(2, 3)) * 0.25
    size = q.shape[-2]
    mask = torch.full((size, size), torch.finfo(q.dtype).min, dtype=q.dtype).triu(1)
    scores = scores + mask
    column = sink.reshape(1, -1, 1, 1).expand(q.shape[0], -1, size, -1)
    combined = torch.cat([scores, column], dim=-1)
    combined = combined - combined.max(dim=-1, keepdim=True).values
    weights = F.softmax(combined, dim=-1, dtype=combined.dtype)
    return torch.matmul(weights[..., :-1], v)


@sinks("BHSD BHND BHNE H")
def added_to_the_sum(q, k, v, sink):
    scores = q @ k.mT * 0.25
    sink = sink[:, None, None]
    top = torch.maximum(scores.amax(-1, keepdim=True), sink)
    weights = torch.exp(scores - top)
    return (weights @ v) / (weights.sum(-1, keepdim=True) + torch.exp(sink - top))


@sinks("BHSD BHND BHNE H")
def by_logsumexp(q, k, v, sink):
    scores = q @ k.mT * 0.25
    lse = torch.logsumexp(scores, -1, keepdim=True)
    return torch.softmax(scores, -1) @ v * torch.sigmoid(lse - sink[:, None, None])


@sinks("BHSD BHND BHNE H1D H1E")
def keys_in_front(q, k, v, k0, v0):
    """Four learnt keys and values stand before the others."""
    batch = q.shape[0]
    k = torch.cat([k0.expand(batch, -1, -1, -1), k], 2)
    v = torch.cat([v0.expand(batch, -1, -1, -1), v], 2)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


plus_one = Variant("A", "softmax plus one")


@plus_one("BHSD BHND BHNE")
def one_as_exponential(q, k, v):
    scores = q @ k.mT * 0.25
    top = scores.amax(-1, keepdim=True)
    weights = torch.exp(scores - top)
    return (weights / (weights.sum(-1, keepdim=True) + torch.exp(-top))) @ v


@plus_one("BHSD BHND BHNE")
def padded_by_zero(q, k, v):
    scores = F.pad(q @ k.mT * 0.25, (0, 1))
    return scores.softmax(-1)[..., :-1] @ v


@plus_one("BHSD BHND BHNE")
def clamped_maximum(q, k, v):
    scores = q @ k.mT * 0.25
    top = scores.max(dim=-1, keepdim=True)[0].clamp(min=0)
    weights = (scores - top).exp()
    return torch.einsum("bhmn,bhne->bhme", weights, v) / (
        torch.exp(-top) + weights.sum(dim=-1, keepdim=True)
    )


@plus_one("BHSD BHND BHNE")
def zero_key_in_front(q, k, v):
    k, v = F.pad(k, (0, 0, 1, 0)), F.pad(v, (0, 0, 1, 0))
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


statistics = Variant("A", "row statistics beside")


@statistics("BHSD BHND BHNE")
def logsumexp_beside(q, k, v):
    scores = q @ k.mT * 0.25
    return F.softmax(scores, -1) @ v, torch.logsumexp(scores, -1), scores.amax(-1)


@statistics("BHSD BHND BHNE")
def weights_by_logsumexp(q, k, v):
    scores = q @ k.mT * 0.25
    lse = torch.logsumexp(scores, -1, keepdim=True)
    return torch.exp(scores - lse) @ v, lse.squeeze(-1)


@statistics("BHSD BHND BHNE")
def by_hand(q, k, v):
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    top, _ = scores.max(-1)
    weights = torch.exp(scores - top[..., None])
    total = weights.sum(-1)
    return (weights @ v) / total[..., None], top + torch.log(total)


@statistics("BHSD BHND BHNE")
def best_key(q, k, v):
    scores = q @ k.mT * 0.25
    return scores.softmax(-1) @ v, scores.argmax(-1)


sdpa = Variant("A", "scaled_dot_product_attention")


@sdpa("BHSD BHND BHNE")
def plain(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@sdpa("BHSD BHND BHNE")
def is_causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3)


@sdpa("BHSD BHND BHNE keep.B1SN")
def bool_mask(q, k, v, keep):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


@sdpa("BHSD BHND BHNE SN")
def float_mask(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, mask, 0.0, False)


@sdpa("BHSD BGND BGNE")
def enable_gqa(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


@sdpa("SD ND NE")
def without_batch(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


flex = Variant("A", "flex_attention")


@flex("BHSD BHND BHND")
def score_mod_softcap(q, k, v):
    from torch.nn.attention.flex_attention import flex_attention

    def cap(score, b, h, i, j):
        return 5 * torch.tanh(score / 5)

    return flex_attention(q, k, v, score_mod=cap)


@flex("BHSD BHSD BHSD scale.H")
def score_mod_alibi_causal(q, k, v, slopes):
    from torch.nn.attention.flex_attention import flex_attention

    def bias(score, b, h, i, j):
        return torch.where(i >= j, score + slopes[h] * (j - i), -INF)

    return flex_attention(q, k, v, score_mod=bias, scale=0.3)


@flex("BHSD BGSD BGSD doc.BS")
def block_mask_documents(q, k, v, doc):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def keep(b, h, i, j):
        return (i >= j) & (doc[b, i] == doc[b, j])

    batch, heads, size, _ = q.shape
    mask = create_block_mask(keep, batch, None, size, size, device="cpu")
    return flex_attention(q, k, v, block_mask=mask, enable_gqa=True)


@flex("BHSD BHND BHND")
def with_logsumexp(q, k, v):
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention(q, k, v, return_lse=True)
