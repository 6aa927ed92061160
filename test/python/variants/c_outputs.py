# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class C: one statistic, several outputs; attention of protein folding. One pass."""

import math

import torch
import torch.nn.functional as F

from .catalogue import Variant

row = Variant("C", "Evoformer rows")


@row("BPSHD BPSHD BPSHE BP11S B1HSS BPSHE")
def einsum(q, k, v, mask, pair, g):
    scores = torch.einsum("bnqhd,bnkhd->bnhqk", q, k) / math.sqrt(q.shape[-1])
    weights = (scores + mask + pair).softmax(-1)
    return torch.einsum("bnhqk,bnkhe->bnqhe", weights, v) * torch.sigmoid(g)


@row("BPHSD BPHSD BPHSE keep.BPS BHSS BPSW")
def openfold(q, k, v, keep, pair, g):
    bias = (1e9 * (keep.to(q.dtype) - 1))[..., :, None, None, :]
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    scores = scores + bias + pair.unsqueeze(1)
    out = torch.matmul(F.softmax(scores, dim=-1), v)
    return out.transpose(-2, -3).flatten(-2) * g.sigmoid()


@row("BPSHD BPSHD BPSHE BP11S BSSH BPSHE")
def pair_with_heads_last(q, k, v, mask, pair, g):
    scores = torch.einsum("bnqhd,bnkhd->bnhqk", q * 0.25, k)
    scores = scores + pair.permute(0, 3, 1, 2)[:, None] + mask
    scores = scores - scores.amax(-1, keepdim=True)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    out = torch.einsum("bnhqk,bnkhe->bnqhe", weights, v)
    return torch.sigmoid(g) * out


column = Variant("C", "Evoformer columns")


@column("BSPHD BSPHD BSPHE BSP BSPHE")
def einsum_over_rows(q, k, v, mask, g):
    scores = torch.einsum("bqnhd,bknhd->bnhqk", q, k) * 0.25
    scores = scores + mask.transpose(1, 2)[:, :, None, None]
    return torch.einsum("bnhqk,bknhe->bqnhe", scores.softmax(-1), v) * torch.sigmoid(g)


@column("BSPM BSPM BSPM BSPM")
def transposed(q, k, v, g):
    q, k, v = (x.transpose(1, 2).unflatten(-1, (-1, 16)).transpose(-2, -3) for x in (q, k, v))
    out = torch.softmax(q @ k.mT * 0.25, -1) @ v
    return out.transpose(-2, -3).flatten(-2).transpose(1, 2) * torch.sigmoid(g)


@column("BSPHD BSPHD BSPHE keep.BSP BSPHE")
def softmax_over_first(q, k, v, keep, g):
    scores = torch.einsum("bqnhd,bknhd->bkqnh", q, k) * 0.25
    scores = torch.where(keep[:, :, None, :, None], scores, -1e9)
    return torch.einsum("bkqnh,bknhe->bqnhe", scores.softmax(1), v) * g.sigmoid()


triangle = Variant("C", "triangle attention")


@triangle("BPSHD BPSHD BPSHE BPS BSSH BPSHE")
def starting_node(q, k, v, mask, pair, g):
    scores = torch.einsum("bijhd,bikhd->bihjk", q, k) * 0.25
    scores = scores + pair.permute(0, 3, 1, 2).unsqueeze(1) + mask[:, :, None, None, :]
    return torch.einsum("bihjk,bikhe->bijhe", scores.softmax(-1), v) * torch.sigmoid(g)


@triangle("BSPHD BSPHD BSPHE BSP BSSH BSPHE")
def ending_node(q, k, v, mask, pair, g):
    q, k, v, g = (x.transpose(1, 2) for x in (q, k, v, g))
    scores = torch.matmul(q.transpose(2, 3), k.permute(0, 1, 3, 4, 2)) * 0.25
    bias = pair.transpose(1, 2).permute(0, 3, 1, 2).unsqueeze(1)
    scores = scores + bias + mask.transpose(1, 2)[:, :, None, None]
    out = torch.matmul(scores.softmax(-1), v.transpose(2, 3)).transpose(2, 3)
    return (out * torch.sigmoid(g)).transpose(1, 2)


