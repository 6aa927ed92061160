# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that may not fit a target: other tiles are tried, then parts; what has none stays with
PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import pipeline
from .errors import CompileError, KernelError
from .main_function import function_of
from .mlir import ir
from .options import Options

# Where a GPU has too little room for the best tiles after all: which ones are tried then.
_FURTHER_TILES = (4, 16, 40)
# Bytes a thread that a kernel may spill: what spills more, the cost model would not have chosen.
_MAX_SPILLS = 200


def compile_kernel(
    backend: Any, module: ir.Module, text: str, name: str, options: Options
) -> tuple[ir.Module, Any]:
    """Compiles a kernel of a tiled module; if that fails, or spills much, of the module tiled
    otherwise.

    Args:
        backend: what has `compile_kernel`.
        module: tiled.
        text: the same module before it was tiled.
        name: the kernel.
        options: with the target.

    Returns the module with the tiles that were taken, and the kernel: of those that spill much the
    one that spills least.
    """
    best: tuple[ir.Module, Any] | None = None
    first: KernelError | None = None
    for skip in (0, *_FURTHER_TILES):
        try:
            if skip:
                with module.context:
                    module = ir.Module.parse(text)
                pipeline.run_pipeline(module, pipeline.to_tile(options.target, skip), options)
            kernel = backend.compile_kernel(module, name, options)
        except KernelError as error:
            first = first or error
            continue
        if best is None or _spills(kernel) < _spills(best[1]):
            best = module, kernel
        if _spills(kernel) <= _MAX_SPILLS:
            break
    if best is None:
        assert first is not None
        raise first
    return best


def _spills(kernel: Any) -> int:
    """Bytes a thread; none on a CPU."""
    return getattr(kernel.resources, "spills", 0)


@dataclass
class Refused:
    """What a target had no kernel for, by the name of the kernel, and why.

    Attributes:
        whole: kernels to be split, if they can be.
        formed: kernels not to be formed.
    """

    whole: dict[str, str] = field(default_factory=dict)
    formed: dict[str, str] = field(default_factory=dict)

    def tell(self, module: ir.Module) -> None:
        """Tells `flashlight-form-kernels` and `flashlight-split-kernels`."""
        for name, reasons in (("refused", self.formed), ("no_room", self.whole)):
            if reasons:
                with module.context:
                    known = {kernel: ir.StringAttr.get(why) for kernel, why in reasons.items()}
                    main = function_of(module, "main")
                    main.attributes[f"flashlight.{name}"] = ir.DictAttr.get(known)


def blamed(error: CompileError, names: Iterable[str]) -> str | None:
    """The kernel that an error of a pass is about."""
    said = " ".join([error.message, *error.notes])
    return next((name for name in names if f"kernel '{name}'" in said), None)


def estimated_cost(function: ir.Operation) -> dict[str, int | float | str]:
    """The cost model's estimate, as `flashlight-schedule` left it on the kernel's function."""
    if "flashlight.cost" not in function.attributes:
        return {}
    result: dict[str, int | float | str] = {}
    for named in ir.DictAttr(function.attributes["flashlight.cost"]):
        kinds = (ir.IntegerAttr, ir.FloatAttr, ir.StringAttr)
        kind = next(kind for kind in kinds if isinstance(named.attr, kind))
        result[named.name] = kind(named.attr).value
    return result
