# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels written by hand, wider than plain attention: tiled, interpreted and run."""

import pytest

from kernel_builder import Kernel, check

LENGTHS = [(1, 1), (1, 100), (64, 64), (37, 130), (100, 17)]


def rms(k, x, over, size):
    """x / sqrt(mean x^2 + eps)."""
    mean = k.op("arith.divf", k.reduce("sum", k.op("arith.mulf", x, x), over), float(size))
    return k.op("arith.mulf", x, k.op("math.rsqrt", k.op("arith.addf", mean, 1e-5)))


@pytest.mark.parametrize(("m", "n"), LENGTHS)
@pytest.mark.parametrize(("d", "e"), [(16, 16), (17, 5), (1, 80)])
def test_norms_before_and_after(m, n, d, e):
    """RMS norms of query, key and output rows, and a gate: reductions along d and e."""
    k = Kernel("n", h=2, m=m, e=e, n=n, d=d)
    q = rms(k, k.read(k.input("h m d"), "h m d"), "d", d)
    keys = rms(k, k.read(k.input("h n d"), "h n d"), "d", d)
    p = k.softmax(k.contract(q, keys, "h m n"), "n")
    o = k.contract(p, k.read(k.input("h n e"), "h n e"), "h m e")
    gate = k.read(k.input("h m e"), "h m e")
    k.output(k.op("arith.mulf", rms(k, o, "e", e), gate), "h m e")
    check(k)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_differential(m, n):
    """Two scores, two statistics, one value tensor of another width, and a norm after."""
    k = Kernel("n", h=2, m=m, e=48, n=n, d=20)
    q, keys = k.input("4 m d"), k.input("4 n d")
    v = k.read(k.input("h n e"), "h n e")
    p = []
    for half in (0, 1):
        s = k.contract(
            k.read(q, f"h * 2 + {half}, m, d", "h m d"),
            k.read(keys, f"h * 2 + {half}, n, d", "h n d"),
            "h m n",
        )
        p.append(k.contract(k.softmax(s, "n"), v, "h m e"))
    o = k.op("arith.subf", p[0], k.op("arith.mulf", p[1], 0.3))
    k.output(rms(k, o, "e", 48), "h m e")
    check(k)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_points(m, n):
    """Squared distances of points, and three outputs: values, points, pairs."""
    k = Kernel("n", h=3, m=m, e=16, p=4, c=3, z=20, n=n, d=16)
    q = k.read(k.input("h m d"), "h m d")
    s = k.contract(q, k.read(k.input("h n d"), "h n d"), "h m n")
    qp = k.read(k.input("h m p c"), "h m p c")
    kp = k.read(k.input("h n p c"), "h n p c")
    far = k.op("arith.subf", qp, kp)
    square = k.reduce("sum", k.op("arith.mulf", far, far), "p c")
    s = k.op("arith.subf", s, k.op("arith.mulf", square, k.read(k.input("h"), "h")))
    p = k.softmax(s, "n")
    k.output(k.contract(p, k.read(k.input("h n e"), "h n e"), "h m e"), "h m e")
    k.output(k.contract(p, k.read(k.input("h n p c"), "h n p c"), "h m p c"), "h m p c")
    k.output(k.contract(p, k.read(k.input("m n z"), "m n z"), "h m z"), "h m z")
    _, tiled = check(k)
    if m > 1:
        assert "grid_axis<h" not in tiled  # all heads weigh the same pairs: one tile reads them


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_row_statistics_only(m, n):
    """No values: the row maximum and the logarithm of the row's sum."""
    k = Kernel("n", h=2, m=m, n=n, d=16)
    s = k.contract(k.read(k.input("h m d"), "h m d"), k.read(k.input("h n d"), "h n d"), "h m n")
    top = k.reduce("max", s, "n")
    total = k.reduce("sum", k.op("math.exp", k.op("arith.subf", s, top)), "n")
    k.output(top, "h m")
    k.output(k.op("arith.addf", k.op("math.log", total), top), "m h")
    check(k)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_statistics_of_a_matrix(m, n):
    """No contraction at all: what streams is read."""
    k = Kernel("n", m=m, n=n)
    x = k.read(k.input("m n"), "m n")
    p = k.softmax(x, "n")
    k.output(k.reduce("sum", k.op("arith.mulf", p, p), "n"), "m")
    check(k)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_columns(m, n):
    """Sums over the rows of exp(s - l), for every key: the keys are the rows of this kernel."""
    k = Kernel("m", h=2, n=n, m=m, d=16)
    s = k.contract(k.read(k.input("h m d"), "h m d"), k.read(k.input("h n d"), "h n d"), "h m n")
    lse = k.read(k.input("h m"), "h m")
    k.output(k.reduce("sum", k.op("math.exp", k.op("arith.subf", s, lse)), "m"), "h n")
    check(k, tolerance=1e-4)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_argmax(m, n):
    """Integers out: the first key of the largest score; any score above a bound; how many."""
    k = Kernel("n", h=2, m=m, n=n, d=16)
    s = k.contract(k.read(k.input("h m d"), "h m d"), k.read(k.input("h n d"), "h n d"), "h m n")
    top = k.compare("oeq", s, k.spread(k.reduce("max", s, "n"), s.axes))
    last = k.constant(n, "i64")
    k.output(k.reduce("min", k.select(top, k.iota("n"), last), "n"), "h m")
    above = k.compare("ogt", s, k.constant(9.0))
    k.output(k.reduce("any", above, "n"), "h m")
    k.output(k.reduce("all", above, "n"), "h m")
    k.output(k.reduce("sum", k.cast("arith.extui", above, "i32"), "n"), "h m")
    check(k)


