# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Questions about the nodes of an exported graph that a plan asks."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

_CONTRACTIONS = frozenset(
    f"aten.{name}.default"
    for name in ("linear", "matmul", "mm", "bmm", "mv", "addmm", "baddbmm", "einsum")
)

_COPIES_AT_MOST = frozenset(
    f"aten.{name}"
    for name in (
        "reshape.default",
        "contiguous.default",
        "clone.default",
        "flatten.using_ints",
        "unflatten.int",
        "_unsafe_view.default",
        "lift_fresh_copy.default",
        "to.dtype",
        "to.dtype_layout",
        "_to_copy.default",
        "type_as.default",
        "to.device",
        "repeat_interleave.self_int",
        "movedim.int",
        "movedim.intlist",
        "mT.default",
        "chunk.default",
        "split_with_sizes.default",
        "split.Tensor",
        "narrow.default",
        "expand_as.default",
        "view_as.default",
        "reshape_as.default",
        "unbind.int",
        "t.default",
    )
)


def is_cheap(node: fx.Node) -> bool:
    """Whether the node computes nothing: a view, a copy, a tensor made from numbers."""
    if node.op != "call_function" or node.target is operator.getitem:
        return True
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    if str(node.target) in _COPIES_AT_MOST:
        return True
    if any(result.alias_info is not None for result in node.target._schema.returns):
        return True
    return not any(
        isinstance(operand.meta.get("val"), (torch.Tensor, list, tuple))
        for operand in node.all_input_nodes
    )


def is_complex(node: fx.Node) -> bool:
    """Whether the value is complex: no op of a module has it, only its parts."""
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype.is_complex


def contracts(node: fx.Node) -> bool:
    """Whether the node is a product of matrices."""
    return str(node.target) in _CONTRACTIONS


def op_name(node: fx.Node) -> str:
    """What the node calls, as a report names it."""
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target)
    return getattr(node.target, "__name__", str(node.target))


def target_of(node: fx.Node) -> Any:
    """What a step calls to run the node."""
    # A kernel's result may lie in memory in another order than eager's: a view may need a copy.
    if node.target is torch.ops.aten.view.default:
        return torch.ops.aten.reshape.default
    return node.target


def hint(size: Any) -> int | None:
    """A size as it was when the program was exported; None if it depends on data."""
    if isinstance(size, torch.SymInt):
        return int(size.node.hint) if size.node.has_hint() else None
    return int(size)
