# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A query is also a bias of the keys, of which there are as many as it has features."""

import torch


def inputs(seed=0, M=1, N=16):
    torch.manual_seed(seed)
    q = torch.randn(3, M, 16)
    k = torch.randn(3, N, 16)
    v = torch.randn(3, N, 17)

    return q, k, v


def function(q, k, v):
    s = (q * 0.5) @ k.mT
    return (s - q) @ v


DYNAMIC = None
