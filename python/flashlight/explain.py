# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A report on a compiled program: as text, and as HTML in a notebook."""

from __future__ import annotations

import html
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import SourceLocation

if TYPE_CHECKING:
    from .program import CompiledProgram, Kernel


# How many places of an op a report names.
_PLACES = 3


@dataclass(frozen=True)
class Section:
    """A heading and the lines below it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Prints as text; a notebook shows it as HTML."""

    sections: tuple[Section, ...]

    def __str__(self) -> str:
        parts = []
        for section in self.sections:
            parts.append(section.title)
            parts += [f"  {line}" for line in section.lines]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = []
        for section in self.sections:
            parts.append(f"<b>{html.escape(section.title)}</b>")
            items = "".join(f"<li><code>{html.escape(line)}</code></li>" for line in section.lines)
            parts.append(f"<ul>{items}</ul>")
        return "".join(parts)


def explain(program: CompiledProgram) -> Explanation:
    """What became kernels, what stayed with PyTorch, and why."""
    sections = []
    count = len(program.kernels)
    kernels = "no fused kernel" if count == 0 else f"{count} fused kernel{'s' * (count > 1)}"
    calls = len(program.fallbacks)
    head = f"target {program.target}: {kernels}, {calls} op{'s' * (calls != 1)} in PyTorch"
    notes = []
    if count == 0:
        notes.append("the program has no attention that Flashlight can fuse")
    sections.append(Section(head, tuple(notes)))
    for kernel in program.kernels:
        sections.append(Section(f"kernel {kernel.name}", tuple(_kernel_lines(kernel))))
    if program.fallbacks:
        sections.append(Section("in PyTorch", tuple(_fallback_lines(program))))
    return Explanation(tuple(sections))


def _kernel_lines(kernel: Kernel) -> list[str]:
    axes = ", ".join(f"{name} = {extent}" for name, extent in kernel.axes.items())
    lines = [f"axes: {axes}"]
    if kernel.resources:
        lines.append(f"resources: {_resources(kernel.resources)}")
    lines += [f"computes {_place(location)}" for location in kernel.locations]
    titles = list(dict.fromkeys(section for section, _ in kernel.formulas))
    sweeps = sum("sweep" in title and " over " in title for title in titles)
    if sweeps:
        lines.append(f"passes over the keys: {sweeps}")
    for title in titles:
        if title == "axes":
            continue
        lines.append(f"{title}:")
        lines += [f"  {line}" for section, line in kernel.formulas if section == title]
    return lines


def _resources(resources: object) -> str:
    values = resources if isinstance(resources, dict) else vars(resources)
    return ", ".join(f"{name} = {value}" for name, value in values.items() if value is not None)


def _fallback_lines(program: CompiledProgram) -> list[str]:
    """One line for each op and reason, with the first lines of code where it stands."""
    places: dict[tuple[str, str], dict[str, int]] = {}
    for entry in program.fallbacks:
        found = places.setdefault((entry.op, entry.reason), {})
        place = _place(entry.location)
        found[place] = found.get(place, 0) + 1
    lines = []
    for (op, reason), found in places.items():
        times = sum(found.values())
        shown = list(found)[:_PLACES]
        more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
        repeats = f" ({times} times)" if times > 1 else ""
        lines.append(f"{op}{repeats}: {reason}; {', '.join(shown)}{more}")
    return lines


def _place(location: SourceLocation | None) -> str:
    """File and line; the file as one would import it, or relative to the working directory."""
    if location is None or location.file is None:
        return str(location)
    roots = sorted((os.path.realpath(entry) for entry in {*sys.path, "."}), key=len, reverse=True)
    for root in roots:
        if location.file.startswith(root + os.sep):
            return f"{location.file[len(root) + 1 :]}:{location.line}"
    return f"{location.file}:{location.line}"
