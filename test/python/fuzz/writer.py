# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program as text, and a writer that knows the shape of every value that it has written.

The writer evaluates each statement as it is written, on real tensors: what a statement gives needs
no rules of its own, and a statement that PyTorch refuses is a fault of the generator.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from hypothesis import strategies as st

HEADER = """\
import math

import torch
import torch.nn.functional as F


"""


@dataclasses.dataclass(frozen=True)
class Input:
    """An argument: its name, how it is made, and for each dim its extent or the name of it."""

    name: str
    make: str
    dims: tuple[int | str, ...]


@dataclasses.dataclass
class Program:
    """A function and its inputs.

    Attributes:
        inputs: the arguments in order.
        lines: the body's statements, without the return.
        results: the names that it returns.
        lengths: the extents of the dims that have a name ("M" rows, "N" keys).
        dynamic: whether it is exported with those dims dynamic.
    """

    inputs: list[Input]
    lines: list[str]
    results: list[str]
    lengths: dict[str, int]
    dynamic: bool = False

    def text(self) -> str:
        """The program as a file: `inputs(seed)`, `function(...)`, LENGTHS, DYNAMIC."""
        names = ", ".join(i.name for i in self.inputs)
        given = "".join(f", {name}={extent}" for name, extent in self.lengths.items())
        make = "".join(f"    {i.name} = {i.make}\n" for i in self.inputs)
        body = "".join(f"    {line}\n" for line in self.lines)
        dynamic = [
            {at: dim for at, dim in enumerate(i.dims) if isinstance(dim, str)} for i in self.inputs
        ]
        return (
            f"{HEADER}"
            f"def inputs(seed=0{given}):\n"
            f"    torch.manual_seed(seed)\n{make}    return {names}{',' * (len(self.inputs) == 1)}"
            f"\n\n\ndef function({names}):\n{body}    return {', '.join(self.results)}\n\n\n"
            f"DYNAMIC = {dynamic if self.dynamic else None}\n"
        )

    def __repr__(self) -> str:
        return self.text()


class Writer:
    """Writes a program statement by statement."""

    def __init__(
        self,
        draw,
        lengths: dict[str, int],
        dtype: str,
    ):
        self.draw = draw
        self.lengths = lengths
        self.dtype = dtype
        self.inputs: list[Input] = []
        self.lines: list[str] = []
        self.env = {"torch": torch, "F": torch.nn.functional, "math": math, **lengths}
        self.counts: dict[str, int] = {}
        self.sizes_known: set[str] = set()
        torch.manual_seed(0)

    # Choices: the first is the simplest, towards which hypothesis shrinks ------------------------

    def choose(self, *options):
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        """True once in so many."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    # Text ---------------------------------------------------------------------------------------

    def fresh(self, stem: str) -> str:
        """A name that is not taken: q, q2, q3."""
        stem = stem.rstrip("0123456789")
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return stem if self.counts[stem] == 1 else f"{stem}{self.counts[stem]}"

    def value(self, name: str) -> torch.Tensor:
        return self.env[name]

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.env[name].shape)

    def let(self, stem: str, expression: str) -> str:
        """Writes `name = expression` and returns the name."""
        name = self.fresh(stem)
        try:
            with torch.no_grad():
                self.env[name] = eval(expression, self.env)
        except Exception as error:
            given = "".join(f"\n{i.name} = {i.make}" for i in self.inputs)
            text = "\n".join([*self.lines, f"{name} = {expression}"])
            raise AssertionError(
                f"{error} in a program of {self.lengths}{given}\n{text}"
            ) from error
        self.lines.append(f"{name} = {expression}")
        return name

    def length(self, dim: int | str) -> str:
        """A dim as it stands in the function's text; the text says first where it comes from."""
        if isinstance(dim, int) or dim in self.sizes_known:
            return str(dim)
        for given in self.inputs:
            if dim in given.dims:
                self.lines.append(f"{dim} = {given.name}.shape[{given.dims.index(dim)}]")
                self.sizes_known.add(dim)
                return dim
        raise AssertionError(f"no input has {dim}")

    def extent(self, dim: int | str) -> int:
        return self.lengths.get(dim, dim)

    def varies(self, name: str, dim: int) -> bool:
        """Whether a value changes along a dim: what it differs by from its mean is no rounding."""
        x = self.value(name).float()
        return bool((x - x.mean(dim, keepdim=True)).abs().mean() > 1e-3 * x.abs().mean())

    # Inputs -------------------------------------------------------------------------------------

    def input(
        self, stem: str, dims, fill: str | None = None, dtype: str | None = None, *, plain=False
    ) -> str:
        """An argument of these dims; `fill` is a constructor to be given a shape.

        It has some layout, unless it must be `plain`: what `fill` gives depends on the whole shape.

        `fill` has `{}` where the shape stands; by default normal floats of the program's dtype.
        """
        dims = tuple(dims)
        if fill is None:
            fill = "torch.randn({})"
            if (dtype or self.dtype) != "float32":
                fill += f".to(torch.{dtype or self.dtype})"
        shape = [str(dim) for dim in dims]
        make = fill.format(", ".join(shape)) if plain else self._in_layout(shape, fill)
        name = self.fresh(stem)
        self.inputs.append(Input(name, make, dims))
        self.env[name] = eval(make, self.env)
        return name

    def _in_layout(self, shape: list[str], fill: str) -> str:
        if "<" in fill:
            fill = f"({fill})"

        def filled(dims):
            return fill.format(", ".join(dims) or ("" if "[{}]" in fill else "()"))

        if not shape:
            return filled(shape)
        layouts = ("plain", "plain", "plain", "permuted", "part", "strided", "expanded", "padded")
        layout = self.choose(*layouts)
        at = self.draw(st.integers(0, len(shape) - 1))
        colons = ", ".join([":"] * at + ["{}"])
        wide = list(shape)
        if layout == "permuted" and len(shape) > 1:
            order = self.draw(st.permutations(range(len(shape))))
            inverse = [order.index(d) for d in range(len(shape))]
            return f"{filled([shape[d] for d in order])}.permute({', '.join(map(str, inverse))})"
        if layout == "part":
            wide[at] = f"{shape[at]} + 3"
            return f"{filled(wide)}[{colons.format('2:-1')}]"
        if layout == "strided":
            wide[at] = f"2 * {shape[at]}"
            return f"{filled(wide)}[{colons.format('::2')}]"
        if layout == "expanded":
            wide[at] = "1"
            return f"{filled(wide)}.expand({', '.join(shape)})"
        if layout == "padded" and len(shape) > 1:
            wide[-1] = f"{shape[-1]} + 5"
            return f"{filled(wide)}[..., 5:]"
        return filled(shape)

    def program(self, results: list[str], dynamic: bool) -> Program:
        """The program that returns these, without the statements that nothing needs."""
        needed = set(results)
        kept: list[str] = []
        for line in reversed(self.lines):
            target, _, expression = line.partition(" = ")
            names = {t.strip() for t in target.split(",")}
            if names & needed:
                kept.append(line)
                needed |= _names(expression)
        inputs = [i for i in self.inputs if i.name in needed]
        return Program(inputs, kept[::-1], results, dict(self.lengths), dynamic)


def _names(expression: str) -> set[str]:
    import ast

    return {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}
