# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From `@main` after the kernels are formed to a list of steps, by demand from its results.

A value is had in one of four ways: it is an input; a kernel gives it; it is the value of a node of
the exported graph, which PyTorch then runs as it was written; or it lies inside a node that was
taken apart, and the interpreter evaluates its op. Nothing that no result needs is computed, but
for the program's own run-time checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy
import torch
from torch import fx
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from .constants import bytes_of, split_constant
from .errors import CompileError
from .fallbacks import MOVES, Fallback, Fallbacks
from .importer.imported import ImportedProgram
from .importer.symbols import NodeNumber, to_dim
from .interpreter.machine import Translator
from .interpreter.types import TypeInfo, type_info
from .main_function import (
    KERNELS,
    kernel_name,
    main_block,
    node_attribute,
    node_of,
    symbols_of,
)
from .mlir import ir
from .nodes import hint, is_cheap, is_complex, target_of
from .pipeline import parse_location
from .steps import (
    Allocation,
    Evaluate,
    Launch,
    Launchable,
    Pick,
    Plan,
    RunNode,
    Slot,
    Step,
    SymbolName,
    with_releases,
)
from .symbols import Expressions


def make_plan(
    module: ir.Module,
    program: ImportedProgram,
    kernels: Mapping[str, Launchable],
    expressions: Expressions,
) -> Plan:
    """Plans the calls of a module whose kernels are formed or tiled.

    Args:
        module: holds `@main`.
        program: the program it was made from.
        kernels: what runs each kernel, by its name.
        expressions: where the expressions of symbols are registered.
    """
    return _Planner(module, program, kernels, expressions).plan()


