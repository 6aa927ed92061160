# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mixed heads of dynamic lengths: torch finds one of them as `s0**2 // s0`, by viewing."""

import torch


def inputs(seed=0, M=2):
    torch.manual_seed(seed)
    x = torch.randn(2, 4, M, 8)
    mix = torch.randn(4, 4)
    return x, mix


def function(x, mix):
    s = x @ x.mT
    return torch.einsum("gh,...hxy->...gxy", mix, s)


DYNAMIC = [{2: "M"}, {}]
