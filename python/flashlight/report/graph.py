# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The exported graph as a picture shows it: nodes in kernels, nodes in PyTorch, and who feeds whom.

Views and other ops that compute nothing are not drawn, edges pass through them. A node that several
kernels compute stands in each of them; so does one that PyTorch computes as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import fx
from torch.export.graph_signature import InputKind

from ..main_function import kernel_ops
from ..mlir import ir
from ..nodes import is_cheap
from ..pipeline import parse_location
from ..steps import RunNode

if TYPE_CHECKING:
    from ..program import CompiledProgram

# An occurrence of a node: its name, and the kernel it stands in (None: PyTorch, or an input).
Spot = tuple[str, str | None]


@dataclass
class Region:
    """A kernel's part of the graph.

    Attributes:
        nodes: what is drawn in it.
        edges: between them.
        reads: for each value that comes from outside, the nodes that read it.
        gives: for each value that something outside needs, the node that computes it.
    """

    nodes: list[str] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    reads: dict[str, list[str]] = field(default_factory=dict)
    gives: dict[str, str] = field(default_factory=dict)


@dataclass
class PictureGraph:
    """What is drawn.

    Attributes:
        inputs: the user's inputs that something needs.
        torch: nodes that PyTorch computes.
        regions: the kernels, by name.
        outputs: for each result its place and where it comes from.
        edges: from a value (its name, and the kernel that gives it) to a node in PyTorch
            (its name, None), to a kernel (the value's name, the kernel), or to an output.
        parameters: values that kernels read and that are no inputs of a call.
    """

    inputs: list[str] = field(default_factory=list)
    torch: list[str] = field(default_factory=list)
    regions: dict[str, Region] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    edges: list[tuple[Spot, Spot]] = field(default_factory=list)
    parameters: set[str] = field(default_factory=set)


def picture_graph(program: CompiledProgram) -> PictureGraph:
    """The graph of a compiled program, in an order that edges follow within each part."""
    return _Builder(program).build()


