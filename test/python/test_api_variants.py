# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention as people spell it, compiled for the CPU: one kernel, nothing left over, and right."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.export import Dim, export

import flashlight
import numerics

INF = math.inf
VARIANTS = {}


def variant(**shapes):
    """Registers a program; `shapes` are those of its arguments, a dtype may follow the sizes."""

    def register(function):
        VARIANTS[function.__name__] = (function, shapes)
        return function

    return register


def qkv(batch=2, heads=3, rows=37, keys=50, width=16, value=16, kv_heads=None):
    kv_heads = kv_heads or heads
    return {
        "q": (batch, heads, rows, width),
        "k": (batch, kv_heads, keys, width),
        "v": (batch, kv_heads, keys, value),
    }


def positions(rows, keys):
    return torch.arange(rows)[:, None], torch.arange(keys)[None, :]


@variant(**qkv())
def sdpa(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@variant(**qkv(rows=33, keys=17))
def sdpa_causal_more_rows_than_keys(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@variant(**qkv(rows=17, keys=130), mask=(17, 130, "bool"))
def sdpa_bool_mask(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@variant(**qkv(), mask=(2, 1, 37, 50))
def sdpa_float_mask(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3)


@variant(**qkv(heads=4, kv_heads=2, rows=64, keys=64))
def sdpa_groups(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


@variant(**qkv(value=24))
def scale_on_query(q, k, v):
    return ((q * 0.25) @ k.mT).softmax(-1) @ v


@variant(**qkv())
def scale_on_key(q, k, v):
    return (q @ (k * 0.25).transpose(-1, -2)).softmax(-1) @ v


@variant(**qkv())
def scale_on_both(q, k, v):
    return ((q * 0.5) @ (k * 0.5).mT).softmax(-1) @ v


@variant(**qkv())
def scale_by_division(q, k, v):
    return (q @ k.mT / math.sqrt(16)).softmax(-1) @ v


@variant(**qkv(rows=40, keys=40))
def causal_by_triu_of_infinity(q, k, v):
    mask = torch.full((40, 40), -INF).triu(1).to(q.dtype)
    return (q @ k.mT * 0.25 + mask).softmax(-1) @ v


@variant(**qkv(rows=40, keys=40))
def causal_by_tril_and_where(q, k, v):
    keep = torch.tril(torch.ones(40, 40, dtype=torch.bool))
    scores = q @ k.mT * 0.25
    return torch.where(keep, scores, -INF).softmax(-1) @ v


@variant(**qkv(rows=40, keys=40))
def causal_by_masked_fill(q, k, v):
    i, j = positions(40, 40)
    return (q @ k.mT * 0.25).masked_fill(j > i, -INF).softmax(-1) @ v


@variant(**qkv(rows=40, keys=40))
def causal_by_finite_fill(q, k, v):
    i, j = positions(40, 40)
    scores = q @ k.mT * 0.25
    return scores.masked_fill(~(i >= j), torch.finfo(scores.dtype).min).softmax(-1) @ v


@variant(**qkv(rows=100, keys=100))
def sliding_window(q, k, v):
    i, j = positions(100, 100)
    keep = (i - j < 20) & (i >= j)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


@variant(**qkv(), pad=(2, 50, "bool"))
def key_padding(q, k, v, pad):
    return (q @ k.mT * 0.25).masked_fill(~pad[:, None, None], -INF).softmax(-1) @ v


@variant(**qkv(rows=40, keys=40), doc=(2, 40, "int"))
def documents(q, k, v, doc):
    i, j = positions(40, 40)
    keep = (doc[:, None, :, None] == doc[:, None, None, :]) & (i >= j)
    return (q @ k.mT * 0.25).masked_fill(~keep, -INF).softmax(-1) @ v


@variant(**qkv(), bias=(3, 1, 50))
def additive_bias(q, k, v, bias):
    return (q @ k.mT * 0.25 + bias).softmax(-1) @ v


@variant(**qkv())
def softcap(q, k, v):
    return (5 * torch.tanh(q @ k.mT * 0.25 / 5)).softmax(-1) @ v


@variant(**qkv())
def alibi(q, k, v):
    i, j = positions(37, 50)
    slopes = torch.exp2(-torch.arange(1, 4).to(q.dtype))
    return (q @ k.mT * 0.25 - slopes[:, None, None] * (i - j).abs()).softmax(-1) @ v


@variant(**qkv(heads=4, kv_heads=2))
def groups_by_repeat_interleave(q, k, v):
    k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
    return (q @ k.mT * 0.25).softmax(-1) @ v


@variant(**qkv(heads=4, kv_heads=1))
def multi_query_by_broadcast(q, k, v):
    return (q @ k.mT * 0.25).softmax(-1) @ v


@variant(q=(2, 37, 2, 2, 16), k=(2, 50, 2, 16), v=(2, 50, 2, 24))
def groups_in_five_dims(q, k, v):
    scores = torch.einsum("bmhgd,bnhd->bhgmn", q, k) * 0.25
    return torch.einsum("bhgmn,bnhe->bmhge", scores.softmax(-1), v)


@variant(q=(6, 37, 16), k=(6, 50, 16), v=(6, 50, 16), bias=(6, 37, 50))
def baddbmm(q, k, v, bias):
    return torch.bmm(torch.baddbmm(bias, q, k.mT, alpha=0.25).softmax(-1), v)


@variant(q=(2, 37, 48), k=(2, 50, 48), v=(2, 50, 48))
def heads_by_view(q, k, v):
    q, k, v = (x.view(2, -1, 3, 16).transpose(1, 2) for x in (q, k, v))
    out = (q @ k.mT * 0.25).softmax(-1) @ v
    return out.transpose(1, 2).reshape(2, 37, 48)


@variant(qkv=(2, 40, 144))
def packed(qkv):
    q, k, v = (x.unflatten(-1, (3, 16)).transpose(1, 2) for x in qkv.chunk(3, -1))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)


@variant(**qkv())
def float32_softmax(q, k, v):
    scores = (q @ k.mT * 0.25).float() if q.dtype != torch.float64 else q @ k.mT * 0.25
    return scores.softmax(-1).to(q.dtype) @ v


@variant(q=(2, 3, 16, 37), k=(2, 3, 16, 50), v=(2, 3, 16, 50))
def softmax_over_another_dim(q, k, v):
    return v @ (k.mT @ q * 0.25).softmax(-2)


@variant(**qkv(rows=1, keys=130))
def single_query(q, k, v):
    return (q @ k.mT).softmax(-1) @ v


@variant(**qkv(rows=5, keys=127, width=80, value=96))
def odd_sizes(q, k, v):
    return (q @ k.mT * 80**-0.5).softmax(-1) @ v


@variant(**qkv(rows=70, keys=70))
def rows_without_keys(q, k, v):
    """Eager gives NaN for the first rows."""
    i, j = positions(70, 70)
    return (q @ k.mT * 0.25).masked_fill(i - j < 3, -INF).softmax(-1) @ v


@variant(**qkv(rows=70, keys=70))
def rows_without_keys_finite(q, k, v):
    """A finite fill: the mean of v."""
    i, j = positions(70, 70)
    return (q @ k.mT * 0.25).masked_fill(i - j < 3, -1e4).softmax(-1) @ v


@variant(**qkv(rows=70, keys=70))
def rows_without_keys_safe(q, k, v):
    """SDPA's own: zero."""
    i, j = positions(70, 70)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=i - j >= 3)


@variant(x=(2, 3, 40, 16))
def one_tensor_three_times(x):
    return (x @ x.mT * 0.25).softmax(-1) @ x


DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def argument(shape, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    *sizes, last = shape
    if last == "bool":
        return torch.rand(sizes, generator=generator) > 0.3
    if last == "int":
        return torch.randint(0, 4, sizes, generator=generator).sort(-1).values
    return torch.randn(shape, generator=generator).to(dtype)


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def arguments_of(shapes, dtype):
    return tuple(argument(shape, dtype, seed) for seed, shape in enumerate(shapes.values()))


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype).partition(".")[2])
@pytest.mark.parametrize("name", VARIANTS)
def test_variant(name, dtype):
    function, shapes = VARIANTS[name]
    arguments = arguments_of(shapes, dtype)
    compiled = flashlight.compile(export(Module(function), arguments), target="cpu")
    assert [kernel.name for kernel in compiled.kernels] == ["kernel_0"]
    assert [entry.op for entry in compiled.fallbacks] == []
    numerics.check(compiled(*arguments), function, arguments)


@pytest.mark.parametrize("dtype", (torch.float32, torch.bfloat16))
@pytest.mark.parametrize(
    "sizes", [(2, 37, 50), (1, 1, 1), (3, 64, 64), (1, 200, 3), (2, 2, 257)], ids=str
)
def test_dynamic(sizes, dtype):
    batch, rows, keys = Dim("batch", max=8), Dim("rows", max=512), Dim("keys", max=512)

    def function(q, k, v):
        i = torch.arange(q.shape[2])[:, None]
        j = torch.arange(k.shape[2])[None, :]
        scores = 4 * torch.tanh(torch.einsum("bhmd,bhnd->bhmn", q, k) / 16)
        return scores.masked_fill(j > i + 2, -INF).softmax(-1) @ v

    shapes = (({0: batch, 2: rows}, {0: batch, 2: keys}, {0: batch, 2: keys}),)
    exported = export(Module(function), arguments_of(qkv(), dtype), dynamic_shapes=shapes)
    compiled = flashlight.compile(exported, target="cpu")
    assert len(compiled.kernels) == 1 and compiled.fallbacks == []
    given = arguments_of(qkv(batch=sizes[0], rows=sizes[1], keys=sizes[2]), dtype)
    numerics.check(compiled(*given), function, given)


@pytest.mark.parametrize("dtype", DTYPES)
def test_single_key(dtype):
    """Nothing streams here: whatever is fused of it, the values are right."""
    arguments = arguments_of(qkv(rows=1, keys=1, width=17, value=1), dtype)
    function = VARIANTS["single_query"][0]
    compiled = flashlight.compile(export(Module(function), arguments), target="cpu")
    numerics.check(compiled(*arguments), function, arguments)
