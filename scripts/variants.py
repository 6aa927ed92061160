# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes docs/variants.md: what each spelling of the catalogue becomes.

    python scripts/variants.py                    everything that this compiler was not asked yet
    python scripts/variants.py --stages form      only the forms and errors (minutes)
    python scripts/variants.py --only causal      only names with this in them
    python scripts/variants.py --stages           nothing: only writes the page again

Stages: `form` (small sizes, float32, CPU), `memory` (S = 4096, bfloat16, CPU), `gpu` (the same
program, compiled for sm_80, sm_90 and sm_100; no GPU is needed).

Results are kept in build/variants.json, so that an interrupted run goes on where it was. They are
kept by content: every entry says which compiler it is of, and what another compiler made is not
printed. After a change of the compiler every program is compiled to TTIR, or for the CPU, again;
but Triton runs, and memory is measured, only where a digest of the result is new: for `gpu` of
TTIR, options and architecture, for `memory` of the tiled program and of what runs it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "test" / "python"), str(ROOT / "python")]

import torch  # noqa: E402

import numerics  # noqa: E402
import variants  # noqa: E402
from flashlight.backends import triton as backend  # noqa: E402
from flashlight.backends.triton_layout import contiguous  # noqa: E402
from flashlight.backends.triton_stages import (  # noqa: E402
    Resources,
    generate_cached,
    load_triton,
    name_of,
)
from flashlight.cache import key_of  # noqa: E402
from flashlight.errors import CompileError, KernelError  # noqa: E402
from flashlight.fitting import function_of  # noqa: E402
from flashlight.mlir import ir  # noqa: E402
from flashlight.options import Options  # noqa: E402
from flashlight.program import compile_with  # noqa: E402
from variants import measure, sfdp  # noqa: E402
from variants.table import ARCHITECTURES, Measured, page  # noqa: E402

KEPT = ROOT / "build" / "variants.json"
PAGE = ROOT / "docs" / "variants.md"
STAGES = ("form", "memory", "gpu")
SOURCES = ("lib", "include", "python/flashlight")
# What of Python decides which memory a call takes.
RUNNERS = ("plan.py", "steps.py", "nodes.py", "backends/cpu.py")


@functools.cache
def compiler() -> str:
    """Which compiler this is, by the content of what runs."""
    digest = hashlib.sha256()
    libraries = (Path(ir.__file__).parent / "_mlir_libs").glob("libFlashlight*.so")
    for path in [*sorted(libraries), *sorted((ROOT / "python" / "flashlight").rglob("*.py"))]:
        if "report" not in path.parts:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    versions = f"{torch.__version__} {load_triton().__version__}"
    return hashlib.sha256(digest.digest() + versions.encode()).hexdigest()[:16]


def versions() -> str:
    """For readers: the last commit that changed the compiler, and what it works with."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments, "--", *SOURCES]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    changed = " with changes" if git("status", "--porcelain") else ""
    return (
        f"the compiler of commit {git('log', '-1', '--format=%h')}{changed}, "
        f"PyTorch {torch.__version__.partition('+')[0]}, Triton {load_triton().__version__}"
    )


@dataclass
class State:
    """What is kept in the file; see `table.Measured`."""

    spellings: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    patterns: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def load() -> State:
        """The last run's. A file of an older form holds nothing that can be told to be current."""
        kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        return State(**kept) if set(kept) == set(asdict(State())) else State()

    def keep(self) -> None:
        """Writes the results in one step: an interrupted run leaves the last ones whole."""
        whole = KEPT.with_suffix(".new")
        whole.write_text(json.dumps(asdict(self)))
        whole.replace(KEPT)


def form(spelling: variants.Spelling, _state: State) -> dict[str, Any]:
    """Kernels, passes, ops left, and errors."""
    exported, module, arguments = measure.export(spelling, variants.TEST)
    compiled = measure.compile_for_cpu(exported)
    found = measure.form_of(compiled)
    ours, eager = _errors(compiled(*arguments), module, arguments)
    return {
        "kernels": found.kernels,
        "passes": found.passes,
        "left": found.left,
        "missing": found.reaches(spelling.expected),
        "error": ours,
        "eager": eager,
    }


def _errors(outputs: Any, module: torch.nn.Module, arguments: tuple) -> tuple[float, float]:
    pairs = [(0.0, 0.0)]
    for ours, _, own, base, _ in numerics.errors(outputs, module, arguments):
        if ours.is_floating_point():
            pairs.append((float(own.mean()), float(base.mean())))
    return max(pairs)


