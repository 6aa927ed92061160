# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m flashlight.info`: versions, and what targets work on this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib import metadata

import torch

from .errors import CompileError
from .program import compile as compile_program


class _Probe(torch.nn.Module):
    """A small attention to compile for each target."""

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """The versions of what a compilation depends on."""
    return {
        "flashlight": _version("flashlight"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "triton": _version("triton"),
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cpus",
    }


def targets() -> dict[str, str]:
    """For each kind of target whether it compiles here, and whether it runs."""
    return {"cpu": _probe("cpu", _run_cpu), "cuda:sm_90": _probe("cuda:sm_90", _run_cuda)}


def _probe(target: str, runs: Callable[[object, tuple], str]) -> str:
    arguments = tuple(torch.randn(1, 1, 64, 64, dtype=torch.float16) for _ in range(3))
    exported = torch.export.export(_Probe(), arguments)
    try:
        compiled = compile_program(exported, target=target)
    except CompileError as error:
        return f"does not compile: {error.message}"
    return f"compiles, {runs(compiled, arguments)}"


def _run_cpu(compiled: Callable[..., torch.Tensor], arguments: tuple) -> str:
    error = (compiled(*arguments) - _Probe()(*arguments)).abs().max().item()
    return "runs" if error < 1e-2 else f"runs with an error of {error:.1e}"


def _run_cuda(_compiled: object, _arguments: tuple) -> str:
    if torch.cuda.is_available():
        return f"device: {torch.cuda.get_device_name()}"
    return "does not run: no CUDA device"


def main() -> None:
    """Prints the report."""
    for name, value in (versions() | targets()).items():
        print(f"{name:12} {value}")


if __name__ == "__main__":
    main()
