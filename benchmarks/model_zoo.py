# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small configurations, with random weights, of models whose attention differs.

Each entry makes a module from `transformers`, exported as it is, and the arguments of a call. The
modules return a model's first output (hidden states), so that a comparison has one tensor.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

LENGTH = 40  # a multiple of no tile
VOCABULARY = 96


@dataclass(frozen=True)
class Model:
    """An entry: `make(attention)` gives a module in eval mode and its arguments.

    `attention` is the implementation that transformers is asked for: "eager" or "sdpa".
    """

    name: str
    make: Callable[[str], tuple[torch.nn.Module, tuple]]
    implementations: tuple[str, ...] = ("eager", "sdpa")


MODELS: dict[str, Model] = {}


class First(torch.nn.Module):
    """Calls a model with keywords and returns its first output."""

    def __init__(self, model: torch.nn.Module, names: tuple[str, ...], **fixed: Any) -> None:
        super().__init__()
        self.model = model
        self.names = names
        self.fixed = fixed

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, args, strict=True))
        return self.model(**given, **self.fixed)[0]


class All(First):
    """Returns all outputs, flat in one tensor."""

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, args, strict=True))
        return torch.cat([x.flatten() for x in self.model(**given, **self.fixed)])


def _entry(name: str, *implementations: str):
    def register(make: Callable[[str], tuple[torch.nn.Module, tuple]]):
        MODELS[name] = Model(name, make, implementations or ("eager", "sdpa"))
        return make

    return register


def _tokens(batch: int = 2, length: int = LENGTH) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(1))


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def _model(package: str, config: str, model: str, attention: str, **settings: Any):
    """A model of `transformers.models.<package>`; all of its weights random, norms' included."""
    library = importlib.import_module("transformers")
    made = getattr(library, config)(**settings)
    made._attn_implementation = attention
    torch.manual_seed(0)
    module = getattr(importlib.import_module(f"transformers.models.{package}"), model)(made)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return module.eval()


def _decoder(name: str, package: str, config: str, model: str, **settings: Any) -> None:
    """A decoder from token numbers to hidden states."""
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

    @_entry(name, *implementations)
    def make(attention: str) -> tuple[torch.nn.Module, tuple]:
        module = _model(package, config, model, attention, **settings)
        return First(module, ("input_ids",), use_cache=False), (_tokens(),)


_decoder("Llama", "llama", "LlamaConfig", "LlamaModel")
_decoder("Mistral", "mistral", "MistralConfig", "MistralModel", sliding_window=16)
_decoder(
    "Gemma 2",
    "gemma2",
    "Gemma2Config",
    "Gemma2Model",
    head_dim=16,
    sliding_window=16,
    implementations=("eager",),
)
_decoder("DiffLlama", "diffllama", "DiffLlamaConfig", "DiffLlamaModel")
_decoder(
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
_decoder(
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


@_entry("GPT-2")
def _gpt2(attention: str):
    module = _model(
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
    return First(module, ("input_ids",), use_cache=False), (_tokens(),)


@_entry("BLOOM", "eager")
def _bloom(attention: str):
    module = _model(
        "bloom",
        "BloomConfig",
        "BloomModel",
        attention,
        vocab_size=VOCABULARY,
        hidden_size=64,
        n_layer=2,
        n_head=4,
    )
    return First(module, ("input_ids",), use_cache=False), (_tokens(),)


@_entry("T5", "eager", "sdpa")
def _t5(attention: str):
    module = _model(
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
    return First(module, names, use_cache=False), (_tokens(), _tokens(2, 24))


@_entry("Whisper")
def _whisper(attention: str):
    module = _model(
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
    return First(module, names, use_cache=False), (_noise(2, 16, 2 * LENGTH), _tokens(2, 24))


@_entry("DeBERTa-v2", "eager")
def _deberta(attention: str):
    module = _model(
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
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[1, -9:] = 0
    return First(module, ("input_ids", "attention_mask")), (_tokens(), mask)


@_entry("ViT")
def _vit(attention: str):
    module = _model(
        "vit",
        "ViTConfig",
        "ViTModel",
        attention,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    return First(module, ("pixel_values",)), (_noise(2, 3, 32, 32),)


@_entry("Swin", "eager", "sdpa")
def _swin(attention: str):
    module = _model(
        "swin",
        "SwinConfig",
        "SwinModel",
        attention,
        image_size=64,
        patch_size=4,
        embed_dim=32,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=4,
    )
    return First(module, ("pixel_values",)), (_noise(2, 3, 64, 64),)


@_entry("ESM folding trunk block", "eager")
def _esm_block(attention: str):
    fold = importlib.import_module("transformers.models.esm.modeling_esmfold")
    settings = importlib.import_module("transformers.models.esm.configuration_esm").EsmFoldConfig()
    trunk = settings.trunk
    trunk.sequence_state_dim, trunk.sequence_head_width = 64, 16
    trunk.pairwise_state_dim, trunk.pairwise_head_width = 32, 16
    torch.manual_seed(0)
    module = fold.EsmFoldTriangularSelfAttentionBlock(trunk).eval()
    _randomize(module)
    length = 20
    mask = torch.ones(2, length)
    mask[1, -5:] = 0
    names = ("sequence_state", "pairwise_state", "mask")
    # Both states matter, the second is what the triangular attentions make.
    return All(module, names), (_noise(2, length, 64), _noise(2, length, length, 32), mask)


@_entry("ESM invariant point attention", "eager")
def _esm_points(attention: str):
    fold = importlib.import_module("transformers.models.esm.modeling_esmfold")
    settings = importlib.import_module("transformers.models.esm.configuration_esm").EsmFoldConfig()
    torch.manual_seed(0)
    structure = settings.trunk.structure_module
    structure.sequence_dim, structure.pairwise_dim = 48, 32
    module = fold.EsmFoldInvariantPointAttention(structure).eval()
    _randomize(module)
    utils = importlib.import_module("transformers.models.esm.openfold_utils")

    class Points(torch.nn.Module):
        """The module takes rigid frames; here they come from rotations and translations."""

        def __init__(self) -> None:
            super().__init__()
            self.points = module

        def forward(self, s, z, rotations, translations, mask):
            frames = utils.Rigid(utils.Rotation(rot_mats=rotations), translations)
            return self.points(s, z, frames, mask)

    length = 20
    rotations = torch.linalg.qr(_noise(2, length, 3, 3)).Q
    mask = torch.ones(2, length)
    mask[1, -5:] = 0
    arguments = (_noise(2, length, 48), _noise(2, length, length, 32), rotations)
    return Points(), (*arguments, _noise(2, length, 3), mask)


def _randomize(module: torch.nn.Module) -> None:
    """Gives weights that start at zero something to do."""
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
