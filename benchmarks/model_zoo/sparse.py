# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that do not look at every key alike: blocks, several streams, other weights."""

from __future__ import annotations

from .base import VOCABULARY, All, First, entry, model_of, noise, padding, tokens

_ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}


@entry("BigBird", "eager")
def _big_bird(attention: str):
    """Blocks: the first and last for all rows, neighbours, and random ones that are gathered."""
    module = model_of(
        "big_bird",
        "BigBirdConfig",
        "BigBirdModel",
        attention,
        attention_type="block_sparse",
        block_size=4,
        num_random_blocks=2,
        **_ENCODER | {"num_hidden_layers": 1},
    )
    return First(module, ("input_ids", "attention_mask")), (tokens(), padding())


@entry("PEGASUS-X", "eager")
def _pegasus_x(attention: str):
    """Local blocks and global tokens, in two streams."""
    module = model_of(
        "pegasus_x",
        "PegasusXConfig",
        "PegasusXModel",
        attention,
        vocab_size=VOCABULARY,
        d_model=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        block_size=8,
        num_global_tokens=4,
        max_position_embeddings=128,
    )
    names = ("input_ids", "decoder_input_ids")
    return First(module, names, use_cache=False), (tokens(), tokens(2, 24))


@entry("ProphetNet", "eager")
def _prophetnet(attention: str):
    """A stream of predictions for each future token, beside the main one."""
    module = model_of(
        "prophetnet",
        "ProphetNetConfig",
        "ProphetNetModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_encoder_attention_heads=4,
        num_decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        max_position_embeddings=128,
        ngram=2,
    )
    names = ("input_ids", "decoder_input_ids")
    # Both streams matter; the first output is the main one's alone.
    return All(module, names, use_cache=False, return_dict=False), (tokens(), tokens(2, 24))


@entry("YOSO", "eager")
def _yoso(attention: str):
    """Probabilities that hashes collide, from the angle of query and key: no softmax."""
    module = model_of(
        "yoso", "YosoConfig", "YosoModel", attention, use_expectation=True, **_ENCODER
    )
    return First(module, ("input_ids", "attention_mask")), (tokens(), padding())


@entry("Doge", "eager")
def _doge(attention: str):
    """A mask made of the values."""
    module = model_of(
        "doge",
        "DogeConfig",
        "DogeModel",
        attention,
        num_key_value_heads=2,
        **_ENCODER,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)


@entry("GPT-J", "eager")
def _gptj(attention: str):
    """Rotary embeddings of neighbouring elements, of a part of the head."""
    module = model_of(
        "gptj",
        "GPTJConfig",
        "GPTJModel",
        attention,
        vocab_size=VOCABULARY,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_positions=64,
        rotary_dim=8,
    )
    return First(module, ("input_ids",), use_cache=False), (tokens(),)


@entry("Wav2Vec2-BERT", "eager")
def _wav2vec2_bert(attention: str):
    """Relative keys."""
    module = model_of(
        "wav2vec2_bert",
        "Wav2Vec2BertConfig",
        "Wav2Vec2BertModel",
        attention,
        feature_projection_input_dim=16,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    return First(module, ("input_features",)), (noise(2, 40, 16),)


@entry("SqueezeBERT", "eager")
def _squeezebert(attention: str):
    """Projections that are grouped convolutions; keys lie transposed."""
    module = model_of(
        "squeezebert",
        "SqueezeBertConfig",
        "SqueezeBertModel",
        attention,
        embedding_size=64,
        **_ENCODER,
    )
    return First(module, ("input_ids", "attention_mask")), (tokens(), padding())
