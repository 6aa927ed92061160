# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A mask compares with `N - M`, which is no length of a tensor: the kernel's call needs it too."""

import torch


def inputs(seed=0, M=3, N=5):
    torch.manual_seed(seed)
    q = torch.randn(2, M, 8)
    k = torch.randn(2, N, 8)
    v = torch.randn(2, N, 8)
    return q, k, v


def function(q, k, v):
    M, N = q.shape[1], k.shape[1]
    keep = torch.arange(N) <= torch.arange(M)[:, None] + (N - M)
    s = torch.where(keep, 0.3 * q @ k.mT, -1e4)
    return s.softmax(-1) @ v


DYNAMIC = [{1: "M"}, {1: "N"}, {1: "N"}]
