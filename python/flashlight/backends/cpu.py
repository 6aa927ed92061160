# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels for the machine this process runs on: LLVM code, compiled and loaded by ORC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from .. import _core
from ..cache import key_of, open_cache
from ..errors import CompileError
from ..mlir import ir

# What a memref's element type is in torch. Booleans are bytes in memory.
_DTYPES: dict[str, tuple[torch.dtype, ...]] = {
    "f64": (torch.float64,),
    "f32": (torch.float32,),
    "f16": (torch.float16,),
    "bf16": (torch.bfloat16,),
    "i64": (torch.int64,),
    "i32": (torch.int32,),
    "i16": (torch.int16,),
    "i8": (torch.bool, torch.int8, torch.uint8),
}


@dataclass(frozen=True)
class _Tensor:
    """An argument in memory: its dtypes, and its sizes (None: known when the kernel runs)."""

    role: str  # "input" or "output", and which
    dtypes: tuple[torch.dtype, ...]
    sizes: tuple[int | None, ...]

    def values(self, tensor: torch.Tensor) -> tuple[int, ...]:
        """What the kernel reads: address, sizes, strides (in elements)."""
        sizes = tensor.shape
        if tensor.dtype not in self.dtypes:
            raise ValueError(f"expected {self.role} to be {self.dtypes[0]}, got {tensor.dtype}")
        if not tensor.is_cpu:
            raise ValueError(f"expected {self.role} on the cpu, got {tensor.device}")
        if sizes != self.sizes and (
            len(sizes) != len(self.sizes)
            or any(
                expected is not None and size != expected
                for size, expected in zip(sizes, self.sizes, strict=False)
            )
        ):
            expected = ", ".join("?" if size is None else str(size) for size in self.sizes)
            raise ValueError(f"expected {self.role} of shape ({expected}), got {tuple(sizes)}")
        return (tensor.data_ptr(), *sizes, *tensor.stride())


class Stages(Mapping[str, Any]):
    """The forms a kernel went through: "tile" and "llvm" (text), "object" (an object file),
    "assembly" (text, written when it is first asked for)."""

    def __init__(self, tile: str, llvm: str, code: bytes) -> None:
        self._stages: dict[str, Any] = {
            "tile": tile,
            "llvm": llvm,
            "object": code,
            "assembly": None,
        }

    def __getitem__(self, name: str) -> Any:
        if self._stages[name] is None:
            self._stages[name] = _core.cpu_assembly(self._stages["llvm"])
        return self._stages[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)


class CompiledKernel:
    """A kernel in memory.

    Attributes:
        stages: see `Stages`.
        resources: `scratch`, bytes of tile buffers per thread; `vector_bits`, the width of the
            registers that the kernel was compiled for.
    """

    def __init__(
        self, name: str, function: ir.Operation, stages: Stages, bits: int, threads: int | None
    ) -> None:
        self.name = name
        self.stages = stages
        self._tensors, self._symbols = _signature(function)
        self._inputs = sum(tensor.role.startswith("input") for tensor in self._tensors)
        self._threads = threads
        self._code = _core.CpuKernel(stages["object"], name)
        self.resources = {"scratch": self._code.scratch_bytes, "vector_bits": bits}

    def launch(
        self,
        inputs: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        symbols: Mapping[str, int],
    ) -> None:
        """Fills `outputs`. The tensors' own memory is read and written, whatever its strides.

        Raises ValueError for tensors of another number, shape or dtype than compiled for.
        """
        given = len(inputs), len(outputs)
        expected = self._inputs, len(self._tensors) - self._inputs
        if given != expected:
            raise ValueError(
                f"expected {expected[0]} inputs and {expected[1]} outputs, "
                f"got {given[0]} and {given[1]}"
            )
        args: list[int] = []
        for expected_tensor, tensor in zip(self._tensors, (*inputs, *outputs), strict=True):
            args += expected_tensor.values(tensor)
        args += [int(symbols[name]) for name in self._symbols]
        self._code.launch(args, self._threads or torch.get_num_threads())


def _signature(function: ir.Operation) -> tuple[list[_Tensor], list[str]]:
    """The function's arguments: its inputs and outputs, then its symbols."""
    types = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value).inputs
    attributes = (
        [ir.DictAttr(entry) for entry in ir.ArrayAttr(function.attributes["arg_attrs"])]
        if "arg_attrs" in function.attributes
        else [{}] * len(types)
    )
    tensors: list[_Tensor] = []
    symbols: list[str] = []
    counts = {"input": 0, "output": 0}
    for type_, attribute in zip(types, attributes, strict=True):
        if "flashlight.symbol" in attribute:
            symbols.append(ir.StringAttr(attribute["flashlight.symbol"]).value)
            continue
        role = "output" if "flashlight.output" in attribute else "input"
        memory = ir.MemRefType(type_)
        element = str(memory.element_type)
        if element not in _DTYPES:
            raise CompileError(f"the cpu has no tensors of element type {element}")
        sizes = tuple(
            None if memory.is_dynamic_dim(dim) else memory.get_dim_size(dim)
            for dim in range(memory.rank)
        )
        tensors.append(_Tensor(f"{role} {counts[role]}", _DTYPES[element], sizes))
        counts[role] += 1
    return tensors, symbols


@cache
def _compiler_identity() -> str:
    """Changes whenever the compiler or this machine does."""
    try:
        version = metadata.version("flashlight")
    except metadata.PackageNotFoundError:  # in a source tree that is not installed
        version = "source"
    host = _core.cpu_host()
    libraries = Path(ir.__file__).parent / "_mlir_libs"
    built = [
        f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in sorted(libraries.glob("libFlashlight*"))
    ]
    return "\n".join([version, host["cpu"], host["features"], *built])


def _find(module: ir.Module, name: str) -> ir.Operation:
    for op in module.body.operations:
        if op.operation.name != "func.func":
            continue
        if ir.StringAttr(op.attributes["sym_name"]).value == name:
            return op.operation
    raise CompileError(f"expected a function '{name}' in the tile program")


def compile_kernel(module: ir.Module, name: str, options: object = None) -> CompiledKernel:
    """Compiles the tile-level function `name`.

    Args:
        module: at the tile level; it is not changed.
        name: a `func.func` with a `flashlight.grid`.
        options: `flashlight.Options`, or anything with some of its attributes: `threads` (torch's
            number at the time of a launch if None), `cache_dir`; also `vector_bits` (the widest
            registers that the machine has if None).

    Raises CompileError with the compiler's diagnostics, CacheError for a named cache directory
    that cannot be written.
    """
    bits = getattr(options, "vector_bits", None) or int(_core.cpu_host()["vector-bits"])
    function = _find(module, name)
    tile = function.get_asm()
    kept = open_cache(getattr(options, "cache_dir", None))
    key = key_of(_compiler_identity(), str(bits), name, tile)
    parts = kept.get(key) if kept else None
    if parts is None or not {"llvm", "object"} <= parts.keys():
        try:
            llvm, code = _core.cpu_compile(module, name, bits)
        except RuntimeError as error:
            raise CompileError(f"kernel '{name}' cannot be compiled for the cpu: {error}") from None
        parts = {"llvm": llvm.encode(), "object": code}
        if kept:
            kept.put(key, parts)
    stages = Stages(tile, parts["llvm"].decode(), parts["object"])
    return CompiledKernel(name, function, stages, bits, getattr(options, "threads", None))
