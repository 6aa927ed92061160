# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A layered drawing of an acyclic graph (Sugiyama, Tagawa and Toda, 1981), top to bottom.

Boxes get layers by the longest path; an edge over several layers gets a waypoint in each, and all
such edges of one box share theirs. Layers are ordered by barycentres, the order with the fewest
crossings is kept. Then every layer is placed as close to its neighbours as its order allows: least
squares under distances, which is an isotonic regression.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

Key = Hashable


@dataclass(frozen=True)
class Edge:
    """From the bottom of one box to the top of another.

    Attributes:
        source, target: the boxes.
        leaves, enters: where, as distances from the boxes' middles.
    """

    source: Key
    target: Key
    leaves: float = 0.0
    enters: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """Where boxes and edges lie.

    Attributes:
        boxes: for each box the middle of its top side.
        routes: for each edge its points, from the source's bottom to the target's top.
        width, height: of the whole.
    """

    boxes: dict[Key, tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    width: float
    height: float


def draw(
    sizes: Mapping[Key, tuple[float, float]],
    edges: Sequence[Edge],
    gap: tuple[float, float] = (18.0, 30.0),
) -> Drawing:
    """Draws a graph.

    Args:
        sizes: each box's width and height, in an order of the boxes that edges follow; an edge
            against it is drawn, but does not decide on layers.
        edges: between boxes.
        gap: the distance between neighbours in a layer, and between layers.
    """
    return _Drawer(sizes, edges, gap).draw()


def layers_of(order: Sequence[Key], edges: Sequence[Edge]) -> dict[Key, int]:
    """The layer of each box: one below its lowest predecessor, sources just above their users."""
    place = {key: i for i, key in enumerate(order)}
    before: dict[Key, list[Key]] = {key: [] for key in order}
    after: dict[Key, list[Key]] = {key: [] for key in order}
    for edge in edges:
        if place[edge.source] < place[edge.target]:
            before[edge.target].append(edge.source)
            after[edge.source].append(edge.target)
    layer: dict[Key, int] = {}
    for key in order:
        layer[key] = max((layer[other] + 1 for other in before[key]), default=0)
    for key in reversed(order):
        # Down, where that makes no edge longer than it makes another shorter.
        if after[key] and len(set(before[key])) <= len(set(after[key])):
            layer[key] = max(layer[key], min(layer[other] for other in after[key]) - 1)
    return layer


class _Drawer:
    def __init__(
        self,
        sizes: Mapping[Key, tuple[float, float]],
        edges: Sequence[Edge],
        gap: tuple[float, float],
    ) -> None:
        self.sizes = dict(sizes)
        self.edges = list(edges)
        self.gap_x, self.gap_y = gap
        self.layer = layers_of(list(sizes), edges)
        self.place = {key: i for i, key in enumerate(sizes)}
        count = max(self.layer.values(), default=-1) + 1
        self.rows: list[list[Key]] = [[] for _ in range(count)]
        for key in sizes:
            self.rows[self.layer[key]].append(key)
        # Between neighbouring layers: (upper, lower, leaves, enters).
        self.links: list[tuple[Key, Key, float, float]] = []
        self.paths: list[list[Key]] = []
        self._waypoints()
        self.up: dict[Key, list[tuple[Key, float]]] = {key: [] for key in self.sizes}
        self.down: dict[Key, list[tuple[Key, float]]] = {key: [] for key in self.sizes}
        for upper, lower, leaves, enters in self.links:
            self.up[lower].append((upper, leaves - enters))
            self.down[upper].append((lower, enters - leaves))

    def _waypoints(self) -> None:
        made: dict[tuple, Key] = {}
        seen = set()
        for edge in self.edges:
            path = [edge.source]
            first, last = self.layer[edge.source], self.layer[edge.target]
            for row in range(first + 1, last):
                key = ("waypoint", edge.source, edge.leaves, row)
                if key not in made:
                    made[key] = key
                    self.sizes[key] = (2.0, 0.0)
                    self.layer[key] = row
                    self.rows[row].append(key)
                path.append(key)
            path.append(edge.target)
            self.paths.append(path)
            if first >= last:
                continue  # sideways: drawn, but it decides nothing
            for i, (upper, lower) in enumerate(zip(path, path[1:])):
                link = (
                    upper,
                    lower,
                    edge.leaves if i == 0 else 0.0,
                    edge.enters if i == len(path) - 2 else 0.0,
                )
                if link not in seen:
                    seen.add(link)
                    self.links.append(link)

    def draw(self) -> Drawing:
        self._order()
        x = self._columns()
        y, top = {}, 0.0
        spans: list[tuple[float, float]] = []
        for row in self.rows:
            height = max((self.sizes[key][1] for key in row), default=0.0)
            for key in row:
                y[key] = top + (height - self.sizes[key][1]) / 2
            spans.append((top, top + height))
            top += height + self.gap_y
        left = min((x[key] - self.sizes[key][0] / 2 for key in x), default=0.0)
        right = max((x[key] + self.sizes[key][0] / 2 for key in x), default=0.0)
        boxes = {key: (x[key] - left, y[key]) for key in self.place}
        routes = []
        for edge, path in zip(self.edges, self.paths, strict=True):
            # Through layers an edge is straight: it bends between them, where no box stands.
            start, end = x[path[0]] + edge.leaves - left, x[path[-1]] + edge.enters - left
            points = [(start, y[path[0]] + self.sizes[path[0]][1])]
            points.append((start, spans[self.layer[path[0]]][1]))
            for key in path[1:-1]:
                points += [(x[key] - left, side) for side in spans[self.layer[key]]]
            points.append((end, spans[self.layer[path[-1]]][0]))
            points.append((end, y[path[-1]]))
            routes.append(list(dict.fromkeys(points)))
        return Drawing(boxes, routes, right - left, max(top - self.gap_y, 0.0))

    # ---- order ----------------------------------------------------------------------------------

    def _order(self) -> None:
        best, fewest = [list(row) for row in self.rows], self._crossings()
        sweeps = 12 if len(self.sizes) < 1500 else 4
        for sweep in range(sweeps):
            if fewest == 0:
                break
            downwards = sweep % 2 == 0
            rows = range(1, len(self.rows)) if downwards else range(len(self.rows) - 2, -1, -1)
            for row in rows:
                fixed = self.rows[row - 1 if downwards else row + 1]
                at = {key: float(i) for i, key in enumerate(fixed)}
                sides = self.up if downwards else self.down
                wanted = {}
                for i, key in enumerate(self.rows[row]):
                    near = [at[other] + shift * 1e-3 for other, shift in sides[key]]
                    wanted[key] = sum(near) / len(near) if near else float(i)
                self.rows[row].sort(key=lambda key: wanted[key])
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        """Edges between neighbouring layers that cross: inversions, counted by insertion."""
        at = {key: i for row in self.rows for i, key in enumerate(row)}
        by_row: dict[int, list[tuple[int, float, int, float]]] = {}
        for upper, lower, leaves, enters in self.links:
            by_row.setdefault(self.layer[upper], []).append((at[upper], leaves, at[lower], enters))
        total = 0
        for links in by_row.values():
            seen: list[tuple[int, float]] = []
            for _, _, low, enters in sorted(links):
                total += len(seen) - bisect.bisect_right(seen, (low, enters))
                bisect.insort(seen, (low, enters))
        return total

    # ---- columns --------------------------------------------------------------------------------

    def _columns(self) -> dict[Key, float]:
        x: dict[Key, float] = {}
        for row in self.rows:
            at = 0.0
            for key in row:
                width = self.sizes[key][0]
                x[key] = at + width / 2
                at += width + self.gap_x
            for key in row:
                x[key] -= at / 2
        sweeps = 80 if len(self.sizes) < 300 else 30 if len(self.sizes) < 1500 else 10
        for sweep in range(sweeps):
            last = sweep >= sweeps // 2
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                self._place(row, x, both=last, downwards=sweep % 2 == 0)
        return x

    def _place(self, row: Sequence[Key], x: dict[Key, float], both: bool, downwards: bool) -> None:
        """Moves a layer towards its neighbours: isotonic regression by pooling."""
        if not row:
            return
        offsets, at = [], 0.0
        for i, key in enumerate(row):
            if i:
                at += (self.sizes[row[i - 1]][0] + self.sizes[key][0]) / 2 + self.gap_x
            offsets.append(at)
        pools: list[list[float]] = []  # sum of weight * position, weight, members
        for key, offset in zip(row, offsets, strict=True):
            near = [*self.up[key], *self.down[key]]
            if not both:
                near = self.up[key] if downwards else self.down[key]
            weight = goal = 0.0
            for other, shift in near:
                strength = self._strength(key, other)
                weight += strength
                goal += strength * (x[other] + shift - offset)
            if not near:  # it stays where it is, unless others push
                weight, goal = 0.01, 0.01 * (x[key] - offset)
            pools.append([goal, weight, 1])
            while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
                total, weight, members = pools.pop()
                pools[-1][0] += total
                pools[-1][1] += weight
                pools[-1][2] += members
        i = 0
        for total, weight, members in pools:
            for _ in range(int(members)):
                x[row[i]] = total / weight + offsets[i]
                i += 1

    def _strength(self, a: Key, b: Key) -> float:
        """How much an edge is to be straight: long ones most, then chains."""
        if self.sizes[a][1] == 0.0 and self.sizes[b][1] == 0.0:
            return 8.0
        upper, lower = (a, b) if self.layer[a] < self.layer[b] else (b, a)
        return 4.0 if len(self.down[upper]) == 1 and len(self.up[lower]) == 1 else 1.0
