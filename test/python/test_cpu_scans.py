# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scans along the stream in both directions; sweeps that run backwards, bounded or not."""

import pytest
import torch

import cpu_harness
from kernel_builder import Kernel, check

LENGTHS = [(1, 1), (17, 127), (64, 64), (100, 17), (33, 200)]
WAYS = pytest.mark.parametrize("reverse", [False, True])


def scores_of(k):
    q = k.read(k.input("h m d"), "h m d")
    s = k.contract(q, k.read(k.input("h n d"), "h n d"), "h m n")
    return k.op("arith.mulf", s, 0.25)


def causal(k, strict=False):
    rows, keys = (k.spread(k.iota(axis), ("m", "n")) for axis in "mn")
    return k.compare("sgt" if strict else "sge", rows, keys)


@WAYS
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("kind", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_scans_of_scores(m, n, kind, exclusive, reverse):
    """sum_n scan(f(s))[m, n] v[n]: a carry of every row."""
    k = Kernel("n", h=2, m=m, e=20, n=n, d=16)
    s = scores_of(k)
    if kind == "prod":  # factors near one
        s = k.op("arith.addf", k.op("arith.mulf", s, 0.1), 1.0)
    running = k.scan(kind, s, "n", reverse, exclusive)
    if exclusive and kind in ("max", "min"):  # nothing yet is infinite
        running = k.op("arith.minimumf", k.op("arith.maximumf", running, -100.0), 100.0)
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(running, v, "h m e"), "h m e")
    check(k, tolerance=2e-4)


@WAYS
@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_a_decay_of_keys(m, n, reverse):
    """Scores minus a running sum of gates: the scan has no rows, and a softmax follows."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    gates = k.op("math.absf", k.read(k.input("h n"), "h n"))
    decay = k.scan("sum", gates, "n", reverse)
    s = k.op("arith.subf", scores_of(k), k.op("arith.mulf", decay, 0.05))
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(k.softmax(s, "n"), v, "h m e"), "h m e")
    check(k, tolerance=2e-4)


@pytest.mark.parametrize(("m", "n"), LENGTHS)
def test_stick_breaking(m, n):
    """w = exp(s - softplus(s) - sum of softplus of the keys after), for the keys before a row."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    s = scores_of(k)
    keep = k.spread(causal(k, strict=True), s.axes)
    plus = k.op("math.log1p", k.op("math.exp", s))
    plus = k.select(keep, plus, k.constant(0.0))
    after = k.scan("sum", plus, "n", reverse=True)
    w = k.op("math.exp", k.op("arith.subf", s, after))
    w = k.select(keep, w, k.constant(0.0))
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(w, v, "h m e"), "h m e")
    check(k, tolerance=2e-4)


@WAYS
@pytest.mark.parametrize("sizes", LENGTHS)
def test_dynamic_lengths(sizes, reverse):
    k = Kernel("n", h=2, m="s0", e=16, n="s1", d=16)
    s = k.scan("sum", scores_of(k), "n", reverse)
    keep = k.spread(causal(k), s.axes)
    s = k.select(keep, s, k.constant("0xFF800000"))
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(k.softmax(s, "n"), v, "h m e"), "h m e")
    symbols = {"s0": sizes[0], "s1": sizes[1]}
    check(k, k.arguments(symbols), symbols, tolerance=2e-3)


@WAYS
def test_integers_and_halves(reverse):
    k = Kernel("n", m=37, n=130)
    counts = k.scan("sum", k.read(k.input("m n", "i32"), "m n"), "n", reverse)
    k.output(k.reduce("max", counts, "n"), "m")
    half = k.cast("arith.extf", k.read(k.input("m n", "bf16"), "m n"), "f32")
    k.output(k.reduce("min", k.scan("max", half, "n", reverse), "n"), "m")
    check(k)


@WAYS
@pytest.mark.parametrize("shape", [(70,), (5, 70), (70, 5), (3, 70, 33), (70, 1)])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("bits", [256, 512])
def test_tiles(shape, reverse, exclusive, bits):
    """A scan along each dim of a tile."""
    x = torch.randn(shape)
    for dim in range(len(shape)):
        kind = f"tensor<{'x'.join(map(str, shape))}xf32>"
        way = " reverse" * reverse + " exclusive" * exclusive
        body = f"  %y0 = flashlight.scan sum %x0 dim {dim}{way} : {kind}"
        text = cpu_harness.program([x], [x], body)
        cpu_harness.check(text, [x], [torch.empty_like(x)], bits=bits)


@pytest.mark.parametrize("window", [0, 5, 70])
@pytest.mark.parametrize(("m", "n"), [(17, 127), (200, 200), (130, 64), (64, 330)])
def test_a_sweep_backwards_within_bounds(m, n, window):
    """Suffix sums of masked gates in a window of keys: all three parts of a bounded sweep."""
    k = Kernel("n", h=2, m=m, e=16, n=n, d=16)
    s = scores_of(k)
    rows, keys = (k.spread(k.iota(axis), ("m", "n")) for axis in "mn")
    apart = k.op("arith.subi", rows, keys)
    near = k.compare("sle", apart, k.constant(window, "i64"))
    keep = k.op("arith.andi", causal(k), near) if window else causal(k)
    keep = k.spread(keep, s.axes)
    after = k.scan("sum", k.select(keep, s, k.constant(0.0)), "n", reverse=True)
    w = k.select(keep, k.op("math.exp", k.op("arith.mulf", after, 0.1)), k.constant(0.0))
    v = k.read(k.input("h n e"), "h n e")
    k.output(k.contract(w, v, "h m e"), "h m e")
    _, tiled = check(k, tolerance=2e-3)
    if (m, n) == (200, 200) and window == 5:
        assert tiled.count("scf.for") == 3
