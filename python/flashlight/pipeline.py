# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs pass pipelines. A failure becomes a CompileError with the user's line, the notes that the
passes attached, and a `flashlight-opt` command that shows the failure again."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import CompileError, SourceLocation
from .mlir import ir
from .mlir.passmanager import PassManager
from .options import Options
from .targets import Target


def _target_options(target: Target) -> str:
    arch = re.sub(r"\D", "", target.arch or "")
    return f"target={target.kind} arch={arch}" if arch else f"target={target.kind}"


def to_kernel(target: Target) -> str:
    """The passes from programs to kernels in their online form; the target decides between forms
    of one kernel."""
    return f"flashlight-to-kernel{{{_target_options(target)}}}"


def to_tile(target: Target, skip: int = 0) -> str:
    """The passes from kernels on. They take the best tiles, or what comes `skip` places after."""
    schedule = f"flashlight-schedule{{{_target_options(target)} skip={skip}}}"
    return f"{schedule},flashlight-tile,canonicalize,cse,flashlight-verify-tile"


@dataclass(frozen=True)
class Diagnostic:
    """What a pass said: severity, message, the user's line, and notes."""

    severity: str
    message: str
    location: SourceLocation | None
    notes: tuple[str, ...]


def run_pipeline(module: ir.Module, passes: str, options: Options) -> list[Diagnostic]:
    """Runs passes on the module, in place; returns their remarks.

    Args:
        module: what to transform.
        passes: the pipeline's text, without the enclosing `builtin.module`.
        options: `reproducer_dir` is where the input of a failing pipeline is written.
    """
    pipeline = f"builtin.module({passes})"
    before = module.operation.get_asm(enable_debug_info=True, print_generic_op_form=False)
    diagnostics: list[Diagnostic] = []

    def handle(diagnostic: ir.Diagnostic) -> bool:
        diagnostics.append(
            Diagnostic(
                str(diagnostic.severity).rsplit(".", 1)[-1].lower(),
                diagnostic.message,
                parse_location(str(diagnostic.location)),
                tuple(note.message for note in diagnostic.notes),
            )
        )
        return True

    context = module.context
    with context:
        try:
            manager = PassManager.parse(pipeline)
        except (ValueError, ir.MLIRError) as error:
            raise CompileError(f"the pipeline cannot be parsed: {error}") from None
        handler = context.attach_diagnostic_handler(handle)
        try:
            manager.run(module.operation)
        except ir.MLIRError as error:
            errors = [entry for entry in diagnostics if entry.severity == "error"]
            # MLIRError holds what the bindings' own handler collected.
            for entry in getattr(error, "error_diagnostics", []):
                errors.append(
                    Diagnostic(
                        "error",
                        entry.message,
                        parse_location(str(entry.location)),
                        tuple(note.message for note in entry.notes),
                    )
                )
            raise _compile_error(errors, str(error), before, pipeline, options) from None
        finally:
            handler.detach()
    return [entry for entry in diagnostics if entry.severity == "remark"]


def _compile_error(
    errors: list[Diagnostic], text: str, before: str, pipeline: str, options: Options
) -> CompileError:
    first = errors[0] if errors else Diagnostic("error", text, None, ())
    notes = list(first.notes)
    for other in errors[1:]:
        if other.message != first.message:
            notes += [other.message, *other.notes]
    command, problem = write_reproducer(before, pipeline, options)
    if problem:
        notes.append(problem)
    return CompileError(first.message, notes=notes, location=first.location, reproducer=command)


def write_reproducer(before: str, pipeline: str, options: Options) -> tuple[str | None, str | None]:
    """Writes the module and returns the command, or else None and what prevented it."""
    try:
        directory = options.reproducer_dir or tempfile.gettempdir()
        Path(directory).mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix="flashlight-", suffix=".mlir", dir=directory)
        with os.fdopen(handle, "w") as file:
            file.write(before)
    except OSError as error:
        return None, f"the reproducer could not be written: {error}"
    command = ["flashlight-opt", path, f"--pass-pipeline={pipeline}"]
    return " ".join(shlex.quote(part) for part in command), None


_NAMED = re.compile(r'^loc\("((?:[^"\\]|\\.)*)"\((.*)\)\)$', re.DOTALL)
_FILE = re.compile(r'"((?:[^"\\]|\\.)*)":(\d+)')


def parse_location(text: str) -> SourceLocation | None:
    """Reads a printed MLIR location: a node's name around a file and line, or parts of these."""
    named = _NAMED.match(text)
    node = named.group(1) if named else None
    place = _FILE.search(named.group(2) if named else text)
    if place is None and node is None:
        return None
    if place is None:
        return SourceLocation(node=node)
    return SourceLocation(place.group(1), int(place.group(2)), node)
