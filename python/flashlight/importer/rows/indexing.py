# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elements selected by index tensors: `result[t] = x[.., i[t], ..]`.

Indices are in range, which eager checks and a kernel does not. Those that eager counts from the end
where they are negative are wrapped here, unless they are known not to be.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...mlir import ir
from ...mlir.dialects import arith
from ..builder import Builder, Meta, Tensor
from ..ranges import is_nonnegative, position_dim
from ..symbols import Dim, Shape, is_static, product
from ..table import Unsupported, row
from .common import normal_dim

_INDICES = (torch.int64, torch.int32)


def gather(b: Builder, x: Tensor, indices: Mapping[int, Tensor], shape: Shape) -> Tensor:
    """Dims of `x` replaced by index tensors of one shape T; `shape` is that of T, as of each index.

    T stands where the replaced dims stood, or in front where these are no neighbours: as in NumPy.
    """
    dims = sorted(indices)
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    front = dims[0] if adjacent else 0
    kept = [dim for dim in range(x.rank) if dim not in indices]
    before = kept[:front]
    after = kept[front:]
    result = (*(x.shape[d] for d in before), *shape, *(x.shape[d] for d in after))
    plain = {d: i for i, d in enumerate(before)}
    first = front + len(shape)
    plain |= {d: first + i for i, d in enumerate(after)}
    where = {d: b.broadcast(indices[d], result, range(front, first)) for d in dims}
    # An index that is the position itself is a dim of the map.
    for d in dims:
        position = position_dim(where[d].value)
        if position is not None and position not in plain.values():
            plain[d] = position
            del where[d]
    if not where:
        return _view(b, x, result, [plain[d] for d in range(x.rank)])
    symbols = {d: ir.AffineSymbolExpr.get(i, b.context) for i, d in enumerate(where)}
    results = [
        symbols[d] if d in where else ir.AffineDimExpr.get(plain[d], b.context)
        for d in range(x.rank)
    ]
    map_ = ir.AffineMap.get(len(result), len(where), results, b.context)
    return b.gather_at(x, list(where.values()), map_)


def _view(b: Builder, x: Tensor, shape: Shape, places: list[int]) -> Tensor:
    """result[t] = x[t[places[0]], t[places[1]], ..]: the first elements of x, permuted, repeated"""
    for d, place in enumerate(places):
        x = b.slice(x, d, 0, 1, shape[place])
    order = sorted(range(x.rank), key=lambda d: places[d])
    return b.broadcast(b.transpose(x, order), shape, sorted(places))


def wrapped(b: Builder, index: Tensor, extent: Dim) -> Tensor:
    """An index that counts from the end where it is negative, as one from the start, in i64."""
    index = b.cast(index, torch.int64)
    if is_nonnegative(index.value):
        return index
    negative = b.compare("lt", index, b.full(index.shape, 0, index.dtype))
    last = b.broadcast_to(b.size(extent), index.shape)
    return b.select(negative, b.add(index, last), index)


def _checked(index: Tensor) -> Tensor:
    if index.dtype in (torch.bool, torch.uint8):
        raise Unsupported("a mask as an index: as many elements as it has true ones")
    if index.dtype not in _INDICES:
        raise Unsupported(f"an index of {index.dtype}")
    return index


@row("embedding.default")
def embedding(
    b: Builder,
    out: Meta,
    weight: Tensor,
    indices: Tensor,
    padding_idx=-1,
    scale_grad_by_freq=False,
    sparse=False,
) -> Tensor:
    return gather(b, weight, {0: _checked(indices)}, indices.shape)


@row("index_select.default")
def index_select(b: Builder, out: Meta, self: Tensor, dim, index: Tensor) -> Tensor:
    if self.rank == 0 or index.rank != 1:
        raise Unsupported("index_select of a scalar")
    return gather(b, self, {normal_dim(dim, self.rank): _checked(index)}, index.shape)


