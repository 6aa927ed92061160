# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inductor's own attention patterns, taken from the installed PyTorch: functions and inputs.

Each `_sfdp_pattern_*` is exported in its inference form, with a dropout of 0.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch


def patterns() -> Iterator[tuple[str, torch.nn.Module, tuple[torch.Tensor, ...]]]:
    """The name, module and inputs of each pattern, once for each of its forms (half, batch 1)."""
    from torch._inductor.fx_passes import fuse_attention

    for name, entry in fuse_attention._get_sfdp_patterns(torch.device("cpu")):
        if not name.endswith("_inference"):
            continue
        function = entry["search_fn"]
        scalars = dict(entry["scalar_workaround"])
        if "dropout_p" in inspect.signature(function).parameters:
            scalars["dropout_p"] = 0.0
        arguments = tuple(
            _filled(example, seed) for seed, example in enumerate(entry["example_inputs"])
        )
        yield name.removesuffix("_inference"), _module(function, scalars), arguments


def _module(function, scalars):
    class Pattern(torch.nn.Module):
        def forward(self, *args):
            return function(*args, **scalars)

    return Pattern().eval()


def _filled(example: torch.Tensor, seed: int) -> torch.Tensor:
    """Values in place of the file's uninitialised memory; shape, strides and type are its own, but
    for a batch of 1024, of which 16 will do."""
    example = example[:16] if example.dim() == 3 else example
    if example.dim() == 0:
        return example
    random = torch.Generator().manual_seed(seed)
    made = torch.empty_strided(example.shape, example.stride(), dtype=example.dtype)
    if example.dtype == torch.bool:
        return made.copy_(torch.rand(example.shape, generator=random) > 0.3)
    return made.copy_(torch.randn(example.shape, generator=random))
