# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What Flashlight raises.

`CompileError` is the one error of compilation (`KernelError` that of a kernel, which PyTorch then
computes). `ArgumentTypeError` and `ArgumentValueError` are
raised when a compiled program is called with arguments that it was not compiled for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceLocation:
    """A line of the user's code, and the graph node that came from it."""

    file: str | None = None
    line: int | None = None
    node: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else "unknown location"
        return f"{place} (node '{self.node}')" if self.node else place


class CompileError(Exception):
    """A program could not be compiled.

    Attributes:
        message: what is wrong, in one sentence.
        notes: further sentences: causes, the other party, what to do.
        location: the user's line, where it is known.
        reproducer: a `flashlight-opt` command that shows the failure, where a pass failed.
    """

    def __init__(
        self,
        message: str,
        *,
        notes: Sequence[str] = (),
        location: SourceLocation | None = None,
        reproducer: str | None = None,
    ) -> None:
        self.message = message
        self.notes = tuple(notes)
        self.location = location
        self.reproducer = reproducer
        super().__init__(message)

    def __str__(self) -> str:
        head = f"{self.location}: {self.message}" if self.location else self.message
        lines = [head, *(f"  note: {note}" for note in self.notes)]
        if self.reproducer:
            lines.append(f"  reproduce with: {self.reproducer}")
        return "\n".join(lines)


class KernelError(CompileError):
    """One kernel has no form on the target; the rest of the program can be compiled without it."""

    @staticmethod
    def of(error: CompileError) -> KernelError:
        """The same error as one of a kernel."""
        return KernelError(
            error.message,
            notes=error.notes,
            location=error.location,
            reproducer=error.reproducer,
        )


class ArgumentTypeError(TypeError):
    """An argument of a call has the wrong structure, dtype or device."""


class ArgumentValueError(ValueError):
    """An argument of a call has a size that the program was not compiled for."""
