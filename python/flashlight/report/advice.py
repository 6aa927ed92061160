# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What change of the program would bring an op that stayed with PyTorch into a kernel.

It follows from what is known of the op (its tags and schema, whether the importer has a row for
it, why kernel formation refused it) and of its place (before or behind a kernel, between the
scores and the values), never from its name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import fx

from ..importer.table import has_row
from ..mlir import ir
from ..pipeline import parse_location
from .places import place

if TYPE_CHECKING:
    from ..fallbacks import Fallback
    from ..program import CompiledProgram

_KERNEL = "flashlight.launch"

# What kernels may be made of, beside arith and math.
_FUSED = frozenset(
    f"flashlight.{name}"
    for name in (
        "broadcast", "contract", "iota", "reduce", "reshape", "size", "slice", "transpose",
    )
)  # fmt: skip

_NOTHING = "nothing would help"

_NO_ROW = (
    "write it with ops that Flashlight knows (arithmetic, comparisons, where, reductions, cumsum, "
    "einsum, indexing), or give it a row: docs/adding.md; what must see all keys before it knows "
    "one result, as a sort, has no form that streams"
)

_PROJECTION = (
    f"{_NOTHING}: its keys or values are weights that all rows share, and a library's product "
    "reads those less often than a kernel that is blocked by rows"
)

_STORED = "neither factor is computed along the contracted axis"
_BETWEEN = "an op between two of its parts cannot be fused"

# By the reason that kernel formation gives; a test holds this to what the passes say.
OF_REASONS = {
    "contracts more than one axis": "reshape both factors so that what is summed is one dim: one "
    "axis can be swept",
    _STORED: f"{_NOTHING}: both factors lie in memory, and a product of matrices is as fast in "
    "PyTorch",
    "a contraction with a parameter is a projection": _PROJECTION,
    "an axis is empty, or a tile must hold it whole and it is dynamic or wider than 512": "make "
    "that axis static (export without a Dim for it) and at most 512 wide, by more heads or parts "
    "that are added",
    "what it reduces is no larger than what it is computed from": f"{_NOTHING}: a kernel would "
    "save no memory",
    "one of its values is needed at two indices that cannot be told apart": "compute that value "
    "twice, each time from its own operands, so that its two uses have axes of their own",
    "it would be a kernel of more than 1024 operations": "a loop over rows or keys that is "
    "unrolled in Python: write its steps as one op over all of them (a product, a cumsum)",
    _BETWEEN: "a value that only PyTorch computes lies between two parts of it: compute that value "
    "from the inputs, or behind the result",
}


