# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads whose indices are values: tables, pages, buckets; and maps that divide a tiled axis."""

import pytest
import torch

from kernel_builder import Kernel, check

LENGTHS = [(1, 1), (17, 127), (64, 64), (100, 17)]


def integers(low, high, shape, dtype):
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def attention(k, scores, m="m"):
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(k.softmax(scores, "n"), v, f"h {m} e"), f"h {m} e")


def scores_of(k):
    q = k.read(k.input("h m d"), "h m d")
    return k.contract(q, k.read(k.input("h n d"), "h n d"), "h m n")


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_table_of_biases(m, n, index):
    """bias[buckets[m, n], h]: an index with rows and keys."""
    k = Kernel("n", h=3, m=m, e=20, n=n, d=16)
    buckets = k.read(k.input("m n", index), "m n")
    bias = k.read(k.input("32 h"), "s0, h", "h", [buckets])
    attention(k, k.op("arith.addf", scores_of(k), bias))
    args = k.arguments()
    args[0] = integers(0, 32, (m, n), args[0].dtype)
    check(k, args)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_computed_bucket(m, n):
    """bias[h, min(|m - n|, 7)]: the index is arithmetic on positions, and never read."""
    k = Kernel("n", h=3, m=m, e=16, n=n, d=16)
    apart = k.op("arith.subi", k.spread(k.iota("m"), ("m", "n")), k.spread(k.iota("n"), ("m", "n")))
    far = k.op("arith.minsi", k.op("math.absi", apart), k.constant(7, "i64"))
    bias = k.read(k.input("h 8"), "h, s0", "h", [far])
    attention(k, k.op("arith.addf", scores_of(k), bias))
    check(k)


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_pages(m, n, index):
    """Keys and values in pages: k[table[b, n // 16], n % 16, h, d]."""
    k = Kernel("n", b=2, h=2, m=m, e=24, n=n, d=16)
    pages = -(-n // 16)
    page = k.read(k.input(f"b {pages}", index), "b, n floordiv 16", "b n")
    where = "s0, n mod 16, h"
    keys = k.read(k.input("40 16 h d"), f"{where}, d", "n h d", [page])
    values = k.read(k.input("40 16 h e"), f"{where}, e", "n h e", [page])
    s = k.contract(k.read(k.input("b h m d"), "b h m d"), keys, "b h m n")
    k.output(k.contract(k.softmax(s, "n"), values, "b h m e"), "b m h e")
    args = k.arguments()
    args[0] = integers(0, 40, (2, pages), args[0].dtype)
    check(k, args)


@pytest.mark.parametrize("sizes", LENGTHS)
def test_pages_of_dynamic_length(sizes):
    m, n = sizes
    k = Kernel("n", h=2, m="s0", e=24, n="s1", d=16)
    slot = k.read(k.input("n", "i64"), "n")
    keys = k.read(k.input("s2 h d"), "s0, h, d", "h d", [slot])
    values = k.read(k.input("s2 h e"), "s0, h, e", "h e", [slot])
    s = k.contract(k.read(k.input("h m d"), "h m d"), keys, "h m n")
    k.output(k.contract(k.softmax(s, "n"), values, "h m e"), "h m e")
    symbols = {"s0": m, "s1": n, "s2": 200}
    args = k.arguments(symbols)
    args[0] = integers(0, 200, (n,), torch.int64)
    check(k, args, symbols)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_two_indices_of_one_element(m, n):
    """table[row[m] * 2 + h, column[n], 3 - column[n]]: sums and multiples of symbols."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    row = k.read(k.input("m", "i64"), "m")
    column = k.read(k.input("n", "i32"), "n")
    bias = k.read(k.input("10 4 4"), "s0 * 2 + h, s1, 3 - s1", "h", [row, column])
    attention(k, k.op("arith.addf", scores_of(k), bias))
    args = k.arguments()
    args[0], args[1] = integers(0, 5, (m,), torch.int64), integers(0, 4, (n,), torch.int32)
    check(k, args)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_an_index_that_is_divided(m, n):
    """table[(i - 20) // 8 + 3, (i - 20) mod 8]: i - 20 may be negative."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    i = k.read(k.input("m n", "i64"), "m n")
    bias = k.read(k.input("8 8"), "(s0 - 20) floordiv 8 + 3, (s0 - 20) mod 8", "", [i])
    attention(k, k.op("arith.addf", scores_of(k), bias))
    args = k.arguments()
    args[0] = integers(0, 60, (m, n), torch.int64)
    check(k, args)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_map_that_divides(m, n):
    """Keys by blocks, interleaved channels: floordiv and mod of tiled axes, without an index."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    blocks = -(-n // 4)
    keys = k.read(k.input(f"{blocks} h 2 8 4"), "n floordiv 4, h, d mod 2, d floordiv 2, n mod 4",
                  "h n d")  # fmt: skip
    s = k.contract(k.read(k.input("h m d"), "h m d"), keys, "h m n")
    attention(k, s)
    check(k)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_reversed_read(m, n):
    """Negative coefficients: keys from the last to the first, channels too."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    keys = k.read(k.input("h n d"), f"h, {n - 1} - n, 15 - d", "h n d")
    s = k.contract(k.read(k.input("h m d"), "h m d"), keys, "h m n")
    v = k.read(k.input("h n e"), f"h, {n - 1} - n, e", "h n e")
    k.output(k.contract(k.softmax(s, "n"), v, "h m e"), "h m e")
    check(k)


@pytest.mark.parametrize("bits", [256, 512])
def test_half_types_and_booleans(bits):
    k = Kernel("n", h=2, m=37, e=16, n=130, d=16)
    i = k.read(k.input("m n", "i32"), "m n")
    keep = k.read(k.input("9", "i1"), "s0", "", [i])
    bias = k.cast("arith.extf", k.read(k.input("9 h", "bf16"), "s0, h", "h", [i]), "f32")
    s = k.op("arith.addf", scores_of(k), bias)
    attention(k, k.select(keep, s, k.constant(-1e9)))
    args = k.arguments()
    args[0] = integers(0, 9, (37, 130), torch.int32)
    check(k, args, bits=bits)


@pytest.mark.parametrize(("m", "n"), [(17, 127), (1, 64)])
def test_indices_of_heads_and_rows(m, n):
    """Slopes of heads by a table; rows of a query and of an output gate by an index."""
    k = Kernel("n", h=3, m=m, e=24, n=n, d=16)
    head = k.read(k.input("h", "i64"), "h")
    row = k.read(k.input("m", "i32"), "m")
    slope = k.read(k.input("5"), "s0", "", [head])
    q = k.read(k.input("9 h d"), "s0, h, d", "h d", [row])
    s = k.contract(q, k.read(k.input("h n d"), "h n d"), "h m n")
    s = k.op("arith.mulf", s, slope)
    o = k.contract(k.softmax(s, "n"), k.read(k.input("h n e"), "h n e"), "h m e")
    gate = k.read(k.input("9 5 e"), "s0, s1, e", "e", [row, head])
    k.output(k.op("arith.mulf", o, gate), "h m e")
    check(k)


@pytest.mark.parametrize("n", [0, 5])
def test_an_empty_memory(n):
    """Nothing to gather from, and nothing gathered."""
    k = Kernel("n", m=8, n="s0")
    i = k.read(k.input("m n", "i64"), "m n")
    k.output(k.reduce("sum", k.read(k.input("s1"), "s0", "", [i]), "n"), "m")
    symbols = {"s0": n, "s1": n}
    check(k, [torch.zeros(8, n, dtype=torch.int64), torch.ones(n)], symbols)


def test_what_no_lane_may_touch():
    """An index beyond the table: nothing is read (eager raises; so does the interpreter)."""
    k = Kernel("n", m=20, n=20)
    i = k.read(k.input("m n", "i64"), "m n")
    k.output(k.reduce("sum", k.read(k.input("8"), "s0", "", [i]), "n"), "m")
    far = torch.full((20, 20), 2**40)
    with pytest.raises(Exception, match="reads index 1099511627776 along dim 0"):
        check(k, [far, torch.ones(8)])
    actual, _ = check(k, [far, torch.ones(8)], interpreted=False)
    assert torch.equal(actual[0], torch.zeros(20))
