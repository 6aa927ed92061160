# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels run by the interpreter: what the tests compare with. No target of `compile` uses it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .interpreter.machine import Frame, Translator
from .main_function import kernel_ops
from .mlir import ir


class ReferenceKernel:
    """Interprets the `flashlight.kernel` or `flashlight.launch` op that stands in `@main`."""

    resources = None

    def __init__(self, module: ir.Module, op: ir.Operation) -> None:
        self.stages: dict[str, str] = {}
        self._step = Translator(module=module).step(op)

    def launch(
        self,
        inputs: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        symbols: dict[str, int],
    ) -> None:
        """Fills `outputs`."""
        frame = Frame(symbols=dict(symbols), device=outputs[0].device)
        for output, value in zip(outputs, self._step(frame, list(inputs)), strict=True):
            output.copy_(value)


def compile_kernel(module: ir.Module, name: str, options: object) -> ReferenceKernel:
    """The backends' interface."""
    return ReferenceKernel(module, kernel_ops(module)[name])
