# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The picture of a program's graph: an SVG in which each kernel is one shaded region.

A kernel is laid out by itself, then the program with each kernel as one box. An edge that would run
past many layers ends at a small repetition of its source instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import torch

from .advice import op_name
from .graph import PictureGraph, Region, Spot, picture_graph
from .layout import Drawing, Edge, Key, draw, layers_of
from .places import code, place

if TYPE_CHECKING:
    from ..program import CompiledProgram
    from .explanation import Explanation, KernelReport

# Sizes in pixels; a letter's width is that of the widest common fonts.
_LETTER, _HEIGHT, _PORT = 7.0, 26.0, 20.0
_MARGIN, _TITLE = 14.0, 30.0

# Edges over more layers than this end at a repetition of their source.
_LONG = 6

# Plain colours, not custom properties: converters to PNG and PDF know no variables.
_RULES = """
.fl-graph text { fill: FG }
.fl-graph .sub, .fl-graph .port text, .fl-graph .ghost text { fill: SOFT }
.fl-graph rect { stroke: LINE; fill: NODE }
.fl-graph .paper { fill: PAPER; stroke: none }
.fl-graph .region { fill: KERNEL; stroke: GREEN }
.fl-graph .contract rect { fill: CONTRACT; stroke: GREEN }
.fl-graph .reduce rect { fill: REDUCE; stroke: BLUE }
.fl-graph .torch rect { fill: TORCH; stroke: ORANGE }
.fl-graph .input rect, .fl-graph .output rect, .fl-graph .ghost rect { fill: INPUT }
.fl-graph .port rect { fill: none; stroke: none }
.fl-graph path { stroke: LINE }
.fl-graph .arrow { fill: LINE; stroke: none }
"""
_SHAPES = """
.fl-graph text { font: 12px ui-sans-serif, "Segoe UI", Helvetica, Arial, sans-serif;
  text-anchor: middle }
.fl-graph .title { font-weight: 600; text-anchor: start }
.fl-graph .sub { text-anchor: end; font-size: 11px }
.fl-graph .port text, .fl-graph .ghost text { font-size: 11px; font-style: italic }
.fl-graph rect { stroke-width: 1 }
.fl-graph .region { stroke-width: 1.5 }
.fl-graph .ghost rect { stroke-dasharray: 3 2 }
.fl-graph path { fill: none; stroke-width: 1.2 }
.fl-graph .hit rect { stroke: #bf3989; stroke-width: 2.5 }
"""
_LIGHT = {
    "FG": "#1f2328", "SOFT": "#59636e", "LINE": "#8b949e", "PAPER": "#ffffff", "KERNEL": "#e6f6eb",
    "GREEN": "#2da44e", "NODE": "#ffffff", "CONTRACT": "#b4e5c4", "REDUCE": "#d5ecfc",
    "BLUE": "#4c93c9", "TORCH": "#fff1e5", "ORANGE": "#d4863a", "INPUT": "#eef1f4",
}  # fmt: skip
_DARK = {
    "FG": "#e6edf3", "SOFT": "#9198a1", "LINE": "#6e7681", "PAPER": "#0d1117", "KERNEL": "#12261a",
    "GREEN": "#3fb950", "NODE": "#1c2b22", "CONTRACT": "#1f5a33", "REDUCE": "#163a54",
    "BLUE": "#4c93c9", "TORCH": "#33230f", "ORANGE": "#d4863a", "INPUT": "#21262d",
}  # fmt: skip


def _coloured(palette: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Z]{2,}\b", lambda match: palette[match[0]], _RULES)


STYLE = f"{_SHAPES}{_coloured(_LIGHT)}@media (prefers-color-scheme: dark) {{{_coloured(_DARK)}}}\n"


@dataclass(frozen=True)
class _Box:
    """A box of the picture: what it says, shows when pointed at, and looks like."""

    label: str
    title: str
    kind: str
    node: str = ""
    link: str = ""

    @property
    def size(self) -> tuple[float, float]:
        height = _PORT if self.kind in ("port", "ghost") else _HEIGHT
        return max(_LETTER * len(self.label) + 16.0, 30.0), height


def picture(explanation: Explanation, program: CompiledProgram) -> str:
    """The SVG document."""
    return _Painter(explanation, program).document()


@dataclass(frozen=True)
class _Island:
    """A kernel's own drawing, and where its values enter and leave."""

    drawing: Drawing
    boxes: dict[Key, _Box]
    edges: list[Edge]
    size: tuple[float, float]
    ports: dict[tuple[str, str], float]  # "in" or "out" and the value: distance from the middle


