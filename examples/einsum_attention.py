# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention written by hand in einsum, on [B, S, H, D], with dynamic batch and lengths."""

from __future__ import annotations

import torch
from _common import compile_and_compare
from torch.export import Dim


class EinsumAttention(torch.nn.Module):
    """Cross attention: as many keys as values, any number of queries."""

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """[B, M, H, D], [B, N, H, D], [B, N, H, E] -> [B, M, H, E]"""
        scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * q.shape[-1] ** -0.5
        return torch.einsum("bhmn,bnhe->bmhe", scores.softmax(-1), v)


if __name__ == "__main__":
    torch.manual_seed(0)
    batch, queries, keys = Dim("batch", max=64), Dim("queries", max=4096), Dim("keys", max=4096)
    shapes = ({0: batch, 1: queries}, {0: batch, 1: keys}, {0: batch, 1: keys})
    q, k, v = torch.randn(2, 100, 4, 64), torch.randn(2, 130, 4, 64), torch.randn(2, 130, 4, 48)
    compiled = compile_and_compare(EinsumAttention(), (q, k, v), shapes)
    longer = torch.randn(3, 257, 4, 64)
    print(f"other sizes: {tuple(compiled(longer, longer, longer[..., :48]).shape)}")
