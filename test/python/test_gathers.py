# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gathers and index arithmetic are computed and read inside of the attention's kernel."""

import pathlib
import re

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics
from flashlight.importer.graph import import_program
from flashlight.mlir import ir
from pass_harness import check_pass, count, parse, random_args

TEXT = pathlib.Path(__file__).parents[1] / "Transforms" / "form-kernels-gathers.mlir"
FUNCTIONS = {
    match.group(1): match.group(0).replace("@" + match.group(1), "@main")
    for match in re.finditer(r"^func\.func @(\w+).*?^}", TEXT.read_text(), re.M | re.S)
}

B, H, S, N, D, E = 2, 3, 50, 70, 16, 24


def R(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def I(high, *shape, dtype=torch.int64):  # noqa: E743
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(high), dtype=dtype)


q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)


def attend(scores, v):
    return F.softmax(scores, -1) @ v


def table_of_distances(q, k, v, table):
    """Linear in row and key: a view, not a lookup."""
    i, j = torch.arange(S)[:, None], torch.arange(N)
    return attend(q @ k.mT * 0.25 + table[:, j - i + S - 1], v)


def table_in_blocks(q, k, v, table):
    """Coarse positions, by floor division of rows and keys."""
    i, j = torch.arange(S)[:, None] // 8, torch.arange(N) // 8
    return attend(q @ k.mT * 0.25 + table[i, j], v)


def window_in_two_dims(q, k, v, rows, columns):
    """Keys on a grid of 10 columns: a table for each direction."""
    i, j = torch.arange(S)[:, None], torch.arange(N)
    bias = rows[:, j // 10 - i // 10 + 9] + columns[:, (j % 10 - i % 10).clamp(-5, 5) + 5]
    return attend(q @ k.mT * 0.25 + bias, v)


def buckets_of_each_batch(q, k, v, table, buckets):
    return attend(q @ k.mT * 0.25 + F.embedding(buckets, table).permute(0, 3, 1, 2), v)


def along_the_keys(q, k, v, bias, index):
    """torch.gather with an index for every pair."""
    return attend(q @ k.mT * 0.25 + bias.gather(-1, index), v)


def take_along_dim(q, k, v, bias, index):
    return attend(q @ k.mT * 0.25 + torch.take_along_dim(bias, index, dim=-1), v)


def negative_index(q, k, v, table, index):
    """Counts from the end where it is negative."""
    return attend(q @ k.mT * 0.25 + table[index - 4], v)


def pages_by_arithmetic(q, k, v, table):
    """Position n is in page n // 10, at n % 10."""
    n = torch.arange(N)
    at = table[n // 10] * 10 + n % 10
    return attend(q @ k[:, :, at].mT * 0.25, v[:, :, at])


def pages_of_each_batch(q, k, v, table):
    keys, values = (x[table].flatten(1, 2).transpose(1, 2) for x in (k, v))
    return attend(q @ keys.mT * 0.25, values)


def permuted_scores(q, k, v, index):
    return attend((q @ k.mT * 0.25)[..., index], v)


def chosen_heads(q, k, v, heads):
    return attend(q @ k[:, heads].mT * 0.25, v[:, heads])


def rows_of_a_table(ids, k, v, table):
    """Queries are embeddings."""
    return attend(F.embedding(ids, table) @ k[0].mT * 0.25, v[0])


def relative_keys_and_values(q, k, v, keys):
    i, j = torch.arange(S)[:, None], torch.arange(N)
    distance = (j - i).clamp(-7, 7) + 7
    scores = q @ k.mT + torch.einsum("bhmd,mnd->bhmn", q, keys[distance])
    return attend(scores * 0.25, v)


def ids_of_segments(q, k, v, segments, table):
    """A bias by the pair of segments that row and key are in."""
    pair = segments[:, :S, None] * 4 + segments[:, None]
    return attend(q @ k.mT * 0.25 + table[pair].permute(0, 3, 1, 2), v)


PRODUCT = {"aten.einsum.default", "aten.index.Tensor"}  # the product with all relative keys
CASES = [
    (table_of_distances, (q, k, v, R(H, S + N - 1)), set()),
    (table_in_blocks, (q, k, v, R(S // 8 + 1, N // 8 + 1)), set()),
    (window_in_two_dims, (q, k, v, R(H, 20), R(H, 11)), set()),
    (buckets_of_each_batch, (q, k, v, R(9, H), I(9, B, S, N)), set()),
    (along_the_keys, (q, k, v, R(B, H, S, 12), I(12, B, H, S, N)), set()),
    (take_along_dim, (q, k, v, R(B, 1, S, 12), I(12, B, H, S, N)), set()),
    (negative_index, (q, k, v, R(9), I(9, S, N, dtype=torch.int32)), set()),
    (pages_by_arithmetic, (q, R(B, H, 90, D), R(B, H, 90, E), I(9, 7)), set()),
    (pages_of_each_batch, (q, R(9, 10, H, D), R(9, 10, H, E), I(9, B, 7)), set()),
    (permuted_scores, (q, k, v, I(N, N)), set()),
    (chosen_heads, (q, R(B, 2, N, D), R(B, 2, N, E), I(2, H)), set()),
    (rows_of_a_table, (I(9, H, S), k, v, R(9, D)), set()),
    (relative_keys_and_values, (q, k, v, R(15, D)), PRODUCT),
    (ids_of_segments, (q, k, v, I(4, B, N), R(16, H)), set()),
]


@pytest.mark.parametrize("function, args, left", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_gather(function, args, left):
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert len(compiled.kernels) == 1
    assert compiled.kernels[0].stages["kernel"].count('flashlight.stream "') == 1
    assert {entry.op for entry in compiled.fallbacks} <= left


def test_positions_that_are_linear_are_no_lookup():
    args = (q, k, v, R(H, S + N - 1))
    program = torch.export.export(numerics.as_module(table_of_distances), args)
    text = flashlight.compile(program, target="cpu").kernels[0].stages["kernel"]
    assert "[s0]" not in text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_meaning(name):
    """What kernel formation makes of gathers, concats and index arithmetic."""
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(FUNCTIONS[name]))
    check_pass(FUNCTIONS[name], "func.func(flashlight-form-kernels)", args, native=True)


@pytest.mark.parametrize(
    "function, args, left", CASES[2:6], ids=lambda x: getattr(x, "__name__", "")
)
def test_meaning_of_the_stream(function, args, left):
    """Swept in blocks, and apart and merged, an index is looked up for each block."""
    program = import_program(torch.export.export(numerics.as_module(function), args))

    def inspect(module):
        assert count(module, "flashlight.stream") == 1 and count(module, "flashlight.gather") == 0

    check_pass(
        str(program.module), "flashlight-to-kernel", args, blocks=(None, 7, 16), inspect=inspect
    )
