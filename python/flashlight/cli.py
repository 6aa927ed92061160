# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`flashlight-compile`: an exported program (.pt2) in, any stage out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .errors import CompileError
from .program import CompiledProgram
from .program import compile as compile_program


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flashlight-compile",
        description="Compiles an exported PyTorch program (torch.export.save) and writes a stage.",
    )
    parser.add_argument("program", help="a .pt2 file")
    parser.add_argument("--target", help="cpu, cuda or cuda:sm_90; by default the program's device")
    parser.add_argument(
        "--emit",
        default="explain",
        metavar="STAGE",
        help="explain (the default), program, kernel, tile, or a stage of the target: "
        "llvm, object, assembly; ttir, ttgir, llir, ptx, cubin",
    )
    parser.add_argument("--explain", action="store_true", help="short for --emit explain")
    parser.add_argument(
        "--html",
        metavar="FILE",
        help="write the report with a picture of the graph, too: .html, or the picture alone, .svg",
    )
    parser.add_argument("--kernel", help="the kernel whose stage is written, if there are several")
    parser.add_argument("-o", "--output", default="-", help="a file; by default standard output")
    return parser


def emitted(compiled: CompiledProgram, stage: str, kernel: str | None) -> str | bytes:
    """What `--emit stage` writes.

    Raises CompileError where there is no such stage or kernel, or several kernels to choose from.
    """
    if stage == "explain":
        return str(compiled.explain())
    if kernel is None and stage in compiled.stages:
        return compiled.stages[stage]
    names = [entry.name for entry in compiled.kernels]
    if not names:
        raise CompileError(f"the program has no kernel, and so no stage '{stage}'")
    if kernel is not None and kernel not in names:
        raise CompileError(f"no kernel '{kernel}'", notes=[f"kernels are {', '.join(names)}"])
    if kernel is None and len(names) > 1:
        raise CompileError(
            f"stage '{stage}' is a kernel's, and there are {len(names)}",
            notes=[f"choose with --kernel: {', '.join(names)}"],
        )
    chosen = compiled.kernels[names.index(kernel) if kernel else 0]
    if stage not in chosen.stages:
        known = ["explain", *compiled.stages, *chosen.stages]
        raise CompileError(
            f"unknown stage '{stage}'", notes=[f"stages are {', '.join(dict.fromkeys(known))}"]
        )
    return chosen.stages[stage]


def _load(path: str) -> torch.export.ExportedProgram:
    if not Path(path).is_file():
        raise CompileError(f"expected a file, got '{path}'")
    try:
        return torch.export.load(path)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        reason = str(error).partition("\n")[0]
        raise CompileError(f"'{path}' is not an exported program: {reason}") from None


def _write(path: str, content: Any) -> None:
    if path == "-":
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            print(content)
        return
    try:
        if isinstance(content, bytes):
            Path(path).write_bytes(content)
        else:
            Path(path).write_text(content + "\n")
    except OSError as error:
        raise CompileError(f"cannot write '{path}': {error.strerror}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.explain and given.emit != "explain":
        parser.error(f"--explain and --emit {given.emit} are two outputs; choose one")
    try:
        compiled = compile_program(_load(given.program), target=given.target)
        if given.html is not None:
            compiled.explain().save(given.html)
        stage = "explain" if given.explain else given.emit
        _write(given.output, emitted(compiled, stage, given.kernel))
    except CompileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
