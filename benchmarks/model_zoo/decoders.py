# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decoders of text."""

from __future__ import annotations

from typing import Any

import torch

from .base import VOCABULARY, First, entry, model_of, padding, tokens


def decoder(name: str, package: str, config: str, model: str, **settings: Any) -> None:
    """A decoder from token numbers to hidden states; `padded` gives it a mask of real tokens."""
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
    } | settings
    implementations = settings.pop("implementations", ())
    padded = settings.pop("padded", False)

    @entry(name, *implementations)
    def make(attention: str) -> tuple[torch.nn.Module, tuple]:
        module = model_of(package, config, model, attention, **settings)
        if padded:
            return First(module, ("input_ids", "attention_mask"), use_cache=False), (
                tokens(),
                padding(),
            )
        return First(module, ("input_ids",), use_cache=False), (tokens(),)


decoder("Llama", "llama", "LlamaConfig", "LlamaModel")
decoder("Llama with padding", "llama", "LlamaConfig", "LlamaModel", padded=True)
decoder("Mistral", "mistral", "MistralConfig", "MistralModel", sliding_window=16)
decoder(
    "Gemma 2",
    "gemma2",
    "Gemma2Config",
    "Gemma2Model",
    head_dim=16,
    sliding_window=16,
    implementations=("eager",),
)
decoder("DiffLlama", "diffllama", "DiffLlamaConfig", "DiffLlamaModel")
decoder(
    "GPT-OSS",
    "gpt_oss",
    "GptOssConfig",
    "GptOssModel",
    head_dim=16,
    sliding_window=16,
    num_local_experts=4,
    num_experts_per_tok=2,
    implementations=("eager",),
)
decoder(
    "DeepSeek-V3",
    "deepseek_v3",
    "DeepseekV3Config",
    "DeepseekV3Model",
    num_key_value_heads=4,
    q_lora_rank=32,
    kv_lora_rank=24,
    qk_rope_head_dim=8,
    qk_nope_head_dim=16,
    v_head_dim=20,
    n_routed_experts=4,
    num_experts_per_tok=2,
    n_group=2,
    topk_group=1,
    moe_intermediate_size=32,
    first_k_dense_replace=1,
)


@entry("GPT-2")
def _gpt2(attention: str):
    module = model_of(
        "gpt2",
        "GPT2Config",
        "GPT2Model",
        attention,
        vocab_size=VOCABULARY,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_positions=64,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)


@entry("BLOOM", "eager")
def _bloom(attention: str):
    module = model_of(
        "bloom",
        "BloomConfig",
        "BloomModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        n_layer=2,
        n_head=4,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)


decoder("Qwen3", "qwen3", "Qwen3Config", "Qwen3Model", head_dim=16)
decoder(
    "Gemma 3",
    "gemma3",
    "Gemma3TextConfig",
    "Gemma3TextModel",
    head_dim=16,
    sliding_window=16,
    layer_types=["sliding_attention", "full_attention"],
)
decoder("Phi-3", "phi3", "Phi3Config", "Phi3Model")
decoder("OLMo 2", "olmo2", "Olmo2Config", "Olmo2Model")
decoder("Cohere", "cohere", "CohereConfig", "CohereModel")
decoder(
    "GPT-NeoX",
    "gpt_neox",
    "GPTNeoXConfig",
    "GPTNeoXModel",
    num_key_value_heads=None,
    rotary_pct=0.5,
)
decoder(
    "Falcon",
    "falcon",
    "FalconConfig",
    "FalconModel",
    multi_query=True,
    alibi=False,
    num_key_value_heads=None,
)
decoder(
    "Falcon with ALiBi",
    "falcon",
    "FalconConfig",
    "FalconModel",
    alibi=True,
    num_key_value_heads=None,
)


@entry("MPT", "eager")
def _mpt(attention: str):
    module = model_of(
        "mpt",
        "MptConfig",
        "MptModel",
        attention,
        vocab_size=VOCABULARY,
        d_model=64,
        n_heads=4,
        n_layers=2,
        max_seq_len=64,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)


@entry("Bamba", "eager")
def _bamba(attention: str):
    """A state space as products of rows and keys with decays, one number a head."""
    module = model_of(
        "bamba",
        "BambaConfig",
        "BambaModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        mamba_n_heads=32,
        mamba_d_head=1,
        mamba_d_state=8,
        mamba_chunk_size=48,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)
