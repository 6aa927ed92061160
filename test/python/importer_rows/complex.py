# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Complex numbers, as far as they are linear or multiplied, between real tensors."""

import torch

from .cases import X, Y, case, rand

PAIRS, OTHER, ANGLES = rand(3, 4, 6), rand(3, 4, 6, seed=1), rand(4, 3)


def whole(x):
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def parts(z):
    return torch.view_as_real(z).flatten(-2)


EXPRESSIONS = {
    "product": lambda x, y, a: parts(whole(x) * whole(y)),
    "polar": lambda x, y, a: parts(whole(x) * torch.polar(torch.ones_like(a), a)),
    "rotated-halves": lambda x, y, a: parts(torch.complex(*x.chunk(2, -1)) * torch.polar(a, a)),
    "conjugate": lambda x, y, a: (whole(x) * whole(y).conj()).real,
    "physical": lambda x, y, a: parts(torch.conj_physical(whole(x)) * whole(y)),
    "imaginary": lambda x, y, a: (whole(x) * whole(y)).imag,
    "sum": lambda x, y, a: parts(whole(x) - whole(y) * 2 + whole(x)),
    "real-factor": lambda x, y, a: parts(whole(x) * a),
    "quotient": lambda x, y, a: parts(whole(x) / (a.abs() + 1)),
    "views": lambda x, y, a: parts(whole(x)[1:].transpose(0, 1).unsqueeze(0).expand(2, 4, 2, 3)),
    "halves": lambda x, y, a: parts(torch.cat(whole(x).split(2, 1)[::-1], 1)),
    "matmul": lambda x, y, a: (whole(x) @ whole(y).transpose(1, 2)).real,
    "weights": lambda x, y, a: parts((whole(x) @ whole(y).mH).abs().to(torch.complex64) @ whole(y)),
    "widened": lambda x, y, a: parts(whole(x).to(torch.complex128)),
    "einsum": lambda x, y, a: torch.einsum("bmd,bnd->bmn", whole(x), whole(y).conj()).real,
    "total": lambda x, y, a: parts(whole(x).sum(-1, keepdim=True) + whole(y).mean(1, keepdim=True)),
}
for name, function in EXPRESSIONS.items():
    case(f"complex-{name}", function, PAIRS, OTHER, ANGLES)
case("complex-double", lambda x, y: parts(whole(x) * whole(y)), PAIRS.double(), OTHER.double())
case("complex-real", lambda x, y: x.real + torch.conj(y).resolve_conj(), X, Y)