def memory(spelling: variants.Spelling, state: State) -> dict[str, Any]:
    """Bytes beside inputs and outputs; the last run's where the program is the same as then."""
    if not spelling.large or any(word.endswith("SSC") for word in spelling.words):
        return {}
    exported, module, arguments = measure.export(spelling, variants.LARGE)
    compiled = measure.compile_for_cpu(exported)
    last = compiled.stages.get("tile", compiled.stages["kernel"])
    scratch = [str(kernel.resources["scratch"]) for kernel in compiled.kernels]
    runners = [(ROOT / "python" / "flashlight" / name).read_text() for name in RUNNERS]
    digest = key_of(torch.__version__, last, *scratch, *runners)
    known = state.spellings.get(spelling.name, {}).get("memory", {})
    if known.get("digest") == digest:
        return known
    try:
        return {"digest": digest, "bytes": measure.extra_memory(compiled, arguments)}
    except RuntimeError as error:
        if _runs(module, arguments):
            raise
        said = f"fails in {arguments[0].dtype}: {str(error).splitlines()[0]}"
        return {"digest": digest, "eager": said[:100]}


def _runs(module: torch.nn.Module, arguments: tuple) -> bool:
    """Whether eager PyTorch can run the program: some of its ops know no half types."""
    try:
        module(*arguments)
    except RuntimeError:
        return False
    return True


@dataclass(frozen=True)
class Kernel:
    """A kernel as far as its figures are asked for; "digest" is a stage of it."""

    stages: dict[str, str]
    resources: Resources


@dataclass(frozen=True)
class Figures:
    """A backend that asks Triton only for what it has not seen."""

    known: dict[str, dict[str, Any] | str]

    def compile_kernel(self, module: ir.Module, name: str, options: Options) -> Kernel:
        """As `flashlight.backends.triton.compile_kernel`, without launching."""
        source = backend.read_kernel(module, name, options)
        try:
            ttir = source.to_ttir(tuple(map(contiguous, source.shapes())), module.context)
        except CompileError as error:
            raise KernelError.of(error) from error
        digest = name_of(ttir, source.codegen)
        if digest not in self.known:
            try:
                used = generate_cached(ttir, source.codegen, options.cache_dir).resources
            except CompileError as error:
                self.known[digest] = str(error).splitlines()[0]
            else:
                schedule = str(function_of(module, name).attributes["flashlight.schedule"])
                self.known[digest] = asdict(used) | {"schedule": schedule}
        figure = self.known[digest]
        if isinstance(figure, str):
            raise KernelError(figure)
        used = {name: value for name, value in figure.items() if name != "schedule"}
        return Kernel({"digest": digest}, Resources(**used))


def gpu(spelling: variants.Spelling, state: State) -> dict[str, Any]:
    """By architecture: each kernel's digest, and the registers that the cost model expects."""
    sizes = variants.LARGE if spelling.large else variants.TEST
    exported, _, _ = measure.export(spelling, sizes)
    result: dict[str, Any] = {}
    for arch in ARCHITECTURES:
        try:
            kernels = compile_with(Figures(state.figures), exported, f"cuda:{arch}").kernels
        except CompileError as error:
            result[arch] = str(error).splitlines()[0]
            continue
        result[arch] = [[k.stages["digest"], k.cost.get("registers", 0)] for k in kernels]
    return result


def patterns() -> list[dict[str, Any]]:
    """Inductor's patterns."""
    rows = []
    for name, module, arguments in sfdp.patterns():
        compiled = measure.compile_for_cpu(torch.export.export(module, arguments))
        found = measure.form_of(compiled)
        ours, eager = _errors(compiled(*arguments), module, arguments)
        rows.append(
            {
                "name": name,
                "kernels": found.kernels,
                "passes": found.passes,
                "left": found.left,
                "error": ours,
                "eager": eager,
            }
        )
    return rows


def attempt(
    work: Callable[[variants.Spelling, State], dict[str, Any]],
    spelling: variants.Spelling,
    state: State,
) -> dict[str, Any]:
    """The work's result, or how it failed."""
    try:
        return work(spelling, state)
    except Exception as error:  # one failure is a row of the table
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0]}"[:100]}


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", nargs="*", default=STAGES, choices=STAGES)
    parser.add_argument("--only", default="", help="spellings with this in their name")
    parser.add_argument("--fresh", action="store_true", help="measure again what is known")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop measuring then")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    KEPT.parent.mkdir(exist_ok=True)
    state = State() if args.fresh else State.load()
    stop = time.monotonic() + args.seconds
    if args.stages and state.patterns.get("compiler") != compiler():
        state.patterns = {"compiler": compiler(), "rows": patterns()}
    work = {"form": form, "memory": memory, "gpu": gpu}
    # First spellings first: an interrupted run has something of every variant.
    order = sorted(
        variants.SPELLINGS, key=lambda spelling: spelling.variant.spellings.index(spelling)
    )
    for stage in args.stages:
        for spelling in order:
            entry = state.spellings.setdefault(spelling.name, {})
            known = entry.get(stage, {}).get("compiler") == compiler()
            if known or args.only not in spelling.name or time.monotonic() > stop:
                continue
            entry[stage] = attempt(work[stage], spelling, state) | {"compiler": compiler()}
            state.keep()
    measured = Measured(compiler(), versions(), **asdict(state))
    PAGE.write_text(page(measured))


if __name__ == "__main__":
    main()
