# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Class A: softmax of changed scores. One kernel, one pass."""

import math

import torch
import torch.nn.functional as F

from .catalogue import INF, Variant

alibi = Variant("A", "ALiBi")


@alibi("BHSD BHSD BHSE")
def distance_times_slope(q, k, v):
    heads, size = q.shape[1:3]
    i, j = torch.arange(size)[:, None], torch.arange(size)[None]
    slopes = torch.exp2(-torch.arange(1, heads + 1).to(q.dtype))
    scores = q @ k.mT * 0.25 + slopes[:, None, None] * (j - i)
    return scores.masked_fill(j > i, -INF).softmax(-1) @ v


@alibi("BHSD BHSD BHSE scale.H")
def absolute_distance(q, k, v, slopes):
    i = torch.arange(q.shape[-2])
    distance = (i[:, None] - i[None]).abs().to(q.dtype)
    scores = torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25
    return torch.softmax(scores - slopes.view(1, -1, 1, 1) * distance, -1) @ v


@alibi("BSHD BNHD BNHE scale.H")
def bloom(q, k, v, slopes):
    """A row's common shift is left out of the bias; batch and heads are one dim."""
    batch, rows, heads, width = q.shape
    keys = k.shape[1]
    bias = (slopes[:, None] * torch.arange(keys, dtype=q.dtype)).view(heads, 1, keys)
    bias = bias.expand(batch, heads, 1, keys).reshape(batch * heads, 1, keys)
    q = q.transpose(1, 2).reshape(batch * heads, rows, width)
    k = k.permute(0, 2, 3, 1).reshape(batch * heads, width, keys)
    v = v.transpose(1, 2).reshape(batch * heads, keys, -1)
    scores = bias.baddbmm(batch1=q, batch2=k, beta=1.0, alpha=width**-0.5)
    context = torch.bmm(scores.softmax(-1), v).view(batch, heads, rows, -1)
    return context.transpose(1, 2).reshape(batch, rows, -1)


softcap = Variant("A", "softcap")


@softcap("BHSD BHND BHNE")
def capped(q, k, v):
    scores = 20 * torch.tanh(q @ k.mT * 0.25 / 20)
    return scores.softmax(-1) @ v


@softcap("BHSD BHSD BHSE")
def gemma(q, k, v):
    scores = torch.matmul(q, k.transpose(2, 3)) * 0.25
    scores = scores / 5.0
    scores = torch.tanh(scores)
    scores = scores * 5.0
    mask = torch.full(scores.shape[-2:], -INF, dtype=q.dtype).triu(1)
    scores = scores + mask[None, None]
    return torch.matmul(F.softmax(scores, -1, dtype=torch.float32).to(q.dtype), v)


@softcap("BSHD BNHD BNHE")
def by_sigmoid(q, k, v):
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k)
    scores = 5 * (2 * torch.sigmoid(2 * scores * 0.25 / 5) - 1)
    return torch.einsum("bhmn,bnhe->bmhe", scores.softmax(dim=3), v)


@softcap("BHSD BHND BHNE")
def by_exponentials(q, k, v):
    scores = (q * 0.05) @ k.mT
    rise, fall = torch.exp(scores), torch.exp(-scores)
    return torch.softmax(5 * (rise - fall) / (rise + fall), -1) @ v


bias = Variant("A", "additive bias")


@bias("BHSD BHND BHNE BHSN")
def full_bias(q, k, v, b):
    return torch.softmax(q @ k.mT * 0.25 + b, -1) @ v


@bias("BHSD BHND BHNE H1N")
def of_heads_and_keys(q, k, v, b):
    return torch.softmax(b + (q * 0.5) @ (k * 0.5).mT, -1) @ v


@bias("BSHD BNHD BNHE SN")
def of_rows_and_keys(q, k, v, b):
    scores = torch.einsum("bmhd,bnhd->bmhn", q, k) * 0.25 + b[None, :, None]
    return torch.einsum("bmhn,bnhe->bmhe", scores.softmax(-1), v)


