# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class G: not a fusion of this kind. It runs, right, and the report says what stayed."""

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

# Ops that may stay with PyTorch: the selection's own. What is listed must be reported.
topk = Variant("G", "top-k selection", passes=2, left=("aten.topk.default",))


@topk(
    "BHSD BHND BHNE",
    left=("aten.topk.default", "aten.matmul.default", "aten.mul.Tensor"),
)
def at_least_the_kth(q, k, v):
    """The k-th score masks the others: the attention over all keys fuses."""
    scores = q @ k.mT * 0.25
    kth = scores.topk(8, -1).values[..., -1:]
    return scores.masked_fill(scores < kth, -INF).softmax(-1) @ v


@topk(
    "BHSD BHND BHNE",
    left=("aten.topk.default", "aten.matmul.default", "aten.mul.Tensor"),
)
def gathered_keys(q, k, v):
    """Each query has its own keys."""
    index = (q @ k.mT * 0.25).topk(8, -1).indices
    width, value = k.shape[-1], v.shape[-1]
    rows = q.shape[-2]
    near = k.unsqueeze(2).expand(-1, -1, rows, -1, -1)
    near = near.gather(3, index.unsqueeze(-1).expand(-1, -1, -1, -1, width))
    values = v.unsqueeze(2).expand(-1, -1, rows, -1, -1)
    values = values.gather(3, index.unsqueeze(-1).expand(-1, -1, -1, -1, value))
    weights = torch.einsum("bhmd,bhmtd->bhmt", q, near).mul(0.25).softmax(-1)
    return torch.einsum("bhmt,bhmte->bhme", weights, values)


@topk(
    "BHSD BHND BHNE",
    sizes={"N": 96},
    left=("aten.topk.default", "aten.einsum.default", "aten.mean.dim", "aten.sum.dim_IntList"),
)
def blocks_of_keys(q, k, v):
    """Native sparse: the best blocks by their mean key, one choice for all queries of a head."""
    batch, heads, keys, width = k.shape
    blocks = k.unflatten(2, (-1, 16))
    importance = torch.einsum("bhmd,bhtd->bht", q, blocks.mean(3))
    index = importance.topk(3, -1).indices
    b, h = torch.arange(batch)[:, None, None], torch.arange(heads)[None, :, None]
    k = blocks[b, h, index].flatten(2, 3)
    v = v.unflatten(2, (-1, 16))[b, h, index].flatten(2, 3)
    return torch.softmax(q @ k.mT * 0.25, -1) @ v


projections = Variant(
    "G",
    "sparsemax and entmax",
    kernels=0,
    passes=2,
    left=(
        "aten.sort.default",
        "aten.cumsum.default",
        "aten.topk.default",
        "aten.gather.default",
        "aten.matmul.default",
        "aten.einsum.default",
        "aten.mul.Tensor",
        "aten.mul.Scalar",
        "aten.add.Tensor",
        "aten.sub.Tensor",
        "aten.rsub.Scalar",
        "aten.div.Tensor",
        "aten.pow.Tensor_Scalar",
        "aten.sqrt.default",
        "aten.gt.Tensor",
        "aten.le.Tensor",
        "aten.sum.dim_IntList",
        "aten.amax.default",
        "aten.clamp.default",
        "aten.square.default",
        "aten.relu.default",
        "aten.arange.start",
    ),
)


@projections("BHSD BHND BHNE")
def sparsemax(q, k, v):
    scores = q @ k.mT * 0.25
    ordered = scores.sort(-1, descending=True).values
    sums = ordered.cumsum(-1)
    rank = torch.arange(1, k.shape[-2] + 1, dtype=q.dtype)
    size = (1 + rank * ordered > sums).sum(-1, keepdim=True)
    tau = (sums.gather(-1, size - 1) - 1) / size
    return F.relu(scores - tau) @ v


@projections("BHSD BHND BHNE")
def entmax_by_sort(q, k, v):
    """Entmax with exponent 1.5."""
    scores = q @ k.mT * 0.25
    scores = (scores - scores.amax(-1, keepdim=True)) / 2
    ordered = scores.sort(-1, descending=True).values
    rank = torch.arange(1, k.shape[-2] + 1, dtype=q.dtype)
    mean = ordered.cumsum(-1) / rank
    spread = rank * (ordered.square().cumsum(-1) / rank - mean**2)
    tau = mean - ((1 - spread) / rank).clamp(min=0).sqrt()
    size = (tau <= ordered).sum(-1, keepdim=True)
    return (scores - tau.gather(-1, size - 1)).clamp(min=0) ** 2 @ v


@projections("BHSD BHND BHNE", kernels=0, passes=16)
def sparsemax_by_bisection(q, k, v):
    """Nothing but sums of finished rows: passes, as many as there are steps."""
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    low = scores.amax(-1, keepdim=True) - 1
    width = 1.0
    for _ in range(12):
        width = width / 2
        middle = low + width
        low = torch.where((scores - middle).clamp(min=0).sum(-1, keepdim=True) >= 1, middle, low)
    weights = (scores - low).clamp(min=0)
    return torch.einsum("bhmn,bhne->bhme", weights / weights.sum(-1, keepdim=True), v)


unknown = Variant("G", "ops that the importer does not know", kernels=0, passes=2)


@unknown(
    "BHSD BHND BHNE", kernels=1, passes=1, left=("aten.cumsum.default", "aten.logcumsumexp.default")
)
def before_the_scores(q, k, v):
    return F.softmax(torch.logcumsumexp(q, -2) @ k.mT * 0.25, -1) @ v


@unknown("BHSD BHND BHNE", left=("aten.median.dim", "aten.matmul.default", "aten.mul.Tensor"))
def median_of_the_scores(q, k, v):
    scores = q @ k.mT * 0.25
    return torch.softmax(scores - scores.median(-1, keepdim=True).values, -1) @ v


@unknown(
    "BHSD BHND BHNE",
    kernels=1,
    passes=1,
    # The product of finished outputs is a GEMM of what is in memory.
    left=(
        "aten._linalg_det.default",
        "aten.linalg_inv_ex.default",
        "aten.inverse.default",
        "aten.matmul.default",
        "aten.add.Tensor",
    ),
)
def after_the_values(q, k, v):
    out = F.softmax(q @ k.mT * 0.25, -1) @ v
    return torch.inverse(out.mT @ out + torch.eye(v.shape[-1], dtype=v.dtype)).to(v.dtype)