class _Builder:
    def __init__(self, program: CompiledProgram) -> None:
        source = program._source
        self.source = source
        self.nodes = list(source.graph.nodes)
        self.kinds = {entry.name: entry.kind for entry in source.inputs}
        steps = (*program._plan.once, *program._plan.steps)
        self.ran = {step.node for step in steps if isinstance(step, RunNode)}
        self.ran |= {entry.location.node for entry in program.fallbacks}
        self.owners: dict[str, set[str]] = {node.name: set() for node in self.nodes}
        for kernel in program.kernels:
            for name in kernel.nodes:
                if name in self.owners:
                    self.owners[name].add(kernel.name)
        self.giver: dict[str, str] = {}
        for name, op in kernel_ops(source.module).items():
            if "flashlight.nodes" in op.attributes:
                for entry in ir.ArrayAttr(op.attributes["flashlight.nodes"]):
                    given = ir.StringAttr(entry).value
                    if given:
                        self.giver[given] = name
                        self.owners[given].add(name)
        # What neither runs nor has an op in a kernel is a view or a constant of its users.
        for node in reversed(self.nodes):
            if node.op != "call_function" or node.name in self.ran or self.owners[node.name]:
                continue
            for user in node.users:
                self.owners[node.name] |= self.owners[user.name]
        self.graph = PictureGraph(regions={kernel.name: Region() for kernel in program.kernels})

    def build(self) -> PictureGraph:
        needed: dict[str, None] = {}
        for node in self.nodes:
            if node.op == "output":
                self.outputs(node)
            if node.op != "call_function" or not _is_tensor(node):
                continue
            for kernel in sorted(self.owners[node.name]):
                if not self.is_hidden(node, kernel):
                    self.place(node, kernel)
            if node.name in self.ran and not self.is_hidden(node, None):
                self.graph.torch.append(node.name)
                for operand in self.operands(node, None):
                    self.graph.edges.append((self.origin(operand), (node.name, None)))
        self.parts()
        for kernel, region in self.graph.regions.items():
            for name in region.reads:
                if self.kinds.get(name, InputKind.USER_INPUT) != InputKind.USER_INPUT:
                    self.graph.parameters.add(name)
                    continue
                self.graph.edges.append((self.origin(self.source.nodes[name]), (name, kernel)))
        for (name, kernel), _ in self.graph.edges:
            if kernel is None and self.source.nodes[name].op == "placeholder":
                needed[name] = None
            elif kernel is not None:
                region = self.graph.regions[kernel]
                for inner in self.resolve(self.source.nodes[name], kernel):
                    region.gives.setdefault(name, inner.name)
        self.graph.inputs = [node.name for node in self.nodes if node.name in needed]
        drawn = set(self.graph.inputs) | set(self.graph.torch)
        self.graph.edges = [
            (source, target)
            for source, target in dict.fromkeys(self.graph.edges)
            if source[1] is not None or source[0] in drawn
        ]
        return self.graph

    def outputs(self, node: fx.Node) -> None:
        for i, value in enumerate(self.source.outputs):
            if isinstance(value, fx.Node) and _is_tensor(value):
                name = f"output {i}"
                self.graph.outputs.append(name)
                for found in self.resolve(value, None):
                    self.graph.edges.append((self.origin(found), (name, None)))

    def place(self, node: fx.Node, kernel: str) -> None:
        """Draws a node in a kernel's region."""
        region = self.graph.regions[kernel]
        region.nodes.append(node.name)
        for operand in self.operands(node, kernel):
            if self.stands_in(operand, kernel):
                region.edges.append((operand.name, node.name))
            else:
                readers = region.reads.setdefault(operand.name, [])
                if node.name not in readers:
                    readers.append(node.name)

    def parts(self) -> None:
        """What PyTorch computes of a node and a kernel goes on with: the node stands in both."""
        drawn = set(self.graph.torch)
        for kernel, op in kernel_ops(self.source.module).items():
            region = self.graph.regions[kernel]
            for operand in op.operands:
                if isinstance(operand.owner, ir.Block):
                    continue
                location = parse_location(str(operand.owner.operation.location))
                name = location.node if location is not None else None
                if name in drawn and name in region.nodes:
                    region.reads.setdefault(name, [name])

    def stands_in(self, node: fx.Node, kernel: str) -> bool:
        return kernel in self.owners[node.name] and not self.is_hidden(node, kernel)

    def is_hidden(self, node: fx.Node, kernel: str | None) -> bool:
        """Whether edges pass through a node: it computes nothing, and what it reads is drawn."""
        if node.op != "call_function":
            return False
        if kernel is None:
            return node.name not in self.ran or is_cheap(node)
        return is_cheap(node) and any(map(_is_tensor, node.all_input_nodes))

    def operands(self, node: fx.Node, kernel: str | None) -> list[fx.Node]:
        """The drawn nodes (or inputs) that a node reads."""
        found: dict[fx.Node, None] = {}
        for operand in node.all_input_nodes:
            for origin in self.resolve(operand, kernel):
                found[origin] = None
        return list(found)

    def resolve(self, node: fx.Node, kernel: str | None) -> Iterator[fx.Node]:
        """The node itself where it is drawn, or else what it is made of."""
        if not _is_tensor(node):
            return
        inside = kernel is not None and kernel in self.owners[node.name]
        given = node.name in self.giver and not inside
        if node.op == "placeholder":
            if kernel is not None or self.kinds[node.name] == InputKind.USER_INPUT:
                yield node
        elif given or not self.is_hidden(node, kernel if inside else None):
            if node.op == "call_function":
                yield node
        else:
            for operand in node.all_input_nodes:
                yield from self.resolve(operand, kernel)

    def origin(self, node: fx.Node) -> Spot:
        """Where a value that is needed outside of its kernel comes from."""
        if node.name in self.giver and node.name not in self.ran:
            return node.name, self.giver[node.name]
        return node.name, None


def _is_tensor(node: fx.Node) -> bool:
    value = node.meta.get("val")
    if isinstance(value, (list, tuple)):
        return any(isinstance(entry, torch.Tensor) for entry in value)
    return isinstance(value, torch.Tensor)
