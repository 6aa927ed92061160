# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reports of ops that stay with PyTorch: which, why, and on which line of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import fx
from torch.export.graph_signature import InputKind

from .errors import SourceLocation
from .importer.imported import ImportedProgram
from .main_function import KERNELS
from .mlir import ir
from .nodes import contracts, is_cheap, is_complex, op_name

# Ops that compute nothing: not worth a report.
MOVES = frozenset(
    [
        "arith.constant",
        *(f"flashlight.{name}" for name in ("broadcast", "transpose", "reshape", "slice", "size")),
    ]
)


@dataclass(frozen=True)
class Fallback:
    """An op that stayed with PyTorch."""

    op: str
    reason: str
    location: SourceLocation


class Fallbacks:
    """Collects the fallbacks of a program in the order in which they run.

    Args:
        program: the imported program.
        left: the ops outside of kernels that the module still has, by their nodes' names.
    """

    def __init__(self, program: ImportedProgram, left: Mapping[str, ir.Operation]) -> None:
        self.list: list[Fallback] = []
        self._program = program
        self._left = left
        self._parts: set[str] = set()  # nodes that are reported because of an evaluated part

    def add_node(self, name: str) -> None:
        """Reports a node that PyTorch runs."""
        self._add(name, self._reason(self._program.nodes[name]))

    def add_part(self, op: ir.Operation, node: str | None) -> None:
        """Reports, once, the node that an evaluated op is a part of."""
        if node in self._program.nodes and node not in self._parts:
            self._parts.add(node)
            self._add(node, _reason_at(op))

    def _reason(self, node: fx.Node) -> str:
        call = self._program.calls.get(node.name)
        if call is not None:
            return call.reason
        op = self._left.get(node.name)
        if self._is_projection(node):
            return "projection: a contraction with a parameter stays with PyTorch"
        if op is None and is_complex(node):
            return f"{node.meta['val'].dtype} is not computed in kernels"
        if op is None:
            return "computed again for an op outside of the kernels"
        return _reason_at(op)

    def _is_projection(self, node: fx.Node) -> bool:
        """Whether the node multiplies with a parameter or buffer, or with a view or cast of one."""
        if not contracts(node):
            return False
        weights = {
            entry.name
            for entry in self._program.inputs
            if entry.kind in (InputKind.PARAMETER, InputKind.BUFFER)
        }
        for operand in node.all_input_nodes:
            while operand.op == "call_function" and is_cheap(operand) and operand.all_input_nodes:
                operand = operand.all_input_nodes[0]
            if operand.name in weights:
                return True
        return False

    def _add(self, name: str, reason: str) -> None:
        node = self._program.nodes[name]
        self.list.append(Fallback(op_name(node), reason, self._program.locations[name]))


def _reason_at(op: ir.Operation) -> str:
    if "flashlight.reason" in op.attributes:
        return ir.StringAttr(op.attributes["flashlight.reason"]).value
    # A rounding or a bias is what is left of the node; the reason stands at its contraction.
    pending, seen = list(op.operands), 0
    while pending and seen < 8:
        seen += 1
        value = pending.pop()
        if isinstance(value.owner, ir.Block):
            continue
        producer = value.owner.operation
        if "flashlight.node" in producer.attributes or producer.name in KERNELS:
            continue
        if "flashlight.reason" in producer.attributes:
            return ir.StringAttr(producer.attributes["flashlight.reason"]).value
        pending += list(producer.operands)
    return "not part of an attention kernel"
