# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Encoders of text and sound, and encoders with decoders."""

from __future__ import annotations

from typing import Any

import torch

from .base import LENGTH, VOCABULARY, First, entry, model_of, noise, padding, tokens


@entry("T5", "eager", "sdpa")
def _t5(attention: str):
    module = model_of(
        "t5",
        "T5Config",
        "T5Model",
        attention,
        vocab_size=VOCABULARY,
        d_model=64,
        d_kv=16,
        d_ff=96,
        num_layers=2,
        num_heads=4,
    )
    names = ("input_ids", "decoder_input_ids")
    return First(module, names, use_cache=False), (tokens(), tokens(2, 24))


@entry("Whisper")
def _whisper(attention: str):
    module = model_of(
        "whisper",
        "WhisperConfig",
        "WhisperModel",
        attention,
        vocab_size=VOCABULARY,
        num_mel_bins=16,
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        max_source_positions=LENGTH,
        max_target_positions=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    names = ("input_features", "decoder_input_ids")
    return First(module, names, use_cache=False), (noise(2, 16, 2 * LENGTH), tokens(2, 24))


@entry("DeBERTa-v2", "eager")
def _deberta(attention: str):
    module = model_of(
        "deberta_v2",
        "DebertaV2Config",
        "DebertaV2Model",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        max_position_embeddings=64,
    )
    return First(module, ("input_ids", "attention_mask")), (tokens(), padding())


def _bidirectional(name: str, package: str, config: str, model: str, **settings: Any) -> None:
    """An encoder from token numbers, some of them padding, to hidden states."""
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
    } | settings
    implementations = settings.pop("implementations", ())

    @entry(name, *implementations)
    def make(attention: str) -> tuple[torch.nn.Module, tuple]:
        module = model_of(package, config, model, attention, **settings)
        return First(module, ("input_ids", "attention_mask")), (tokens(), padding())


_bidirectional("BERT", "bert", "BertConfig", "BertModel")
_bidirectional(
    "ModernBERT",
    "modernbert",
    "ModernBertConfig",
    "ModernBertModel",
    local_attention=16,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    cls_token_id=1,
    sep_token_id=2,
)


@entry("XLNet", "eager")
def _xlnet(attention: str):
    module = model_of(
        "xlnet",
        "XLNetConfig",
        "XLNetModel",
        attention,
        vocab_size=VOCABULARY,
        d_model=64,
        n_layer=2,
        n_head=4,
        d_inner=96,
    )
    return First(module, ("input_ids",), use_mems=False), (tokens(),)
