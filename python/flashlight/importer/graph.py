# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The walk over an exported graph that makes the level-1 module.

A node with a row of the table becomes ops of ours; any other becomes a `flashlight.torch_call`,
with the reason. The walk keeps what a plan needs to run any node with PyTorch: the flat graph, the
node of each value, how symbols get their values, and the checks that must run.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from .. import mlir  # noqa: F401  (loads the bindings before their dialects)
from ..errors import CompileError
from ..mlir import ir
from ..mlir.dialects import flashlight as fl
from ..mlir.dialects import func
from . import (
    complex_numbers,
    flex,
    rows,  # noqa: F401  (fills the table)
)
from .builder import Builder, Tensor
from .complex_numbers import Complex
from .expand import expand
from .flatten import flat_graph, functional_program
from .imported import ImportedProgram, Input, TorchCall
from .inspect_nodes import (
    LITERAL,
    Opaque,
    has_tensor_operand,
    is_metadata_check,
    is_symbolic,
    metadata_holds,
    program_device,
    to_meta,
    used_results,
)
from .locations import source_location, to_mlir
from .symbols import to_dim, to_shape
from .table import Unsupported, bind, find_row, has_row


def import_program(
    ep: torch.export.ExportedProgram, context: ir.Context | None = None
) -> ImportedProgram:
    """Imports an exported program to level 1.

    Raises CompileError where `ep` is not an ExportedProgram, changes its inputs, or has tensors on
    several devices.
    """
    if not isinstance(ep, torch.export.ExportedProgram):
        raise CompileError(
            f"expected a torch.export.ExportedProgram, got {type(ep).__name__}",
            notes=["export a module with torch.export.export(module, args)"],
        )
    functional = functional_program(ep)
    return _Importer(functional, context or ir.Context()).run()


