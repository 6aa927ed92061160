# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class D: no normaliser, or one that is not a softmax. One pass."""

import math

import torch
import torch.nn.functional as F

from .catalogue import Variant

sigmoid = Variant("D", "sigmoid attention")


@sigmoid("BHSD BHND BHNE")
def constant_bias(q, k, v):
    return torch.sigmoid(q @ k.mT * 0.25 - math.log(k.shape[-2])) @ v


@sigmoid("BSHD BNHD BNHE H11")
def learnt_bias(q, k, v, b):
    weights = torch.einsum("bmhd,bnhd->bhmn", q, k).mul(0.25).add(b).sigmoid()
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


@sigmoid("BHSD BHSD BHSE")
def by_hand_causal(q, k, v):
    weights = 1 / (1 + torch.exp(3.0 - q @ k.mT * 0.25))
    i = torch.arange(q.shape[-2])
    return torch.where(i[:, None] >= i, weights, 0.0) @ v


@sigmoid("BHSD BHND BHNE keep.BN")
def masked_scores(q, k, v, keep):
    scores = (q @ k.mT * 0.25 - 3).masked_fill(~keep[:, None, None], -math.inf)
    return torch.exp(F.logsigmoid(scores)) @ v


relu = Variant("D", "ReLU attention")


@relu("BHSD BHND BHNE")
def over_length(q, k, v):
    return F.relu(q @ k.mT * 0.25) @ v / k.shape[-2]


@relu("BHSD BHND BHNE")
def clamped(q, k, v):
    return torch.matmul((q @ k.mT * 0.25).clamp(min=0) / k.shape[-2], v)


@relu("BSHD BNHD BNHE")
def squared(q, k, v):
    weights = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
    return torch.einsum("bhmn,bnhe->bmhe", F.relu(weights).square() / k.shape[1], v)


@relu("BHSD BHSD BHSE")
def squared_causal(q, k, v):
    size = q.shape[-2]
    weights = torch.relu(q @ k.mT / size) ** 2
    return weights.tril() @ v


@relu("BHSD BHND BHNE")
def normed_by_sum(q, k, v):
    weights = torch.maximum(q @ k.mT, torch.zeros((), dtype=q.dtype))
    return (weights / (weights.abs().sum(-1, keepdim=True) + 1e-6)) @ v


retention = Variant("D", "retention")


@retention("BHSD BHSD BHSE")
def power_of_gamma(q, k, v):
    heads, size = q.shape[1:3]
    gamma = 1 - torch.exp2(-5 - torch.arange(heads, dtype=torch.float32))
    i, j = torch.arange(size)[:, None], torch.arange(size)[None]
    decay = torch.where(i >= j, gamma[:, None, None] ** (i - j), 0.0)
    return (q @ k.mT * 0.25 * decay.to(q.dtype)) @ v


@retention("BSHD BSHD BSHE scale.H")
def exponential_of_log(q, k, v, rate):
    size = q.shape[1]
    i = torch.arange(size)
    distance = (i[:, None] - i).to(q.dtype)
    decay = torch.exp(-rate[:, None, None] * distance).masked_fill(distance < 0, 0.0)
    weights = torch.einsum("bmhd,bnhd->bhmn", q, k) * decay
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


@retention("BHSD BHSD BHSE scale.H")
def masked_exponent(q, k, v, rate):
    """The retention network: the rows' absolute sum divides, at least 1."""
    size = q.shape[-2]
    i = torch.arange(size)
    exponent = (-rate[:, None, None] * (i[:, None] - i)).masked_fill(i[:, None] < i, -math.inf)
    weights = q @ k.mT * 0.25 * torch.exp(exponent)
    return (weights / weights.abs().sum(-1, keepdim=True).clamp(min=1)) @ v


linear = Variant("D", "linear attention, parallel form")


