# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention in many spellings, compiled for the CPU and judged against float64.

A case gives the number of kernels and of sweeps over the keys that it must become: a spelling that
stops fusing fails here, as one that computes something else does."""

import math

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics

B, H, S, N, D, E = 2, 4, 100, 130, 32, 48
INF = float("inf")
CASES = {}


def R(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def case(*args, kernels=1, sweeps=1):
    def register(function):
        CASES[function.__name__] = (function, args, kernels, sweeps)
        return function

    return register


q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)


@case(q, k, v)
def cross(q, k, v):
    return torch.softmax(q @ k.mT / math.sqrt(D), -1) @ v


@case(R(B, S, H, D), R(B, N, H, D), R(B, N, H, E))
def bshd(q, k, v):
    s = torch.einsum("bqhd,bkhd->bhqk", q * D**-0.25, k * D**-0.25)
    return torch.einsum("bhqk,bkhe->bqhe", s.softmax(-1), v)


@case(q, k, v)
def transposed_scores(q, k, v):
    s = k @ q.mT * 0.1  # [B,H,N,S]
    p = torch.softmax(s, dim=-2)
    return p.mT @ v


@case(q.reshape(B * H, S, D), k.reshape(B * H, N, D), v.reshape(B * H, N, E), R(B * H, S, N))
def baddbmm(q, k, v, b):
    s = torch.baddbmm(b, q, k.transpose(1, 2), beta=1.0, alpha=0.2)
    return torch.bmm(F.softmax(s, -1), v)


@case(q, k, v)
def flashy(q, k, v):
    s = q @ k.mT * 0.2
    m = s.amax(-1, keepdim=True)
    e = torch.exp(s - m)
    return (e @ v) / e.sum(-1, keepdim=True)


@case(q, k, v)
def logsumexp_out(q, k, v):
    s = q @ k.mT * 0.2
    lse = torch.logsumexp(s, -1, keepdim=True)
    return torch.exp(s - lse) @ v, lse.squeeze(-1)


@case(q, k, v)
def logsumexp_beside(q, k, v):
    s = q @ k.mT * 0.2
    return F.softmax(s, -1) @ v, torch.logsumexp(s, -1), s.amax(-1)


@case(q, k, v)
def exp2_softmax(q, k, v):
    s = q @ k.mT * (0.2 * 1.4426950408889634)
    p = torch.exp2(s - s.amax(-1, keepdim=True))
    p = p / p.sum(-1, keepdim=True)
    return p @ v


@case(q, k, v)
def softmax_plus_one(q, k, v):
    s = q @ k.mT * 0.2
    m = s.amax(-1, keepdim=True)
    e = torch.exp(s - m)
    return (e / (e.sum(-1, keepdim=True) + torch.exp(-m))) @ v


@case(q, k, v)
def sigmoid_att(q, k, v):
    return torch.sigmoid(q @ k.mT * 0.2 - 3.0) @ v


@case(q, k, v)
def relu2(q, k, v):
    return F.relu(q @ k.mT * 0.2).square() @ v / N


@case(R(B, 8, S, D), R(B, 2, N, D), R(B, 2, N, E))
def gqa(q, k, v):
    k = k.repeat_interleave(4, 1)
    v = v.repeat_interleave(4, 1)
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


@case(R(B, 8, S, D), R(B, 2, N, D), R(B, 2, N, E))
def gqa_rev(q, k, v):
    k = k[:, None].expand(B, 4, 2, N, D).reshape(B, 8, N, D)
    v = v[:, None].expand(B, 4, 2, N, E).reshape(B, 8, N, E)
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


@case(R(B, 8, S, D), R(B, 1, N, D), R(B, 1, N, E))
def mqa(q, k, v):
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


@case(q, k, v, torch.rand(B, N) > 0.3)
def padding(q, k, v, m):
    return torch.softmax((q @ k.mT * 0.2).masked_fill(~m[:, None, None, :], -INF), -1) @ v


@case(q[:, :, :100], k[:, :, :100], v[:, :, :100], torch.randint(0, 3, (B, 100)))
def document(q, k, v, doc):
    m = doc[:, None, :, None] == doc[:, None, None, :]
    return torch.softmax((q @ k.mT * 0.2).masked_fill(~m, -INF), -1) @ v


@case(q, k, v, torch.zeros(B, N, dtype=torch.bool))
def fully_masked(q, k, v, m):
    return torch.softmax((q @ k.mT * 0.2).masked_fill(~m[:, None, None, :], -INF), -1) @ v


@case(q, k, v, torch.zeros(B, N, dtype=torch.bool))
def fully_masked_finite(q, k, v, m):
    return torch.softmax((q @ k.mT * 0.2).masked_fill(~m[:, None, None, :], -1e9), -1) @ v


@case(q, k, v, (torch.rand(B, 1, S, N) > 0.99))
def sdpa_boolmask(q, k, v, m):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=m)


@case(R(B, H, 100, D))
def self_att(x):
    i = torch.arange(100)
    return torch.where(i[:, None] >= i, torch.softmax(x @ x.mT, -1), 0.0) @ x


@case(R(1, H, 1, D), R(1, H, N, D), R(1, H, N, E))
def decode(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@case(R(H, D), R(H, N, D), R(H, N, E))
def decode2(q, k, v):
    return torch.einsum("hn,hne->he", torch.softmax(torch.einsum("hd,hnd->hn", q, k), -1), v)


@case(R(S, D), R(S, D), R(S, D))
def two_d(q, k, v):
    return F.softmax(q @ k.T, -1) @ v


@case(R(B, H, 17, 80), R(B, H, 127, 80), R(B, H, 127, 17))
def odd(q, k, v):
    return F.softmax(q @ k.mT * 0.1, -1) @ v


@case(R(B, H, S, 1), R(B, H, S, 1), R(B, H, S, 1))
def d1(q, k, v):
    return F.softmax(q @ k.mT, -1) @ v


@case(q.half(), k.half(), v.half())
def half(q, k, v):
    return (
        F.softmax((q @ k.mT).to(torch.promote_types(q.dtype, torch.float32)) * 0.2, -1).to(v.dtype)
        @ v
    )


@case(q.bfloat16(), k.bfloat16(), v.bfloat16())
def bf16(q, k, v):
    return F.softmax(q @ k.mT * 0.2, -1) @ v


@case(q.double(), k.double(), v.double())
def double(q, k, v):
    return F.softmax(q @ k.mT * 0.2, -1) @ v


@case(q * 100, k * 100, v)
def large(q, k, v):
    return F.softmax(q @ k.mT, -1) @ v


@case(q.mT.contiguous().mT, k[:, :, ::2], v.expand(B, H, N, E)[:, :, ::2])
def strided(q, k, v):
    return F.softmax(q @ k.mT * 0.2, -1) @ v


@case(q, k.transpose(-1, -2).contiguous().view(B, H, N, D), v)
def not_transpose(q, k, v):
    return F.softmax(q @ k.reshape(B, H, D, N) * 0.2, -1) @ v


@case(q, q, v, R(H))
def alibi_param(q, k, v, sl):
    i = torch.arange(S)
    s = q @ k.mT * 0.2 + sl[:, None, None] * (i[None] - i[:, None])
    return F.softmax(s, -1) @ v[:, :, :S]


@case(q, k, v, R(B, H, S, E))
def gate(q, k, v, g):
    return (F.softmax(q @ k.mT * 0.2, -1) @ v) * torch.sigmoid(g)


@case(q, k, v)
def two_outputs(q, k, v):
    p = F.softmax(q @ k.mT * 0.2, -1)
    return p @ v, p @ k


@case(q, k, v, R(B, H, S, D), R(B, H, N, D))
def differential(q, k, v, q2, k2):
    return (F.softmax(q @ k.mT * 0.2, -1) - 0.3 * F.softmax(q2 @ k2.mT * 0.2, -1)) @ v


@case(q, k, v, sweeps=2)
def threshold(q, k, v):
    p = F.softmax(q @ k.mT * 0.2, -1)
    return torch.where(p > 0.01, p, 0.0) @ v


@case(q, k, v, sweeps=2)
def entropyish(q, k, v):
    p = F.softmax(q @ k.mT * 0.2, -1)
    return p @ v, -(p * torch.log(p)).sum(-1)


@case(q, k, v)
def dropout_mask(q, k, v):
    p = F.softmax(q @ k.mT * 0.2, -1)
    w = p * p
    w = w / w.sum(-1, keepdim=True)
    return w @ v


@case(q, k, v)
def normed_by_l1(q, k, v):
    s = F.relu(q @ k.mT)
    return (s / (s.abs().sum(-1, keepdim=True) + 1e-6)) @ v


@pytest.mark.parametrize("name", CASES)
def test_variant(name):
    function, args, kernels, sweeps = CASES[name]
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert len(compiled.kernels) == kernels
    counted = [kernel.stages["kernel"].count('flashlight.stream "') for kernel in compiled.kernels]
    assert sum(counted) == sweeps
