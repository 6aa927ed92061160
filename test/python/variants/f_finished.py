# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class F: what needs finished rows, neighbours or other heads. Two passes or two kernels."""

import math

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

threshold = Variant("F", "thresholds after the softmax", passes=2)


@threshold("BHSD BHND BHNE")
def where_greater(q, k, v):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return torch.where(weights > 0.01, weights, 0.0) @ v


@threshold("BHSD BHND BHNE")
def nn_threshold(q, k, v):
    return F.threshold((q @ k.mT * 0.25).softmax(-1), 0.01, 0.0) @ v


@threshold("BSHD BNHD BNHE")
def soft_threshold(q, k, v):
    weights = torch.einsum("bmhd,bnhd->bhmn", q, k).mul(0.25).softmax(-1)
    return torch.einsum("bhmn,bnhe->bmhe", F.relu(weights - 0.01), v)


@threshold("BHSD BHND BHNE")
def share_of_the_best(q, k, v):
    """A tenth of the row's maximum: in scores a constant distance, one pass would do."""
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return (weights * (weights > 0.1 * weights.amax(-1, keepdim=True))) @ v


renormalised = Variant("F", "renormalised top values", passes=2)


@renormalised("BHSD BHND BHNE")
def masked_and_divided(q, k, v):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    weights = torch.where(weights > 0.01, weights, 0.0)
    return (weights / weights.sum(-1, keepdim=True)) @ v


@renormalised("BHSD BHND BHNE")
def multiplied_mask(q, k, v):
    weights = (q @ k.mT * 0.25).softmax(-1)
    weights = weights * weights.gt(1 / k.shape[-2]).to(weights.dtype)
    return (weights @ v) / (weights.sum(-1, keepdim=True) + 1e-9)


@renormalised("BHSD BHND BHNE")
def by_l1_norm(q, k, v):
    weights = torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25, -1)
    weights = F.normalize(F.relu(weights - 0.005), p=1.0, dim=-1)
    return torch.einsum("bhmn,bhne->bhme", weights, v)


dropout = Variant("F", "dropout masks given as tensors")


@dropout("BHSD BHND BHNE drop.BHSN")
def multiplied(q, k, v, drop):
    return (F.softmax(q @ k.mT * 0.25, -1) * drop) @ v


@dropout("BHSD BHND BHNE keep.BHSN")
def filled_and_scaled(q, k, v, keep):
    weights = (q @ k.mT * 0.25).softmax(-1)
    return torch.matmul(weights.masked_fill(~keep, 0.0) / 0.7, v)


@dropout("BSHD BNHD BNHE keep.BHSN")
def where_zero(q, k, v, keep):
    weights = torch.softmax(torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25, -1)
    weights = torch.where(keep, weights * (1 / 0.7), 0.0)
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


talking = Variant("F", "talking heads", kernels=2, passes=2)


@talking("BHSD BHND BHNE HH HH")
def einsum_both(q, k, v, before, after):
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    scores = torch.einsum("bhmn,hg->bgmn", scores, before)
    weights = torch.einsum("bgmn,gh->bhmn", scores.softmax(-1), after)
    return torch.einsum("bhmn,bhne->bhme", weights, v)


@talking("BHSD BHND BHNE HH", passes=1)
def mixed_before(q, k, v, before):
    """Only before the softmax: the sum over heads is part of the product."""
    scores = torch.matmul(q, k.mT) * 0.25
    scores = (before[:, :, None, None] * scores[:, None]).sum(2)
    return scores.softmax(-1) @ v


@talking("BHSD BHND BHNE HH")
def permuted_after(q, k, v, after):
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    weights = (weights.permute(0, 2, 3, 1) @ after).permute(0, 3, 1, 2)
    return weights @ v


# What is left is as large as the values: they are smoothed before, outputs are shifted behind.
convolved = Variant("F", "convolution of the weights")


@convolved("BHSD BHND BHNE", left=("aten.mul.Tensor",))
def shifted_sum(q, k, v):
    """Three neighbouring keys, by slices of the padded weights."""
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    padded = F.pad(weights, (2, 0))
    size = k.shape[-2]
    mixed = 0.5 * padded[..., 2:] + 0.3 * padded[..., 1 : size + 1] + 0.2 * padded[..., :size]
    return mixed @ v


@convolved("BHSD BHND BHNE H133", left=("aten.conv2d.default", "aten.matmul.default"))
def depthwise(q, k, v, kernel):
    """Multi-token attention after the softmax."""
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    weights = F.conv2d(weights, kernel, padding=1, groups=q.shape[1])
    return weights @ v


# The values of one term are scaled before the kernel, if the cost model says so.
@convolved("BHSD BHND BHNE", left=("aten.einsum.default", "aten.mul.Tensor"))
def mixed_with_the_row_before(q, k, v):
    weights = torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25, -1)
    before = torch.cat([torch.zeros_like(weights[:, :, :1]), weights[:, :, :-1]], 2)
    return torch.einsum("bhmn,bhne->bhme", 0.7 * weights + 0.3 * before, v)


# The masked scores are in memory: each of the nine taps would need a product of its own.
@convolved(
    "BHSD BHSD BHSE H133",
    left=("aten.matmul.default", "aten.mul.Tensor", "aten.masked_fill.Scalar"),
)
def depthwise_causal(q, k, v, kernel):
    """Multi-token attention before the softmax, then causal."""
    i = torch.arange(q.shape[-2])
    future = i[None] > i[:, None]
    scores = (q @ k.mT * 0.25).masked_fill(future, 0.0)
    scores = F.conv2d(F.pad(scores, (1, 1, 2, 0)), kernel, groups=q.shape[1])
    return torch.softmax(scores.masked_fill(future, -INF), -1) @ v