@linear("BHSD BHSD BHSE")
def elu_plus_one(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    weights = (q @ k.mT).tril()
    return (weights @ v) / weights.sum(-1, keepdim=True)


@linear("BSHD BSHD BSHE")
def relu_features(q, k, v):
    weights = torch.einsum("bmhd,bnhd->bhmn", F.relu(q), F.relu(k))
    i = torch.arange(q.shape[1])
    weights = torch.where(i[:, None] >= i, weights, 0.0)
    weights = weights / (weights.sum(-1, keepdim=True) + 1e-5)
    return torch.einsum("bhmn,bnhe->bmhe", weights, v)


@linear("BHSD BHSD BHSE SS")
def multiplied_by_mask(q, k, v, mask):
    weights = torch.exp(q * 0.25) @ torch.exp(k * 0.25).mT * mask.square()
    return torch.matmul(weights, v) / weights.sum(dim=-1).unsqueeze(-1)


@linear("BHSD BHND BHNE")
def polynomial(q, k, v):
    """Powers of the products, normed: no mask."""
    weights = (q @ k.mT * 0.25) ** 2
    return (weights @ v) / (weights.sum(-1, keepdim=True) + 1e-6)


rectified = Variant("D", "rectified softmax")


@rectified("BHSD BHND BHNE")
def absolute_sum(q, k, v):
    e = torch.exp(q @ k.mT * 0.1) - 1
    return (F.relu(e) / (e.abs().sum(-1, keepdim=True) + 1e-6)) @ v


@rectified("BSHD BNHD BNHE")
def by_expm1(q, k, v):
    e = torch.expm1(torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.1)
    out = torch.einsum("bhmn,bnhe->bmhe", e.clamp(min=0), v)
    return out / (e.abs().sum(-1).transpose(1, 2)[..., None] + 1e-6)


@rectified("BHSD BHND BHNE")
def shifted_by_maximum(q, k, v):
    scores = q @ k.mT * 0.25
    top = scores.amax(-1, keepdim=True).clamp(min=0)
    e = torch.exp(scores - top) - torch.exp(-top)
    return (torch.where(e > 0, e, 0.0) @ v) / (e.abs().sum(-1, keepdim=True) + 1e-6)


@rectified("BHSD BHND BHNE")
def relu_of_shifted(q, k, v):
    """A softmax with threshold: what is above e^0 counts."""
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    top = scores.max(-1, keepdim=True).values.relu()
    weights = F.relu(torch.exp(scores - top) - torch.exp(-top))
    return torch.einsum("bhmn,bhne->bhme", weights / (weights.sum(-1, keepdim=True) + 1e-6), v)


weighted = Variant("D", "other weighted means")


@weighted("BHSD BHND BHNE")
def softmax_squared(q, k, v):
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    weights = weights * weights
    return (weights / weights.sum(-1, keepdim=True)) @ v


@weighted("BHSD BHND BHNE")
def by_inverse_distance(q, k, v):
    """Kernel regression: squared distances from norms and a product."""
    square = (q * q).sum(-1, keepdim=True) + (k * k).sum(-1).unsqueeze(-2) - 2 * q @ k.mT
    weights = 1 / (1 + square)
    return (weights @ v) / weights.sum(-1, keepdim=True)


@weighted("BHSD BHND BHNE")
def gaussian(q, k, v):
    square = (q.unsqueeze(-2) - k.unsqueeze(-3)).square().sum(-1)
    return torch.softmax(-0.1 * square, -1) @ v


@weighted("BHSD BHND BHNE", passes=2)
def standardised_scores(q, k, v):
    """Scores over their deviation along the keys: the signs show when the mean is known."""
    scores = q @ k.mT
    weights = F.relu((scores - scores.mean(-1, keepdim=True)) / scores.abs().amax(-1, keepdim=True))
    return weights @ v


angles = Variant("D", "angles and hyperbolic distances")


@angles("BHSD BHND BHNE")
def yoso(q, k, v):
    """The chance that hashes by hyperplanes collide."""
    cosine = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT
    weights = (1 - torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6)) / math.pi) ** 8
    return F.normalize(weights @ v, dim=-1)


@angles("BSHD BNHD BNHE")
def arc_cosine_kernel(q, k, v):
    """sin t + (pi - t) cos t of the angle t: features of a random ReLU layer."""
    q, k = (x / x.norm(dim=-1, keepdim=True) for x in (q, k))
    cosine = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.999
    angle = torch.arccos(cosine)
    weights = torch.sqrt(1 - cosine * cosine) + (math.pi - angle) * cosine
    out = torch.einsum("bhmn,bnhe->bmhe", weights, v)
    return out / weights.sum(-1).transpose(1, 2)[..., None]


# Coordinates of time are norms of what is read, made once for the keys.
@angles("BHSD BHND BHNE H", left=("aten.pow.Tensor_Scalar", "aten.sum.dim_IntList",
                                  "aten.add.Tensor", "aten.sqrt.default"))  # fmt: skip
def hyperboloid(q, k, v, slope):
    """Distances on the hyperboloid, whose coordinate of time is sqrt(1 + |x|^2)."""
    first, second = (torch.sqrt(1 + x.pow(2).sum(-1, keepdim=True)) for x in (q, k))
    distance = torch.acosh((first @ second.mT - q @ k.mT).clamp(min=1 + 1e-5))
    return (-F.softplus(slope)[:, None, None] * distance - 0.1).softmax(-1) @ v
