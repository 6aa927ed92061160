# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a compilation may be told. Every option has an environment variable; Python wins."""

from __future__ import annotations

import os
from dataclasses import Field, dataclass, fields
from typing import Any

from .errors import CompileError
from .targets import Target


@dataclass(frozen=True)
class Options:
    """Options of `flashlight.compile`; None means: the environment variable, else the default.

    Attributes:
        threads: CPU threads that a kernel's programs are spread over; by default torch's number
            at the time of the call. `FLASHLIGHT_THREADS`.
        cache_dir: where compiled kernels are kept between processes; "" for nowhere.
            `FLASHLIGHT_CACHE_DIR`.
        reproducer_dir: where the module of a failed compilation is written; by default the system's
            directory for temporary files. `FLASHLIGHT_REPRODUCER_DIR`.
        target: for the backends, what `compile` was asked for; not to be given.
    """

    threads: int | None = None
    cache_dir: str | None = None
    reproducer_dir: str | None = None
    target: Target | None = None

    def resolved(self) -> Options:
        """The options with the environment's values filled in.

        Raises CompileError for a variable that cannot be read.
        """
        values: dict[str, Any] = {}
        for field in _given():
            value = getattr(self, field.name)
            name = f"FLASHLIGHT_{field.name.upper()}"
            if value is None and name in os.environ:
                value = _parse(name, os.environ[name], str(field.type))
            values[field.name] = value
        if values["threads"] is not None and values["threads"] < 1:
            raise CompileError(
                f"expected option 'threads' to be at least 1, got {values['threads']}"
            )
        return Options(**values)


def _given() -> list[Field]:
    """The options that a user may give."""
    return [field for field in fields(Options) if field.name != "target"]


def _parse(name: str, text: str, kind: str) -> int | str:
    if kind.startswith("int"):
        try:
            return int(text)
        except ValueError:
            raise CompileError(f"expected {name} to be an integer, got '{text}'") from None
    return text


def to_options(options: Options | dict[str, Any] | None) -> Options:
    """`options` as an Options object, with the environment's values filled in."""
    if options is None:
        options = Options()
    if isinstance(options, dict):
        known = {field.name for field in _given()}
        unknown = sorted(set(options) - known)
        if unknown:
            raise CompileError(
                f"unknown option '{unknown[0]}'", notes=[f"options are {', '.join(sorted(known))}"]
            )
        options = Options(**options)
    if not isinstance(options, Options):
        raise CompileError(
            f"expected options to be flashlight.Options, got {type(options).__name__}"
        )
    return options.resolved()