# A running sum is linear: what is left, by the name of the product, is as large as outputs, or as
# queries.
summed_up = Variant("F", "running sums along rows", left=("aten.cumsum.default",))


@summed_up("BHSD BHND BHNE", left=("aten.matmul.default",))
def weights(q, k, v):
    """What earlier queries looked at counts again."""
    return (q @ k.mT * 0.25).softmax(-1).cumsum(-2) @ v


@summed_up("BSHD BNHD BNHE", left=("aten.einsum.default",))
def weights_by_einsum(q, k, v):
    weights = torch.einsum("bmhd,bnhd->bhmn", q, k).mul(0.25).sigmoid()
    return torch.einsum("bhmn,bhne->bmhe", torch.cumsum(weights, 2), v.transpose(1, 2))


@summed_up("BHSD BHND BHNE")
def scores(q, k, v):
    """Smoothed attention: the mean of the scores so far."""
    count = torch.arange(1, q.shape[-2] + 1, dtype=q.dtype)
    scores = (q @ k.mT * 0.25).cumsum(-2) / count[:, None]
    return scores.softmax(-1) @ v


columns = Variant("F", "column statistics", kernels=2, passes=2)


@columns("BHSD BHND BHNE")
def sum_of_columns(q, k, v):
    """What each key received: heavy hitters."""
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return weights @ v, weights.sum(-2)


@columns("BHSD BHND")
def mean_over_rows_and_heads(q, k):
    weights = torch.einsum("bhmd,bhnd->bhmn", q, k).mul(0.25).softmax(-1)
    return weights.mean((1, 2))


@columns("BHSD BHND BHNE", kernels=3, passes=3)
def normed_over_queries(q, k, v):
    """Slot attention: softmax over the queries, then a mean over the keys."""
    weights = torch.softmax(q @ k.mT * 0.25, dim=-2) + 1e-6
    weights = weights / weights.sum(-1, keepdim=True)
    return weights @ v


entropy = Variant("F", "entropy of the rows", passes=2)


@entropy("BHSD BHND BHNE")
def p_log_p(q, k, v):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return weights @ v, -(weights * torch.log(weights)).sum(-1)


@entropy("BHSD BHND BHNE", passes=1)
def from_logsumexp(q, k, v):
    scores = q @ k.mT * 0.25
    weights = scores.softmax(-1)
    return weights @ v, torch.logsumexp(scores, -1) - (weights * scores).sum(-1)


@entropy("BHSD BHND")
def by_log_softmax(q, k):
    logs = F.log_softmax(q @ k.mT / math.sqrt(q.shape[-1]), -1)
    return -(logs.exp() * logs).sum(-1)


@entropy("BHSD BHND BHNE")
def special_entr(q, k, v):
    weights = torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25, -1)
    return torch.special.entr(weights).sum(-1), torch.einsum("bhmn,bhne->bhme", weights, v)


averaged = Variant("F", "averaged weights as a second output", kernels=2, passes=2)


@averaged("BHSD BHND BHNE")
def mean_over_heads(q, k, v):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return weights @ v, weights.mean(1)


@averaged("BSHD BSHD BSHE")
def summed_and_divided(q, k, v):
    """Causal."""
    i = torch.arange(q.shape[1])
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    weights = scores.masked_fill(i > i[:, None], -INF).softmax(-1)
    return torch.einsum("bhmn,bnhe->bmhe", weights, v), weights.sum(1) / q.shape[2]


@averaged("BHSD BHND BHNE H")
def weighed_heads(q, k, v, head_weights):
    weights = torch.softmax(torch.matmul(q, k.mT) * 0.25, dim=-1)
    return weights @ v, torch.einsum("bhmn,h->bmn", weights, head_weights)


@averaged("BHSD BGND BGNE")
def over_groups_and_heads(q, k, v):
    q = q.unflatten(1, (k.shape[1], -1))
    weights = torch.softmax(torch.einsum("bgimd,bgnd->bgimn", q, k) * 0.25, -1)
    return torch.einsum("bgimn,bgne->bgime", weights, v).flatten(1, 2), weights.mean((1, 2))


@averaged("BHSD BHND BHNE")
def largest_of_heads(q, k, v):
    weights = torch.exp(F.log_softmax(q @ k.mT * 0.25, -1))
    return weights @ v, weights.amax(1)


@averaged("BSM", left=("aten.linear.default",), sizes={"H": 4}, large=False)
class MultiheadAttentionAveraged(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.MultiheadAttention(64, 4, batch_first=True).eval()

    def forward(self, x):
        return self.inner(x, x, x, need_weights=True)


returned = Variant("F", "returned weights", kernels=2)


@returned("BHSD BHND BHNE")
def both(q, k, v):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return weights @ v, weights


@returned("BSHD BNHD BNHE keep.BN")
def padded_and_returned(q, k, v, keep):
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    weights = scores.masked_fill(~keep[:, None, None], -INF).softmax(-1)
    return weights, torch.einsum("bhmn,bnhe->bmhe", weights, v)


@returned("BHSD BHND BHNE")
def log_weights(q, k, v):
    logs = torch.log_softmax(q @ k.mT * 0.25, -1)
    return logs.exp() @ v, logs


@returned("BSM", left=("aten.linear.default",), sizes={"H": 4}, large=False)
class MultiheadAttentionReturned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.MultiheadAttention(64, 4, batch_first=True).eval()

    def forward(self, x):
        return self.inner(x, x, x, need_weights=True, average_attn_weights=False)