class Advisor:
    """Knows where each op of a compiled program stands."""

    def __init__(self, program: CompiledProgram) -> None:
        self.source = program._source
        self.kernels = {kernel.name: frozenset(kernel.nodes) for kernel in program.kernels}
        self.ops: dict[str, list[ir.Operation]] = {}
        operations = _operations(self.source.module)
        for op in operations:
            node = _node(op)
            if node is not None:
                self.ops.setdefault(node, []).append(op)
        # The kernels in front of and behind each op, and whether a contraction is in front.
        self.behind: dict[ir.Operation, set[str]] = {}
        self.before: dict[ir.Operation, set[str]] = {}
        self.users: dict[ir.Operation, list[ir.Operation]] = {}
        self.scored: set[ir.Operation] = set()
        for op in operations:
            found: set[str] = set()
            for producer in _producers(op):
                found |= self.behind[producer]
                if producer.name == _KERNEL:
                    found.add(_kernel(producer))
                if producer.name in (_KERNEL, "flashlight.contract") or producer in self.scored:
                    self.scored.add(op)
            self.behind[op] = found
        for op in reversed(operations):
            for producer in _producers(op):
                self.users.setdefault(producer, []).append(op)
                reached = self.before.setdefault(producer, set())
                reached |= self.before.get(op, set())
                if op.name == _KERNEL:
                    reached.add(_kernel(op))

    def advice(self, fallback: Fallback) -> str:
        """A sentence or two: what to change, or why nothing would help."""
        node = self.source.nodes[fallback.location.node]
        call = self.source.calls.get(node.name)
        if call is not None:
            return self._of_call(node, call.reason)
        if fallback.reason.startswith("projection"):
            return _PROJECTION
        refused = self._refused(node.name)
        if refused is not None:
            return self._of_contraction(refused)
        return self._of_rest(node)

    # ---- what the importer could not express ----------------------------------------------------

    def _of_call(self, node: fx.Node, reason: str) -> str:
        tags = getattr(node.target, "tags", ())
        if torch.Tag.dynamic_output_shape in tags or node.meta.get("unbacked_bindings"):
            return (
                f"{_NOTHING}: the size of its result depends on values, and the axes of a kernel "
                "have sizes before it runs"
            )
        if torch.Tag.data_dependent_output in tags:
            return f"{_NOTHING}: it brings a value of a tensor to Python"
        if torch.Tag.nondeterministic_seeded in tags:
            return "draw the random numbers before, and give them to the program as an input"
        if has_row(node.target):
            sizes = " and export that size without a Dim" if _symbolic(node) else ""
            text = f"Flashlight knows the op, but not with {reason}: write it without{sizes}"
        else:
            text = _NO_ROW
        return f"{text}; {self._where(node)}"

    def _where(self, node: fx.Node) -> str:
        """What the place of an op outside of kernels costs."""
        ops = self.ops.get(node.name, [])
        before = set().union(*(self.before.get(op, set()) for op in ops))
        behind = set().union(*(self.behind[op] for op in ops))
        parted = [other for other in self._refusals() if any(self._parts(op, other) for op in ops)]
        if parted:
            places = ", ".join(dict.fromkeys(self._place_of(op) for op in parted))
            return f"it parts scores from a product with values: {places}"
        if before and behind:
            return f"it stands between {_list(behind)} and {_list(before)}"
        if before:
            return f"it comes before {_list(before)}, and keeps nothing else from being fused"
        if behind:
            return f"it comes after {_list(behind)}, and keeps nothing else from being fused"
        return "it keeps nothing else from being fused"

    def _parts(self, op: ir.Operation, contraction: ir.Operation) -> bool:
        """Whether an op parts scores from a product with values, one of which is `contraction`."""
        if op in self._obstacles(contraction):
            return True
        return self._leads_on(op) and op in self._stops(
            contraction, lambda each: self.users.get(each, [])
        )

    # ---- what kernel formation refused ----------------------------------------------------------

    def _refusals(self) -> Iterable[ir.Operation]:
        for op in self.behind:
            if "flashlight.reason" in op.attributes:
                yield op

    def _refused(self, name: str) -> ir.Operation | None:
        """The contraction in a node that kernel formation refused."""
        pending, seen = list(self.ops.get(name, [])), 0
        while pending and seen < 8:
            seen += 1
            op = pending.pop()
            if "flashlight.reason" in op.attributes:
                return op
            pending += [
                other
                for other in _producers(op)
                if "flashlight.node" not in other.attributes and other.name != _KERNEL
            ]
        return None

    def _obstacles(self, sink: ir.Operation) -> list[ir.Operation]:
        """Ops that no kernel takes, between a contraction and scores that it depends on."""
        return [op for op in self._stops(sink, _producers) if op in self.scored]

    def _stops(
        self, start: ir.Operation, step: Callable[[ir.Operation], list[ir.Operation]]
    ) -> list[ir.Operation]:
        """The first ops that no kernel takes, from an op on along producers or users."""
        found, pending, seen = [], list(step(start)), set()
        while pending:
            op = pending.pop(0)
            if op in seen or op.name in (_KERNEL, "func.return"):
                continue
            seen.add(op)
            if op.name.startswith(("arith.", "math.")) or op.name in _FUSED:
                pending += step(op)
            else:
                found.append(op)
        return found

    def _of_contraction(self, op: ir.Operation) -> str:
        reason = ir.StringAttr(op.attributes["flashlight.reason"]).value
        obstacles = []
        if reason in (_STORED, _BETWEEN):
            obstacles = self._obstacles(op)
            behind = self._stops(op, lambda each: self.users.get(each, []))
            obstacles += [each for each in behind if self._leads_on(each)]
        if obstacles:
            ways = ", ".join(dict.fromkeys(self._place_of(each) for each in obstacles))
            return f"what parts scores from a product with values would have to go: {ways}"
        return OF_REASONS.get(reason, "no change of the program is known to help")

    def _leads_on(self, op: ir.Operation) -> bool:
        """Whether a kernel or another contraction needs an op."""
        pending, seen = list(self.users.get(op, [])), set()
        while pending:
            user = pending.pop()
            if user.name in (_KERNEL, "flashlight.contract"):
                return True
            if user not in seen:
                seen.add(user)
                pending += self.users.get(user, [])
        return False

    # ---- everything else ------------------------------------------------------------------------

    def _of_rest(self, node: fx.Node) -> str:
        ops = self.ops.get(node.name, [])
        before = set().union(*(self.before.get(op, set()) for op in ops))
        behind = set().union(*(self.behind[op] for op in ops))
        fed = [self._fed[op] for op in ops if op in self._fed]
        if fed:
            _, sink = min(fed, key=lambda entry: entry[0])
            return f"it belongs to the product at {self._place_of(sink)}: see what is said there"
        inside = {name for name, nodes in self.kernels.items() if node.name in nodes}
        if before & inside:
            return (
                f"the rest of it is in {_list(inside)}, which reads from memory what is computed "
                "here: it would all be there if what it needs were"
            )
        if before and behind:
            return (
                f"it stands between {_list(behind)} and {_list(before)}, which are launched one "
                "after the other"
            )
        takers = [
            each
            for op in ops
            if op in self.scored
            for each in self._stops(op, lambda each: self.users.get(each, []))
            if self._leads_on(each)
        ]
        if takers:
            places = ", ".join(dict.fromkeys(map(self._place_of, takers)))
            return f"{places} takes it from memory: see what is said there"
        if before:
            return (
                f"it is computed once, before {_list(before)}; in the kernel every block of rows "
                "would compute it again. Fused are what is pointwise of queries, of scores and of "
                "results, and cheap unary ops of keys and values"
            )
        if behind:
            return (
                f"it comes after {_list(behind)}: fused are pointwise ops that need one finished "
                "row, not what needs several rows or makes the result larger"
            )
        users = [user for user in node.users if user.name in self.ops]
        if not ops and users:
            return f"fuse or drop what needs it outside of the kernels: {self._name(users[0])}"
        return f"{_NOTHING}: no contraction over keys needs it or makes it"

    @cached_property
    def _fed(self) -> dict[ir.Operation, tuple[int, ir.Operation]]:
        """The first contraction that needs an op by pointwise ops and views, and its number."""
        fed: dict[ir.Operation, tuple[int, ir.Operation]] = {}
        for number, sink in enumerate(self._refusals()):
            pending = list(_producers(sink))
            while pending:
                op = pending.pop()
                # What an earlier one needs, it needs with all that lies behind.
                if op in fed or op.name == _KERNEL:
                    continue
                fed[op] = number, sink
                if op.name.startswith(("arith.", "math.")) or op.name in _FUSED - {
                    "flashlight.contract"
                }:
                    pending += _producers(op)
        return fed

    # ---- names ----------------------------------------------------------------------------------

    def _place_of(self, op: ir.Operation) -> str:
        node = self.source.nodes.get(_node(op))
        if node is None:
            return op.name
        if node.target is operator.getitem:  # one result of several
            node = node.args[0]
        return self._name(node)

    def _name(self, node: fx.Node) -> str:
        return f"'{op_name(node)}' at {place(self.source.locations.get(node.name))}"