class _Painter:
    def __init__(self, explanation: Explanation, program: CompiledProgram) -> None:
        self.source = program._source
        self.graph: PictureGraph = picture_graph(program)
        self.reports = {report.name: report for report in explanation.kernels}
        self.links = {
            node: f"#fl-op-{i}" for i, op in enumerate(explanation.ops) for node in op.nodes
        }
        self.reasons = {node: op.reason for op in explanation.ops for node in op.nodes}
        self.parts: list[str] = []

    # ---- boxes ----------------------------------------------------------------------------------

    def node_box(self, name: str, kind: str) -> _Box:
        node = self.source.nodes[name]
        title = [f"{name}: {op_name(node)}{_shape(node)}"]
        location = self.source.locations.get(name)
        if location is not None and location.file is not None:
            title += [place(location), code(location)]
        if kind == "torch" and name in self.reasons:
            title.append(f"in PyTorch: {self.reasons[name]}")
        link = self.links.get(name, "") if kind == "torch" else ""
        return _Box(_short(op_name(node)), "\n".join(filter(None, title)), kind, name, link)

    def value_box(self, name: str, kind: str) -> _Box:
        node = self.source.nodes[name]
        label = name if len(name) < 25 else name[:11] + "…" + name[-12:]
        what = "parameter " if name in self.graph.parameters else ""
        return _Box(label, f"{what}{name}{_shape(node)}", kind, name)

    def kind_of(self, name: str, report: KernelReport) -> str:
        ops = report.nodes.get(name, frozenset())
        if "flashlight.contract" in ops:
            return "contract"
        return "reduce" if {"flashlight.reduce", "flashlight.scan"} & ops else "point"

    # ---- kernels --------------------------------------------------------------------------------

    def island(self, name: str, region: Region) -> _Island:
        report = self.reports[name]
        boxes: dict[Key, _Box] = {("in", v): self.value_box(v, "port") for v in region.reads}
        for node in region.nodes:
            boxes[node] = self.node_box(node, self.kind_of(node, report))
        boxes |= {("out", value): self.value_box(value, "port") for value in region.gives}
        edges = [Edge(("in", v), user) for v, users in region.reads.items() for user in users]
        edges += [Edge(*edge) for edge in dict.fromkeys(region.edges)]
        edges += [Edge(inner, ("out", value)) for value, inner in region.gives.items()]
        drawing = draw({key: box.size for key, box in boxes.items()}, edges, (14.0, 24.0))
        title = _LETTER * (len(name) + len(_subtitle(report))) + 40.0
        width = max(drawing.width, title) + 2 * _MARGIN
        middle = drawing.width / 2
        ports = {
            key: drawing.boxes[key][0] - middle
            for key in drawing.boxes
            if isinstance(key, tuple) and key[0] in ("in", "out")
        }
        return _Island(drawing, boxes, edges, (width, drawing.height + _TITLE + 2 * _MARGIN), ports)

    def paint_island(self, name: str, island: _Island, x: float, y: float) -> None:
        width, height = island.size
        left = x - width / 2
        report = self.reports[name]
        self.parts.append(
            f'<a href="#fl-{escape(name)}"><rect class="region" x="{left:.1f}" y="{y:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" rx="8"/>'
            f'<text class="title" x="{left + 12:.1f}" y="{y + 21:.1f}">{escape(name)}</text>'
            f'<text class="sub" x="{left + width - 12:.1f}" y="{y + 21:.1f}">'
            f"{escape(_subtitle(report))}</text></a>"
        )
        shift = x - island.drawing.width / 2
        self.paint(island.drawing, island.boxes, shift, y + _TITLE + _MARGIN)

    # ---- the whole ------------------------------------------------------------------------------

    def document(self) -> str:
        islands = {name: self.island(name, region) for name, region in self.graph.regions.items()}
        boxes: dict[Key, _Box] = {name: self.value_box(name, "input") for name in self.graph.inputs}
        boxes |= {name: self.node_box(name, "torch") for name in self.graph.torch}
        boxes |= {name: _Box(name, name, "output") for name in self.graph.outputs}
        edges = [self.edge(source, target, islands) for source, target in self.graph.edges]
        order = _topological([*self.graph.inputs, *self.graph.torch, *islands,
                              *self.graph.outputs], edges)  # fmt: skip
        edges, ghosts = self.shortened(order, edges)
        for key, value in ghosts.items():
            boxes[key] = self.value_box(value, "ghost")
        sizes = {
            key: islands[key].size if key in islands else boxes[key].size
            for key in [*ghosts, *order]
        }
        drawing = draw(sizes, edges)
        self.paint_edges(drawing, _MARGIN, _MARGIN)
        for name, island in islands.items():
            x, y = drawing.boxes[name]
            self.paint_island(name, island, x + _MARGIN, y + _MARGIN)
        self.paint_boxes(drawing, boxes, _MARGIN, _MARGIN)
        width, height = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="fl-graph" role="img" '
            f'aria-label="the program\'s graph" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}"><style>{STYLE}</style>'
            f'<rect class="paper" width="100%" height="100%"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )

    def edge(self, source: Spot, target: Spot, islands: dict[str, _Island]) -> Edge:
        leaves = enters = 0.0
        start: Key = source[0]
        end: Key = target[0]
        if source[1] is not None:
            start, leaves = source[1], islands[source[1]].ports[("out", source[0])]
        if target[1] is not None:
            end, enters = target[1], islands[target[1]].ports[("in", target[0])]
        self.values[(start, leaves)] = source[0]
        return Edge(start, end, leaves, enters)

    def shortened(self, order: list[Key], edges: list[Edge]) -> tuple[list[Edge], dict[Key, str]]:
        """Cuts edges over many layers: they come from a repetition of their source."""
        layer = layers_of(order, edges)
        short, ghosts = [], {}
        for edge in edges:
            span = layer[edge.target] - layer[edge.source]
            if span <= _LONG:
                short.append(edge)
                continue
            key = ("ghost", edge.source, edge.leaves, layer[edge.target])
            ghosts[key] = self.values[(edge.source, edge.leaves)]
            short.append(Edge(key, edge.target, 0.0, edge.enters))
        return short, ghosts

    @property
    def values(self) -> dict[tuple[Key, float], str]:
        """The value that leaves a box at a place."""
        return self.__dict__.setdefault("_values", {})

    # ---- paint ----------------------------------------------------------------------------------

    def paint(self, drawing: Drawing, boxes: dict[Key, _Box], dx: float, dy: float) -> None:
        self.paint_edges(drawing, dx, dy)
        self.paint_boxes(drawing, boxes, dx, dy)

    def paint_edges(self, drawing: Drawing, dx: float, dy: float) -> None:
        for route in drawing.routes:
            points = [(x + dx, y + dy) for x, y in route]
            end = (points[-1][0], points[-1][1] - 5.0)
            text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
            for (x0, y0), (x1, y1) in zip(points, [*points[1:-1], end]):
                bend = (y1 - y0) / 2
                text += f"C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"
            self.parts.append(
                f'<path d="{text}"/><path class="arrow" d="M{end[0] - 3.5:.1f} {end[1] - 1:.1f}'
                f'h7l-3.5 6z"/>'
            )

    def paint_boxes(self, drawing: Drawing, boxes: dict[Key, _Box], dx: float, dy: float) -> None:
        for key, (x, y) in drawing.boxes.items():
            if key not in boxes:
                continue
            box = boxes[key]
            width, height = box.size
            round_ = height / 2 if box.kind in ("input", "output", "ghost") else 4
            text = (
                f'<g class="{box.kind}" data-node="{escape(box.node)}">'
                f"<title>{escape(box.title)}</title>"
                f'<rect x="{x + dx - width / 2:.1f}" y="{y + dy:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" rx="{round_:.0f}"/>'
                f'<text x="{x + dx:.1f}" y="{y + dy + height / 2:.1f}" dy=".35em">'
                f"{escape(box.label)}</text></g>"
            )
            self.parts.append(f'<a href="{box.link}">{text}</a>' if box.link else text)


def _subtitle(report: KernelReport) -> str:
    passes = f"{report.passes} pass{'es' * (report.passes != 1)}" if report.passes else ""
    flops = next((s.rpartition("= ")[2] for t, s in report.work if t == "contractions"), "")
    return ", ".join(filter(None, (passes, flops)))


def _short(name: str) -> str:
    """`matmul` of `aten.matmul.default`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 else name


def _shape(node: torch.fx.Node) -> str:
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        return ""
    sizes = ", ".join(map(str, value.shape))
    return f" [{sizes}] {str(value.dtype).removeprefix('torch.')}"


def _topological(keys: Iterable[Key], edges: Iterable[Edge]) -> list[Key]:
    """The keys in an order that edges follow, but for those that close a cycle."""
    before: dict[Key, list[Key]] = {key: [] for key in keys}
    for edge in edges:
        before[edge.target].append(edge.source)
    done: dict[Key, None] = {}
    started: set[Key] = set()
    for root in before:
        pending = [root]
        while pending:
            key = pending[-1]
            rest = [other for other in before[key] if other not in started]
            started.add(key)
            if rest:
                pending += reversed(rest)
            else:
                pending.pop()
                done.setdefault(key)
    return list(done)