class _Planner:
    def __init__(
        self,
        module: ir.Module,
        program: ImportedProgram,
        kernels: Mapping[str, Launchable],
        expressions: Expressions,
    ) -> None:
        self.program = program
        self.kernels = kernels
        self.expressions = expressions
        self.module = module
        self.main = main_block(module)
        self.translator = Translator(module=module)
        self.steps: list[Step] = []
        self.count = 0
        self.node_slots: dict[str, int] = {}
        self.value_slots: dict[ir.Value, int] = {}
        self.running: set[str] = set()
        # What the module still computes, by the node whose value it is.
        self.given: dict[str, ir.Value] = {}  # by kernels
        self.left: dict[str, ir.Operation] = {}  # by other ops
        for view in self.main.operations:
            op = view.operation
            if op.name in KERNELS:
                if "flashlight.nodes" in op.attributes:
                    for name, result in zip(
                        ir.ArrayAttr(op.attributes["flashlight.nodes"]), op.results, strict=True
                    ):
                        if ir.StringAttr(name).value:
                            self.given[ir.StringAttr(name).value] = result
            elif "flashlight.node" in op.attributes:
                self.left[ir.StringAttr(op.attributes["flashlight.node"]).value] = op
        self.fallbacks = Fallbacks(program, self.left)

    def plan(self) -> Plan:
        program = self.program
        inputs = []
        for entry in program.inputs:
            slot = self.new_slot()
            inputs.append(slot)
            self.node_slots[entry.name] = slot
            if entry.argument is not None:
                self.value_slots[self.main.arguments[entry.argument]] = slot
        self.demand_in_order()
        for name in program.checks:
            self.demand_node(name)
        outputs = self.demand_outputs()
        kinds = [entry.kind for entry in program.inputs]
        own = [
            slot
            for slot, kind in zip(inputs, kinds, strict=True)
            if kind == InputKind.CONSTANT_TENSOR
        ]
        once, steps = split_constant(self.steps, own, outputs, self.bytes_of)
        ran = {step.node for step in steps if isinstance(step, (RunNode, Evaluate))}
        ops: tuple[list[Fallback], list[Fallback]] = ([], [])
        for entry in self.fallbacks.list:
            ops[entry.location.node in ran].append(entry)
        steps = with_releases(steps, outputs)
        return Plan(steps, self.count, inputs, outputs, ops[1], once, ops[0])

    def bytes_of(self, step: Step) -> float:
        """The size of what a step writes, as far as it is a node's value."""
        node = getattr(step, "node", None)
        return bytes_of(self.program.nodes[node].meta.get("val")) if node else 0

    def new_slot(self) -> int:
        self.count += 1
        return self.count - 1

    # ---- outputs ----------------------------------------------------------------------------

    def demand_outputs(self) -> list[Any]:
        program = self.program
        terminator = list(self.main.operations)[-1].operation
        returned = dict(zip(program.results, terminator.operands, strict=True))
        outputs: list[Any] = []
        for position, output in enumerate(program.outputs):
            if position in returned:
                outputs.append(Slot(self.demand_output(output, returned[position])))
            elif isinstance(output, fx.Node):
                outputs.append(self.argument(output))
            else:
                outputs.append(output)
        return outputs

    def demand_output(self, node: fx.Node, value: ir.Value) -> int:
        """A result: what eager returns, its aliasing of inputs and of other results included."""
        owner = value.owner
        known = None if isinstance(owner, ir.Block) else node_of(owner.operation, value)
        if known == node.name or (known is None and not isinstance(owner, ir.Block)):
            return self.demand_value(value)
        # The module has this value under another node's name, or it is an input: the two are the
        # same numbers, but perhaps not the same memory. The node itself knows.
        if isinstance(owner, ir.Block) or self.runs_as_node(node.name):
            return self.demand_node(node.name)
        return self.demand_value(value)

    def demand_in_order(self) -> None:
        """Demands what the results and the checks need, first things first.

        By demand alone, a deep program would be as deep a recursion, and every step would look at
        everything before it.
        """
        operations = [view.operation for view in self.main.operations]
        checks = set(self.program.checks)
        live = set(operations[-1].operands)
        needed = []
        for op in reversed(operations[:-1]):
            node = node_of(op, op.results[0]) if op.results else node_attribute(op)
            if node in checks or any(result in live for result in op.results):
                live.update(op.operands)
                needed.append((op, node))
        for op, node in reversed(needed):
            if node in checks:
                self.demand_node(node)
            elif op.name in KERNELS or (node in self.left and not self.is_cheap_node(node)):
                self.demand_value(next(result for result in op.results if result in live))

    def is_cheap_node(self, name: str) -> bool:
        """`is_cheap` of a node by name."""
        return is_cheap(self.program.nodes[name])

    # ---- values of the module ---------------------------------------------------------------

    def demand_value(self, value: ir.Value) -> int:
        # Operands first, by a list: what lies inside of decomposed nodes may be a deep chain.
        pending = [value]
        while pending:
            last = pending[-1]
            missing = []
            if last not in self.value_slots:
                op = last.owner.operation
                if op.name in KERNELS or self.is_evaluated(op, last):
                    missing = [x for x in op.operands if x not in self.value_slots]
            if missing:
                pending += reversed(missing)
            else:
                self.obtain(pending.pop())
        return self.value_slots[value]

    def is_evaluated(self, op: ir.Operation, value: ir.Value) -> bool:
        """Whether the value is had by evaluating its op."""
        node = node_of(op, value)
        return op.name != "flashlight.torch_call" and (node is None or not self.runs_as_node(node))

    def obtain(self, value: ir.Value) -> int:
        """Demands a value whose op's operands are there, if it is the op that gives it."""
        if value in self.value_slots:
            return self.value_slots[value]
        op = value.owner.operation
        node = node_of(op, value)
        if op.name in KERNELS:
            self.launch(op)
            return self.value_slots[value]
        if op.name == "flashlight.torch_call":
            slot = self.pick(op, value)
        elif node is not None and self.runs_as_node(node):
            slot = self.demand_node(node)
        else:
            return self.evaluate(op, value)
        self.value_slots[value] = slot
        return slot

    def launch(self, op: ir.Operation) -> None:
        name = kernel_name(op)
        kernel = self.kernels.get(name)
        if kernel is None:
            raise CompileError(f"kernel '{name}' was not compiled")
        types = [type_info(value.type) for value in (*op.operands, *op.results)]
        for info in types:
            self.demand_symbols(info.symbols or ())
        self.demand_symbols(symbols_of(self.module, op))
        reads = tuple(self.demand_value(operand) for operand in op.operands)
        writes, outputs = [], []
        for i, (result, info) in enumerate(zip(op.results, types[len(op.operands) :], strict=True)):
            slot = self.new_slot()
            writes.append(slot)
            self.value_slots[result] = slot
            node = node_of(op, op.results[i])
            if node:
                self.node_slots[node] = slot
            outputs.append(self.allocation(info, node))
        device = self.program.device
        self.steps.append(Launch(name, kernel, reads, tuple(writes), tuple(outputs), device))

    def allocation(self, info: TypeInfo, node: str | None) -> Allocation:
        """As eager lays the node's value out in memory, where that is dense."""
        symbols = info.symbols or [None] * len(info.shape)
        shape = tuple(
            size if size is not None else symbol
            for size, symbol in zip(info.shape, symbols, strict=True)
        )
        order = tuple(range(len(shape)))
        meta = self.program.nodes[node].meta.get("val") if node in self.program.nodes else None
        if isinstance(meta, torch.Tensor) and meta.dim() == len(shape):
            strides = [hint(stride) for stride in meta.stride()]
            if all(stride is not None and stride > 0 for stride in strides):
                order = tuple(sorted(order, key=lambda dim: -strides[dim]))
        return Allocation(shape, info.dtype, order)

    def pick(self, op: ir.Operation, value: ir.Value) -> int:
        node = ir.StringAttr(op.attributes["flashlight.node"]).value
        whole = self.demand_node(node)
        meta = self.program.nodes[node].meta["val"]
        if isinstance(meta, torch.Tensor):
            return whole
        leaves = pytree.tree_flatten_with_path(meta)[0]
        paths = [path for path, leaf in leaves if isinstance(leaf, torch.Tensor)]
        number = ir.OpResult(value).result_number
        slot = self.new_slot()
        self.steps.append(
            Pick((whole,), (slot,), tuple(getattr(key, "idx", None) for key in paths[number]))
        )
        return slot

    def evaluate(self, op: ir.Operation, value: ir.Value) -> int:
        for operand in (*op.operands, *op.results):
            self.demand_symbols(type_info(operand.type).symbols or ())
        reads = tuple(self.demand_value(operand) for operand in op.operands)
        names: set[str] = set()
        for operand in (*op.operands, *op.results):
            names.update(name for name in type_info(operand.type).symbols or () if name)
        if op.name == "flashlight.size":
            names.add(ir.StringAttr(op.attributes["symbol"]).value)
            self.demand_symbols(names)
        writes = tuple(self.new_slot() for _ in op.results)
        for slot, result in zip(writes, op.results, strict=True):
            self.value_slots[result] = slot
        node = node_of(op, value)
        if node:
            self.node_slots[node] = writes[0]
        if node is None:
            location = parse_location(str(op.location))
            node = location.node if location is not None else None
        if op.name not in MOVES:
            self.fallbacks.add_part(op, node)
        step = self.translator.step(op)
        device, symbols = self.program.device, tuple(sorted(names))
        self.steps.append(Evaluate(op.name, step, device, reads, writes, symbols, node))
        return self.value_slots[value]

    def runs_as_node(self, name: str) -> bool:
        """Whether running the node makes PyTorch compute only what the module still computes.

        A node's own arguments may have gone into a kernel, while the module's op reads something
        else. Running the node would compute them again, at full size.
        """
        pending, seen = [name], {name}
        while pending:
            node = self.program.nodes[pending.pop()]
            for operand in node.all_input_nodes:
                if operand.name in seen or operand.name in self.node_slots:
                    continue
                seen.add(operand.name)
                if operand.op != "call_function" or operand.name in self.given:
                    continue
                if not (operand.name in self.left or is_cheap(operand) or is_complex(operand)):
                    return False
                pending.append(operand.name)
        return True

    # ---- nodes of the graph -----------------------------------------------------------------

    def demand_node(self, name: str) -> int:
        if name in self.node_slots:
            return self.node_slots[name]
        if name in self.given:
            return self.demand_value(self.given[name])
        node = self.program.nodes[name]
        if name in self.left and not is_cheap(node) and not self.runs_as_node(name):
            op = self.left[name]
            if op.name != "flashlight.torch_call":
                return self.demand_value(op.results[0])
        args = tuple(self.argument(argument) for argument in node.args)
        kwargs = {key: self.argument(argument) for key, argument in node.kwargs.items()}
        slot = self.new_slot()
        self.node_slots[name] = slot
        if node.op == "get_attr":
            value = node.meta["flashlight.attribute"]
            self.steps.append(RunNode(name, lambda: value, (), {}, (), (slot,)))
            return slot
        binds = tuple(
            (str(symbol), tuple(keypath))
            for symbol, keypath in (node.meta.get("unbacked_bindings") or {}).items()
        )
        reads = tuple(sorted(_slots((args, tuple(kwargs.values())))))
        step = RunNode(name, target_of(node), args, kwargs, reads, (slot,), binds)
        self.steps.append(step)
        if not is_cheap(node) and node.meta.get("val") is not None:  # a check has no value
            self.fallbacks.add_node(name)
        return slot

    def argument(self, argument: Any) -> Any:
        """An argument of a node with slots and symbols in place of nodes."""
        if isinstance(argument, fx.Node):
            value = argument.meta.get("val")
            if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool)):
                expression = value.node.expr
                if isinstance(value, torch.SymInt) and not isinstance(to_dim(value), sympy.Expr):
                    return to_dim(value)
                self.demand_symbols_of(expression)
                return SymbolName(self.expressions.add(expression))
            if argument.op == "placeholder" and not isinstance(value, torch.Tensor):
                return Slot(self.node_slots[argument.name])
            return Slot(self.demand_node(argument.name))
        if isinstance(argument, (list, tuple)):
            return type(argument)(self.argument(entry) for entry in argument)
        if isinstance(argument, dict):
            return {key: self.argument(entry) for key, entry in argument.items()}
        if isinstance(argument, slice):
            raise CompileError("a slice as an argument of an exported op is not supported")
        return argument

    def demand_symbols(self, names: Iterable[str | None]) -> None:
        for name in names:
            if name is not None:
                expression = self.program.expressions[name]
                self.demand_symbols_of(expression)
                self.expressions.add(expression)

    def demand_symbols_of(self, expression: sympy.Basic) -> None:
        """Data-dependent symbols have a value once their node has run."""
        for symbol in expression.free_symbols:
            source = self.program.symbols.sources.get(symbol)
            if isinstance(source, NodeNumber) and source.node not in self.running:
                self.running.add(source.node)
                self.demand_node(source.node)


def _slots(argument: Any) -> set[int]:
    if isinstance(argument, Slot):
        return {argument.index}
    if isinstance(argument, (list, tuple)):
        return set().union(*(_slots(entry) for entry in argument))
    return set()
