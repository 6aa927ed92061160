# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the interpreter needs to know of MLIR types and of the dialect's attributes.

MLIR's bindings see our attributes as opaque, so their printed form is read:
``#flashlight.axes<b, h>``, ``#flashlight.symbols<s0, "2*s0">``,
``#flashlight.grid_axis<m = 1024 by 64>``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.mlir import ir

DTYPES: dict[str, torch.dtype] = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f8E4M3FN": torch.float8_e4m3fn,
    "f8E5M2": torch.float8_e5m2,
    "f8E4M3FNUZ": torch.float8_e4m3fnuz,
    "f8E5M2FNUZ": torch.float8_e5m2fnuz,
    "i1": torch.bool,
    "i8": torch.int8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "index": torch.int64,
    "ui8": torch.uint8,
    "si8": torch.int8,
}
"""The torch dtype of each element type. Signless integers are signed in torch."""

_NAME = r'(?:"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z_0-9]*)'


def _unquote(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name


def _names(attribute: str, mnemonic: str) -> tuple[str, ...] | None:
    """The names in ``#flashlight.<mnemonic><a, "b c">``, or None for another attribute."""
    match = re.fullmatch(rf"#flashlight\.{mnemonic}<(.*)>", attribute, re.DOTALL)
    return tuple(_unquote(n) for n in re.findall(_NAME, match.group(1))) if match else None


@dataclass(frozen=True)
class TypeInfo:
    """A type as the interpreter uses it.

    Attributes:
        shape: extents, None where dynamic; None as a whole for what is not a tensor.
        dtype: the torch dtype of an element; None for types without one (pointers).
        axes: the names of the dims of a kernel-level value, else None.
        symbols: the symbol of each dim of a program-level tensor, None where the dim is static.
        text: the type as MLIR prints it.
    """

    shape: tuple[int | None, ...] | None
    dtype: torch.dtype | None
    axes: tuple[str, ...] | None
    symbols: tuple[str | None, ...] | None
    text: str


def element_dtype(element: str) -> torch.dtype | None:
    """The torch dtype of an element type given as text; None for pointers and other types."""
    return DTYPES.get(element)


def type_info(type_: ir.Type) -> TypeInfo:
    """Reads a type; anything that is neither a ranked tensor nor a scalar has no dtype."""
    if not isinstance(type_, ir.RankedTensorType):
        text = str(type_)
        return TypeInfo(None, element_dtype(text), None, None, text)
    dynamic = ir.ShapedType.get_dynamic_size()
    shape = tuple(None if extent == dynamic else extent for extent in type_.shape)
    axes = symbols = None
    if type_.encoding is not None:
        encoding = str(type_.encoding)
        axes = _names(encoding, "axes")
        names = _names(encoding, "symbols")
        if names is not None:
            remaining = iter(names)
            symbols = tuple(next(remaining) if extent is None else None for extent in shape)
    return TypeInfo(shape, element_dtype(str(type_.element_type)), axes, symbols, str(type_))


class Axis(NamedTuple):
    """A declared axis: `extent` is a size, or the name of the symbol that has it."""

    name: str
    extent: int | str


class GridAxis(NamedTuple):
    """An axis of a launch grid, and how many of its elements a program takes."""

    name: str
    extent: int | str
    tile: int


def _extent(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else _unquote(text)


def parse_axis(attribute: ir.Attribute) -> Axis:
    """Reads ``#flashlight.axis<m = 1024>`` or ``#flashlight.axis<m = s0>``."""
    match = re.fullmatch(rf"#flashlight\.axis<({_NAME}) = ({_NAME}|-?\d+)>", str(attribute))
    if match is None:
        raise InterpreterError(f"expected an axis attribute, got {attribute}")
    return Axis(_unquote(match.group(1)), _extent(match.group(2)))


def parse_grid_axis(attribute: ir.Attribute) -> GridAxis:
    """Reads ``#flashlight.grid_axis<m = 1024 by 64>``."""
    pattern = rf"#flashlight\.grid_axis<({_NAME}) = ({_NAME}|-?\d+) by (\d+)>"
    match = re.fullmatch(pattern, str(attribute))
    if match is None:
        raise InterpreterError(f"expected a grid axis attribute, got {attribute}")
    return GridAxis(_unquote(match.group(1)), _extent(match.group(2)), int(match.group(3)))


def parse_schedule_tiles(attribute: ir.Attribute) -> dict[str, int]:
    """Reads the tiles of ``#flashlight.schedule<cpu, tiles(n = 64, m = 64), ...>``."""
    match = re.search(r"tiles\(([^)]*)\)", str(attribute))
    if match is None:
        raise InterpreterError(f"expected a schedule, got {attribute}")
    return {
        _unquote(name): int(size)
        for name, size in re.findall(rf"({_NAME}) = (\d+)", match.group(1))
    }


def reduce_kind(attribute: ir.Attribute) -> str:
    """``sum``, ``prod``, ``max``, ``min``, ``any`` or ``all``, from a reduce kind attribute."""
    match = re.search(r"(sum|prod|max|min|any|all)", str(attribute))
    if match is None:
        raise InterpreterError(f"expected a reduce kind, got {attribute}")
    return match.group(1)
