# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that move elements and compute nothing.

The result's shape is torch's own, so that -1 and symbolic sizes need no second derivation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import Builder, Meta, Tensor
from ..table import Unsupported, row
from .common import normal_dim


@row(
    "contiguous.default",
    "clone.default",
    "detach.default",
    "alias.default",
    "lift_fresh_copy.default",
    "positive.default",
)
def identity(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return self


@row("dropout.default")
def dropout(b: Builder, out: Meta, input: Tensor, p: float, train: bool) -> Tensor:
    if train and p != 0:
        raise Unsupported("dropout in training mode")
    return input


@row("view.default", "_unsafe_view.default")
def view(b: Builder, out: Meta, self: Tensor, size) -> Tensor:
    return b.reshape(self, out.shape)


@row("reshape.default")
def reshape(b: Builder, out: Meta, self: Tensor, shape) -> Tensor:
    return b.reshape(self, out.shape)


@row("view_as.default", "reshape_as.default")
def view_as(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return b.reshape(self, out.shape)


@row("flatten.using_ints")
def flatten(b: Builder, out: Meta, self: Tensor, start_dim=0, end_dim=-1) -> Tensor:
    return b.reshape(self, out.shape)


@row("unflatten.int")
def unflatten(b: Builder, out: Meta, self: Tensor, dim, sizes) -> Tensor:
    return b.reshape(self, out.shape)


@row("unsqueeze.default")
def unsqueeze(b: Builder, out: Meta, self: Tensor, dim) -> Tensor:
    return b.reshape(self, out.shape)


@row("squeeze.default")
def squeeze(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return b.reshape(self, out.shape)


@row("squeeze.dim", "squeeze.dims")
def squeeze_dim(b: Builder, out: Meta, self: Tensor, dim) -> Tensor:
    return b.reshape(self, out.shape)


@row("expand.default")
def expand(b: Builder, out: Meta, self: Tensor, size, implicit=False) -> Tensor:
    return b.broadcast_to(self, out.shape)


@row("expand_as.default", "broadcast_to.default")
def expand_as(b: Builder, out: Meta, self: Tensor, other=None, size=None) -> Tensor:
    return b.broadcast_to(self, out.shape)


@row("permute.default")
def permute(b: Builder, out: Meta, self: Tensor, dims: Sequence[int]) -> Tensor:
    return b.transpose(self, [normal_dim(dim, self.rank) for dim in dims])


@row("transpose.int", "swapaxes.default")
def transpose(b: Builder, out: Meta, self: Tensor, dim0=None, dim1=None, axis0=None, axis1=None):
    first, second = (dim0, dim1) if dim0 is not None else (axis0, axis1)
    return _swap(b, self, first, second)


@row("t.default", "numpy_T.default")
def t(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return b.transpose(self, list(reversed(range(self.rank))))


@row("mT.default", "adjoint.default", "matrix_H.default")
def m_t(b: Builder, out: Meta, self: Tensor) -> Tensor:
    if self.dtype.is_complex:
        raise Unsupported("complex conjugation")
    return _swap(b, self, -2, -1)


def _swap(b: Builder, x: Tensor, first: int, second: int) -> Tensor:
    permutation = list(range(x.rank))
    if permutation:
        first, second = normal_dim(first, x.rank), normal_dim(second, x.rank)
        permutation[first], permutation[second] = second, first
    return b.transpose(x, permutation)


@row("movedim.int", "movedim.intlist")
def movedim(b: Builder, out: Meta, self: Tensor, source, destination) -> Tensor:
    sources = [source] if isinstance(source, int) else source
    targets = [destination] if isinstance(destination, int) else destination
    placed = {
        normal_dim(to, self.rank): normal_dim(frm, self.rank)
        for frm, to in zip(sources, targets, strict=True)
    }
    rest = iter(dim for dim in range(self.rank) if dim not in placed.values())
    permutation = [placed[dim] if dim in placed else next(rest) for dim in range(self.rank)]
    return b.transpose(self, permutation)
