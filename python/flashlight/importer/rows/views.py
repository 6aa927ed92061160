# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that move elements and compute nothing.

The result's shape is torch's own, so that -1 and symbolic sizes need no second derivation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import Builder, Meta, Tensor
from ..symbols import Dim, is_static
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


# ---- parts ------------------------------------------------------------------------------------


def static_offset(index: Dim, extent: Dim, what: str) -> int:
    """An index counted from the start, clamped into the dim; Unsupported where it is symbolic."""
    if not is_static(index):
        raise Unsupported(f"a symbolic {what}")
    if index < 0:
        if not is_static(extent):
            raise Unsupported(f"a {what} counted from the end of a symbolic dim")
        index += extent
    return max(0, min(index, extent)) if is_static(extent) else index


@row("slice.Tensor")
def slice_(b: Builder, out: Meta, self: Tensor, dim=0, start=None, end=None, step=1) -> Tensor:
    dim = normal_dim(dim, self.rank)
    if not is_static(step):
        raise Unsupported("a symbolic step")
    offset = static_offset(start or 0, self.shape[dim], "start")
    length = out.shape[dim]
    return b.slice(self, dim, 0 if length == 0 else offset, step, length)


@row("narrow.default")
def narrow(b: Builder, out: Meta, self: Tensor, dim, start, length) -> Tensor:
    dim = normal_dim(dim, self.rank)
    offset = static_offset(start, self.shape[dim], "start")
    return b.slice(self, dim, offset, 1, out.shape[dim])


@row("select.int")
def select(b: Builder, out: Meta, self: Tensor, dim, index) -> Tensor:
    dim = normal_dim(dim, self.rank)
    offset = static_offset(index, self.shape[dim], "index")
    return b.reshape(b.slice(self, dim, offset, 1, 1), out.shape)


def _parts(b: Builder, outs: list[Meta], x: Tensor, dim: int) -> list[Tensor]:
    dim = normal_dim(dim, x.rank)
    parts, offset = [], 0
    for out in outs:
        length = out.shape[dim]
        if not is_static(length):
            raise Unsupported("parts of symbolic size")
        parts.append(b.slice(x, dim, offset, 1, length))
        offset += length
    return parts


@row("split.Tensor")
def split(b: Builder, out: list[Meta], self: Tensor, split_size, dim=0) -> list[Tensor]:
    return _parts(b, out, self, dim)


@row("split_with_sizes.default", "split.sizes")
def split_with_sizes(
    b: Builder, out: list[Meta], self: Tensor, split_sizes=None, split_size=None, dim=0
) -> list[Tensor]:
    return _parts(b, out, self, dim)


@row("chunk.default")
def chunk(b: Builder, out: list[Meta], self: Tensor, chunks, dim=0) -> list[Tensor]:
    return _parts(b, out, self, dim)


@row("unbind.int")
def unbind(b: Builder, out: list[Meta], self: Tensor, dim=0) -> list[Tensor]:
    dim = normal_dim(dim, self.rank)
    return [b.reshape(b.slice(self, dim, i, 1, 1), part.shape) for i, part in enumerate(out)]


# ---- joins and repeats ------------------------------------------------------------------------


@row("cat.default", "concat.default", "concatenate.default")
def cat(b: Builder, out: Meta, tensors: list[Tensor], dim=0) -> Tensor:
    # Eager skips empty tensors of rank 1, whatever the others' rank.
    tensors = [x for x in tensors if not (x.shape == (0,) and len(out.shape) != 1)]
    tensors = [b.cast(x, out.dtype) for x in tensors]
    if len(tensors) == 1:
        return tensors[0]
    return b.reshape(b.concat(tensors, normal_dim(dim, len(out.shape))), out.shape)


@row("stack.default")
def stack(b: Builder, out: Meta, tensors: list[Tensor], dim=0) -> Tensor:
    dim = normal_dim(dim, len(out.shape))
    tensors = [b.unsqueeze(b.cast(x, out.dtype), dim) for x in tensors]
    return tensors[0] if len(tensors) == 1 else b.concat(tensors, dim)


@row("repeat.default")
def repeat(b: Builder, out: Meta, self: Tensor, repeats) -> Tensor:
    """[r * n] is [r, n] flattened."""
    extra = len(repeats) - self.rank
    shape = (*([1] * extra), *self.shape)
    wide, dims = [], []
    for times, extent in zip(repeats, shape, strict=True):
        if times != 1 and extent != 1:
            wide += [times, extent]
        else:
            wide.append(times if extent == 1 else extent)
        dims.append(len(wide) - 1)
    x = b.broadcast(self, tuple(wide), dims[extra:])
    return b.reshape(x, out.shape)


@row("repeat_interleave.self_int")
def repeat_interleave(b: Builder, out: Meta, self: Tensor, repeats, dim=None) -> Tensor:
    """[n * r] is [n, r] flattened."""
    if dim is None:
        if self.rank != 1:
            raise Unsupported("repeat_interleave of a flattened tensor")
        dim = 0
    return repeat_dim(b, self, normal_dim(dim, self.rank), repeats, out.shape)


def repeat_dim(b: Builder, x: Tensor, dim: int, times: Dim, shape: tuple) -> Tensor:
    """Every index of `dim` `times` times in a row; `shape` is the result's."""
    if times == 1:
        return x
    wide = (*x.shape[: dim + 1], times, *x.shape[dim + 1 :])
    dims = [*range(dim + 1), *range(dim + 2, x.rank + 1)]
    return b.reshape(b.broadcast(x, wide, dims), shape)


@row("roll.default")
def roll(b: Builder, out: Meta, self: Tensor, shifts, dims=()) -> Tensor:
    if len(shifts) != 1 or len(dims) != 1:
        raise Unsupported("roll over several dims")
    dim = normal_dim(dims[0], self.rank)
    extent = self.shape[dim]
    if not is_static(extent) or not is_static(shifts[0]):
        raise Unsupported("roll of a symbolic dim")
    shift = shifts[0] % extent if extent else 0
    if shift == 0:
        return self
    tail = b.slice(self, dim, extent - shift, 1, shift)
    return b.concat([tail, b.slice(self, dim, 0, 1, extent - shift)], dim)
