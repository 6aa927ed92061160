# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An op without a row of its own, written out in ops that have one, by PyTorch itself.

PyTorch defines most of its ops by smaller ones: composites in their implementation, others in its
table of decompositions, which computes in the types in which eager does. The op is traced on the
fake tensors of its node; nothing runs. What this gives is an ordinary ATen graph, that the walk
imports with the ordinary rows. If one of its ops has no row, the node stays with PyTorch.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx

from .table import ROWS, Unsupported


@functools.cache
def _decompositions() -> Mapping[Any, Callable[..., Any]]:
    """PyTorch's table, without the ops that have a row."""
    from torch._decomp import core_aten_decompositions, get_decompositions

    table = dict(core_aten_decompositions())
    table |= get_decompositions(
        [torch.ops.aten.native_layer_norm, torch.ops.aten.native_group_norm]
    )
    return {op: function for op, function in table.items() if str(op) not in ROWS}


def trace(function: Callable[..., Any], arguments: list[Any], failure: str) -> fx.GraphModule:
    """The ATen graph of a function on fake tensors and symbolic integers.

    Raises Unsupported with `failure` and PyTorch's reason where it cannot be traced.
    """
    try:
        return _functional(function, arguments)
    except Exception as error:  # whatever PyTorch's own tracing raises: the node runs as it is
        line = str(error).strip().splitlines()
        raise Unsupported(f"{failure}: {line[0] if line else error!r}") from None


def _functional(function: Callable[..., Any], arguments: list[Any]) -> fx.GraphModule:
    with torch.no_grad():
        graph = _traced(function, arguments)
        if any(_mutates(node.target) for node in graph.graph.nodes):
            # The op changes its intermediates: a second trace, of single ops, makes them values.
            graph = _traced(torch.func.functionalize(graph, remove="mutations"), arguments)
    graph.graph.eliminate_dead_code()
    return graph


def _traced(function: Callable[..., Any], arguments: list[Any]) -> fx.GraphModule:
    made = make_fx(function, decomposition_table=_decompositions(), tracing_mode="real")
    # Tensors made from symbolic sizes alone must be fake too: a real one fixes the sizes.
    modes = (getattr(argument, "fake_mode", None) for argument in arguments)
    with next((mode for mode in modes if mode is not None), contextlib.nullcontext()):
        return made(*arguments)


def _mutates(target: Any) -> bool:
    return isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable


def expand(node: fx.Node) -> tuple[fx.GraphModule, list[fx.Node]]:
    """The node's op as a graph, and the nodes that the graph's placeholders stand for.

    Raises Unsupported for an op that is nothing but itself.
    """
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        raise Unsupported("no importer row")
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(
        target.name(), "CompositeImplicitAutograd"
    )
    if not composite and target not in _decompositions():
        raise Unsupported("no importer row")
    operands = list(node.all_input_nodes)
    values = [operand.meta.get("val") for operand in operands]

    def call(*given: Any) -> Any:
        found = dict(zip(operands, given, strict=True))
        args = fx.node.map_arg(node.args, lambda operand: found[operand])
        kwargs = fx.node.map_arg(node.kwargs, lambda operand: found[operand])
        return target(*args, **kwargs)

    failure = "no importer row, and PyTorch's decomposition fails"
    return trace(call, values, failure), operands
