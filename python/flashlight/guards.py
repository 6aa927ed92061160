# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is checked when a compiled program is called.

A program is compiled for one structure of arguments, for dtypes, a device, static sizes, and ranges
of symbolic ones. Everything is checked before anything runs; a message names the argument, the
dim, the symbol, what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from .errors import ArgumentTypeError, ArgumentValueError
from .importer.imported import Input
from .importer.symbols import InputDim, InputNumber, SymbolTable, is_static, to_dim
from .symbols import Expressions, SymbolValues


class Guards:
    """Checks the arguments of calls and reads the symbols' values off them."""

    def __init__(
        self,
        inputs: Sequence[Input],
        in_spec: pytree.TreeSpec | None,
        symbols: SymbolTable,
        expressions: Expressions,
    ) -> None:
        self.user = [
            (index, entry)
            for index, entry in enumerate(inputs)
            if entry.kind == InputKind.USER_INPUT
        ]
        self.in_spec = in_spec
        self.symbols = symbols
        self.expressions = expressions
        # torch.export names placeholders after the user's arguments.
        self.names = [entry.name for _, entry in self.user]
        self._tensors = [_Expected.of(entry.meta) for _, entry in self.user]
        # The plain call: positional tensors.
        self._plain = in_spec is not None and _is_plain(in_spec)
        self._reads, self._equalities = self._plan_symbols()

    # ---- structure --------------------------------------------------------------------------

    def flatten(self, args: tuple, kwargs: dict) -> list[Any]:
        """The call's leaves in the order of the graph's user inputs."""
        if self.in_spec is None:
            if kwargs:
                raise ArgumentTypeError(f"unexpected keyword argument '{next(iter(kwargs))}'")
            return list(args)
        if self._plain and not kwargs and len(args) == len(self.user) and _are_tensors(args):
            return list(args)
        expected_args, expected_kwargs = self.in_spec.children()
        keys = list(expected_kwargs.context or [])
        if len(args) != expected_args.num_children or set(keys) != set(kwargs):
            raise ArgumentTypeError(self._structure_message(args, kwargs))
        kwargs = {key: kwargs[key] for key in keys}
        leaves, spec = pytree.tree_flatten((args, kwargs))
        if spec != self.in_spec:
            raise ArgumentTypeError(
                f"expected arguments of the structure {_shown(self.in_spec)}, got {_shown(spec)}"
            )
        return leaves

    def _structure_message(self, args: tuple, kwargs: dict) -> str:
        expected_args, expected_kwargs = self.in_spec.children()
        keys = list(expected_kwargs.context or [])
        count = expected_args.num_children
        if len(args) != count:
            return f"expected {count} positional arguments, got {len(args)}"
        missing = sorted(set(keys) - set(kwargs))
        if missing:
            return f"missing keyword argument '{missing[0]}'"
        return f"unexpected keyword argument '{sorted(set(kwargs) - set(keys))[0]}'"

    # ---- leaves -----------------------------------------------------------------------------

    def check(self, leaves: Sequence[Any]) -> SymbolValues:
        """Raises ArgumentTypeError or ArgumentValueError; returns the symbols' values."""
        for (_, entry), name, expected, value in zip(
            self.user, self.names, self._tensors, leaves, strict=True
        ):
            meta = entry.meta
            if expected is not None:
                _check_tensor(name, expected, value)
            elif isinstance(meta, torch.SymInt):
                if not isinstance(value, int) or isinstance(value, bool):
                    raise ArgumentTypeError(
                        f"expected argument '{name}' to be an int, got {type(value).__name__}"
                    )
            elif not _same_constant(value, meta):
                raise ArgumentValueError(
                    f"expected argument '{name}' to be {meta!r}, for which the program was "
                    f"exported, got {value!r}"
                )
        return self._read_symbols(leaves)

    def _plan_symbols(self):
        """How symbols are read off leaves: first the sources, then what must equal them."""
        position = {index: leaf for leaf, (index, _) in enumerate(self.user)}
        reads, equalities = [], []
        for symbol, source in self.symbols.sources.items():
            if isinstance(source, (InputDim, InputNumber)) and source.input in position:
                inverse = None
                if not source.expression.is_Symbol:
                    inverse = _inverse(source.expression, symbol)
                reads.append((str(symbol), symbol, position[source.input], source, inverse))
        # Plain symbols first: an inverse may need them.
        reads.sort(key=lambda read: read[4] is not None)
        for source in self.symbols.constraints:
            if source.input in position:
                name = self.expressions.add(source.expression)
                equalities.append((name, position[source.input], source))
        return reads, equalities

    def _read_symbols(self, leaves: Sequence[Any]) -> SymbolValues:
        values = SymbolValues(self.expressions)
        for name, symbol, leaf, source, inverse in self._reads:
            got = _got(leaves[leaf], source)
            if inverse is None:
                values[name] = got
            else:
                solved = inverse.subs(
                    {s: values[str(s)] for s in inverse.free_symbols if s is not _GOT} | {_GOT: got}
                )
                if not solved.is_Integer:
                    raise ArgumentValueError(
                        f"{self._place(leaf, source)}: expected a size of the form "
                        f"{source.expression}, got {got}"
                    )
                values[name] = int(solved)
            self._check_range(symbol, values[name], leaf, source, got)
        for name, leaf, source in self._equalities:
            got, expected = _got(leaves[leaf], source), values[name]
            if got != expected:
                raise ArgumentValueError(
                    f"{self._place(leaf, source)}: expected {name} = {expected}, got {got}; "
                    f"{self._origins(source.expression)}"
                )
        return values

    def _check_range(
        self, symbol: sympy.Symbol, value: int, leaf: int, source: InputDim | InputNumber, got: int
    ) -> None:
        low, high = self.symbols.bounds.get(symbol, (0, None))
        if value < low or (high is not None and value > high):
            bound = f"at least {low}" if high is None else f"between {low} and {high}"
            raise ArgumentValueError(
                f"{self._place(leaf, source)}: expected {symbol} to be {bound}, got {got}"
            )

    def _place(self, leaf: int, source: InputDim | InputNumber) -> str:
        where = f", dim {source.dim}" if isinstance(source, InputDim) else ""
        return f"argument '{self.names[leaf]}'{where}"

    def _origins(self, expression: sympy.Expr) -> str:
        """Where the symbols of an expression were read."""
        origins = []
        for name, symbol, leaf, source, _ in self._reads:
            if symbol in expression.free_symbols:
                origins.append(f"{name} is given by {self._place(leaf, source)}")
        return ", ".join(origins)


