# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Protein structure: attention over pairs, and over points in space."""

from __future__ import annotations

import importlib

import torch

from .base import All, entry, noise, randomize


@entry("ESM folding trunk block", "eager")
def _esm_block(attention: str):
    fold = importlib.import_module("transformers.models.esm.modeling_esmfold")
    settings = importlib.import_module("transformers.models.esm.configuration_esm").EsmFoldConfig()
    trunk = settings.trunk
    trunk.sequence_state_dim, trunk.sequence_head_width = 64, 16
    trunk.pairwise_state_dim, trunk.pairwise_head_width = 32, 16
    torch.manual_seed(0)
    module = fold.EsmFoldTriangularSelfAttentionBlock(trunk).eval()
    randomize(module)
    length = 20
    mask = torch.ones(2, length)
    mask[1, -5:] = 0
    names = ("sequence_state", "pairwise_state", "mask")
    # Both states matter, the second is what the triangular attentions make.
    return All(module, names), (noise(2, length, 64), noise(2, length, length, 32), mask)


@entry("ESM invariant point attention", "eager")
def _esm_points(attention: str):
    fold = importlib.import_module("transformers.models.esm.modeling_esmfold")
    settings = importlib.import_module("transformers.models.esm.configuration_esm").EsmFoldConfig()
    torch.manual_seed(0)
    structure = settings.trunk.structure_module
    structure.sequence_dim, structure.pairwise_dim = 48, 32
    module = fold.EsmFoldInvariantPointAttention(structure).eval()
    randomize(module)
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
    rotations = torch.linalg.qr(noise(2, length, 3, 3)).Q
    mask = torch.ones(2, length)
    mask[1, -5:] = 0
    arguments = (noise(2, length, 48), noise(2, length, length, 32), rotations)
    return Points(), (*arguments, noise(2, length, 3), mask)