class _Importer:
    def __init__(self, ep: torch.export.ExportedProgram, context: ir.Context) -> None:
        graph = flat_graph(ep.graph_module)
        with ir.Location.unknown(context):
            module = ir.Module.create()
        self.program = ImportedProgram(
            context=context,
            module=module,
            exported=ep,
            graph=graph,
            nodes={node.name: node for node in graph.nodes},
            device=program_device(graph),
        )
        self.builder = Builder(context)
        self.program.expressions = self.builder.expressions
        # What each node is here: a Tensor, a Dim, a plain Python value, or a list of these.
        self.env: dict[fx.Node, Any] = {}
        # Ops that were found to expand into something without a row, with the reason.
        self.opaque: dict[Any, str] = {}

    def run(self) -> ImportedProgram:
        program = self.program
        nodes = list(program.graph.nodes)
        placeholders = [node for node in nodes if node.op == "placeholder"]
        with program.context, ir.Location.unknown():
            entry, arguments = self.open_main(placeholders)
            with ir.InsertionPoint(entry):
                for node, argument in arguments:
                    self.import_placeholder(node, argument)
                for node in nodes:
                    location = source_location(node)
                    program.locations[node.name] = location
                    with to_mlir(location, program.context):
                        if node.op == "call_function":
                            self.import_call(node)
                        elif node.op == "get_attr":
                            self.env[node] = Opaque(node.name)
                        elif node.op == "output":
                            self.close_main(node)
                self.erase_dead_calls()
        program.module.operation.verify()
        return program

    def erase_dead_calls(self) -> None:
        """Calls that nothing reads: what only an op read that was taken apart without it."""
        for view in reversed(list(self.main.entry_block.operations)):
            op = view.operation
            if op.name != "flashlight.torch_call" or any(list(x.uses) for x in op.results):
                continue
            name = ir.StringAttr(op.attributes["flashlight.node"]).value
            if name not in self.program.checks:
                del self.program.calls[name]
                op.erase()

    # ---- inputs and outputs -----------------------------------------------------------------

    def open_main(self, placeholders: Sequence[fx.Node]):
        program = self.program
        specs = program.exported.graph_signature.input_specs
        types, attributes, tensors = [], [], []
        for node, spec in zip(placeholders, specs, strict=True):
            value = node.meta.get("val")
            argument = None
            if isinstance(value, torch.Tensor):
                argument = len(types)
                tensors.append((node, argument))
                try:
                    kind = self.builder.type(to_shape(value.shape), value.dtype)
                except Unsupported as error:
                    raise CompileError(
                        f"input '{node.name}' has {value.dtype}: {error.reason}"
                    ) from None
                types.append(kind)
                given = {"flashlight.name": ir.StringAttr.get(node.name)}
                if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
                    given["flashlight.parameter"] = ir.UnitAttr.get()
                attributes.append(ir.DictAttr.get(given))
            else:
                if not isinstance(value, torch.SymInt):
                    value = getattr(spec.arg, "value", value)
                self.env[node] = to_dim(value) if isinstance(value, torch.SymInt) else value
            program.inputs.append(Input(node.name, spec.kind, spec.target, argument, value))
            program.symbols.bind_input(len(program.inputs) - 1, value)
        program.symbols.add_ranges(program.exported.range_constraints)
        with ir.InsertionPoint(program.module.body):
            main = func.FuncOp("main", ir.FunctionType.get(types, []))
        if attributes:
            main.arg_attrs = ir.ArrayAttr.get(attributes)
        self.main = main
        entry = main.add_entry_block()
        return entry, tensors

    def import_placeholder(self, node: fx.Node, argument: int) -> None:
        meta = node.meta["val"]
        value = self.main.entry_block.arguments[argument]
        tensor = self.builder.wrap(value, to_shape(meta.shape), meta.dtype)
        # A constant of one element is known now, and what it says (an infinity) may matter.
        constant = self.constant_of(node)
        if constant is not None and constant.numel() == 1 and tensor.dtype in LITERAL:
            number = constant.item()
            tensor = self.builder.full(tensor.shape, number, tensor.dtype)
        self.env[node] = tensor

    def constant_of(self, node: fx.Node) -> torch.Tensor | None:
        index = [entry.name for entry in self.program.inputs].index(node.name)
        entry = self.program.inputs[index]
        if entry.kind != InputKind.CONSTANT_TENSOR:
            return None
        value = self.program.exported.constants.get(entry.target)
        return value if isinstance(value, torch.Tensor) else None

    def close_main(self, node: fx.Node) -> None:
        program = self.program
        returned = []
        outputs = node.args[0] if isinstance(node.args[0], (tuple, list)) else (node.args[0],)
        for output in outputs:
            program.outputs.append(output)
            value = self.env[output] if isinstance(output, fx.Node) else output
            if isinstance(value, Tensor):
                program.results.append(len(program.outputs) - 1)
                returned.append(value.value)
        func.ReturnOp(returned)
        inputs = self.main.type.inputs
        kind = ir.FunctionType.get(inputs, [value.type for value in returned])
        self.main.attributes["function_type"] = ir.TypeAttr.get(kind)

    # ---- nodes ------------------------------------------------------------------------------

    def import_call(self, node: fx.Node) -> None:
        value = node.meta.get("val")
        self.program.symbols.bind_node(node)
        if node.target is operator.getitem:
            source = self.env[node.args[0]]
            if isinstance(source, (list, tuple)):
                self.env[node] = source[node.args[1]]
                self.name(node)
                return
        if is_symbolic(value) and not has_tensor_operand(node, self.env):
            # Arithmetic of symbols: known to the shape environment as an expression.
            self.env[node] = to_dim(value) if isinstance(value, torch.SymInt) else Opaque(node.name)
            return
        if is_metadata_check(node) and metadata_holds(node):
            self.env[node] = None  # the types and guards of the inputs imply it
            return
        if complex_numbers.takes_complex(node.target):
            self.split_complex(node)
        try:
            self.env[node] = self.import_node(node, value)
        except Unsupported as error:
            self.env[node] = self.import_torch_call(node, value, error.reason)
            if value is None or node.is_impure():
                self.program.checks.append(node.name)
        self.name(node)

    def import_node(self, node: fx.Node, value: Any) -> Any:
        """The node's value, made by its row or by the rows of what it expands to."""
        # Ops of a row that gives up half way are dead: remember where they start.
        block = self.main.entry_block
        before = len(block.operations)
        try:
            if has_row(node.target):
                return self.import_row(node, value)
            if str(node.target) == flex.TARGET:
                return self.import_flex(node, value)
            return self.import_expanded(node)
        except Unsupported:
            operations = list(block.operations)
            for op in reversed(operations[before:]):
                op.operation.erase()
            raise

    def import_row(self, node: fx.Node, value: Any) -> Any:
        row = find_row(node.target)
        for entry in pytree.tree_leaves(value):
            if isinstance(entry, torch.Tensor) and entry.device != self.program.device:
                raise Unsupported(f"its result is on {entry.device}")
        arguments = bind(node.target, row, node.args, node.kwargs)
        arguments = {key: self.resolve(argument) for key, argument in arguments.items()}
        if isinstance(value, (tuple, list)):
            out: Any = [to_meta(entry) for entry in value]
        else:
            out = to_meta(value)
        self.builder.used_results = used_results(node)
        result = complex_numbers.call(row.function, self.builder, node.target, out, arguments)
        self.check_result(node, out, result)
        return result

    def split_complex(self, node: fx.Node) -> None:
        """Gives the node's complex operands that PyTorch computes a real and an imaginary part."""
        for operand in node.all_input_nodes:
            whole = self.env.get(operand)
            if not isinstance(whole, Tensor) or whole.dtype not in complex_numbers.REAL:
                continue
            program = self.program
            with program.graph.inserting_after(operand):
                view = program.graph.call_function(torch.ops.aten.view_as_real.default, (operand,))
            view.meta = {**operand.meta, "val": torch.view_as_real(operand.meta["val"])}
            program.nodes[view.name] = view
            program.locations[view.name] = program.locations[operand.name]
            pairs = self.import_torch_call(view, view.meta["val"], "a view of complex numbers")
            last = pairs.rank - 1
            parts = (self.builder.slice(pairs, last, i, 1, 1) for i in (0, 1))
            re, im = (self.builder.reshape(part, whole.shape) for part in parts)
            self.env[operand] = Complex(re, im, whole)

    def import_flex(self, node: fx.Node, value: Any) -> list[Tensor | None]:
        graph, captured = flex.modified_scores(node)
        query, key, values = (self.resolve(argument) for argument in node.args[:3])
        scores = flex.scaled_scores(self.builder, query, key, node.args[5])
        given = [query, key, scores, *(self.resolve(argument) for argument in captured)]
        scores, mask = self.import_graph(graph, given)
        self.builder.used_results = used_results(node)
        result = flex.attend(self.builder, query, values, scores, mask)
        self.check_result(node, [to_meta(entry) for entry in value], result)
        return result

    def import_expanded(self, node: fx.Node) -> Any:
        if node.target in self.opaque:
            raise Unsupported(self.opaque[node.target])
        graph, operands = expand(node)
        try:
            return self.import_graph(graph, [self.resolve(operand) for operand in operands])
        except Unsupported as error:
            if error.reason.startswith("no importer row"):
                self.opaque[node.target] = error.reason
            raise

    def import_graph(self, module: fx.GraphModule, arguments: list[Any]) -> Any:
        """What a traced graph computes from its placeholders' values; all of it has rows."""
        given = iter(arguments)
        for node in module.graph.nodes:
            value = node.meta.get("val")
            if node.op == "placeholder":
                self.env[node] = next(given)
            elif node.op == "get_attr":
                self.env[node] = self.literal(getattr(module, node.target))
            elif node.op == "output":
                result = self.resolve(node.args[0])
                return list(result) if isinstance(result, (list, tuple)) else result
            elif node.target is operator.getitem:
                self.env[node] = self.resolve(node.args[0])[node.args[1]]
            elif is_symbolic(value) and isinstance(value, (torch.SymInt, int)):
                self.env[node] = to_dim(value)
            elif has_row(node.target):
                self.env[node] = self.import_row(node, value)
            else:
                raise Unsupported(f"no importer row for '{node.target}', which it consists of")
        raise AssertionError("a graph without an output")

    def literal(self, value: Any) -> Tensor:
        """A constant that tracing found."""
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise Unsupported("a constant tensor inside")
        if value.dtype not in LITERAL:
            raise Unsupported(f"{value.dtype} is not computed in kernels")
        return self.builder.full(to_shape(value.shape), value.item(), value.dtype)

    def check_result(self, node: fx.Node, out: Any, result: Any) -> None:
        """A row that disagrees with torch about its result is a bug of the row."""
        pairs = zip(out, result, strict=True) if isinstance(out, list) else [(out, result)]
        for expected, got in pairs:
            if expected is None or got is None:
                continue
            if (expected.shape, expected.dtype) != (got.shape, got.dtype):
                raise CompileError(
                    f"importing '{node.target}': expected {expected.dtype} of shape "
                    f"{expected.shape}, got {got.dtype} of shape {got.shape}",
                    location=source_location(node),
                    notes=["this is a bug of Flashlight's importer"],
                )

    def resolve(self, argument: Any) -> Any:
        """An FX argument with nodes replaced by what they are here."""
        if isinstance(argument, fx.Node):
            value = self.env[argument]
            if isinstance(value, Opaque):
                raise Unsupported(f"argument '{argument.name}' is not a tensor or an integer")
            return value
        if isinstance(argument, (list, tuple)):
            return [self.resolve(entry) for entry in argument]
        if isinstance(argument, torch.SymInt):
            return to_dim(argument)
        return argument

    def import_torch_call(self, node: fx.Node, value: Any, reason: str) -> Any:
        operands: list[Tensor] = []

        def text(argument: Any) -> str:
            known = self.env.get(argument) if isinstance(argument, fx.Node) else argument
            if isinstance(known, Complex):
                known = known.whole or [known.re, known.im]
            if isinstance(known, Tensor):
                operands.append(known)
                return f"%{len(operands) - 1}"
            if isinstance(known, (list, tuple)):
                return "[" + ", ".join(text(entry) for entry in known) + "]"
            return str(known)

        shown = [text(argument) for argument in node.args]
        shown += [f"{key} = {text(argument)}" for key, argument in node.kwargs.items()]
        op = (
            str(node.target)
            if not callable(node.target) or isinstance(node.target, torch._ops.OpOverload)
            else getattr(node.target, "__name__", str(node.target))
        )
        location = self.program.locations.get(node.name) or source_location(node)
        self.program.calls[node.name] = TorchCall(node.name, op, reason, location)
        leaves, spec = pytree.tree_flatten(value)
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        try:
            types = [self.builder.type(to_shape(leaf.shape), leaf.dtype) for leaf in tensors]
        except Unsupported as error:
            raise CompileError(error.reason, location=location) from None
        call = fl.TorchCallOp(types, op, ", ".join(shown), [x.value for x in operands])
        call.operation.attributes["flashlight.node"] = ir.StringAttr.get(node.name)
        results = iter(call.operation.results)
        values = []
        for leaf in leaves:
            if isinstance(leaf, torch.Tensor):
                values.append(self.builder.wrap(next(results), to_shape(leaf.shape), leaf.dtype))
            elif isinstance(leaf, torch.SymInt):
                values.append(to_dim(leaf))
            else:
                values.append(leaf if leaf is None else Opaque(node.name))
        return pytree.tree_unflatten(values, spec)

    def name(self, node: fx.Node) -> None:
        """Puts `flashlight.node` on the op that defines the node's value."""
        value = self.env[node]
        if not isinstance(value, Tensor):
            return
        owner = value.value.owner
        if isinstance(owner, ir.Block):
            self.program.aliases[node.name] = self.argument_name(value.value)
            return
        operation = getattr(owner, "operation", owner)
        if "flashlight.node" in operation.attributes:
            known = ir.StringAttr(operation.attributes["flashlight.node"]).value
            if operation.name != "flashlight.torch_call":
                self.program.aliases[node.name] = known
        elif len(operation.results) == 1:
            operation.attributes["flashlight.node"] = ir.StringAttr.get(node.name)

    def argument_name(self, value: ir.Value) -> str:
        number = ir.BlockArgument(value).arg_number
        return next(entry.name for entry in self.program.inputs if entry.argument == number)
