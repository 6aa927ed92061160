# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Memory as kernels see it: a tensor's own elements, with every access checked.

An access outside of the tensor is an error; so is an element that two programs of a grid write with
different values, or that one writes and another reads: programs run in any order.
"""

from __future__ import annotations

import torch

from flashlight.interpreter.errors import InterpreterError

_UNWRITTEN = -1


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal everywhere; NaN equals itself."""
    return bool(((a == b) | ((a != a) & (b != b))).all())


class Memory:
    """The elements of a tensor, by their distance from the first one.

    Attributes:
        tensor: the tensor; booleans are seen as bytes.
        span: how many elements lie between its first and its last, both included.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        """Sees `tensor`; nothing is copied."""
        self.tensor = tensor.view(torch.int8) if tensor.dtype == torch.bool else tensor
        pairs = zip(tensor.shape, tensor.stride())
        self.span = 1 + sum((n - 1) * s for n, s in pairs) if tensor.numel() else 0
        self._flat = self.tensor.as_strided((self.span,), (1,), self.tensor.storage_offset())
        self._owner: torch.Tensor | None = None

    def _checked(self, where: torch.Tensor, mask: torch.Tensor, verb: str) -> torch.Tensor:
        outside = mask & ((where < 0) | (where >= self.span))
        if bool(outside.any()):
            raise InterpreterError(
                f"{verb} element {int(where[outside].flatten()[0])} of memory that has {self.span}"
            )
        return where[mask]

    def read(
        self, where: torch.Tensor, mask: torch.Tensor, other: torch.Tensor, program: int
    ) -> torch.Tensor:
        """The elements at `where` where `mask` holds, else those of `other`.

        All three have one shape; `other` has the dtype of the result.
        """
        valid = self._checked(where, mask, "reads")
        if self._owner is not None:
            owner = self._owner[valid]
            if bool(((owner != _UNWRITTEN) & (owner != program)).any()):
                raise InterpreterError(f"program {program} reads what another program has written")
        result = other.clone(memory_format=torch.contiguous_format)
        result[mask] = self._flat[valid].to(result.dtype)
        return result

    def write(
        self, where: torch.Tensor, mask: torch.Tensor, value: torch.Tensor, program: int
    ) -> None:
        """Writes `value` at `where` where `mask` holds; all have one shape."""
        valid = self._checked(where, mask, "writes")
        if self._owner is None:
            self._owner = torch.full((self.span,), _UNWRITTEN, dtype=torch.int32)
        owner = self._owner[valid]
        written = value[mask].to(self._flat.dtype)
        # A grid may have an axis that an output lacks: its programs all write the same.
        again = (owner != _UNWRITTEN) & (owner != program)
        if bool(again.any()) and not _same(self._flat[valid][again], written[again]):
            raise InterpreterError(
                f"program {program} writes other than another program has written"
            )
        self._owner[valid] = program
        self._flat[valid] = written

    def check_written(self, what: str) -> None:
        """An error if an element of the tensor was never written."""
        if self.span == 0:
            return
        if self._owner is None:
            raise InterpreterError(f"{what} was never written")
        owner = self._owner.as_strided(self.tensor.shape, self.tensor.stride())
        missing = torch.nonzero(owner == _UNWRITTEN)
        if len(missing):
            raise InterpreterError(f"element {missing[0].tolist()} of {what} was never written")
