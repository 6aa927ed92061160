# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products: matmul in all its ranks, linear, einsum, addmm. Halves accumulate in f32."""

from __future__ import annotations

import string

from ..builder import Builder, Meta, Tensor, compute_dtype
from ..table import Unsupported, row
from .common import Number, is_number
from .indexing import diagonal

_BATCH = "bhgtuvw"


def _same_types(*tensors: Tensor) -> None:
    kinds = {x.dtype for x in tensors}
    if len(kinds) != 1:
        raise Unsupported("operands of different types")


def _matmul_terms(x: Tensor, y: Tensor, batch: int) -> tuple[str, str, str]:
    """Letters of both operands and the result; `batch` is the result's number of batch dims."""
    if batch > len(_BATCH):
        raise Unsupported(f"more than {len(_BATCH)} batch dims")
    letters = _BATCH[:batch]
    left = letters[batch - max(x.rank - 2, 0) :] + ("d" if x.rank == 1 else "md")
    right = letters[batch - max(y.rank - 2, 0) :] + ("d" if y.rank == 1 else "dn")
    result = letters + ("" if x.rank == 1 else "m") + ("" if y.rank == 1 else "n")
    return left, right, result


def _without_units(b: Builder, x: Tensor, term: str, extents: dict) -> tuple[Tensor, str]:
    """Drops dims of one element that are repeated: the letter is then the other operand's alone."""
    kept = [i for i, c in enumerate(term) if not (x.shape[i] == 1 and extents[c] != 1)]
    shape = tuple(x.shape[i] for i in kept)
    return b.reshape(x, shape), "".join(term[i] for i in kept)


def pair(b: Builder, x: Tensor, y: Tensor, left: str, right: str, result: str, dtype, wide=False):
    """An einsum of two operands, where unit dims repeat as torch broadcasts them."""
    extents: dict = {}
    for tensor, term in ((x, left), (y, right)):
        for extent, letter in zip(tensor.shape, term, strict=True):
            known = extents.get(letter, 1)
            if known != 1 and extent not in (1, known):
                raise Unsupported(f"extents {known} and {extent} of one dim are not known to agree")
            extents[letter] = extent if known == 1 else known
    x, left = _without_units(b, x, left, extents)
    y, right = _without_units(b, y, right, extents)
    function = b.contract_wide if wide else b.contract
    return function(x, y, f"{left},{right}->{result}", dtype)


@row("matmul.default", "bmm.default", "mm.default", "mv.default", "dot.default")
def matmul(
    b: Builder, out: Meta, self: Tensor, other=None, mat2=None, vec=None, tensor=None
) -> Tensor:
    y = next(operand for operand in (other, mat2, vec, tensor) if operand is not None)
    _same_types(self, y)
    batch = max(self.rank - 2, y.rank - 2, 0)
    return pair(b, self, y, *_matmul_terms(self, y, batch), out.dtype)


@row("linear.default")
def linear(b: Builder, out: Meta, input: Tensor, weight: Tensor, bias=None) -> Tensor:
    _same_types(input, weight)
    if weight.rank != 2 or input.rank < 1:
        raise Unsupported("a weight that is not a matrix")
    letters = string.ascii_lowercase[: input.rank - 1]
    equation = f"{letters}x,yx->{letters}y"
    product = b.contract_wide(input, weight, equation, out.dtype)
    if bias is not None:
        product = b.add(product, b.broadcast_to(b.cast(bias, product.dtype), product.shape))
    return b.cast(product, out.dtype)


