# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`flex_attention` as exported: one kernel, and what PyTorch's own definition computes."""

import pytest
import torch
from torch.nn.attention.flex_attention import (
    AuxRequest,
    BlockMask,
    create_block_mask,
    flex_attention,
)

import flashlight
import numerics

B, H, S, D = 2, 4, 70, 16


def tensors(*shapes, dtype=torch.float32):
    torch.manual_seed(sum(map(len, shapes)))
    return tuple(torch.randn(*shape).to(dtype) for shape in shapes)


Q, K, V = tensors((B, H, S, D), (B, H, 90, D), (B, H, 90, 24))
DOC = torch.randint(0, 4, (B, S), generator=torch.Generator().manual_seed(1)).sort(-1).values
TABLE = torch.randn(H, 2 * 90 - 1, generator=torch.Generator().manual_seed(2))


def causal(b, h, i, j):
    return i >= j


OUTSIDE = create_block_mask(
    lambda b, h, i, j: (i >= j) & (i - j < 20), None, None, S, 90, device="cpu"
)


def window(q, k, v):
    return flex_attention(q, k, v, block_mask=OUTSIDE)


def relative_table(q, k, v, table):
    def bias(score, b, h, i, j):
        return score + table[h, i - j + 89]

    return flex_attention(q, k, v, score_mod=bias)


def documents_one_by_one(q, k, v, doc):
    def same(score, b, h, i, j):
        return torch.where(doc[b][i] == doc[b, j], score, -float("inf"))

    return flex_attention(q, k[:, :, :S], v[:, :, :S], score_mod=same)


def score_and_mask(q, k, v, slope, strength):
    def bias(score, b, h, i, j):
        return strength * torch.tanh(score + slope[h] * (j - i))

    mask = create_block_mask(lambda b, h, i, j: (j < 5) | (i >= j), None, None, S, 90, device="cpu")
    return flex_attention(q, k, v, score_mod=bias, block_mask=mask, scale=0.5)


def masked_rows(q, k, v):
    mask = create_block_mask(lambda b, h, i, j: i >= j + 7, None, None, S, 90, device="cpu")
    return flex_attention(q, k, v, block_mask=mask, return_lse=True)


def statistics(q, k, v):
    out, aux = flex_attention(q, k, v, return_aux=AuxRequest(lse=True))
    return out.mT, aux.lse.exp()


def grouped(q, k, v):
    mask = create_block_mask(causal, B, H, S, 90, device="cpu")
    return flex_attention(q, k[:, :2], v[:, :2], block_mask=mask, enable_gqa=True)


def shared_keys(q, k, v):
    mask = create_block_mask(causal, B, None, S, 90, device="cpu")
    return flex_attention(q, k[:1], v[:1], block_mask=mask)


def by_head(q, k, v, heads):
    def keep(b, h, i, j):
        return (i >= j) | heads[h]

    mask = create_block_mask(keep, None, H, S, 90, device="cpu")
    return flex_attention(q, k, v, block_mask=mask)


def arithmetic_of_positions(q, k, v):
    def grid(b, h, i, j):
        return ((i // 10 - j // 10).abs() <= 1) & ((i % 10 - j % 10).abs() <= 2)

    mask = create_block_mask(grid, None, None, S, 90, device="cpu")
    return flex_attention(q, k, v, block_mask=mask)


HEADS = torch.tensor([True, False, False, True])
CASES = [
    (window, (Q, K, V)),
    (relative_table, (Q, K, V, TABLE)),
    (documents_one_by_one, (Q, K, V, DOC)),
    (score_and_mask, (Q, K, V, torch.rand(H), torch.tensor(5.0))),
    (masked_rows, (Q, K, V)),
    (statistics, (Q, K, V)),
    (grouped, (Q, K, V)),
    (shared_keys, (Q, K, V)),
    (by_head, (Q, K, V, HEADS)),
    (arithmetic_of_positions, (Q, K, V)),
]


def compiled(function, arguments, **options):
    exported = torch.export.export(numerics.as_module(function), arguments, **options)
    return flashlight.compile(exported, target="cpu")


@pytest.mark.parametrize(("function", "arguments"), CASES, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flex(function, arguments, dtype):
    arguments = tuple(x.to(dtype) if x is Q or x is K or x is V else x for x in arguments)
    program = compiled(function, arguments)
    assert len(program.kernels) == 1
    assert "flex_attention" not in [entry.op for entry in program.fallbacks]
    numerics.check(program(*arguments), function, arguments)


def dynamic_documents(q, k, v, doc, slope):
    def bias(score, b, h, i, j):
        same = (doc[b][i] == doc[b, j]) & (j <= i)
        return torch.where(same, score + slope[h] * (j - i) * 0.5, -float("inf"))

    return flex_attention(q, k, v, score_mod=bias)


def dynamic_mask(q, k, v, doc, slope):
    def keep(b, h, i, j):
        return ((i - j).abs() < 9) | (doc[b, j].to(torch.int32) == 0)

    mask = create_block_mask(keep, B, None, q.shape[2], q.shape[2], device="cpu")
    return flex_attention(q, k, v, block_mask=mask, return_lse=True)


def dynamic_reduction(q, k, v, doc, slope):
    def bias(score, b, h, i, j):
        return score * slope.softmax(0)[h] - slope.sum() * j

    return flex_attention(q, k, v, score_mod=bias)


@pytest.mark.parametrize("function", [dynamic_documents, dynamic_mask, dynamic_reduction])
def test_dynamic_length(function):
    length = torch.export.Dim("length", max=128)  # one block of the mask
    q, k, v = tensors(*[(B, H, S, D)] * 3)
    slope = torch.rand(H)
    shapes = (*[{2: length}] * 3, {1: length}, {})
    program = compiled(function, (q, k, v, DOC, slope), dynamic_shapes=(shapes,))
    assert len(program.kernels) == 1
    for size in (S, 33):
        arguments = (q[:, :, :size], k[:, :, :size], v[:, :, :size], DOC[:, :size], slope)
        numerics.check(program(*arguments), function, arguments)


def test_block_tables_say_nothing_of_their_own():
    """Tables that leave out what the mask allows: PyTorch's definition reads the mask alone."""
    one = torch.ones(1, 1, 1, dtype=torch.int32)
    wrong = BlockMask.from_kv_blocks(one, one[..., None] * 0, mask_mod=causal, seq_lengths=(S, 90))

    def function(q, k, v):
        return flex_attention(q, k, v, block_mask=wrong)

    numerics.check(compiled(function, (Q, K, V))(Q, K, V), function, (Q, K, V))
