# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A maximum of -3e38 swallowed the logarithm that it was summed with, in a correction."""

import torch
import torch.nn.functional as F


def inputs(seed=0, M=1, N=65):
    torch.manual_seed(seed)
    q = torch.randn(32, M)
    k = torch.randn(N, 32)
    v = torch.randn(1, 1).expand(N, 1)
    keep = (torch.rand(N + 3, M) < 0.75)[2:-1]
    return q, k, v, keep


def function(q, k, v, keep):
    M = q.shape[1]
    N = k.shape[0]
    i3 = torch.arange(M)
    keep2 = ((M + N < 0) & (keep)) & (torch.remainder(i3 + N, 3) != 1)
    s5 = torch.where(keep2, k, torch.full_like(k, torch.finfo(k.dtype).min))
    p = F.log_softmax(s5, -2).exp()
    p2 = p.transpose(0, 1)
    o = p2 @ v
    return o


DYNAMIC = None
