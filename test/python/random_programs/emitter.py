# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program as text, and a writer of its ops that knows the types of what it has written."""

from __future__ import annotations

import dataclasses
import math

import torch

TORCH = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i1": torch.bool,
    "i64": torch.int64,
}


class Symbol(int):
    """A dynamic dim: an extent with the name of its symbol."""

    def __new__(cls, extent, name):
        symbol = super().__new__(cls, extent)
        symbol.name = name
        return symbol

    def __repr__(self):
        return f"Symbol({int(self)}, {self.name!r})"


@dataclasses.dataclass(frozen=True)
class Value:
    name: str
    shape: tuple
    element: str

    @property
    def type(self):
        return type_text(self.shape, self.element)


def type_text(shape, element):
    """The type of a tensor as MLIR spells it."""
    dims = "".join("?x" if isinstance(n, Symbol) else f"{n}x" for n in shape)
    names = [n.name for n in shape if isinstance(n, Symbol)]
    encoding = f", #flashlight.symbols<{', '.join(names)}>" if names else ""
    return f"tensor<{dims}{element}{encoding}>"


@dataclasses.dataclass
class Program:
    """A module's text and how its arguments are made: shape, element and range of each."""

    text: str
    args: list

    def make_args(self, seed=0):
        """Arguments of a seed: normal floats, booleans true in three of four, small integers."""
        generator = torch.Generator().manual_seed(seed)
        values = []
        for shape, element, scale in self.args:
            if element == "i1":
                values.append(torch.rand(shape, generator=generator) < 0.75)
            elif element == "i64":
                values.append(torch.randint(0, scale, shape, generator=generator))
            else:
                x = torch.randn(shape, generator=generator) * scale
                values.append(x.to(TORCH[element]))
        return values

    def __repr__(self):
        return f"Program(args={self.args}, text:\n{self.text})"


class Emitter:
    """Writes a function, op by op; every method returns the new value."""

    def __init__(self):
        self.lines = []
        self.args = []
        self.count = 0

    def emit(self, text, shape, element):
        value = Value(f"%v{self.count}", tuple(shape), element)
        self.count += 1
        self.lines.append(f"  {value.name} = {text}")
        return value

    def arg(self, shape, element="f32", scale=1.0):
        value = Value(f"%a{len(self.args)}", tuple(shape), element)
        self.args.append((tuple(int(n) for n in shape), element, scale, value))
        return value

    def constant(self, number, shape, element="f32"):
        """A splat; on dynamic dims a rank-0 constant and a broadcast, as the importer writes it."""
        if isinstance(number, float) and math.isinf(number):
            bits = {"f32": ("0xFF800000", "0x7F800000"), "f16": ("0xFC00", "0x7C00")}
            bits["bf16"] = ("0xFF80", "0x7F80")
            literal = bits[element][number > 0]
        else:
            literal = f"{number:.17e}" if element[0] in "fb" else str(number)
        if any(isinstance(n, Symbol) for n in shape):
            return self.broadcast(self.constant(number, (), element), (), shape)
        type_ = type_text(shape, element)
        return self.emit(f"arith.constant dense<{literal}> : {type_}", shape, element)

    def unary(self, op, a):
        return self.emit(f"{op} {a.name} : {a.type}", a.shape, a.element)

    def binary(self, op, a, b):
        assert a.type == b.type, (op, a, b)
        return self.emit(f"{op} {a.name}, {b.name} : {a.type}", a.shape, a.element)

    def compare(self, op, predicate, a, b):
        assert a.type == b.type, (op, a, b)
        text = f"arith.{op} {predicate}, {a.name}, {b.name} : {a.type}"
        return self.emit(text, a.shape, "i1")

    def select(self, c, a, b):
        assert a.type == b.type and c.shape == a.shape, (c, a, b)
        text = f"arith.select {c.name}, {a.name}, {b.name} : {c.type}, {a.type}"
        return self.emit(text, a.shape, a.element)

    def cast(self, a, element):
        if a.element == element:
            return a
        if a.element in ("i1", "i64"):
            op = "uitofp" if a.element == "i1" else "sitofp"
        else:
            op = "extf" if element == "f32" else "truncf"
        to = type_text(a.shape, element)
        return self.emit(f"arith.{op} {a.name} : {a.type} to {to}", a.shape, element)

    def broadcast(self, a, dims, shape):
        if tuple(dims) == tuple(range(len(shape))) and a.shape == tuple(shape):
            return a
        to = type_text(shape, a.element)
        text = f"flashlight.broadcast {a.name} dims {list(dims)} : {a.type} -> {to}"
        return self.emit(text, shape, a.element)

    def reduce(self, kind, a, dims):
        shape = [n for i, n in enumerate(a.shape) if i not in dims]
        to = type_text(shape, a.element)
        text = f"flashlight.reduce {kind} {a.name} dims {list(dims)} : {a.type} -> {to}"
        return self.emit(text, shape, a.element)

    def contract(self, a, b, equation, element="f32"):
        left, rest = equation.split(",")
        right, out = rest.split("->")
        extents = dict(zip(left, a.shape)) | dict(zip(right, b.shape))
        shape = [extents[letter] for letter in out]
        to = type_text(shape, element)
        text = f'flashlight.contract {a.name}, {b.name} "{equation}" : {a.type}, {b.type} -> {to}'
        return self.emit(text, shape, element)

    def transpose(self, a, permutation):
        shape = [a.shape[i] for i in permutation]
        to = type_text(shape, a.element)
        text = f"flashlight.transpose {a.name} {list(permutation)} : {a.type} -> {to}"
        return self.emit(text, shape, a.element)

    def reshape(self, a, shape):
        to = type_text(shape, a.element)
        return self.emit(f"flashlight.reshape {a.name} : {a.type} -> {to}", shape, a.element)

    def slice(self, a, offsets, strides, shape):
        to = type_text(shape, a.element)
        text = (
            f"flashlight.slice {a.name} offsets {list(offsets)} strides {list(strides)} "
            f": {a.type} -> {to}"
        )
        return self.emit(text, shape, a.element)

    def concat(self, parts, dim):
        first = parts[0]
        shape = list(first.shape)
        shape[dim] = sum(part.shape[dim] for part in parts)
        to = type_text(shape, first.element)
        names = ", ".join(part.name for part in parts)
        types = ", ".join(part.type for part in parts)
        return self.emit(
            f"flashlight.concat {names} dim {dim} : ({types}) -> {to}", shape, first.element
        )

    def iota(self, n):
        return self.emit(f"flashlight.iota : {type_text((n,), 'i64')}", (n,), "i64")

    def program(self, results):
        arguments = ", ".join(f"{v.name}: {v.type}" for *_, v in self.args)
        types = ", ".join(v.type for v in results)
        names = ", ".join(v.name for v in results)
        body = "\n".join(self.lines)
        end = f"  return {names} : {types}"
        text = f"func.func @main({arguments}) -> ({types}) {{\n{body}\n{end}\n}}\n"
        return Program(text, [arg[:3] for arg in self.args])
