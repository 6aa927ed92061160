# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Complex tensors as two real ones.

What is linear is done to both, and a product is four real ones:

    f(a + ib) = f(a) + i f(b)      (a + ib)(c + id) = (ac - bd) + i (ad + bc)

Everything else on complex numbers stays with PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from .builder import Builder, Meta, Tensor
from .table import Unsupported

REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}
_WHOLE = {real: whole for whole, real in REAL.items()}


@dataclass(frozen=True)
class Complex:
    """A complex tensor: two real ones of one shape, and itself where PyTorch computes it."""

    re: Tensor
    im: Tensor
    whole: Tensor | None = None

    @property
    def shape(self) -> tuple:
        """The shape."""
        return self.re.shape

    @property
    def dtype(self) -> torch.dtype:
        """The complex type."""
        return _WHOLE[self.re.dtype]


# Linear in all of their tensors together, or in the first one and not concerned with the others.
_LINEAR = frozenset(
    [
        "view",
        "reshape",
        "_unsafe_view",
        "unsqueeze",
        "squeeze",
        "expand",
        "transpose",
        "permute",
        "t",
        "mT",
        "slice",
        "select",
        "split",
        "split_with_sizes",
        "chunk",
        "unbind",
        "flatten",
        "unflatten",
        "clone",
        "contiguous",
        "alias",
        "detach",
        "cat",
        "stack",
        "index_select",
        "repeat",
        "roll",
        "flip",
        "narrow",
        "neg",
        "sum",
        "mean",
        "index",
        "repeat_interleave",
        "movedim",
    ]
)
_SUMS = frozenset(["add", "sub"])
_PRODUCTS = frozenset(["mul", "matmul", "bmm", "mm", "einsum", "outer"])
# Rows that take and give complex tensors as they are.
_OWN = frozenset(
    [
        "view_as_real",
        "view_as_complex",
        "polar",
        "complex",
        "real",
        "imag",
        "_conj",
        "conj_physical",
        "abs",
        "to",
    ]
)


def takes_complex(target: Any) -> bool:
    """Whether there is a rule for complex arguments of an ATen op."""
    return _name(target) in _LINEAR | _SUMS | _PRODUCTS | {"div"} | _OWN


def _name(target: Any) -> str:
    return str(target).split(".")[1] if str(target).startswith("aten.") else ""


def call(
    function: Callable[..., Any], b: Builder, target: Any, out: Any, arguments: dict[str, Any]
) -> Any:
    """A row's function on arguments of which some may be complex."""
    leaves, spec = pytree.tree_flatten(arguments)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Complex)]
    name = _name(target)
    if not places or name in _OWN:
        return function(b, out, **arguments)
    real = _real(out)

    def at(parts: dict[int, Tensor]) -> Any:
        filled = [parts.get(i, leaf) for i, leaf in enumerate(leaves)]
        return function(b, real, **pytree.tree_unflatten(filled, spec))

    tensors = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (Tensor, Complex))]
    if name in _SUMS and (len(places) != 2 or len(tensors) != 2):
        raise Unsupported("a sum of real and complex numbers")
    if name in _LINEAR or name in _SUMS or (len(places) == 1 and name in _PRODUCTS):
        re, im = (at({i: _part(leaves[i], k) for i in places}) for k in (0, 1))
    elif name in _PRODUCTS and len(places) == 2 and len(tensors) == 2:
        first, second = places
        terms = [
            [at({first: _part(leaves[first], i), second: _part(leaves[second], k)}) for k in (0, 1)]
            for i in (0, 1)
        ]
        re, im = b.sub(terms[0][0], terms[1][1]), b.add(terms[0][1], terms[1][0])
    elif name == "div" and isinstance(arguments["self"], Complex) and len(places) == 1:
        re, im = (at({places[0]: _part(leaves[places[0]], k)}) for k in (0, 1))
    else:
        raise Unsupported("complex numbers, in an op that is neither linear nor a product")
    if isinstance(out, list):
        return [Complex(x, y) for x, y in zip(re, im, strict=True)]
    return Complex(re, im)


def _part(value: Complex, which: int) -> Tensor:
    return value.im if which else value.re


def _real(out: Any) -> Any:
    if isinstance(out, list):
        return [_real(entry) for entry in out]
    if out.dtype not in REAL:
        raise Unsupported("a real result of complex numbers")
    return Meta(out.shape, REAL[out.dtype])
