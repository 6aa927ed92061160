# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class E: scans along the keys. One pass with an affine carry."""

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

stick = Variant("E", "stick-breaking attention")


@stick("BHSD BHSD BHSE")
def flipped_cumsum(q, k, v):
    scores = q @ k.mT * 0.25
    i = torch.arange(q.shape[-2])
    before = i[None] < i[:, None]
    rest = torch.where(before, F.logsigmoid(-scores), 0.0)
    after = rest.flip(-1).cumsum(-1).flip(-1) - rest
    weights = torch.where(before, torch.exp(F.logsigmoid(scores) + after), 0.0)
    return weights @ v


@stick("BSHD BSHD BSHE")
def total_minus_cumsum(q, k, v):
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    size = scores.shape[-1]
    keep = torch.ones(size, size, dtype=torch.bool).tril(-1)
    rest = -F.softplus(scores).masked_fill(~keep, 0.0)
    after = rest.sum(-1, keepdim=True) - rest.cumsum(-1)
    weights = torch.exp(scores - F.softplus(scores) + after).masked_fill(~keep, 0.0)
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


@stick("BHSD BHND BHNE")
def cumprod_from_the_first(q, k, v):
    """The stick is broken from the first key on, by products."""
    beta = torch.sigmoid(q @ k.mT * 0.25 - 2)
    left = torch.cumprod(1 - beta, -1)
    before = torch.cat([torch.ones_like(left[..., :1]), left[..., :-1]], -1)
    return (beta * before) @ v


@stick("BHSD BHND BHNE")
def padded_cumsum_of_logs(q, k, v):
    """Padded, then cut: the sum before each key."""
    scores = q @ k.mT * 0.25 - 2
    before = F.pad(F.logsigmoid(-scores).cumsum(-1), (1, 0))[..., :-1]
    return torch.exp(F.logsigmoid(scores) + before) @ v


@stick("BHSD BHND BHNE")
def cumprod_of_what_is_moved(q, k, v):
    """From the last key on; the sticks are moved before they are multiplied."""
    beta = torch.sigmoid(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25 - 2)
    left = torch.cat([torch.ones_like(beta[..., :1]), (1 - beta).flip(-1)[..., :-1]], -1)
    return torch.einsum("bhmn,bhne->bhme", beta * left.cumprod(-1).flip(-1), v)


@stick("BHSD BHND BHNE")
def cumsum_of_logs(q, k, v):
    scores = q @ k.mT * 0.25 - 2
    rest = F.logsigmoid(-scores)
    weights = torch.exp(F.logsigmoid(scores) + torch.cumsum(rest, -1) - rest)
    left = torch.exp(rest.sum(-1))
    return weights @ v, left


contextual = Variant("E", "contextual position encodings", left=("aten.matmul.default",))


@contextual("BHSD BHSD BHSE DT")
def gathered(q, k, v, embedding):
    scores = q @ k.mT * 0.25
    i = torch.arange(q.shape[-2])
    scores = scores.masked_fill(i[None] > i[:, None], -INF)
    gates = torch.sigmoid(scores)
    position = gates.flip(-1).cumsum(-1).flip(-1).clamp(max=embedding.shape[-1] - 1)
    low, high = position.floor().long(), position.ceil().long()
    products = q @ embedding
    share = position - low
    shift = products.gather(-1, high) * share + products.gather(-1, low) * (1 - share)
    return torch.softmax(scores + shift, -1) @ v


@contextual("BHSD BHSD BHSE DT", left=("aten.einsum.default",))
def total_minus_cumsum_gathered(q, k, v, embedding):
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    i = torch.arange(q.shape[-2])
    keep = i[:, None] >= i
    gates = torch.where(keep, scores.sigmoid(), 0.0)
    position = gates.sum(-1, keepdim=True) - gates.cumsum(-1) + gates
    position = position.clamp(0, embedding.shape[-1] - 1)
    low = position.floor()
    high = (low + 1).clamp(max=embedding.shape[-1] - 1)
    products = torch.einsum("bhmd,dt->bhmt", q, embedding)
    first, second = products.gather(-1, low.long()), products.gather(-1, high.long())
    shift = first + (position - low) * (second - first)
    return torch.where(keep, scores + shift, -INF).softmax(-1) @ v


@contextual("BHSD BHND BHNE DT")
def rounded_from_the_first(q, k, v, embedding):
    """Gates are counted from the first key; the nearest position is taken."""
    scores = q @ k.mT * 0.25
    position = (scores * 4).ceil().clamp(0, 1).cumsum(-1).clamp(max=embedding.shape[-1] - 1)
    shift = torch.gather(q @ embedding, -1, position.to(torch.int64))
    return F.softmax(scores + shift, -1) @ v


decay = Variant("E", "decay from sums of scores")


@decay("BHSD BHSD BHSE", passes=2)
def forgets_by_content(q, k, v):
    """What the weights between a key and the query add up to weakens the key.

    A root of sums of weights: these are needed with their normaliser, from a sweep before.
    """
    scores = q @ k.mT * 0.25
    i = torch.arange(q.shape[-2])
    scores = scores.masked_fill(i[None] > i[:, None], -INF)
    mass = torch.softmax(scores, -1)
    after = mass.sum(-1, keepdim=True) - mass.cumsum(-1)
    distance = (i[:, None] - i).abs().to(q.dtype)
    return torch.softmax(scores - (after * distance).clamp(min=1e-6).sqrt() * 0.1, -1) @ v


@decay("BHSD BHND BHNE")
def running_maximum(q, k, v):
    scores = q @ k.mT * 0.25
    return torch.softmax(scores - torch.cummax(scores, -1).values, -1) @ v


@decay("BHSD BHND BHNE")
def running_mean(q, k, v):
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    count = torch.arange(1, k.shape[-2] + 1, dtype=q.dtype)
    return torch.einsum("bhmn,bhne->bhme", torch.sigmoid(scores.cumsum(-1) / count), v)
