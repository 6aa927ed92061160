# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that tell positions by distances, decays or convolutions in their own ways."""

from __future__ import annotations

import torch

from .base import LENGTH, VOCABULARY, First, entry, model_of, noise, padding, tokens


@entry("XLM with padding", "eager")
def _xlm(attention: str):
    module = model_of(
        "xlm",
        "XLMConfig",
        "XLMModel",
        attention,
        vocab_size=VOCABULARY,
        emb_dim=64,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=128,
        pad_index=0,
    )
    names = ("input_ids", "attention_mask")
    return First(module, names, use_cache=False), (tokens(), padding())


@entry("DeBERTa", "eager")
def _deberta(attention: str):
    module = model_of(
        "deberta",
        "DebertaConfig",
        "DebertaModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        max_relative_positions=16,
        max_position_embeddings=128,
    )
    return First(module, ("input_ids",)), (tokens(),)


@entry("RoFormer", "eager")
def _roformer(attention: str):
    module = model_of(
        "roformer",
        "RoFormerConfig",
        "RoFormerModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
    )
    return First(module, ("input_ids",)), (tokens(),)


@entry("MPNet", "eager")
def _mpnet(attention: str):
    module = model_of(
        "mpnet",
        "MPNetConfig",
        "MPNetModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
    )
    return First(module, ("input_ids",)), (tokens(),)


@entry("Funnel", "eager")
def _funnel(attention: str):
    module = model_of(
        "funnel",
        "FunnelConfig",
        "FunnelModel",
        attention,
        vocab_size=VOCABULARY,
        d_model=64,
        n_head=4,
        d_head=16,
        d_inner=96,
        block_sizes=[1, 1],
        num_decoder_layers=1,
    )
    return First(module, ("input_ids",)), (tokens(),)


@entry("ConvBERT", "eager")
def _convbert(attention: str):
    module = model_of(
        "convbert",
        "ConvBertConfig",
        "ConvBertModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        embedding_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
    )
    return First(module, ("input_ids",)), (tokens(),)


def _speech(**settings):
    return dict(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        conv_dim=[32] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        **settings,
    )


@entry("Wav2Vec2-Conformer", "eager")
def _conformer(attention: str):
    """Relative keys by the shift of Transformer-XL."""
    module = model_of(
        "wav2vec2_conformer",
        "Wav2Vec2ConformerConfig",
        "Wav2Vec2ConformerModel",
        attention,
        **_speech(position_embeddings_type="relative"),
    )
    return First(module, ("input_values",)), (noise(1, 8000),)


@entry("WavLM", "eager")
def _wavlm(attention: str):
    """A bias by bucket, gated for every query."""
    module = model_of(
        "wavlm",
        "WavLMConfig",
        "WavLMModel",
        attention,
        **_speech(num_buckets=16, max_bucket_distance=32),
    )
    return First(module, ("input_values",)), (noise(1, 8000),)


@entry("VITS", "eager")
def _vits(attention: str):
    """Relative keys and values in a window."""
    module = model_of(
        "vits.modeling_vits",
        "VitsConfig",
        "VitsTextEncoder",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=96,
        window_size=4,
    )
    ones = torch.ones(2, LENGTH, 1)
    return First(module, ("input_ids", "padding_mask")), (tokens(), ones)
