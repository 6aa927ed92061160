# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the importer asks of a node of the exported graph and of its value."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ..errors import CompileError
from .builder import Meta, Tensor
from .symbols import to_shape


@dataclass(frozen=True)
class Opaque:
    """The value of a node that MLIR has no business with."""

    node: str


LITERAL = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.bool,
)


def to_meta(value: Any) -> Meta | None:
    """Shape and type of a tensor; None for anything else."""
    if isinstance(value, torch.Tensor):
        return Meta(to_shape(value.shape), value.dtype)
    return None


def is_symbolic(value: Any) -> bool:
    """Whether the value is a number, known now or at run time."""
    return isinstance(value, (torch.SymInt, torch.SymBool, torch.SymFloat, int, float, bool))


def has_tensor_operand(node: fx.Node, env: dict[fx.Node, Any]) -> bool:
    """Whether a symbolic result depends on a tensor's elements (not just on its sizes)."""
    if str(node.target) in ("aten.sym_size.int", "aten.sym_stride.int", "aten.sym_numel.default"):
        return False
    return any(isinstance(env.get(operand), Tensor) for operand in node.all_input_nodes)


def is_metadata_check(node: fx.Node) -> bool:
    """Whether the node checks what a tensor is, not what it holds."""
    return str(node.target) == "aten._assert_tensor_metadata.default"


def metadata_holds(node: fx.Node) -> bool:
    """Whether a metadata check is sure to pass."""
    meta = node.args[0].meta["val"]
    expected = dict(
        zip(
            ("size", "stride", "dtype", "device", "layout"),
            (*node.args[1:], *([None] * 5)),
            strict=False,
        )
    ) | dict(node.kwargs)
    if expected.get("size") is not None or expected.get("stride") is not None:
        return False
    return all(
        expected.get(key) is None or expected[key] == getattr(meta, key)
        for key in ("dtype", "device", "layout")
    )


def used_results(node: fx.Node) -> frozenset[int] | None:
    """Which results of a multi-output node are read; None where that is not plain."""
    users = [user for user in node.users if user.users or user.target is not operator.getitem]
    if all(user.target is operator.getitem for user in users):
        return frozenset(user.args[1] for user in users)
    return None


def program_device(graph: fx.Graph) -> torch.device:
    """The device of the placeholders; CompileError where there are several accelerators."""
    devices = {}
    for node in graph.nodes:
        if node.op == "placeholder" and isinstance(node.meta.get("val"), torch.Tensor):
            device = node.meta["val"].device
            if device.type != "cpu" or "cpu" not in {d.type for d in devices}:
                devices.setdefault(device, node)
    accelerators = {device: node for device, node in devices.items() if device.type != "cpu"}
    if len(accelerators) > 1:
        first, second = list(accelerators.items())[:2]
        raise CompileError(
            f"expected all tensors on one device, got '{first[1].name}' on {first[0]} and "
            f"'{second[1].name}' on {second[0]}"
        )
    if accelerators:
        return next(iter(accelerators))
    return torch.device("cpu")
