# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rows that select elements by index tensors."""

import torch
import torch.nn.functional as F

from .cases import SPECIAL, A, B, I, X, case, ints, rand

V = rand(4, 3, 2)
TABLE = rand(10, 4)
case("embedding", lambda t, i: F.embedding(i, t), TABLE, I.abs())
case("embedding-padding", lambda t, i: F.embedding(i, t, padding_idx=0), TABLE, I.abs())
case("index_select", lambda t, i: t.index_select(1, i), rand(3, 9), torch.tensor([3, 0, 3]))
case("index", lambda t, i: t[i], TABLE, I)
case("index-second", lambda t, i: t[:, i], rand(3, 9), I)
case("index-int32", lambda t, i: t[i], TABLE, I.int())
case("index-wrap-known", lambda t: t[torch.arange(10).flip(0) % 7], TABLE)
PLANE, SOLID = rand(6, 7), rand(5, 6, 7, 3)
K, L = ints(3, 4, high=5), ints(4, high=5)
case("index-two", lambda t, i, j: t[i, j], PLANE, K, L)
case("index-two-grids", lambda t: t[torch.arange(6)[:, None], torch.arange(5)[None, :]], PLANE)
case("index-two-of-four", lambda t, i, j: t[:, i, j], SOLID, K, L)
case("index-two-apart", lambda t, i, j: t[:, i, :, j % 3], SOLID, K, L)
case("index-first-and-last", lambda t, i, j: t[i, :, :, j % 3], SOLID, K, L)
case("index-three", lambda t, i, j: t[j, i, i], SOLID, K, L)
case("index-scalar-tensor", lambda t: t[:, torch.tensor(2), torch.tensor([0, -1])], SOLID)
case("index-slice-between", lambda t, i: t[i[:, None], 1:4, i], SOLID, L)
case("index-bool-values", lambda t, i, j: t[i, j], PLANE > 0, K, L)
case("index-int32-two", lambda t, i, j: t[i, j], PLANE, K.int(), L)
case(
    "index-dynamic",
    lambda x: x[torch.arange(x.shape[0]) - 1, torch.arange(x.shape[0]) % 3],
    V,
    dynamic=True,
)
case("index-mask-grid", lambda m: m[torch.arange(3)[:, None, None, None], torch.arange(4)], B)
case("unsafe-index", lambda t, i: A._unsafe_index.Tensor(t, [None, i]), PLANE, L.abs())
case(
    "index-distance",
    lambda t: t[:, (torch.arange(5)[:, None] - torch.arange(6)).clamp(-2, 2) + 2],
    PLANE,
)
case("index-distance-abs", lambda t: t[(torch.arange(3)[:, None] - torch.arange(4)).abs()], PLANE)
case("gather", lambda t, i: t.gather(1, i), rand(3, 9), I.abs())
case("gather-shorter", lambda t, i: t.gather(-2, i), rand(5, 7, 4), ints(4, 2, 3) % 7)
case(
    "gather-expanded",
    lambda t, i: t[:, None].expand(3, 2, 9).gather(2, i[:, None].expand(3, 2, 4)),
    rand(3, 9),
    I.abs(),
)
case("take_along_dim", lambda t, i: torch.take_along_dim(t, i, -1), rand(1, 9), I.abs())
case("one_hot", lambda i: F.one_hot(i, 7), I.abs())
for right in (False, True):
    edges = torch.tensor([-1.0, 0.0, 1.5, 1.5, 2.0])
    case(f"bucketize-{right}", lambda x, e, r=right: torch.bucketize(x, e, right=r), SPECIAL, edges)
    case(f"searchsorted-{right}", lambda x, e, r=right: torch.searchsorted(e, x, right=r), X, edges)
case(
    "bucketize-int", lambda x, e: torch.bucketize(x, e, out_int32=True), I, torch.tensor([-3, 0, 2])
)
case("unfold", lambda x: x.unfold(1, 3, 1), SOLID)
case("im2col", lambda x: F.unfold(x, 3, padding=1), rand(2, 3, 4, 6))
case("im2col-strided", lambda x: F.unfold(x, (2, 3), (1, 2), stride=(2, 1)), rand(2, 3, 5, 8))
case("im2col-image", lambda x: F.unfold(x, 2, padding=(1, 0)), rand(3, 5, 4))
case("unfold-step", lambda x: x.unfold(-2, 2, 3).sum(-1), SOLID)
# An index that is a position is a view.
case("index-positions", lambda t: t[torch.arange(6)], PLANE)
case("index-first-positions", lambda t: t[:, torch.arange(4)] + t[:, :4], PLANE)
case("index-transposed", lambda t: t[torch.arange(6)[None], torch.arange(7)[:, None]], PLANE)
case("index-diagonal", lambda t: t[torch.arange(6), torch.arange(6)], PLANE)
case("index-position-and-table", lambda t, i: t[torch.arange(3)[:, None], :, i], SOLID, K)
case("diagonal", lambda t: t.diagonal(), PLANE)
case("diagonal-above", lambda t: t.diagonal(2, -1, 0), SOLID)
case("diagonal-below", lambda t: t.diagonal(-1, 1, 2), SOLID)