@row("index.Tensor", "_unsafe_index.Tensor")
def index(b: Builder, out: Meta, self: Tensor, indices: list) -> Tensor:
    given = {dim: _checked(entry) for dim, entry in enumerate(indices) if entry is not None}
    shape = _broadcast_shape([entry.shape for entry in given.values()])
    return gather(
        b,
        self,
        {
            # Wrap before repeating: the selection is then made once an index.
            dim: b.broadcast_to(wrapped(b, entry, self.shape[dim]), shape)
            for dim, entry in given.items()
        },
        shape,
    )


def _broadcast_shape(shapes: list[Shape]) -> Shape:
    rank = max(len(shape) for shape in shapes)
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for i, extent in enumerate(shape, rank - len(shape)):
            if result[i] != 1 and extent not in (1, result[i]):
                raise Unsupported(f"extents {result[i]} and {extent} are not known to agree")
            result[i] = extent if result[i] == 1 else result[i]
    return tuple(result)


@row("gather.default")
def gather_along(
    b: Builder, out: Meta, self: Tensor, dim, index: Tensor, sparse_grad=False
) -> Tensor:
    """result[t] = x[t0, .., index[t], ..]: `index` may be shorter than `x` in the other dims."""
    if self.rank == 0 or index.rank != self.rank:
        raise Unsupported("gather of a scalar")
    dim = normal_dim(dim, self.rank)
    results = [ir.AffineDimExpr.get(i, b.context) for i in range(self.rank)]
    results[dim] = ir.AffineSymbolExpr.get(0, b.context)
    index = b.cast(_checked(index), torch.int64)
    return b.gather_at(self, [index], ir.AffineMap.get(self.rank, 1, results, b.context))


@row("one_hot.default")
def one_hot(b: Builder, out: Meta, self: Tensor, num_classes: int = -1) -> Tensor:
    """1 where the class is the index"""
    if num_classes == -1:
        raise Unsupported("a number of classes that follows from the data")
    last = len(out.shape) - 1
    classes = b.broadcast(b.iota(out.shape[last]), out.shape, [last])
    index = b.broadcast(b.cast(self, torch.int64), out.shape, range(last))
    return b.cast(b.compare("eq", index, classes), out.dtype)


@row("bucketize.Tensor", "searchsorted.Tensor")
def bucketize(
    b: Builder,
    out: Meta,
    self: Tensor,
    boundaries: Tensor | None = None,
    sorted_sequence: Tensor | None = None,
    out_int32: bool = False,
    right: bool = False,
) -> Tensor:
    """The number of boundaries below x (`right`: at or below); all of them for NaN, as in eager"""
    edges = sorted_sequence if boundaries is None else boundaries
    if edges.rank != 1 or edges.dtype != self.dtype:
        raise Unsupported("boundaries that differ for each row, or of another type")
    shape = (*self.shape, *edges.shape)
    x = b.broadcast(self, shape, range(self.rank))
    reached = b.compare("gt" if right else "ge", b.broadcast(edges, shape, [self.rank]), x)
    passed = b.cast(b.logical_not(reached), torch.int64)
    return b.cast(b.reduce("sum", passed, [self.rank]), out.dtype)


@row("unfold.default")
def unfold(b: Builder, out: Meta, self: Tensor, dimension, size: int, step: int) -> Tensor:
    """Windows: result[.., w, .., k] = x[.., w step + k, ..]"""
    if self.rank == 0:
        raise Unsupported("windows of a scalar")
    dim, last = normal_dim(dimension, self.rank), self.rank
    start = b.iota(out.shape[dim])
    start = b.mul(start, b.full(start.shape, step, start.dtype))
    where = b.add(
        b.broadcast(start, out.shape, [dim]), b.broadcast(b.iota(size), out.shape, [last])
    )
    results = [ir.AffineDimExpr.get(i, b.context) for i in range(self.rank)]
    results[dim] = ir.AffineSymbolExpr.get(0, b.context)
    return b.gather_at(self, [where], ir.AffineMap.get(last + 1, 1, results, b.context))


