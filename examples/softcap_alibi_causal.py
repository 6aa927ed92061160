# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softcap, ALiBi and a causal mask in plain PyTorch: no template has this one."""

from __future__ import annotations

import torch
from _common import compile_and_compare


class SoftcapAlibiCausal(torch.nn.Module):
    """softmax(c tanh(q k' / (c sqrt(D))) + slope (j - i), masked where j > i) v"""

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """[B, H, S, D] each."""
        heads, length, width = q.shape[1:]
        scores = q @ k.transpose(-1, -2) * width**-0.5
        scores = 20 * torch.tanh(scores / 20)
        i = torch.arange(length)[:, None]
        j = torch.arange(length)[None, :]
        slopes = torch.exp2(-torch.arange(1, heads + 1).to(q.dtype))
        scores = scores + slopes[:, None, None] * (j - i)
        scores = scores.masked_fill(j > i, -torch.inf)
        return torch.softmax(scores, dim=-1) @ v


if __name__ == "__main__":
    torch.manual_seed(0)
    compile_and_compare(
        SoftcapAlibiCausal(),
        tuple(torch.randn(2, 8, 200, 64, dtype=torch.bfloat16) for _ in range(3)),
    )
