# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels with given tiles, what Triton's compiler makes of them, and what the model expects.

``cubins.jsonl`` holds measurements, one a line: the kernel, its tiles, warps and stages, the
architecture, and the cubin's registers a thread, bytes spilled, bytes of shared memory and columns
of tensor memory. ``python test/python/cubins.py`` measures what is missing there, in some minutes,
and needs no GPU (Triton 3.6). Delete lines to measure them again.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).with_name("cubins.jsonl")
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "python")]

from flashlight import pipeline  # noqa: E402
from flashlight.backends import triton as backend  # noqa: E402
from flashlight.errors import CompileError  # noqa: E402
from flashlight.importer import import_program  # noqa: E402
from flashlight.mlir import ir  # noqa: E402
from flashlight.options import Options  # noqa: E402
from flashlight.targets import Target  # noqa: E402


@dataclass(frozen=True)
class Case:
    """One kernel with one choice of tiles for one architecture.

    Attributes:
        kernel: "sdpa64", "causal128", "f32_32", "differential64_one" or "differential128_two", the
            number being the head dim, and "one" or "two" the sweeps.
        tiles: by axis, in the order of the layout.
        arch: 90 for sm_90.
    """

    kernel: str
    tiles: dict[str, int]
    warps: int
    stages: int
    arch: int

    def schedule(self) -> str:
        """The attribute's text."""
        tiles = ", ".join(f"{axis} = {size}" for axis, size in self.tiles.items())
        return (
            f"#flashlight.schedule<cuda, tiles({tiles}), warps = {self.warps}, "
            f"stages = {self.stages}>"
        )


def _attention(causal: bool) -> Callable[..., torch.Tensor]:
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def differential(q1, k1, q2, k2, v):
    """(softmax(q1 k1 / sqrt(d)) - 0.3 softmax(q2 k2 / sqrt(d))) v."""
    scale = q1.shape[-1] ** -0.5
    first = torch.softmax((q1 @ k1.mT) * scale, -1)
    return (first - 0.3 * torch.softmax((q2 @ k2.mT) * scale, -1)) @ v


def program(kernel: str) -> tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...], str]:
    """The function, its arguments, and which form to prefer."""
    kind, width, form = re.fullmatch(r"(f32_|[a-z]+)(\d+)(?:_(\w+))?", kernel).groups()
    dtype = torch.float32 if kind == "f32_" else torch.bfloat16
    # Two tensors, not one twice: keys and values are loaded apart.
    make = functools.partial(torch.zeros, dtype=dtype)
    rows = [make(1, 8, 2048, int(width)) for _ in range(4)]
    if kind == "differential":
        prefer = {"one": "fewest", "two": "most"}[form]
        return differential, (*rows, make(1, 8, 2048, 2 * int(width))), prefer
    return _attention(kind != "sdpa"), tuple(rows[:3]), "fewest"


@functools.cache
def kernel_text(kernel: str) -> str:
    """A module with the kernel in its online form, without a schedule."""
    function, arguments, prefer = program(kernel)

    class Module(torch.nn.Module):
        def forward(self, *args: Any) -> torch.Tensor:
            return function(*args)

    module = import_program(torch.export.export(Module(), arguments)).module
    pipeline.run_pipeline(
        module, f"flashlight-to-kernel{{target=cuda prefer={prefer}}}", Options().resolved()
    )
    return str(module)


def with_schedule(case: Case) -> str:
    """The kernel's module with the case's tiles."""
    text, count = re.subn(
        r'(flashlight\.kernel .*?stream "n")',
        lambda match: f"{match[1]} schedule {case.schedule()}",
        kernel_text(case.kernel),
    )
    assert count == 1, f"{count} kernels"
    return text


def measure(case: Case) -> dict[str, Any]:
    """What the cubin takes; "error" where there is none."""
    options = Options(target=Target("cuda", f"sm_{case.arch}"))
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(with_schedule(case))
        pipeline.run_pipeline(module, "flashlight-tile,canonicalize,cse", options)
        try:
            used = backend.compile_kernel(module, "kernel_0", options).resources
        except CompileError as error:
            return {"error": error.message}
    return {
        "registers": used.registers,
        "spills": used.spills,
        "shared": used.shared,
        "columns": used.columns,
    }


