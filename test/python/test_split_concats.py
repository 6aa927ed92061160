# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs with concats: interpreted before and after the split, and compiled for the CPU."""

import pathlib
import re

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics
from flashlight.mlir import ir
from pass_harness import check_pass, count, parse, random_args

SPLIT = "func.func(flashlight-split-concats),canonicalize,cse,flashlight-verify-program"
TEXT = (pathlib.Path(__file__).parents[1] / "Transforms" / "split-concats.mlir").read_text()
FUNCTIONS = {
    match.group(1): match.group(0).replace("@" + match.group(1), "@main")
    for match in re.finditer(r"^func\.func @(\w+).*?^}", TEXT, re.M | re.S)
}
KEPT = (
    "returned",
    "cached_keys",
    "scores_in_parts",
    "mask_in_parts",
    "values_in_parts",
    "projected",
)

B, H, S, N, D, E = 2, 3, 50, 70, 16, 24


def R(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_meaning(name):
    text = FUNCTIONS[name]
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(text))

    def inspect(module):
        assert (count(module, "flashlight.concat") > 0) == (name in KEPT)

    check_pass(text, SPLIT, args, inspect=inspect)


def rotated(x):
    a, b = x.chunk(2, -1)
    return torch.cat([-b, a], -1)


def rotated_pairs(x):
    return torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)


def sink_last(q, k, v, sink):
    s = torch.cat([q @ k.mT * 0.2, sink.view(1, H, 1, 1).expand(B, H, S, 1)], -1)
    return torch.softmax(s, -1)[..., :-1] @ v


def sink_first(q, k, v, sink):
    s = torch.cat([sink[None, :, None, None].expand(B, -1, S, -1), q @ k.mT * 0.2], -1)
    return torch.einsum("bhqk,bhkd->bqhd", torch.softmax(s, -1)[..., 1:], v)


def sink_after_maximum(q, k, v, sink):
    s = torch.cat([q @ k.mT * 0.2, sink.view(1, H, 1, 1).expand(B, H, S, 1)], -1)
    s = s - s.max(dim=-1, keepdim=True).values
    return F.softmax(s, -1, dtype=s.dtype)[..., :-1] @ v


def sink_with_value(q, k, v, sink):
    s = torch.cat([q @ k.mT * 0.2, sink.view(1, H, 1, 1).expand(B, H, S, 1)], -1)
    return torch.softmax(s, -1) @ torch.cat([v, torch.zeros(B, H, 1, E)], -2).to(s.dtype)


def latent_parts(qn, qr, kn, kr, v):
    q = torch.cat([qn, qr], -1)
    k = torch.cat([kn, kr.expand(B, H, N, 8)], -1)
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


def latent_parts_sdpa(qn, qr, kn, kr, v):
    q = torch.cat([qn, qr], -1)
    k = torch.cat([kn, kr.expand(B, H, N, 8)], -1)
    return F.scaled_dot_product_attention(q, k, v)


def rotary(q, k, v, cos, sin):
    q, k = q * cos[:S] + rotated(q) * sin[:S], k * cos + rotated(k) * sin
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


def rotary_pairs(q, k, v, cos, sin):
    q, k = q * cos[:S] + rotated_pairs(q) * sin[:S], k * cos + rotated_pairs(k) * sin
    return torch.softmax(q @ k.mT * 0.2, -1) @ v


def ones_column(q, k, v):
    p = torch.exp(q @ k.mT * 0.1)
    o = p @ torch.cat([v, torch.ones(B, H, N, 1)], -1).to(q.dtype)
    return o[..., :-1] / o[..., -1:]


def keys_behind(q, k, v, new_k, new_v):
    """Values are put together before keys are."""
    v = torch.cat([v, new_v], 2)
    return torch.softmax(q @ torch.cat([k, new_k], 2).mT * 0.2, -1) @ v


