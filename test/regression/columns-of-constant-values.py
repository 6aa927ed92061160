# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A state that starts as a constant: each column of the product with it was a program of its own,
and computed the scores again."""

import torch


def inputs(seed=0, S=20, D=8):
    torch.manual_seed(seed)
    return tuple(torch.randn(2, 2, S, D))


def function(q, k):
    scores = torch.tanh(q @ k.mT)
    state = torch.full((k.shape[1], 24), 0.5)
    return scores @ state, scores @ k


DYNAMIC = None
