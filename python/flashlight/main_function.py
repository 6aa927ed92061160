# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `@main` holds once its kernels are formed: their ops, and the nodes of its values."""

from __future__ import annotations

from .errors import CompileError
from .interpreter.machine import argument_attribute
from .mlir import ir

KERNELS = ("flashlight.kernel", "flashlight.launch")


def main_block(module: ir.Module) -> ir.Block:
    """The body of `@main`; CompileError where there is none."""
    for view in module.body.operations:
        op = view.operation
        if op.name == "func.func" and ir.StringAttr(op.attributes["sym_name"]).value == "main":
            return op.regions[0].blocks[0]
    raise CompileError("the module has no function @main")


def kernel_ops(module: ir.Module) -> dict[str, ir.Operation]:
    """The kernels (or launches) in `@main` by name, in order."""
    found = {}
    for view in main_block(module).operations:
        if view.operation.name in KERNELS:
            found[kernel_name(view.operation)] = view.operation
    return found


def names_of_values(module: ir.Module) -> dict[ir.Value, str]:
    """The names of placeholders and nodes whose values `@main` has."""
    block = main_block(module)
    function = block.owner.operation
    names = {}
    for i, argument in enumerate(block.arguments):
        name = argument_attribute(function, i, "flashlight.name")
        if name is not None:
            names[argument] = ir.StringAttr(name).value
    for view in block.operations:
        for result in view.operation.results:
            name = node_of(view.operation, result)
            if name is not None:
                names[result] = name
    return names


def kernel_name(op: ir.Operation) -> str:
    """The name of the kernel that the op is or launches."""
    if op.name == "flashlight.launch":
        return ir.FlatSymbolRefAttr(op.attributes["kernel"]).value
    return ir.StringAttr(op.attributes["sym_name"]).value


def function_of(module: ir.Module, name: str) -> ir.Operation:
    """The function of a name, `main` or a tiled kernel."""
    for view in module.body.operations:
        op = view.operation
        if op.name == "func.func" and ir.StringAttr(op.attributes["sym_name"]).value == name:
            return op
    raise CompileError(f"the module has no function '{name}'")


def symbols_of(module: ir.Module, op: ir.Operation) -> set[str]:
    """The symbols that a kernel takes as numbers: lengths, and what it computes with."""
    names = set()
    if op.name == "flashlight.launch":
        function = function_of(module, kernel_name(op))
        for at in range(len(function.regions[0].blocks[0].arguments)):
            symbol = argument_attribute(function, at, "flashlight.symbol")
            names.update([ir.StringAttr(symbol).value] if symbol else [])
        return names

    def visit(inner: ir.Operation) -> ir.WalkResult:
        if inner.name == "flashlight.size":
            names.add(ir.StringAttr(inner.attributes["symbol"]).value)
        return ir.WalkResult.ADVANCE

    op.walk(visit)
    return names


def node_of(op: ir.Operation, value: ir.Value) -> str | None:
    """The node whose value this result is, if any."""
    if op.name in KERNELS:
        if "flashlight.nodes" not in op.attributes:
            return None
        names = ir.ArrayAttr(op.attributes["flashlight.nodes"])
        return ir.StringAttr(names[ir.OpResult(value).result_number]).value or None
    return node_attribute(op)


def node_attribute(op: ir.Operation) -> str | None:
    """The name of the node whose value the op gives, if any."""
    if "flashlight.node" not in op.attributes:
        return None
    return ir.StringAttr(op.attributes["flashlight.node"]).value
