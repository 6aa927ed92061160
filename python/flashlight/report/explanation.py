# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A report on a compiled program: what `CompiledProgram.explain` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sympy

from ..errors import CompileError, SourceLocation
from .advice import Advisor
from .numbers import ratio, with_unit
from .places import code, place
from .tile_work import NotCounted, TileWork
from .work import Work

if TYPE_CHECKING:
    from ..pipeline import Diagnostic
    from ..program import CompiledProgram, Formula, Kernel

# How many places of an op a report names.
_PLACES = 3


@dataclass(frozen=True)
class Line:
    """A line of the user's code: where, and what it says."""

    place: str
    code: str

    def __str__(self) -> str:
        return f"{self.place}  {self.code}" if self.code else self.place


@dataclass(frozen=True)
class KernelReport:
    """What is to be said of a kernel.

    Attributes:
        name: the kernel's.
        lines: the user's lines that it computes, each with the nodes that came from it.
        axes: its iteration space.
        passes: how often it sweeps over its streamed axis.
        swept: what that is: "the keys", or an axis.
        remarks: why more than once, and why the kernel that it is a part of was split.
        formulas: see `flashlight.Kernel`.
        work: sentences on operations and bytes.
        resources: what the backend knows.
        nodes: the graph's nodes that it computes, and the ops of the kernel that came from each.
        part_of: the kernel that was split, if it is a part of one.
    """

    name: str
    lines: tuple[tuple[Line, tuple[str, ...]], ...]
    axes: str
    passes: int
    swept: str
    remarks: tuple[str, ...]
    formulas: tuple[Formula, ...]
    work: tuple[tuple[str, str], ...]
    resources: str
    nodes: Mapping[str, frozenset[str]]
    part_of: str | None

    def sections(self) -> list[tuple[str, list[Formula]]]:
        """The formulas by section."""
        found: dict[str, list[Formula]] = {}
        for formula in self.formulas:
            if formula.section != "axes":
                found.setdefault(formula.section, []).append(formula)
        return list(found.items())


@dataclass(frozen=True)
class OpReport:
    """What is to be said of ops that stayed with PyTorch for one reason.

    Attributes:
        op: the op's name.
        nodes: the graph's nodes.
        reason: why they are in no kernel.
        advice: what change of the program would bring them into one.
        lines: the first of the user's lines where they stand.
        further: how many more lines there are.
    """

    op: str
    nodes: tuple[str, ...]
    reason: str
    advice: str
    lines: tuple[Line, ...]
    further: int


@dataclass(frozen=True)
class Explanation:
    """Prints as text; a notebook shows it as HTML.

    Attributes:
        head: one line on the whole.
        kernels: the fused kernels, in order.
        ops: the ops that stayed with PyTorch, by op and reason.
    """

    head: str
    kernels: tuple[KernelReport, ...]
    ops: tuple[OpReport, ...]
    _program: CompiledProgram = field(repr=False)

    def __str__(self) -> str:
        lines = [self.head]
        if not self.kernels:
            lines.append("  the program has no attention that Flashlight can fuse")
        for kernel in self.kernels:
            lines.append(f"kernel {kernel.name}")
            lines += [f"  {line}" for line in _kernel_text(kernel)]
        if self.ops:
            lines.append("in PyTorch")
        for op in self.ops:
            times = f" ({len(op.nodes)} times)" if len(op.nodes) > 1 else ""
            lines.append(f"  {op.op}{times}: {op.reason}")
            lines += [f"    {line}" for line in op.lines]
            if op.further:
                lines.append(f"    and {op.further} more")
            lines.append(f"    to fuse it: {op.advice}")
        return "\n".join(lines)

    def picture(self) -> str:
        """The program's graph as an SVG document, each kernel a region of it."""
        from .picture import picture

        return picture(self, self._program)

    def html(self) -> str:
        """The whole report as one HTML document that needs nothing else."""
        from .page import document

        return document(self)

    def _repr_html_(self) -> str:
        from .page import fragment

        return fragment(self)

    def save(self, path: str | Path) -> None:
        """Writes the report: HTML to `.html`, the picture alone to `.svg`, text to `.txt`.

        Raises CompileError for another suffix, or where the file cannot be written.
        """
        path = Path(path)
        writers = {".html": self.html, ".svg": self.picture, ".txt": lambda: f"{self}\n"}
        if path.suffix not in writers:
            raise CompileError(
                f"expected a file named .html, .svg or .txt for the report, got '{path}'"
            )
        try:
            path.write_text(writers[path.suffix](), encoding="utf-8")
        except OSError as error:
            raise CompileError(f"cannot write '{path}': {error.strerror}") from None


