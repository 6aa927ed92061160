# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a kernel may assume of where its tensors lie.

A GPU loads 16 bytes at a time only where the compiler knows that neighbours are one element apart
and that rows start at multiples of 16. So a kernel is compiled for a layout of each tensor: the
strides it may take as constants, and what the pointer and the other strides are multiples of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

# A vector load, in bytes, and what Triton is told of strides, in elements.
ALIGNMENT = 16


@dataclass(frozen=True)
class Layout:
    """Of one tensor.

    Attributes:
        strides: of each dim, in elements; None where the kernel takes it as a parameter.
        multiples: what the pointer (in bytes) and each stride (in elements) are multiples of.
    """

    strides: tuple[int | None, ...]
    multiples: tuple[int, ...]

    def parameters(self, shape: Sequence[int | None]) -> list[int]:
        """The dims whose strides the kernel takes; a dim of one element needs none."""
        return [
            dim
            for dim, (stride, extent) in enumerate(zip(self.strides, shape, strict=True))
            if stride is None and extent != 1
        ]


def contiguous(shape: Sequence[int | None]) -> Layout:
    """Of a new tensor in row-major order; None is an extent that is not known yet."""
    strides: list[int | None] = []
    multiples: list[int] = []
    stride: int | None = 1
    multiple = 1
    for extent in reversed(shape):
        strides.append(stride)
        multiples.append(multiple)
        stride = None if stride is None or extent is None else stride * extent
        multiple *= extent if extent is not None else 1
    return Layout(tuple(reversed(strides)), (ALIGNMENT, *reversed(multiples)))


def exact(tensor: torch.Tensor) -> Layout:
    """All that can be said of a tensor."""
    strides = tuple(tensor.stride())
    return Layout(strides, (_multiple(tensor.data_ptr()), *map(_multiple, strides)))


def general(tensor: torch.Tensor) -> Layout:
    """What is worth a kernel of its own: strides of 0 and 1, and what is a multiple of 16."""
    strides = tensor.stride()
    return Layout(
        tuple(stride if stride in (0, 1) else None for stride in strides),
        (_multiple(tensor.data_ptr()), *map(_multiple, strides)),
    )


def _multiple(value: int) -> int:
    return ALIGNMENT if value % ALIGNMENT == 0 else 1


def covers(layout: Layout, actual: Layout) -> bool:
    """Whether a tensor of layout `actual` (exact) may be given to a kernel for `layout`."""
    return all(
        stride is None or stride == there
        for stride, there in zip(layout.strides, actual.strides, strict=True)
    ) and all(
        multiple % ALIGNMENT != 0 or there % ALIGNMENT == 0
        for multiple, there in zip(layout.multiples, actual.multiples, strict=True)
    )
