# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole model: transformers' Llama with small random weights, exported as it is.

Grouped heads, rotary embedding and the model's own mask code are all in the graph. The attention of
each layer becomes one fused kernel; projections, norms and the feed-forward stay with PyTorch.
"""

from __future__ import annotations

import torch
from _common import error
from transformers import LlamaConfig, LlamaForCausalLM

import flashlight


def small_llama() -> LlamaForCausalLM:
    """Two layers, eight query heads on two key heads."""
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=256,
    )
    return LlamaForCausalLM(config).eval()


if __name__ == "__main__":
    torch.manual_seed(0)
    model = small_llama()
    tokens = torch.randint(0, 512, (2, 100))
    exported = torch.export.export(model, (), {"input_ids": tokens, "use_cache": False})
    compiled = flashlight.compile(exported)
    print(compiled.explain())
    actual = compiled(input_ids=tokens, use_cache=False).logits
    with torch.no_grad():
        eager = model(input_ids=tokens, use_cache=False).logits
        exact = model.double()(input_ids=tokens, use_cache=False).logits
    print(f"logits: largest difference to eager {(actual - eager).abs().max().item():.2e}")
    ours, theirs = error(actual, exact), error(eager, exact)
    print(f"mean error against float64: {ours:.2e}, eager's: {theirs:.2e}")
    layers = model.config.num_hidden_layers
    if len(compiled.kernels) != layers or not ours <= 10 * theirs:
        raise SystemExit(
            f"expected {layers} kernels and an error of at most {10 * theirs:.2e}, "
            f"got {len(compiled.kernels)} and {ours:.2e}"
        )