def explain(program: CompiledProgram, symbols: Mapping[str, int] | None = None) -> Explanation:
    """What became kernels, what stayed with PyTorch, and why.

    Args:
        program: what to report on.
        symbols: the symbols' values in a call, to count what the tiles then do.
    """
    count = len(program.kernels)
    kernels = "no fused kernel" if count == 0 else f"{count} fused kernel{'s' * (count > 1)}"
    calls = len(program.fallbacks)
    once = len(program._plan.once_ops)
    return Explanation(
        f"target {program.target}: {kernels}, {calls} op{'s' * (calls != 1)} in PyTorch"
        + (f", {once} of numbers alone that run once" if once else ""),
        tuple(_kernel(kernel, program, symbols) for kernel in program.kernels),
        tuple(_ops(program)),
        program,
    )


# Kernels -----------------------------------------------------------------------------------------


def _kernel(
    kernel: Kernel, program: CompiledProgram, symbols: Mapping[str, int] | None
) -> KernelReport:
    titles = dict.fromkeys(formula.section for formula in kernel.formulas)
    sweeps = sum("sweep" in title and " over " in title for title in titles)
    lines: dict[tuple, tuple[Line, list[str]]] = {}
    for location in kernel.locations:
        line = Line(place(location), code(location))
        lines[location.file, location.line] = (line, [])
    for node in kernel.nodes:
        found = program._source.locations.get(node)
        if found is not None and (found.file, found.line) in lines:
            lines[found.file, found.line][1].append(node)
    return KernelReport(
        kernel.name,
        tuple((line, tuple(nodes)) for line, nodes in lines.values()),
        ", ".join(f"{name} = {extent}" for name, extent in kernel.axes.items()),
        sweeps,
        "the keys" if kernel.work.stream == "n" else kernel.work.stream,
        tuple(_remark(remark) for remark in kernel.remarks),
        kernel.formulas,
        tuple(_work(kernel, symbols)),
        _resources(kernel.resources),
        kernel.nodes,
        kernel.part_of,
    )


def _remark(remark: Diagnostic) -> str:
    because = f" ({'; '.join(remark.notes)})" if remark.notes else ""
    return f"{place(remark.location)} {remark.message}{because}"


def _resources(resources: object) -> str:
    if not resources:
        return ""
    values = resources if isinstance(resources, dict) else vars(resources)
    return ", ".join(f"{name} = {value}" for name, value in values.items() if value is not None)


def _work(kernel: Kernel, symbols: Mapping[str, int] | None) -> list[tuple[str, str]]:
    """Title and sentence: what is to be done, then what the tiles make of it."""
    work = kernel.work
    flops = work.flops()
    lines = [("contractions", f"{work.contractions} = {with_unit(flops, 'FLOP')}")]
    functions = [f"{name}: {count}" for name, count in work.functions.items()]
    if functions:
        lines.append(("functions", ", ".join(functions)))
    lines.append(("memory", _memory(work)))
    counted = _count(kernel, symbols)
    if isinstance(counted, str):
        lines.append(("tiles", counted))
        return lines
    lines.append(("tiles", _tiles(kernel, counted, symbols or {})))
    executed = f"{with_unit(counted.flops, 'FLOP')} in contractions"
    if isinstance(flops, int) and flops:
        executed += f" ({ratio(counted.flops, flops)} of the above, padded tiles included)"
    for name, times in counted.functions.items():
        executed += f", {with_unit(times, '')} {name}"
    lines.append(("executed", executed))
    loads = f"{with_unit(counted.loaded, 'B')} loaded"
    read = work.bytes(written=False)
    if isinstance(read, int) and read:
        loads += f", {counted.loaded / read:.1f} times what there is"
    lines.append(("traffic", f"{loads}; {with_unit(counted.stored, 'B')} stored"))
    return lines