@dataclass(frozen=True)
class Estimate:
    """What the model expects; see `flashlight-print-cost`."""

    microseconds: float
    registers: int
    shared: int
    columns: int
    feasible: bool


def estimates(cases: list[Case]) -> list[Estimate]:
    """What the model expects of each case."""
    found: dict[int, Estimate] = {}
    for arch in {case.arch for case in cases}:
        chosen = [i for i, case in enumerate(cases) if case.arch == arch]
        text = "\n// -----\n".join(with_schedule(cases[i]) for i in chosen)
        command = [
            sys.executable, "-m", "flashlight.tools", "opt", "-", "-o", "/dev/null",
            "-split-input-file", f"--flashlight-print-cost=target=cuda arch={arch}",
        ]  # fmt: skip
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        parts = re.split(r"(?m)^kernel_0 on .*$", done.stdout)[1:]
        found.update(zip(chosen, map(_read, parts), strict=True))
    return [found[i] for i in range(len(cases))]


def _read(text: str) -> Estimate:
    def number(pattern: str, default: str | None = None) -> str:
        match = re.search(pattern, text)
        assert match or default is not None, text
        return match[1] if match else default

    return Estimate(
        float(number(r"([\d.]+) us")),
        int(number(r"(\d+) registers")),
        int(number(r"(\d+) B of shared")),
        int(number(r"(\d+) columns", "0")),
        "too large" not in text,
    )


def cases() -> Iterator[Case]:
    """What is measured."""
    half = [
        (128, 64, 8, 3), (128, 64, 4, 3), (64, 64, 4, 3), (128, 128, 8, 3),
        (128, 32, 8, 3), (64, 32, 4, 3), (128, 64, 8, 2), (64, 128, 4, 2),
    ]  # fmt: skip
    wide = [
        (64, 32, 4, 3), (64, 32, 8, 3), (64, 64, 8, 2), (128, 32, 8, 2),
        (128, 64, 8, 2), (32, 32, 4, 2), (64, 16, 8, 3), (32, 64, 8, 3),
    ]  # fmt: skip
    full = [
        (32, 32, 4, 3), (32, 32, 8, 3), (16, 32, 4, 3), (64, 32, 8, 2),
        (32, 64, 8, 2), (64, 64, 8, 2), (16, 16, 4, 2), (32, 16, 4, 2),
    ]  # fmt: skip
    for arch in (90, 80, 100):
        for d in (64, 128):
            for kernel in (f"sdpa{d}", f"causal{d}"):
                for m, n, warps, stages in half:
                    yield Case(kernel, {"m": m, "d": d, "n": n, "e": d}, warps, stages, arch)
            for kernel in (f"differential{d}_one", f"differential{d}_two"):
                for m, n, warps, stages in wide:
                    tiles = {"m": m, "d1": d, "d": d, "n": n, "e": 2 * d}
                    yield Case(kernel, tiles, warps, stages, arch)
        for d in (16, 32, 64, 128):
            for m, n, warps, stages in full:
                yield Case(f"f32_{d}", {"m": m, "d": d, "n": n, "e": d}, warps, stages, arch)


def recorded() -> list[tuple[Case, dict[str, Any]]]:
    """The measurements on record."""
    found = []
    for line in DATA.read_text().splitlines():
        entry = json.loads(line)
        names = ("kernel", "tiles", "warps", "stages", "arch")
        found.append((Case(*(entry.pop(name) for name in names)), entry))
    return found


def main() -> None:
    """Measures what is missing."""
    known = {str(case) for case, _ in recorded()} if DATA.exists() else set()
    with DATA.open("a") as file:
        for case in cases():
            if str(case) not in known:
                file.write(json.dumps({**asdict(case), **measure(case)}) + "\n")
                file.flush()


if __name__ == "__main__":
    main()
