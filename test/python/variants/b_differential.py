# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class B: several softmaxes over the same keys. One pass with several states."""

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

halves = Variant("B", "differential, two pairs")


@halves("BHSD BHND BHSD BHND BHNY")
def difference_of_softmaxes(q1, k1, q2, k2, v):
    first = torch.softmax(q1 @ k1.mT * 0.25, -1)
    second = torch.softmax(q2 @ k2.mT * 0.25, -1)
    return (first - 0.3 * second) @ v


@halves("BHSD BHND BHSD BHND BHNY")
def difference_of_outputs(q1, k1, q2, k2, v):
    first = F.softmax(q1 @ k1.transpose(-1, -2) * 0.25, dim=-1) @ v
    second = F.softmax(q2 @ k2.transpose(-1, -2) * 0.25, dim=-1) @ v
    return first - 0.3 * second


@halves("BSHD BNHD BSHD BNHD BNHY 1")
def einsum_causal(q1, k1, q2, k2, v, lam):
    i, j = torch.arange(q1.shape[1])[:, None], torch.arange(k1.shape[1])
    mask = torch.where(j > i, -INF, 0.0).to(q1.dtype)
    first = (torch.einsum("bmhd,bnhd->bhmn", q1, k1) * 0.25 + mask).softmax(-1)
    second = (torch.einsum("bmhd,bnhd->bhmn", q2, k2) * 0.25 + mask).softmax(-1)
    return torch.einsum("bhmn,bnhe->bmhe", torch.sub(first, second * lam), v)


@halves("BHSD BHND BHSD BHND BHNY")
def by_hand(q1, k1, q2, k2, v):
    def unnormalised(q, k):
        scores = q @ k.mT * 0.25
        return torch.exp(scores - scores.amax(-1, keepdim=True))

    first, second = unnormalised(q1, k1), unnormalised(q2, k2)
    weights = first / first.sum(-1, keepdim=True) - 0.3 * second / second.sum(-1, keepdim=True)
    return torch.matmul(weights, v)


@halves("BHSX BHNX BHNY")
def width_in_halves(q, k, v):
    (q1, q2), (k1, k2) = q.chunk(2, -1), k.chunk(2, -1)
    first, second = (torch.softmax(a @ b.mT * 0.25, -1) for a, b in ((q1, k1), (q2, k2)))
    return (first - 0.3 * second) @ v


heads = Variant("B", "differential, paired heads")


@heads("BZSD BZND BHNY")
def heads_in_halves(q, k, v):
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    first, second = weights.chunk(2, dim=1)
    return (first - 0.3 * second) @ v


@heads("BZSD BZND BHNY")
def interleaved(q, k, v):
    weights = F.softmax(torch.matmul(q, k.transpose(-1, -2)) * 0.25, dim=-1)
    weights = weights.view(weights.shape[0], -1, 2, *weights.shape[2:])
    return torch.matmul(weights[:, :, 0] - 0.3 * weights[:, :, 1], v)


@heads("BZSD BZND BHNY")
def interleaved_slices(q, k, v):
    first = torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q[:, ::2], k[:, ::2]) * 0.25, -1)
    second = torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q[:, 1::2], k[:, 1::2]) * 0.25, -1)
    return torch.einsum("bhmn,bhne->bhme", first, v) - 0.3 * torch.einsum(
        "bhmn,bhne->bhme", second, v
    )


@heads("BZSD BZND BHNY")
def outputs_in_halves(q, k, v):
    """As a released checkpoint of the paper: values are repeated, outputs are subtracted."""
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    out = weights @ torch.cat([v, v], 1)
    first, second = out.chunk(2, 1)
    return first - 0.3 * second


learnt = Variant("B", "differential, learnt factor")


@learnt("BHSD BHND BHSD BHND BHNY Y")
class Parameters(torch.nn.Module):
    """Lambda of four vectors that are parameters, and the norm after it."""

    def __init__(self):
        super().__init__()
        for name in ("lq1", "lk1", "lq2", "lk2"):
            setattr(self, name, torch.nn.Parameter(torch.randn(16) * 0.1))

    def forward(self, q1, k1, q2, k2, v, w):
        lam = torch.exp((self.lq1 * self.lk1).sum()) - torch.exp((self.lq2 * self.lk2).sum()) + 0.2
        lam = lam.to(q1.dtype)
        first = torch.softmax(q1 @ k1.mT * 0.25, -1)
        second = torch.softmax(q2 @ k2.mT * 0.25, -1)
        out = (first - lam * second) @ v
        return F.rms_norm(out, out.shape[-1:], w, 1e-5) * (1 - 0.2)


@learnt("BZSD BZND BHNY D D D D Y")
def vectors_as_inputs(q, k, v, lq1, lk1, lq2, lk2, w):
    lam = torch.exp(torch.dot(lq1, lk1) * 0.1) - torch.exp(torch.dot(lq2, lk2) * 0.1) + 0.2
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    weights = weights.unflatten(1, (-1, 2))
    out = (weights[:, :, 0] - lam * weights[:, :, 1]) @ v
    out = out * torch.rsqrt(out.square().mean(-1, keepdim=True) + 1e-5) * w
    return out * 0.8


@learnt("BSHD BNHD BSHD BNHD BNHY H")
def factor_of_each_head(q1, k1, q2, k2, v, lam):
    """One factor a head, through a sigmoid; joined heads come out."""
    scores = torch.stack(
        [torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25 for q, k in ((q1, k1), (q2, k2))]
    )
    first, second = scores.softmax(-1).unbind(0)
    weights = first - torch.sigmoid(lam)[:, None, None] * second
    out = torch.einsum("bhmn,bnhe->bmhe", weights, v)
    out = F.rms_norm(out, out.shape[-1:], None, 1e-5)
    return (out * (1 - 0.2)).flatten(2)


several = Variant("B", "several softmaxes")


@several("BHSD BHND BHSD BHND BHSD BHND BHNE")
def sum_of_three(q1, k1, q2, k2, q3, k3, v):
    weights = 0.5 * torch.softmax(q1 @ k1.mT * 0.25, -1)
    weights = weights + 0.3 * torch.softmax(q2 @ k2.mT * 0.25, -1)
    return (weights + 0.2 * torch.softmax(q3 @ k3.mT * 0.25, -1)) @ v


@several("BHSD BHND BHNE")
def two_temperatures(q, k, v):
    scores = q @ k.mT * 0.25
    return (scores.softmax(-1) + (scores * 0.5).softmax(-1)) @ v * 0.5


@several("BHSD BHND BHNE")
def local_and_global(q, k, v):
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    i, j = torch.arange(q.shape[2])[:, None], torch.arange(k.shape[2])
    near = scores.masked_fill((i - j).abs() > 8, -1e9)
    return torch.einsum("bhmn,bhne->bhme", 0.7 * near.softmax(-1) + 0.3 * scores.softmax(-1), v)


@several("BHSD BHND BHSD BHND BHNE 2")
def mixed_by_tensordot(q1, k1, q2, k2, v, share):
    """A product of matrices weighs the stacked weights, flattened."""
    weights = [torch.softmax(q @ k.mT * 0.25, -1) for q, k in ((q1, k1), (q2, k2))]
    return torch.tensordot(share, torch.stack(weights), 1) @ v
