# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Between real tensors and complex ones; see `complex_numbers.py` for what is linear."""

from __future__ import annotations

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor
from ..complex_numbers import REAL, Complex
from ..table import Unsupported, row


def _complex(x: Tensor | Complex) -> Complex:
    if not isinstance(x, Complex):
        raise Unsupported("complex numbers that PyTorch has computed")
    return x


@row("view_as_complex.default")
def view_as_complex(b: Builder, out: Meta, self: Tensor) -> Complex:
    if self.dtype not in REAL.values():
        raise Unsupported(f"complex numbers of {self.dtype}")
    last = self.rank - 1
    return Complex(*(b.reshape(b.slice(self, last, i, 1, 1), out.shape) for i in (0, 1)))


@row("view_as_real.default")
def view_as_real(b: Builder, out: Meta, self: Complex) -> Tensor:
    x = _complex(self)
    last = len(x.shape)
    return b.concat([b.unsqueeze(part, last) for part in (x.re, x.im)], last)


@row("complex.default")
def complex_(b: Builder, out: Meta, real: Tensor, imag: Tensor) -> Complex:
    return Complex(*(b.broadcast_to(part, out.shape) for part in (real, imag)))


@row("polar.default")
def polar(b: Builder, out: Meta, abs: Tensor, angle: Tensor) -> Complex:
    """abs (cos(angle) + i sin(angle))"""
    radius, angle = (b.broadcast_to(x, out.shape) for x in (abs, angle))
    return Complex(*(b.mul(radius, b.unary(op, angle)) for op in (math.CosOp, math.SinOp)))


@row("real.default")
def real(b: Builder, out: Meta, self: Tensor | Complex) -> Tensor:
    return self.re if isinstance(self, Complex) else self


@row("imag.default")
def imag(b: Builder, out: Meta, self: Complex) -> Tensor:
    return _complex(self).im


@row("_conj.default", "conj_physical.default")
def conj(b: Builder, out: Meta, self: Tensor | Complex) -> Tensor | Complex:
    return Complex(self.re, b.unary(arith.NegFOp, self.im)) if isinstance(self, Complex) else self