_GOT = sympy.Symbol("got", integer=True)


def _got(value: Any, source: InputDim | InputNumber) -> int:
    return value.shape[source.dim] if isinstance(source, InputDim) else value


def _inverse(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """The symbol's value in terms of `_GOT` and the expression's other symbols."""
    solutions = sympy.solve(sympy.Eq(expression, _GOT), symbol)
    if len(solutions) != 1:
        raise ArgumentValueError(f"size {expression} does not determine symbol {symbol}")
    return solutions[0]


@dataclass(frozen=True)
class _Expected:
    """What a tensor argument must be; a symbolic size is None here."""

    dtype: torch.dtype
    device: str
    sizes: tuple[int | None, ...]

    @staticmethod
    def of(meta: Any) -> _Expected | None:
        if not isinstance(meta, torch.Tensor):
            return None
        dims = (to_dim(size) for size in meta.shape)
        sizes = tuple(dim if is_static(dim) else None for dim in dims)
        return _Expected(meta.dtype, meta.device.type, sizes)


def _check_tensor(name: str, expected: _Expected, value: Any) -> None:
    if not isinstance(value, torch.Tensor):
        raise ArgumentTypeError(
            f"expected argument '{name}' to be a tensor, got {type(value).__name__}"
        )
    if value.dtype != expected.dtype:
        raise ArgumentTypeError(
            f"expected argument '{name}' of {expected.dtype}, got {value.dtype}"
        )
    if not value.is_cpu if expected.device == "cpu" else value.device.type != expected.device:
        raise ArgumentTypeError(
            f"expected argument '{name}' on device '{expected.device}', got '{value.device.type}'"
        )
    if value.layout != torch.strided:
        raise ArgumentTypeError(f"expected argument '{name}' to be strided, got {value.layout}")
    sizes = value.shape
    if sizes == expected.sizes:
        return
    if len(sizes) != len(expected.sizes):
        raise ArgumentValueError(
            f"expected argument '{name}' of {len(expected.sizes)} dims, got {len(sizes)}"
        )
    for dim, (size, got) in enumerate(zip(expected.sizes, sizes, strict=True)):
        if size is not None and got != size:
            raise ArgumentValueError(f"argument '{name}', dim {dim}: expected {size}, got {got}")


def _are_tensors(values: Sequence[Any]) -> bool:
    return all(isinstance(value, torch.Tensor) for value in values)


def _is_plain(in_spec: pytree.TreeSpec) -> bool:
    args, kwargs = in_spec.children()
    return kwargs.num_children == 0 and all(child.is_leaf() for child in args.children())


def _same_constant(value: Any, expected: Any) -> bool:
    return type(value) is type(expected) and (value == expected or value != value)


def _shown(spec: pytree.TreeSpec) -> str:
    return str(pytree.tree_unflatten(["*"] * spec.num_leaves, spec)).replace("'*'", "*")
