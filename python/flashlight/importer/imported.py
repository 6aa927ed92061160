# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an import gives: the level-1 module, and what is needed to run what stays behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy
import torch
from torch import fx
from torch.export.graph_signature import InputKind

from ..errors import SourceLocation
from ..mlir import ir
from .symbols import SymbolTable


@dataclass(frozen=True)
class Input:
    """A placeholder: where its value comes from, and the argument of @main that it is."""

    name: str
    kind: InputKind
    target: str | None  # the parameter's, buffer's or constant's qualified name
    argument: int | None  # None for a placeholder that is no tensor
    meta: Any  # torch's fake tensor, SymInt, or the constant value


@dataclass(frozen=True)
class TorchCall:
    """A node that the importer left to PyTorch."""

    node: str
    op: str
    reason: str
    location: SourceLocation


@dataclass
class ImportedProgram:
    """A level-1 module and what is needed to run what stays behind.

    Attributes:
        module: `@main` on tensors.
        exported: the program, functionalized.
        graph: the flat graph; `flashlight.node` attributes name its nodes.
        nodes: its nodes by name.
        inputs: its placeholders in order.
        calls: the nodes that became `torch_call`, by name.
        aliases: nodes whose value is another node's value in the module (a `clone`, a cast to the
            same type), by name; the value is the other node's name.
        checks: nodes that compute nothing but must run (run-time assertions).
        symbols: every symbol of the program and where its value comes from.
        expressions: what the names of dims in the module stand for.
        locations: the user's line of each node.
        outputs: the graph's outputs: a node, or a constant.
        results: for each result of @main its position in `outputs`.
    """

    context: ir.Context
    module: ir.Module
    exported: torch.export.ExportedProgram
    graph: fx.Graph
    nodes: dict[str, fx.Node]
    device: torch.device
    inputs: list[Input] = field(default_factory=list)
    calls: dict[str, TorchCall] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    symbols: SymbolTable = field(default_factory=SymbolTable)
    expressions: dict[str, sympy.Expr] = field(default_factory=dict)
    locations: dict[str, SourceLocation] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
