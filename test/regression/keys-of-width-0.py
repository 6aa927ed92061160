# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A contraction over nothing became an axis without elements, and the schedule's verifier failed.

A rotary embedding of all of a head leaves such a part over (Phi-3).
"""

import torch


def inputs(seed=0, S=20):
    torch.manual_seed(seed)
    return tuple(torch.randn(2, 3, S, 16) for _ in range(3))


def function(q, k, v):
    passed = q[..., 16:] @ k[..., 16:].mT
    return torch.softmax(q @ k.mT + passed, -1) @ v


DYNAMIC = None
