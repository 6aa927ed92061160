# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One constant scales queries and scores of the same shape: the width was taken for the keys."""

import torch


def inputs(seed=0, M=1, N=16):
    torch.manual_seed(seed)
    q = torch.randn(3, M, 16)
    k = torch.randn(3, N, 16)
    v = torch.randn(3, N, 17)
    t = torch.randn(3, M, N)
    return q, k, v, t


def function(q, k, v, t):
    s = (q * 0.5) @ k.mT
    return (s - t * 0.5) @ v


DYNAMIC = None
