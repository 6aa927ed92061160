# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Encoders of images."""

from __future__ import annotations

from .base import First, Pooled, entry, model_of, noise


@entry("ViT")
def _vit(attention: str):
    module = model_of(
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
    return First(module, ("pixel_values",)), (noise(2, 3, 32, 32),)


@entry("Swin", "eager", "sdpa")
def _swin(attention: str):
    module = model_of(
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
    return First(module, ("pixel_values",)), (noise(2, 3, 64, 64),)


@entry("Swin V2", "eager")
def _swin2(attention: str):
    module = model_of(
        "swinv2",
        "Swinv2Config",
        "Swinv2Model",
        attention,
        image_size=64,
        patch_size=4,
        embed_dim=32,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=4,
    )
    return First(module, ("pixel_values",)), (noise(2, 3, 64, 64),)


@entry("CLIP")
def _clip(attention: str):
    module = model_of(
        "clip",
        "CLIPVisionConfig",
        "CLIPVisionModel",
        attention,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    return First(module, ("pixel_values",)), (noise(2, 3, 32, 32),)


@entry("SegFormer", "eager")
def _segformer(attention: str):
    module = model_of(
        "segformer",
        "SegformerConfig",
        "SegformerModel",
        attention,
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[4, 2],
        hidden_sizes=[16, 32],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
    )
    return First(module, ("pixel_values",)), (noise(2, 3, 64, 64),)


@entry("SigLIP")
def _siglip(attention: str):
    """The last block pools: its query is a parameter."""
    module = model_of(
        "siglip",
        "SiglipVisionConfig",
        "SiglipVisionModel",
        attention,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    return Pooled(module, ("pixel_values",)), (noise(2, 3, 32, 32),)


@entry("BEiT", "eager")
def _beit(attention: str):
    module = model_of(
        "beit",
        "BeitConfig",
        "BeitModel",
        attention,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
        use_relative_position_bias=True,
    )
    return First(module, ("pixel_values",)), (noise(2, 3, 32, 32),)


@entry("DINOv3")
def _dinov3(attention: str):
    """Rotary embeddings of patches alone, not of the class and its registers."""
    module = model_of(
        "dinov3_vit",
        "DINOv3ViTConfig",
        "DINOv3ViTModel",
        attention,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    return First(module, ("pixel_values",)), (noise(2, 3, 32, 32),)


@entry("SAM", "eager")
def _sam(attention: str):
    """Relative positions decomposed into rows and columns; windows, and the whole image."""
    module = model_of(
        "sam",
        "SamVisionConfig",
        "SamVisionModel",
        attention,
        hidden_size=64,
        mlp_dim=96,
        output_channels=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=64,
        patch_size=8,
        window_size=4,
        global_attn_indexes=[1],
    )
    return First(module, ("pixel_values",)), (noise(1, 3, 64, 64),)


@entry("Hiera", "eager")
def _hiera(attention: str):
    """Queries that are pooled, in windows."""
    module = model_of(
        "hiera",
        "HieraConfig",
        "HieraModel",
        attention,
        image_size=[64, 64],
        embed_dim=32,
        depths=[1, 1, 1],
        num_heads=[1, 2, 4],
        masked_unit_size=[4, 4],
        query_stride=[2, 2],
        num_query_pool=2,
    )
    return First(module, ("pixel_values",)), (noise(1, 3, 64, 64),)
