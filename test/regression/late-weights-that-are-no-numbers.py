# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of rows without keys are no numbers, and replaced: an online form that rescales them must
not make them so again."""

import math

import torch


def inputs(seed=0, M=3, N=20):
    torch.manual_seed(seed)
    q, k, v = torch.randn(2, M, 8), torch.randn(2, N, 8), torch.randn(2, N, 4)
    keep = torch.rand(2, M, N) > 0.5
    keep[:, 1] = False
    return q, k, v, keep


def function(q, k, v, keep):
    s = torch.where(keep, q @ k.mT, -math.inf)
    p = torch.exp(s - torch.logsumexp(s, -1, keepdim=True))
    return p.masked_fill(p != p, 0.0) @ v


DYNAMIC = None
