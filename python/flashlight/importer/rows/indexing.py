# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elements selected by index tensors."""

from __future__ import annotations

import torch

from ..builder import Builder, Meta, Tensor
from ..table import Unsupported, row
from .common import normal_dim


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
    return b.gather(weight, indices, 0)


@row("index_select.default")
def index_select(b: Builder, out: Meta, self: Tensor, dim, index: Tensor) -> Tensor:
    if self.rank == 0 or index.rank != 1:
        raise Unsupported("index_select of a scalar")
    return b.gather(self, index, normal_dim(dim, self.rank))


@row("index.Tensor")
def index(b: Builder, out: Meta, self: Tensor, indices: list) -> Tensor:
    given = [dim for dim, entry in enumerate(indices) if entry is not None]
    if len(given) != 1:
        raise Unsupported("several index tensors")
    dim = given[0]
    where = indices[dim]
    if where.dtype not in (torch.int64, torch.int32):
        raise Unsupported(f"an index of {where.dtype}")
    where = b.cast(where, torch.int64)
    # Eager counts negative indices from the end.
    negative = b.compare("lt", where, b.full(where.shape, 0, where.dtype))
    extent = b.broadcast_to(b.size(self.shape[dim]), where.shape)
    return b.gather(self, b.select(negative, b.add(where, extent), where), dim)