@row("roll.default")
def roll(b: Builder, out: Meta, self: Tensor, shifts, dims=()) -> Tensor:
    """result[.., i, ..] = x[.., (i - shift) mod extent, ..]: an index, so that nothing is copied"""
    if not dims:
        flat = b.reshape(self, (product(self.shape),))
        return b.reshape(roll(b, out, flat, shifts, [0]), self.shape)
    x = self
    for dim, by in zip(dims, shifts, strict=True):
        dim = normal_dim(dim, x.rank)
        extent = x.shape[dim]
        if not is_static(extent) or not is_static(by):
            raise Unsupported("roll of a symbolic dim")
        shift = by % extent if extent else 0
        if not shift:
            continue
        at = b.iota(extent)
        at = b.add(at, b.full(at.shape, extent - shift, at.dtype))
        at = b.binary(None, arith.RemSIOp, at, b.full(at.shape, extent, at.dtype))
        results = [ir.AffineDimExpr.get(i, b.context) for i in range(x.rank)]
        results[dim] = ir.AffineSymbolExpr.get(0, b.context)
        where = b.broadcast(at, x.shape, [dim])
        x = b.gather_at(x, [where], ir.AffineMap.get(x.rank, 1, results, b.context))
    return x


@row("im2col.default")
def im2col(b: Builder, out: Meta, self: Tensor, kernel_size, dilation, padding, stride) -> Tensor:
    """Patches: result[.., c kh kw, h w] = x[.., c, h sh + kh dh - ph, w sw + kw dw - pw] or 0"""
    if not all(is_static(extent) for extent in self.shape):
        raise Unsupported("patches of a symbolic extent")
    *batch, channels, high, wide = self.shape
    x, places, sizes = self, [], []
    for at, extent in ((self.rank - 2, high), (self.rank - 1, wide)):
        i = at - self.rank + 2
        margin = [b.full((*x.shape[:at], padding[i], *x.shape[at + 1 :]), 0, x.dtype)]
        if padding[i]:
            x = b.concat([*margin, x, *margin], at)
        count = (extent + 2 * padding[i] - dilation[i] * (kernel_size[i] - 1) - 1) // stride[i] + 1
        sizes.append((kernel_size[i], count))
    (kh, rows), (kw, columns) = sizes
    first = len(batch) + 1
    shape = (*batch, channels, kh, kw, rows, columns)
    for i, (count, taps) in enumerate(((rows, kh), (columns, kw))):
        start = b.iota(count)
        start = b.mul(start, b.full(start.shape, stride[i], start.dtype))
        tap = b.iota(taps)
        tap = b.mul(tap, b.full(tap.shape, dilation[i], tap.dtype))
        places.append(
            b.add(b.broadcast(tap, shape, [first + i]), b.broadcast(start, shape, [first + 2 + i]))
        )
    results = [ir.AffineDimExpr.get(i, b.context) for i in range(first)]
    results += [ir.AffineSymbolExpr.get(i, b.context) for i in (0, 1)]
    x = b.gather_at(x, places, ir.AffineMap.get(len(shape), 2, results, b.context))
    return b.reshape(x, out.shape)


@row("diagonal.default")
def diagonal(b: Builder, out: Meta, self: Tensor, offset=0, dim1=0, dim2=1) -> Tensor:
    """result[.., t] = x[.., t - min(offset, 0), .., t + max(offset, 0), ..]"""
    last = len(out.shape) - 1
    dims = [normal_dim(dim, self.rank) for dim in (dim1, dim2)]
    others = iter(range(last))
    results = [
        ir.AffineSymbolExpr.get(dims.index(i), b.context)
        if i in dims
        else ir.AffineDimExpr.get(next(others), b.context)
        for i in range(self.rank)
    ]
    indices = []
    for first in (max(-offset, 0), max(offset, 0)):
        at = b.iota(out.shape[last])
        at = b.add(at, b.full(at.shape, first, at.dtype))
        indices.append(b.broadcast(at, out.shape, [last]))
    return b.gather_at(self, indices, ir.AffineMap.get(last + 1, 2, results, b.context))