def memory_with_mask(q, k, v, memory_k, memory_v, keep):
    """Learnt keys that are never masked, in front of others that may be."""
    k = torch.cat([memory_k.expand(B, -1, -1, -1), k], 2)
    v = torch.cat([memory_v.expand(B, -1, -1, -1), v], 2)
    keep = F.pad(keep, (4, 0), value=True)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep[:, None, None])


def bias_and_zero(q, k, v, bias_k, bias_v):
    """torch.nn.MultiheadAttention with add_bias_kv and add_zero_attn; the mask is causal."""
    k = torch.cat([k, bias_k.repeat(B, H, 1, 1)], 2)
    v = torch.cat([v, bias_v.repeat(B, H, 1, 1)], 2)
    k = torch.cat([k, torch.zeros(B, H, 1, D)], 2)
    v = torch.cat([v, torch.zeros(B, H, 1, E)], 2)
    mask = torch.full((S, N), -torch.inf).triu(1)
    scores = q @ k.transpose(-1, -2) * 0.25 + F.pad(mask, (0, 2))
    return scores.softmax(-1) @ v


def decoded(q, k, v, new_k, new_v):
    """A step of decoding: the cache is not copied."""
    k, v = torch.cat([k, new_k], 2), torch.cat([v, new_v], 2)
    return F.scaled_dot_product_attention(q[:, :, :1], k, v)


def padded_mask(q, k, v, keep):
    """Of the positions and of the keys alone; both are completed behind."""
    causal = F.pad(torch.ones(S, S, dtype=torch.bool).tril(), (0, N - S), value=True)
    keep = F.pad(keep, (0, 9), value=True)
    scores = (q @ k.mT * 0.2).masked_fill(~causal, -1e9).masked_fill(~keep[:, None, None], -1e9)
    return scores.softmax(-1) @ v


def skewed(q, k, v, table):
    """Relative positions by padding, viewing and dropping; nothing is masked."""
    shift = F.pad(q @ table.mT, (1, 0)).view(B, H, N + 1, S)[:, :, 1:].transpose(-1, -2)
    shift = shift.reshape(B, H, S, N)
    return torch.softmax((q @ k.mT + shift) * 0.2, -1) @ v


def cache(q, k, v, old_k, old_v):
    k, v = torch.cat([old_k, k], 2), torch.cat([old_v, v], 2)
    return torch.softmax(q @ k.mT * 0.2, -1) @ v, k, v


HALF = tuple(x.bfloat16() for x in (q, k, v, R(H)))
PARTS = (q, R(B, H, S, 8), k, R(B, 1, N, 8), v)
KEEP = torch.rand(B, N, generator=torch.Generator().manual_seed(0)) > 0.3
ANGLES = (q, k, v, R(N, D), R(N, D))
CASES = [
    (sink_last, (q, k, v, R(H))),
    (sink_first, (q, k, v, R(H))),
    (sink_after_maximum, (q, k, v, R(H))),
    (sink_after_maximum, HALF),
    (sink_with_value, (q, k, v, R(H))),
    (latent_parts, PARTS),
    (latent_parts_sdpa, PARTS),
    (rotary, ANGLES),
    (rotary_pairs, ANGLES),
    (ones_column, (q, k, v)),
    (keys_behind, (q, k, v, R(B, H, 1, D), R(B, H, 1, E))),
    (keys_behind, (q, k, v, R(B, H, 3, D), R(B, H, 3, E))),
    (keys_behind, tuple(x.bfloat16() for x in (q, k, v, R(B, H, 2, D), R(B, H, 2, E)))),
    (memory_with_mask, (q, k, v, R(H, 4, D), R(H, 4, E), KEEP)),
    (bias_and_zero, (q, k, v, R(1, 1, D), R(1, 1, E))),
    (decoded, (q, k, v, R(B, H, 1, D), R(B, H, 1, E))),
    (padded_mask, (q, k, v, KEEP[:, :-9])),
    (cache, (q, k, v, R(B, H, 30, D), R(B, H, 30, E))),
]


