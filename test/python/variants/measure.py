# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a spelling became: its form, and the memory that a call takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import flashlight

from .catalogue import Expected, Sizes, Spelling


@dataclass(frozen=True)
class Form:
    """What a program became.

    Attributes:
        kernels: its fused kernels.
        passes: sweeps over a streamed axis, in all kernels together.
        left: the ops that stayed with PyTorch, each once, in order.
    """

    kernels: int
    passes: int
    left: tuple[str, ...]

    def reaches(self, expected: Expected) -> str | None:
        """None where the form is as good as expected, else what is not."""
        if self.kernels > expected.kernels and expected.kernels > 0:
            return f"{self.kernels} kernels instead of {expected.kernels}"
        if self.kernels == 0 and expected.kernels > 0:
            return "no kernel"
        if self.passes > expected.passes:
            return f"{self.passes} passes instead of {expected.passes}"
        further = [op for op in self.left if op not in expected.left]
        return f"left to PyTorch: {', '.join(further)}" if further else None


def form_of(compiled: Any) -> Form:
    """The form of a compiled program."""
    passes = sum(kernel.stages["kernel"].count("flashlight.stream ") for kernel in compiled.kernels)
    left = dict.fromkeys(entry.op for entry in compiled.fallbacks)
    return Form(len(compiled.kernels), passes, tuple(left))


def export(spelling: Spelling, sizes: Sizes) -> tuple[Any, torch.nn.Module, tuple]:
    """The exported program, its module, and arguments for it."""
    module = spelling.module()
    arguments = spelling.arguments(sizes)
    return torch.export.export(module, arguments), module, arguments


def compile_for_cpu(exported: Any) -> Any:
    """Compiled for this machine."""
    return flashlight.compile(exported, target="cpu")


def extra_memory(compiled: Any, arguments: tuple) -> int:
    """Bytes that a call takes beside its inputs and outputs, at its peak, with one thread.

    What PyTorch's allocator gives out during the call is measured, without the outputs; the tile
    buffers of the kernels, which are not from there, are added: one buffer, of the largest kernel.
    """
    held = 0
    for leaf in torch.utils._pytree.tree_leaves(compiled(*arguments)):
        held += leaf.untyped_storage().nbytes()
    peak = peak_allocated(lambda: compiled(*arguments))
    scratch = max((kernel.resources["scratch"] for kernel in compiled.kernels), default=0)
    return max(peak - held, 0) + scratch


def peak_allocated(call: Callable[[], Any]) -> int:
    """The most bytes that tensors made during a call held at one time."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        result = call()
    del result
    events = profiler.profiler.kineto_results.events()
    changes = sorted(
        (event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"
    )
    peak = held = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak
