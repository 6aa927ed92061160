# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the examples share: compile, print the report, and judge by eager in float64."""

from __future__ import annotations

import torch

import flashlight


def error(actual: torch.Tensor, exact: torch.Tensor) -> float:
    """The mean absolute difference."""
    return (actual.double() - exact).abs().mean().item()


def compile_and_compare(
    module: torch.nn.Module,
    arguments: tuple[torch.Tensor, ...],
    dynamic_shapes: tuple | None = None,
) -> flashlight.CompiledProgram:
    """Exports and compiles `module`, prints what became of it, and checks what it computes.

    The measure is the same program in eager PyTorch in float64: the compiled program may be off by
    1.1 times what eager in the module's own dtype is off by (10 times in float32).
    """
    exported = torch.export.export(module, arguments, dynamic_shapes=dynamic_shapes)
    compiled = flashlight.compile(exported)
    print(compiled.explain())
    actual = compiled(*arguments)
    with torch.no_grad():
        eager = module(*arguments)
        exact = module(*(argument.double() for argument in arguments))
    ours, theirs = error(actual, exact), error(eager, exact)
    print(f"mean error against float64: {ours:.2e}, eager's: {theirs:.2e}")
    allowed = 10 if eager.dtype == torch.float32 else 1.1
    if not ours <= allowed * theirs:
        raise SystemExit(f"expected an error of at most {allowed * theirs:.2e}, got {ours:.2e}")
    return compiled