@bias("BHSD BHND BHNE BHS1 B11N")
def outer_sum(q, k, v, rows, keys):
    return torch.softmax(q @ k.mT * 0.25 + rows + keys, -1) @ v


@bias("BSD BND BNE BSN")
def baddbmm_bias(q, k, v, b):
    return torch.bmm(torch.baddbmm(b, q, k.mT, alpha=0.25).softmax(-1), v)


relative = Variant("A", "relative position bias")


@relative("BHSD BHSD BHSE TH")
def t5_buckets(q, k, v, table):
    """Buckets of distance: exact up to 8, then logarithmic."""
    i = torch.arange(q.shape[-2])
    relative = i[None, :] - i[:, None]
    bucket = (relative > 0).long() * 16
    distance = relative.abs()
    far = 8 + (torch.log(distance.clamp(min=1).float() / 8) / math.log(16) * 8).long()
    bucket = bucket + torch.where(distance < 8, distance, far.clamp(max=15))
    scores = q @ k.mT + table[bucket].permute(2, 0, 1)
    return scores.softmax(-1) @ v


@relative("BHSD BHSD BHSE TH")
def t5_embedding(q, k, v, table):
    """One direction; F.embedding, and the minimum of tensors."""
    i = torch.arange(q.shape[-2], dtype=torch.int32)
    distance = -torch.min(i[None, :] - i[:, None], torch.zeros(1, 1, dtype=torch.int32))
    far = 16 + (torch.log(distance.float() / 16) / math.log(8) * 16).to(torch.int32)
    far = torch.min(far, torch.full_like(far, 31))
    bucket = torch.where(distance < 16, distance, far)
    bias = F.embedding(bucket, table).permute([2, 0, 1]).unsqueeze(0)
    mask = torch.where(i[None] <= i[:, None], 0.0, torch.finfo(q.dtype).min).to(q.dtype)
    return F.softmax((q @ k.transpose(3, 2) + bias + mask).float(), -1).type_as(q) @ v


@relative("BHSD BHSD BHSE TH")
def clamped(q, k, v, table):
    i = torch.arange(q.shape[-2])
    offset = (i[None, :] - i[:, None]).clamp(-15, 15) + 15
    bias = table.t()[:, offset]
    return torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k) * 0.25 + bias, -1) @ v


@relative("BHSD BHSD BHSE TH int.SS")
def given_index(q, k, v, table, index):
    """Swin: the index is a buffer."""
    size = q.shape[-2]
    bias = table[index.view(-1)].view(size, size, -1).permute(2, 0, 1).contiguous()
    return torch.softmax((q * 0.25) @ k.transpose(-2, -1) + bias.unsqueeze(0), -1) @ v


