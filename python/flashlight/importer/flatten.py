# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Brings an exported program into the form that the importer reads.

Exported programs may mutate intermediates (`s += bias`), or hold the levels of `torch.vmap` as
calls: they are functionalized first, by torch, without decomposing anything. Regions under
`torch.no_grad()` or a disabled autocast are calls of submodules; they are inlined, so that every op
of the program is a node of one graph.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.export.graph_signature import InputKind, OutputKind

from ..errors import CompileError
from .locations import source_location

_MUTATIONS = {
    OutputKind.BUFFER_MUTATION: "buffer",
    OutputKind.USER_INPUT_MUTATION: "input",
    OutputKind.PARAMETER_MUTATION: "parameter",
}


def functional_program(ep: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """`ep` without in-place ops and function transforms.

    Raises CompileError where the program changes an input, a parameter or a buffer.
    """
    if any(_mutates(node) or _transforms(node) for node in _all_nodes(ep.graph_module)):
        try:
            ep = ep.run_decompositions(decomp_table={})
        except Exception as error:  # whatever PyTorch's own tracing raises
            lines = str(error).strip().splitlines() or [repr(error)]
            raise CompileError(
                f"PyTorch cannot write the program without in-place ops: {lines[0]}",
                notes=["write what it changes in place as new values"],
            ) from error
    names = {
        spec.arg.name: spec.target
        for spec in ep.graph_signature.input_specs
        if spec.kind != InputKind.USER_INPUT
    }
    by_name = {node.name: node for node in ep.graph.nodes}
    for spec in ep.graph_signature.output_specs:
        if spec.kind in _MUTATIONS:
            node = by_name.get(spec.arg.name)
            kind = _MUTATIONS[spec.kind]
            target = names.get(spec.target, spec.target)
            raise CompileError(
                f"the program changes {kind} '{target}' in place, expected a program without "
                "side effects",
                notes=["return the new value as an output instead"],
                location=source_location(node) if node is not None else None,
            )
    return ep


def _all_nodes(module: fx.GraphModule):
    for submodule in module.modules():
        if isinstance(submodule, fx.GraphModule):
            yield from submodule.graph.nodes


def _mutates(node: fx.Node) -> bool:
    return (
        node.op == "call_function"
        and isinstance(node.target, torch._ops.OpOverload)
        and node.target._schema.is_mutable
    )


def _transforms(node: fx.Node) -> bool:
    """Whether the node enters or leaves a level of `torch.func`."""
    module = getattr(node.target, "__module__", None)
    return node.op == "call_function" and module == "torch._functorch.predispatch"


def flat_graph(module: fx.GraphModule) -> fx.Graph:
    """A copy of the module's graph with no-grad and autocast-off regions inlined.

    Node names are those of the module's graph where they are still free.
    """
    graph = fx.Graph()
    result = _copy(module, graph, None)
    output = graph.output(result)
    output.meta = dict(next(n for n in module.graph.nodes if n.op == "output").meta)
    return graph


def _copy(module: fx.GraphModule, graph: fx.Graph, arguments: list | None):
    """Copies a graph's nodes; placeholders stand for `arguments`. Returns what it outputs."""
    env: dict[fx.Node, object] = {}

    def lookup(argument: object):
        return fx.node.map_arg(argument, lambda node: env[node])

    given = iter(arguments or ())
    for node in module.graph.nodes:
        if node.op == "output":
            return lookup(node.args[0])
        if node.op == "placeholder" and arguments is not None:
            env[node] = next(given)
            continue
        inner = _inlined_region(node, module)
        if inner is not None:
            region, operands = inner
            env[node] = _copy(region, graph, list(lookup(tuple(operands))))
        elif _is_getitem(node) and not isinstance(env[node.args[0]], fx.Node):
            env[node] = env[node.args[0]][node.args[1]]
        else:
            copied = graph.node_copy(node, lookup)
            copied.meta = dict(node.meta)
            if node.op == "get_attr":
                copied.meta["flashlight.attribute"] = _attribute(module, node.target)
            env[node] = copied
    raise AssertionError("a graph without an output")


def _is_getitem(node: fx.Node) -> bool:
    return node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem"


def _attribute(module: fx.GraphModule, path: str):
    value: object = module
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _inlined_region(node: fx.Node, module: fx.GraphModule):
    """The submodule and operands of a region that changes nothing but autograd, or None."""
    if node.op != "call_function":
        return None
    name = getattr(node.target, "__name__", "")
    if name == "wrap_with_set_grad_enabled":
        _, region, *operands = node.args
    elif name == "wrap_with_autocast" and node.args[2] is False:
        region, *operands = node.args[4:]
    else:
        return None
    if not isinstance(region, fx.Node) or region.op != "get_attr":
        return None
    return _attribute(module, region.target), operands
