# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products and einsum."""

import math

import torch
import torch.nn.functional as F

from .cases import HALVES, ROW, A, I, J, X, case, rand

for left, right in [
    ((4, 5), (5, 3)),
    ((2, 4, 5), (2, 5, 3)),
    ((2, 4, 5), (5, 3)),
    ((4, 5), (2, 5, 3)),
    ((5,), (5, 3)),
    ((4, 5), (5,)),
    ((2, 4, 5), (5,)),
    ((5,), (5,)),
    ((2, 1, 4, 5), (3, 5, 6)),
    ((1, 2, 4, 5), (3, 1, 5, 6)),
]:
    case(f"matmul-{left}-{right}", torch.matmul, rand(*left), rand(*right))
for dtype in (torch.float64, *HALVES):
    case(f"matmul-{dtype}", torch.matmul, X.to(dtype), rand(5, 6).to(dtype))
case("matmul-int", torch.matmul, I, J.t().contiguous())
case("bmm", torch.bmm, X, X.mT.contiguous())
case("mm", torch.mm, rand(3, 4), rand(4, 5))
case("mv", torch.mv, rand(3, 4), rand(4))
case("dot", torch.dot, rand(4), rand(4, seed=5))
case("linear", F.linear, X, rand(7, 5))
case("linear-bias", F.linear, X.bfloat16(), rand(7, 5).bfloat16(), rand(7).bfloat16())
case("linear-vector", F.linear, ROW, rand(7, 5))
case(
    "addmm",
    lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2),
    rand(5),
    rand(3, 4),
    rand(4, 5),
)
case(
    "addmm-nan",
    lambda c, x, y: torch.addmm(c, x, y, beta=0),
    torch.full((5,), math.nan),
    rand(3, 4),
    rand(4, 5),
)
case(
    "baddbmm",
    lambda c, x, y: torch.baddbmm(c, x, y, alpha=0.125),
    rand(3, 4, 4).bfloat16(),
    X.bfloat16(),
    X.mT.contiguous().bfloat16(),
)
case("outer", torch.outer, rand(3), rand(4))
case("ger", lambda x, y: A.ger.default(x, y), rand(3), rand(4))
for equation, shapes in {
    "bhmd,bhnd->bhmn": ((2, 3, 4, 5), (2, 3, 6, 5)),
    "bmhd,bnhd": ((2, 4, 3, 5), (2, 6, 3, 5)),
    "...ij,...jk->...ik": ((2, 4, 5), (3, 1, 5, 6)),
    "ij->ji": ((3, 4),),
    "ijk->k": ((3, 4, 5),),
    "ij,ij->": ((3, 4), (3, 4)),
    "ij,jk,kl->il": ((3, 4), (4, 5), (5, 2)),
    "bi,bi->b": ((3, 1), (3, 4)),
    "i,j->ij": ((3,), (4,)),
    "ijk,l->il": ((3, 4, 5), (2,)),
}.items():
    case(
        f"einsum-{equation}",
        lambda *x, e=equation: torch.einsum(e, *x),
        *(rand(*shape, seed=i) for i, shape in enumerate(shapes)),
    )
case(
    "einsum-bf16",
    lambda x, y: torch.einsum("abc,dc->abd", x, y),
    X.bfloat16(),
    rand(6, 5).bfloat16(),
)

SIGNAL, IMAGE = rand(2, 4, 9), rand(2, 4, 6, 7)
case("conv1d", lambda x, w: F.conv1d(x, w, groups=4), SIGNAL, rand(4, 1, 3))
case("conv1d-causal", lambda x, w: F.conv1d(F.pad(x, (2, 0)), w, groups=4), SIGNAL, rand(4, 1, 3))
case("conv1d-same", lambda x, w: F.conv1d(x, w, padding="same", groups=4), SIGNAL, rand(4, 1, 4))
case("conv1d-dilated", lambda x, w: F.conv1d(x, w, None, 1, 2, 2, 4), SIGNAL, rand(4, 1, 3))
case("conv1d-bias", lambda x, w, c: F.conv1d(x, w, c, groups=4), SIGNAL, rand(4, 1, 1), rand(4))
case(
    "conv2d",
    lambda x, w, c: F.conv2d(x, w, c, padding=(1, 2), groups=4),
    IMAGE,
    rand(4, 1, 3, 5),
    rand(4),
)
case(
    "conv2d-valid",
    lambda x, w: F.conv2d(x, w, padding="valid", groups=4),
    IMAGE.bfloat16(),
    rand(4, 1, 2, 3).bfloat16(),
)
case("einsum-diagonal", lambda x: torch.einsum("ii->i", x), rand(4, 4))
case("einsum-trace", lambda x, y: torch.einsum("bii,bij->bj", x, y), rand(3, 4, 4), X)
case("einsum-cube", lambda x, y: torch.einsum("iii,ij->ji", x, y), rand(3, 3, 3), rand(3, 2))
case("conv1d-of-channels", lambda x, w: F.conv1d(x, w), SIGNAL, rand(6, 4, 1))
case("conv2d-of-channels", lambda x, w, c: F.conv2d(x, w, c), IMAGE, rand(4, 4, 1, 1), rand(4))
case(
    "conv2d-of-channels-bf16",
    lambda x, w, c: F.conv2d(x, w, c, padding="same"),
    IMAGE.bfloat16(),
    rand(3, 4, 1, 1).bfloat16(),
    rand(3).bfloat16(),
)