def _memory(work: Work) -> str:
    reads, writes = (
        [entry for entry in work.traffic if entry.written == written] for written in (False, True)
    )
    at_most = "" if all(entry.exact for entry in work.traffic) else "at most "
    text = (
        f"reads {', '.join(entry.name for entry in reads) or 'nothing'} "
        f"({at_most}{with_unit(work.bytes(written=False), 'B')}), "
        f"writes {', '.join(entry.name for entry in writes)} "
        f"({with_unit(work.bytes(written=True), 'B')}), each byte once"
    )
    moved = work.bytes(written=False) + work.bytes(written=True)
    intensity = work.flops() / moved if moved else 0
    if isinstance(intensity, sympy.Expr):
        text += f"; {sympy.simplify(intensity)} FLOP a byte"
    else:
        text += f"; {intensity:.0f} FLOP a byte"
    return text


def _count(kernel: Kernel, symbols: Mapping[str, int] | None) -> TileWork | str:
    dynamic = any(isinstance(extent, str) for extent in kernel.axes.values())
    if dynamic and symbols is None:
        return "counted for the sizes of a call: explain(*arguments)"
    try:
        return kernel.count(symbols)
    except NotCounted as error:
        return f"not counted: {error}"
    except KeyError as error:
        return f"not counted: size {error} is known only once PyTorch's ops before it have run"


def _tiles(kernel: Kernel, counted: TileWork, symbols: Mapping[str, int]) -> str:
    tiles = ", ".join(f"{name} by {tile}" for name, tile in counted.tiles.items() if tile > 1)
    text = f"{counted.programs} programs" + (f" ({tiles})" if tiles else "")
    # What there would be to contract if no block of keys were skipped.
    padded = {}
    for name, extent in kernel.axes.items():
        tile = counted.tiles.get(name, 1)
        padded[name] = -(-(extent if isinstance(extent, int) else symbols[extent]) // tile) * tile
    whole = kernel.work.contractions.value(padded)
    if isinstance(whole, int) and counted.flops < whole:
        text += f"; {ratio(counted.flops, whole)} of all blocks, the others are skipped"
    return text


def _kernel_text(kernel: KernelReport) -> list[str]:
    lines = [f"axes: {kernel.axes}"]
    if kernel.part_of:
        lines.append(f"part of {kernel.part_of}, which was split")
    if kernel.resources:
        lines.append(f"resources: {kernel.resources}")
    lines += [f"computes {line}" for line, _ in kernel.lines]
    if kernel.passes:
        lines.append(f"passes over {kernel.swept}: {kernel.passes}")
    lines += [f"  {remark}" for remark in kernel.remarks]
    for title, formulas in kernel.sections():
        lines.append(f"{title}:")
        lines += [f"  {formula.text}" for formula in formulas]
    lines.append("work:")
    lines += [f"  {title}: {sentence}" for title, sentence in kernel.work]
    return lines


# Ops ---------------------------------------------------------------------------------------------


def _ops(program: CompiledProgram) -> list[OpReport]:
    """One entry for each op, reason and advice, with the first lines of code where it stands."""
    advisor = Advisor(program)
    found: dict[tuple[str, str, str], tuple[list[str], dict[Line, SourceLocation]]] = {}
    for entry in program.fallbacks:
        key = (entry.op, entry.reason, advisor.advice(entry))
        nodes, lines = found.setdefault(key, ([], {}))
        nodes.append(entry.location.node)
        lines.setdefault(Line(place(entry.location), code(entry.location)), entry.location)
    return [
        OpReport(
            op, tuple(nodes), reason, advice, tuple(lines)[:_PLACES], max(len(lines) - _PLACES, 0)
        )
        for (op, reason, advice), (nodes, lines) in found.items()
    ]
