# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of tensors, and tensors put together from parts."""

from __future__ import annotations

import torch

from ..builder import Builder, Meta, Tensor
from ..symbols import Dim, is_static
from ..table import Unsupported, row
from .common import Number, is_number, normal_dim


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
    dim = normal_dim(dim, len(out.shape))
    # A part of width 0 (what a rotary embedding of all of a head leaves over) is no part.
    tensors = [x for x in tensors if x.shape[dim] != 0] or tensors[:1]
    tensors = [b.cast(x, out.dtype) for x in tensors]
    if len(tensors) == 1:
        return tensors[0]
    if all(x.value == tensors[0].value for x in tensors):
        return repeat(
            b, out, tensors[0], [len(tensors) if i == dim else 1 for i in range(tensors[0].rank)]
        )
    return b.reshape(b.concat(tensors, dim), out.shape)


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


@row("flip.default")
def flip(b: Builder, out: Meta, self: Tensor, dims) -> Tensor:
    x = self
    for dim in dims if self.rank else ():
        x = b.flip(x, normal_dim(dim, x.rank))
    return x


@row("constant_pad_nd.default")
def constant_pad(b: Builder, out: Meta, self: Tensor, pad, value: Number = 0) -> Tensor:
    """`pad` has the amounts before and after, from the last dim on; negative ones cut off."""
    if not (is_number(value) and all(is_static(amount) for amount in pad)):
        raise Unsupported("padding of a symbolic width or value")
    x = self
    for i in range(len(pad) // 2):
        dim, (before, after) = x.rank - 1 - i, pad[2 * i : 2 * i + 2]
        extent = out.shape[dim]
        kept = extent - max(before, 0) - max(after, 0)
        x = b.slice(x, dim, max(-before, 0), 1, kept)

        def filled(width: int, x: Tensor = x, dim: int = dim) -> list[Tensor]:
            shape = (*x.shape[:dim], width, *x.shape[dim + 1 :])
            return [b.full(shape, value, x.dtype)] if width > 0 else []

        parts = [*filled(before), x, *filled(after)]
        x = parts[0] if len(parts) == 1 else b.concat(parts, dim)
    return b.reshape(x, out.shape)


@row("slice_scatter.default")
def slice_scatter(
    b: Builder, out: Meta, self: Tensor, src: Tensor, dim=0, start=None, end=None, step=1
) -> Tensor:
    dim = normal_dim(dim, self.rank)
    if step != 1:
        raise Unsupported("a part with a step")
    first = static_offset(start or 0, self.shape[dim], "start")
    return _with_part(b, self, src, dim, first)


@row("select_scatter.default")
def select_scatter(b: Builder, out: Meta, self: Tensor, src: Tensor, dim, index) -> Tensor:
    dim = normal_dim(dim, self.rank)
    first = static_offset(index, self.shape[dim], "index")
    part = b.unsqueeze(b.cast(src, self.dtype), dim)
    if is_static(self.shape[dim]):
        return _with_part(b, self, part, dim, first)
    positions = b.broadcast(b.iota(self.shape[dim]), self.shape, [dim])
    here = b.compare("eq", positions, b.full(self.shape, first, torch.int64))
    return b.select(here, b.broadcast_to(part, self.shape), self)


def _with_part(b: Builder, x: Tensor, part: Tensor, dim: int, first: int) -> Tensor:
    """What stands before, the new part, what stands after."""
    extent, width = x.shape[dim], part.shape[dim]
    if not is_static(extent) or not is_static(width):
        raise Unsupported("a part of a symbolic dim")
    parts = [b.cast(part, x.dtype)] if width else []
    if first > 0:
        parts.insert(0, b.slice(x, dim, 0, 1, first))
    if first + width < extent:
        parts.append(b.slice(x, dim, first + width, 1, extent - first - width))
    return parts[0] if len(parts) == 1 else b.concat(parts, dim)


@row("diagonal_scatter.default")
def diagonal_scatter(
    b: Builder, out: Meta, self: Tensor, src: Tensor, offset=0, dim1=0, dim2=1
) -> Tensor:
    """Elements (i, i + offset) are those of `src`, by i, or by i + offset where that is less."""
    if not is_static(offset):
        raise Unsupported("a symbolic offset")
    first, second = normal_dim(dim1, self.rank), normal_dim(dim2, self.rank)
    along = first if offset >= 0 else second
    part, length, extent = b.cast(src, self.dtype), src.shape[-1], self.shape[along]
    if length != extent:
        if not is_static(length) or not is_static(extent):
            raise Unsupported("a diagonal that is shorter than a symbolic dim")
        rest = b.full((*src.shape[:-1], extent - length), 0, self.dtype)
        part = b.concat([part, rest], src.rank - 1)
    others = [dim for dim in range(self.rank) if dim not in (first, second)]
    rows = b.add(b.iota(self.shape[first]), b.full((self.shape[first],), offset, torch.int64))
    here = b.compare(
        "eq",
        b.broadcast(b.iota(self.shape[second]), self.shape, [second]),
        b.broadcast(rows, self.shape, [first]),
    )
    return b.select(here, b.broadcast(part, self.shape, [*others, along]), self)


@row("copy.default")
def copy(b: Builder, out: Meta, self: Tensor, src: Tensor) -> Tensor:
    return b.broadcast_to(b.cast(src, out.dtype), out.shape)