def op_name(node: fx.Node) -> str:
    """`aten.add.Tensor`, or the name of another callable."""
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target)
    if node.target is operator.getitem:
        return "getitem"
    return getattr(node.target, "__name__", str(node.target))


def _operations(module: ir.Module) -> list[ir.Operation]:
    for view in module.body.operations:
        op = view.operation
        if op.name == "func.func" and ir.StringAttr(op.attributes["sym_name"]).value == "main":
            return [each.operation for each in op.regions[0].blocks[0].operations]
    return []


def _producers(op: ir.Operation) -> list[ir.Operation]:
    return [value.owner.operation for value in op.operands if not isinstance(value.owner, ir.Block)]


def _node(op: ir.Operation) -> str | None:
    """The node that an op is the value of, or a part of."""
    if "flashlight.node" in op.attributes:
        return ir.StringAttr(op.attributes["flashlight.node"]).value
    location = parse_location(str(op.location))
    return location.node if location is not None else None


def _kernel(op: ir.Operation) -> str:
    return ir.FlatSymbolRefAttr(op.attributes["kernel"]).value


def _list(names: set[str]) -> str:
    shown = sorted(names)[:3]
    return " and ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _symbolic(node: fx.Node) -> bool:
    """Whether a size in the node's arguments or tensors is a symbol."""
    values = [operand.meta.get("val") for operand in node.all_input_nodes]
    return any(
        isinstance(value, torch.SymInt)
        or (
            isinstance(value, torch.Tensor)
            and any(isinstance(s, torch.SymInt) for s in value.shape)
        )
        for value in values
    )
