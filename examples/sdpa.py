# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`F.scaled_dot_product_attention`, causal, as one fused kernel."""

from __future__ import annotations

import torch
from _common import compile_and_compare


class Attention(torch.nn.Module):
    """Causal attention."""

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """[B, H, S, D] each."""
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    compiled = compile_and_compare(Attention(), tuple(torch.randn(2, 4, 200, 64) for _ in range(3)))
    print(f"stages of the kernel: {', '.join(compiled.kernels[0].stages)}")