class Fire(torch.nn.Module):
    """A network of logarithms of distances; its product of matrices stays one."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(1, 32)
        self.heads = torch.nn.Linear(32, 4)
        self.scale = torch.nn.Parameter(torch.tensor(0.1))

    def forward(self, q, k, v):
        i = torch.arange(q.shape[2], dtype=q.dtype)
        distance = (i[:, None] - i).clamp(min=0)
        scale = self.scale.abs()
        share = torch.log(scale * distance + 1) / torch.log(scale * i.clamp(min=16)[:, None] + 1)
        bias = self.heads(torch.relu(self.hidden(share[..., None])))
        scores = q @ k.mT * 0.25 + bias.permute(2, 0, 1)[: q.shape[1]]
        return scores.masked_fill(i > i[:, None], -INF).softmax(-1) @ v


relative("BHSD BHSD BHSE", large=False, left=(
    "aten.abs.default", "aten.mul.Tensor", "aten.add.Tensor", "aten.log.default",
    "aten.div.Tensor", "aten.linear.default", "aten.relu.default",
))(Fire)  # fmt: skip


@relative("BHSD BHSD BHSE TH narrow.SS")
def narrow_index_select(q, k, v, table, index):
    size = q.shape[-2]
    bias = table.index_select(0, index.reshape(-1)).t().reshape(-1, size, size)
    return torch.softmax(q @ k.mT * 0.25 + bias, -1) @ v


relative_keys = Variant("A", "relative keys")


@relative_keys("BHSD BHSD BHSE TD", left=("aten.einsum.default",))
def shaw(q, k, v, table):
    """An embedding of the distance is added to each key; the product with all of them is small."""
    i = torch.arange(q.shape[-2])
    offset = (i[None, :] - i[:, None]).clamp(-15, 15) + 15
    scores = q @ k.mT + torch.einsum("bhmd,mnd->bhmn", q, table[offset])
    return torch.softmax(scores * 0.25, -1) @ v


@relative_keys("BHSD BHSD BHSE TD", left=("aten.matmul.default",))
def gathered_products(q, k, v, table):
    """DeBERTa: all distances first, then a gather; the small product may stay with PyTorch."""
    batch, heads, size, _ = q.shape
    i = torch.arange(size)
    offset = (i[None, :] - i[:, None]).clamp(-15, 15) + 15
    products = q @ table.t()
    shift = torch.gather(products, -1, offset.expand(batch, heads, size, size))
    return torch.softmax((q @ k.mT + shift) * 0.25, -1) @ v


@relative_keys("BHSD BHSD BHSE", left=("aten.flip.default", "aten.matmul.default"))
def shifted_by_padding(q, k, v):
    """Transformer-XL: pad by one column, view, drop a row. Flipped keys stand for the embedding."""
    batch, heads, size, _ = q.shape
    products = q @ k.flip(-2).mT
    padded = F.pad(products, (1, 0)).view(batch, heads, size + 1, size)
    shift = padded[:, :, 1:].reshape(batch, heads, size, size)
    i = torch.arange(size)
    scores = ((q @ k.mT + shift) * 0.25).masked_fill(i[None] > i[:, None], -INF)
    return scores.softmax(-1) @ v


forgetting = Variant(
    "A", "forgetting attention", left=("aten.cumsum.default", "aten.log_sigmoid.default")
)


@forgetting("BHSD BHSD BHSE BHS")
def cumulated(q, k, v, f):
    c = torch.cumsum(F.logsigmoid(f), -1)
    i = torch.arange(q.shape[-2])
    scores = q @ k.mT * 0.25 + c[..., :, None] - c[..., None, :]
    return scores.masked_fill(i[None] > i[:, None], -INF).softmax(-1) @ v


@forgetting("BSHD BSHD BSHE BSH")
def difference_matrix(q, k, v, f):
    c = F.logsigmoid(f.float()).cumsum(1).transpose(1, 2)
    decay = c.unsqueeze(-1) - c.unsqueeze(-2)
    size = q.shape[1]
    decay = decay.masked_fill(~torch.ones(size, size, dtype=torch.bool).tril(), -INF)
    scores = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25 + decay.to(q.dtype)
    return torch.einsum("bhmn,bnhe->bmhe", scores.softmax(-1), v)


# A sum along positions, of what is made of inputs: as the logarithm of the sigmoid elsewhere.
@forgetting(
    "BHSD BHSD BHSE BHS",
    left=("aten.cumsum.default", "aten.sigmoid.default", "aten.log2.default"),
)
def gates_in_log2(q, k, v, f):
    c = torch.cumsum(torch.log2(torch.sigmoid(f)), -1)
    scores = (q @ k.mT * 0.25) * 1.4426950408889634 + (c[..., None] - c[..., None, :])
    i = torch.arange(q.shape[-2])
    scores = torch.where(i[:, None] >= i, scores, -INF)
    weights = torch.exp2(scores - scores.amax(-1, keepdim=True))
    return (weights @ v) / weights.sum(-1, keepdim=True)