@triangle("BPSHD BPSHD BPSHE B1HSS BPSHE")
def by_sdpa(q, k, v, pair, g):
    """Rows and batch are one dim, the bias is expanded over rows."""
    batch, rows = q.shape[:2]
    bias = pair.expand(-1, rows, -1, -1, -1).flatten(0, 1)
    q, k, v = (x.flatten(0, 1).transpose(1, 2) for x in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    return out.transpose(1, 2).unflatten(0, (batch, rows)) * torch.sigmoid(g)


points = Variant("C", "invariant point attention")


@points("BSHC BSHC BSHC BSHP3 BSHP3 BSHP3 BSSH scale.H BSSC BS")
def differences(q, k, v, qp, kp, vp, b, w, z, mask):
    scores = torch.einsum("bihc,bjhc->bhij", q, k) * (1 / (3 * q.shape[-1])) ** 0.5
    scores = scores + (1 / 3) ** 0.5 * b.permute(0, 3, 1, 2)
    distance = (qp[:, :, None] - kp[:, None]).float().square().sum((-1, -2))
    scores = scores - 0.5 * w[:, None, None] * distance.permute(0, 3, 1, 2)
    scores = scores + mask[:, None, None, :]
    weights = scores.softmax(-1).to(v.dtype)
    out = torch.einsum("bhij,bjhc->bihc", weights, v)
    out_points = torch.einsum("bhij,bjhpx->bihpx", weights, vp)
    out_pair = torch.einsum("bhij,bijc->bihc", weights, z)
    return out, out_points, out_pair


@points("BSHC BSHC BSHC BSHP3 BSHP3 BSHP3 BSSH scale.H BSSC keep.BS")
def openfold_points(q, k, v, qp, kp, vp, b, w, z, keep):
    scores = torch.matmul(q.permute(0, 2, 1, 3), k.permute(0, 2, 3, 1))
    scores = scores * math.sqrt(1.0 / (3 * q.shape[-1]))
    scores = scores + math.sqrt(1.0 / 3) * b.permute(0, 3, 1, 2)
    distance = qp.unsqueeze(-4) - kp.unsqueeze(-5)
    distance = (distance.float() ** 2).sum(-1)
    distance = distance * w.view(1, 1, 1, -1, 1)
    distance = torch.sum(distance, dim=-1) * -0.5
    scores = scores + distance.permute(0, 3, 1, 2).to(q.dtype)
    square = keep.unsqueeze(-1) & keep.unsqueeze(-2)
    scores = scores + (1e5 * (square.to(q.dtype) - 1)).unsqueeze(1)
    weights = torch.softmax(scores, -1)
    out = torch.matmul(weights, v.transpose(1, 2)).transpose(1, 2).flatten(2)
    out_points = torch.sum(
        weights[..., None, :, :, None] * vp.permute(0, 2, 4, 1, 3)[..., None, :, :], dim=-2
    ).permute(0, 3, 1, 4, 2)
    out_pair = torch.matmul(weights.transpose(-2, -3), z)
    return out, out_points, out_pair.flatten(2)


@points("BHSC BHSC BHSC BHSP3 BHSP3 BHSP3 BHSS scale.H BSSC")
def expanded_square(q, k, v, qp, kp, vp, b, w, z):
    """The squared distance as a sum of three, in float."""
    a, c = qp.float().flatten(-2), kp.float().flatten(-2)
    distance = (a * a).sum(-1)[..., None] + (c * c).sum(-1)[..., None, :] - 2 * a @ c.mT
    scores = q @ k.mT * (1 / (3 * q.shape[-1])) ** 0.5 + (1 / 3) ** 0.5 * b
    weights = torch.softmax(scores - 0.5 * w[:, None, None] * distance.to(q.dtype), -1)
    out_points = (weights @ vp.flatten(-2)).unflatten(-1, (-1, 3))
    return weights @ v, out_points, torch.einsum("bhij,bijc->bhic", weights, z)


shared = Variant("C", "several values of one statistic")


@shared("BHSD BHND BHNE BHNY")
def two_products(q, k, v, u):
    weights = F.softmax(q @ k.mT * 0.25, -1)
    return weights @ v, weights @ u


@shared("BHSD BHND BHNE")
def values_and_keys(q, k, v):
    weights = torch.einsum("bhmd,bhnd->bhmn", q, k).mul(0.25).softmax(-1)
    return torch.einsum("bhmn,bhne->bhme", weights, v), weights.matmul(k)


@shared("BHSD BHND BHNE")
def moments(q, k, v):
    """Mean and variance of the values under the weights."""
    weights = torch.softmax(q @ k.mT * 0.25, -1)
    mean = weights @ v
    return mean, weights @ (v * v) - mean * mean
