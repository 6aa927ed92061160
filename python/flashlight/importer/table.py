# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of rows: which function imports which ATen overload.

A row is a function of the builder, the result's metadata, and those arguments of the op's schema
that it consumes, by their schema names. An argument that the row does not name must have its
schema default (or say nothing about values, such as `memory_format`): otherwise the node becomes
a `torch_call`. So no row can drop an argument silently.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


class Unsupported(Exception):
    """Raised by a row that cannot express its node; the node then stays with PyTorch."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Row:
    """One entry: the function and the schema arguments that it consumes."""

    function: Callable[..., Any]
    parameters: frozenset[str]


ROWS: dict[str, Row] = {}

# Arguments that change where or how a value is stored, never what it is. The device of a result is
# compared with the program's by the graph walk.
STORAGE_ARGUMENTS = frozenset(
    {"device", "layout", "pin_memory", "memory_format", "non_blocking", "copy"}
)


def row(*overloads: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function for ATen overloads, e.g. `@row("add.Tensor", "add.Scalar")`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        names = frozenset(list(inspect.signature(function).parameters)[2:])
        for overload in overloads:
            full = overload if "::" in overload else f"aten.{overload}"
            if full in ROWS:
                raise ValueError(f"two rows for {full}")
            ROWS[full] = Row(function, names)
        return function

    return register


def has_row(target: Any) -> bool:
    """Whether the table has the op overload."""
    return str(target) in ROWS


def find_row(target: Any) -> Row:
    """The row of an op overload; Unsupported where there is none."""
    if not isinstance(target, torch._ops.OpOverload):
        raise Unsupported("not an ATen op")
    found = ROWS.get(str(target))
    if found is None:
        raise Unsupported("no importer row")
    return found


def bind(target: torch._ops.OpOverload, row: Row, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Arguments by schema name, for the row to consume.

    Raises Unsupported for an argument that is not at its default and that the row does not name.
    """
    bound: dict[str, Any] = {}
    for position, argument in enumerate(target._schema.arguments):
        if position < len(args) and not argument.kwarg_only:
            given, value = True, args[position]
        elif argument.name in kwargs:
            given, value = True, kwargs[argument.name]
        else:
            given, value = False, argument.default_value
        if argument.name in row.parameters:
            bound[argument.name] = value
        elif given and argument.name not in STORAGE_ARGUMENTS and value != argument.default_value:
            raise Unsupported(f"argument '{argument.name}' is not consumed by the importer's row")
    return bound
