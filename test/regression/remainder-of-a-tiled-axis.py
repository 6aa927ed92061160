# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A head of a group was tiled although a map divides by it: `g mod 3` read beyond the values."""

import torch


def inputs(seed=0, M=1, N=2):
    torch.manual_seed(seed)
    q = torch.randn(3, 2, M, 24).to(torch.float16)
    k = torch.randn(3, 2, N, 4).to(torch.float16)
    v = torch.randn(3, 4, 2, 3, N).to(torch.float16)
    return q, k, v


def function(q, k, v):
    q = q.reshape(3, 2, q.shape[2], 6, -1).transpose(2, 3) * 0.5
    v = v[:, :, :, None].expand(-1, -1, -1, 2, -1, -1).flatten(3, 4)
    return q @ k.unsqueeze(2).mT @ v.permute(0, 2, 3, 4, 1)


DYNAMIC = None
