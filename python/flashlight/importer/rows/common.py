# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What several families of rows share: dims, scalars, type promotion."""

from __future__ import annotations

import torch
from torch._prims_common import ELEMENTWISE_TYPE_PROMOTION_KIND, elementwise_dtypes

from ..builder import COMPUTED, Builder, Tensor, compute_dtype
from ..symbols import Dim, Shape
from ..table import Unsupported

Number = int | float | bool
Operand = Tensor | Number

DEFAULT = ELEMENTWISE_TYPE_PROMOTION_KIND.DEFAULT


def normal_dim(dim: int, rank: int) -> int:
    """A dim counted from the end becomes one from the start; rank 0 counts as rank 1."""
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise Unsupported(f"dim {dim} is not one of {rank}")
    return dim % rank


def normal_dims(dims: int | list[int] | None, rank: int) -> list[int]:
    """All dims for None or an empty list."""
    if isinstance(dims, int):
        dims = [dims]
    if not dims:
        return list(range(rank))
    return sorted(normal_dim(dim, rank) for dim in dims) if rank else []


def is_number(value: object) -> bool:
    return isinstance(value, (int, float, bool))


def operand_dtype(*operands: Operand) -> torch.dtype:
    """torch's common dtype of pointwise operands."""
    samples = []
    for x in operands:
        if isinstance(x, Tensor):
            if x.dtype not in COMPUTED:
                raise Unsupported(f"{x.dtype} is not computed in kernels")
            samples.append(torch.empty([1] * min(x.rank, 1), dtype=x.dtype, device="meta"))
        elif is_number(x):
            samples.append(x)
        else:
            # A symbolic integer promotes as a Python int.
            samples.append(1)
    return (
        torch.result_type(samples[0], samples[1])
        if len(samples) == 2
        else (elementwise_dtypes(*samples, type_promotion_kind=DEFAULT)[1])
    )


def to_operand(
    b: Builder, x: Operand | Dim, shape: Shape, dtype: torch.dtype, round_to: torch.dtype | None
) -> Tensor:
    """`x` in `dtype`, broadcast to `shape`; first rounded to `round_to`, where eager does so."""
    if is_number(x):
        if round_to is not None and round_to != dtype:
            return b.broadcast_to(b.cast(b.scalar(x, round_to), dtype), shape)
        return b.full(shape, x, dtype)
    if not isinstance(x, Tensor):
        x = b.size(x)
    if round_to is not None:
        x = b.cast(x, round_to)
    # Convert before repeating: the conversion is then made once an element.
    return b.broadcast_to(b.cast(x, dtype), shape)


def operands(
    b: Builder,
    out_shape: Shape,
    dtype: torch.dtype,
    *values: Operand,
    exact_scalars: bool = False,
) -> list[Tensor]:
    """Pointwise operands of common type `dtype`, in its compute type and of one shape.

    Eager rounds Python scalars to the common dtype, except where `exact_scalars` says that it
    computes with them in the compute type.
    """
    wide = compute_dtype(dtype)
    result = []
    for x in values:
        exact = exact_scalars and not isinstance(x, Tensor)
        result.append(to_operand(b, x, out_shape, wide, None if exact else dtype))
    return result