@pytest.mark.parametrize("n", [1, 64, 130])
def test_no_rows(n):
    """Everything is summed: one program, one number."""
    k = Kernel("n", n=n, d=16)
    x = k.read(k.input("n d"), "n d")
    s = k.reduce("sum", k.op("arith.mulf", x, x), "d")
    k.output(k.reduce("sum", k.op("math.sqrt", s), "n"), "")
    check(k, tolerance=1e-4)


@pytest.mark.parametrize("sizes", LENGTHS)
def test_dynamic_statistics(sizes):
    k = Kernel("n", b="s0", m="s1", n="s2", d=16)
    s = k.contract(k.read(k.input("b m d"), "b m d"), k.read(k.input("b n d"), "b n d"), "b m n")
    top = k.reduce("max", s, "n")
    k.output(k.reduce("sum", k.op("math.exp", k.op("arith.subf", s, top)), "n"), "b m")
    k.output(top, "b m")
    check(k, symbols={"s0": 2, "s1": sizes[0], "s2": sizes[1]})


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_heads_that_talk(m, n):
    """Scores mixed across heads before the softmax: heads are contracted, and new heads come."""
    k = Kernel("n", g=3, m=m, e=16, n=n, h=4, d=16)
    s = k.contract(k.read(k.input("h m d"), "h m d"), k.read(k.input("h n d"), "h n d"), "h m n")
    mixed = k.contract(k.read(k.input("g h"), "g h"), s, "g m n")
    p = k.softmax(mixed, "n")
    k.output(k.contract(p, k.read(k.input("g n e"), "g n e"), "g m e"), "g m e")
    check(k)


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize(("d", "e"), [(256, 512), (512, 40)])
def test_wide(d, e, bits):
    k = Kernel("n", m=70, e=e, n=90, d=d)
    s = k.contract(k.read(k.input("m d"), "m d"), k.read(k.input("n d"), "n d"), "m n")
    p = k.softmax(k.op("arith.mulf", s, d**-0.5), "n")
    k.output(k.contract(p, k.read(k.input("n e"), "n e"), "m e"), "m e")
    check(k, bits=bits)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_rotated_query(m, n):
    """A prologue of rows and keys: halves that are rotated, by tables that both share."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=8)
    q, keys = k.input("h m 16"), k.input("h n 16")
    cos, sin = k.input("128 d"), k.input("128 d")
    parts = {}
    for name, x, axis in (("q", q, "m"), ("k", keys, "n")):
        halves = [k.read(x, f"h, {axis}, d + {8 * i}", f"h {axis} d") for i in (0, 1)]
        c, s = k.read(cos, f"{axis} d"), k.read(sin, f"{axis} d")
        mul = lambda x, y: k.op("arith.mulf", x, y)  # noqa: E731
        parts[name] = (
            k.op("arith.subf", mul(halves[0], c), mul(halves[1], s)),
            k.op("arith.addf", mul(halves[1], c), mul(halves[0], s)),
        )
    scores = [k.contract(a, b, "h m n") for a, b in zip(parts["q"], parts["k"], strict=True)]
    p = k.softmax(k.op("arith.addf", *scores), "n")
    k.output(k.contract(p, k.read(k.input("h n e"), "h n e"), "h m e"), "h m e")
    args = k.arguments()
    if n > 128:
        pytest.skip("the tables have 128 rows")
    check(k, args)


def test_half_precision_norms():
    k = Kernel("n", h=2, m=70, e=32, n=90, d=32)
    parts = []
    for axis in "mn":
        x = k.cast("arith.extf", k.read(k.input(f"h {axis} d", "bf16"), f"h {axis} d"), "f32")
        parts.append(k.cast("arith.truncf", rms(k, x, "d", 32), "bf16"))
    s = k.op("arith.mulf", k.contract(*parts, "h m n"), 0.2)
    p = k.cast("arith.truncf", k.softmax(s, "n"), "bf16")
    o = k.contract(p, k.read(k.input("h n e", "bf16"), "h n e"), "h m e")
    k.output(k.cast("arith.truncf", o, "bf16"), "h m e")
    check(k, tolerance=3e-2)