@row("addmm.default", "baddbmm.default")
def addmm(
    b: Builder,
    out: Meta,
    self: Tensor,
    mat1=None,
    mat2=None,
    batch1=None,
    batch2=None,
    beta: Number = 1,
    alpha: Number = 1,
) -> Tensor:
    """beta self + alpha (x @ y), rounded once"""
    x, y = (mat1, mat2) if mat1 is not None else (batch1, batch2)
    _same_types(self, x, y)
    if not (is_number(alpha) and is_number(beta)):
        raise Unsupported("a symbolic factor")
    product = pair(b, x, y, *_matmul_terms(x, y, x.rank - 2), out.dtype, wide=True)
    wide = compute_dtype(out.dtype)
    if alpha != 1:
        product = b.mul(product, b.full(product.shape, alpha, wide))
    # With beta = 0 eager does not read `self`: a NaN in it does not count.
    if beta != 0:
        addend = b.broadcast_to(b.cast(self, wide), product.shape)
        if beta != 1:
            addend = b.mul(addend, b.full(product.shape, beta, wide))
        product = b.add(addend, product)
    return b.cast(product, out.dtype)


@row("outer.default", "ger.default")
def outer(b: Builder, out: Meta, self: Tensor, vec2: Tensor) -> Tensor:
    x = b.broadcast(b.cast(self, compute_dtype(out.dtype)), out.shape, [0])
    y = b.broadcast(b.cast(vec2, compute_dtype(out.dtype)), out.shape, [1])
    return b.cast(b.mul(x, y), out.dtype)


# ---- einsum -----------------------------------------------------------------------------------


@row("einsum.default")
def einsum(b: Builder, out: Meta, equation: str, tensors: list[Tensor], path=None) -> Tensor:
    """Operands are taken in from left to right; a letter that nothing later has is summed.

    `path` is the order that opt_einsum proposes where it is installed: eager's cost, not a meaning.
    """
    _same_types(*tensors)
    terms, result = _einsum_terms(equation, [x.rank for x in tensors])
    for i, term in enumerate(terms):
        tensors[i], terms[i] = _einsum_diagonal(b, tensors[i], term)
    x, term = tensors[0], terms[0]
    if len(tensors) == 1:
        return _einsum_one(b, x, term, result)
    for i, (y, other) in enumerate(zip(tensors[1:], terms[1:], strict=True)):
        last = i == len(tensors) - 2
        needed = set(result).union(*terms[i + 2 :])
        kept = result if last else "".join(c for c in dict.fromkeys(term + other) if c in needed)
        x, term = pair(b, x, y, term, other, kept, out.dtype), kept
    return x


def _einsum_terms(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """Terms with a letter for every dim, the ellipsis' too."""
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise Unsupported("as many terms as operands expected")
    used = set(equation)
    free = [c for c in string.ascii_letters if c not in used]
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    width = max([w for term, w in zip(terms, widths, strict=True) if "..." in term], default=0)
    ellipsis = "".join(free[:width])
    terms = [
        term.replace("...", ellipsis[width - w :] if w else "")
        for term, w in zip(terms, widths, strict=True)
    ]
    if not arrow:
        counted = sorted(c for c in set("".join(terms)) if c not in ellipsis)
        result = ellipsis + "".join(c for c in counted if "".join(terms).count(c) == 1)
    result = result.replace("...", ellipsis)
    for term, rank in zip(terms, ranks, strict=True):
        if len(term) != rank:
            raise Unsupported("as many letters as dims expected")
    return terms, result


def _einsum_diagonal(b: Builder, x: Tensor, term: str) -> tuple[Tensor, str]:
    """Of a letter that stands twice, the elements at equal positions."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first, second = term.index(c), term.rindex(c)
            kept = [extent for i, extent in enumerate(x.shape) if i not in (first, second)]
            out = Meta((*kept, x.shape[first]), x.dtype)
            x = diagonal(b, out, x, 0, first, second)
            term = "".join(d for i, d in enumerate(term) if i not in (first, second)) + c
    return x, term


def _einsum_one(b: Builder, x: Tensor, term: str, result: str) -> Tensor:
    summed = [i for i, c in enumerate(term) if c not in result]
    dtype = x.dtype
    if summed:
        x = b.cast(b.reduce("sum", b.cast(x, compute_dtype(dtype)), summed), dtype)
    kept = [c for c in term if c in result]
    return b.transpose(x, [kept.index(c) for c in result])