@pytest.mark.parametrize("function, args", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_compiled(function, args):
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert len(compiled.kernels) == 1
    assert compiled.kernels[0].stages["kernel"].count('flashlight.stream "') == 1


def test_dynamic_sink():
    keys = torch.export.Dim("keys", min=2, max=1000)
    shapes = {"args": ({}, {2: keys}, {2: keys}, {})}
    args = (q, k, v, R(H))
    program = torch.export.export(numerics.as_module(sink_last), args, dynamic_shapes=shapes)
    compiled = flashlight.compile(program, target="cpu")
    assert len(compiled.kernels) == 1 and not compiled.fallbacks
    for length in (2, 33, 70):
        shorter = (q, k[:, :, :length], v[:, :, :length], args[3])
        numerics.check(compiled(*shorter), sink_last, shorter)


@pytest.mark.parametrize("count", [1, 2])
def test_dynamic_cache(count):
    """New keys behind a cache of any length, with a mask of all of them."""
    length = torch.export.Dim("length", min=16, max=1000)
    shapes = {"args": ({}, {2: length}, {2: length}, {}, {}, {3: length + count})}

    def function(q, k, v, new_k, new_v, bias):
        k, v = torch.cat([k, new_k], 2), torch.cat([v, new_v], 2)
        return torch.softmax(q @ k.mT * 0.2 + bias, -1) @ v

    args = (q, k, v, R(B, H, count, D), R(B, H, count, E), R(B, 1, S, N + count))
    program = torch.export.export(numerics.as_module(function), args, dynamic_shapes=shapes)
    compiled = flashlight.compile(program, target="cpu")
    assert len(compiled.kernels) == 1 and not compiled.fallbacks
    for size in (16, 33, 70):
        shorter = (q, k[:, :, :size], v[:, :, :size], *args[3:5], args[5][..., : size + count])
        numerics.check(compiled(*shorter), function, shorter)


def test_two_long_parts_are_one_tensor():
    """Parts that are both worth a sweep: PyTorch puts them together, the kernel sweeps once."""
    args = (q, k, v, R(B, H, 40, D), R(B, H, 40, E))
    program = torch.export.export(numerics.as_module(keys_behind), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), keys_behind, args)
    assert [entry.op for entry in compiled.fallbacks] == ["aten.cat.default"] * 2
    assert len(compiled.kernels) == 1
    assert compiled.kernels[0].stages["kernel"].count('flashlight.stream "') == 1


def scores_in_parts(q, k, v, further_k, further_v):
    """Near keys and far ones: their scores are put together before the softmax."""
    scores = torch.cat([q @ k.mT * 0.2, q @ further_k.mT * 0.2], -1)
    weights = scores.softmax(-1)
    return weights[..., :N] @ v + weights[..., N:] @ further_v


def some_masked(q, k, v, further_k, further_v):
    """Only near keys are masked, and biased by their distance."""
    i, j = torch.arange(S)[:, None], torch.arange(N)
    near = q @ k.mT * 0.2 - (0.01 * (i - j).abs()).to(q.dtype)
    near = near.masked_fill(j > i + 20, -torch.inf)
    scores = torch.cat([q @ further_k.mT * 0.2, near], -1)
    return scores.softmax(-1) @ torch.cat([further_v, v], 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("function", [scores_in_parts, some_masked])
def test_scores_in_parts_are_swept_once(function, dtype):
    args = (q, k, v, R(B, H, 40, D), R(B, H, 40, E))
    args = tuple(x.to(dtype) for x in args)
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert len(compiled.kernels) == 1
    assert compiled.kernels[0].stages["kernel"].count('flashlight.stream "') == 1
    assert {entry.op for entry in compiled.fallbacks} <= {"aten.cat.default", "aten.add.Tensor"}


def test_skewed_products_are_read_where_they_lie():
    args = (q, k, v, R(B, H, N, D))
    program = torch.export.export(numerics.as_module(skewed), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), skewed, args)
    assert [entry.op for entry in compiled.fallbacks] == ["aten.matmul.default"]
    assert len(compiled.kernels) == 1
