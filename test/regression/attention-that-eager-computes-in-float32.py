# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Eager computes this scaled_dot_product_attention in float32 and rounds once, at the end (where
values have another width than keys it has no fused kernel); rounded probabilities erred a third
more."""

import torch
import torch.nn.functional as F


def inputs(seed=0, S=64, N=100):
    torch.manual_seed(seed)
    q, k = torch.randn(2, 2, S, 16), torch.randn(2, 2, N, 16)
    v = torch.randn(2, 2, N, 24)
    return tuple(x.to(torch.float16) for x in (q, k, v))


def function(q, k, v):
    return (
        F.scaled_dot_product_attention(q, k, v),
        F.scaled_dot_product_attention(q, k, v, is_causal=True),
    )


DYNAMIC = None
