# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention, part by part, each part in several spellings."""

from __future__ import annotations

import dataclasses
import math

from hypothesis import strategies as st

from .emitter import Emitter, Symbol

NORMALIZED = ["softmax", "late", "reciprocal", "lse", "no_max", "exp2", "plus_one", "sink"]
UNNORMALIZED = ["sigmoid", "squared_relu", "linear", "relu_mean", "rectified"]
MASKS = ["none", "causal", "strict", "window", "bool", "padding", "documents"]
FILLS = ["-inf", "finite", "additive"]


@dataclasses.dataclass
class Sizes:
    b: int
    kv: int
    g: int
    m: int
    n: int
    d: int
    e: int

    @property
    def h(self):
        return self.kv * self.g

    @property
    def scores(self):
        return (self.b, self.h, self.m, self.n)

    @property
    def rows(self):
        return (self.b, self.h, self.m)


@st.composite
def sizes(draw, lengths=tuple(range(1, 10)), dynamic=False):
    rows = draw(st.sampled_from(lengths))
    keys = draw(st.sampled_from(lengths))
    batch = draw(st.integers(1, 2))
    if dynamic:
        rows, keys = Symbol(rows, "s0"), Symbol(keys, "s1")
    small = st.integers(1, 3)
    return Sizes(
        batch,
        draw(small),
        draw(small),
        rows,
        keys,
        draw(st.integers(1, 5)),
        draw(st.integers(1, 5)),
    )


def _head_tensor(draw, e, batch, heads, rows, width, element, scale=1.0):
    """[b, h, s, w] from an argument that lies in memory in another order."""
    match draw(st.sampled_from(["bhsw", "bshw", "bhws", "bs(hw)"])):
        case "bhsw":
            return e.arg((batch, heads, rows, width), element, scale)
        case "bshw":
            return e.transpose(e.arg((batch, rows, heads, width), element, scale), [0, 2, 1, 3])
        case "bhws":
            return e.transpose(e.arg((batch, heads, width, rows), element, scale), [0, 1, 3, 2])
        case _:
            flat = e.arg((batch, rows, heads * width), element, scale)
            split = e.reshape(flat, (batch, rows, heads, width))
            return e.transpose(split, [0, 2, 1, 3])


def _repeat_heads(e, x, groups):
    """repeat_interleave of dim 1, as an expand and a reshape."""
    if groups == 1:
        return x
    b, kv, s, w = x.shape
    wide = e.broadcast(x, [0, 1, 3, 4], (b, kv, groups, s, w))
    return e.reshape(wide, (b, kv * groups, s, w))


def _scores(draw, e, z, element, bounded):
    """Scaled scores in f32, the scale on q, on k, on the scores, on both operands or nowhere."""
    # Now and then the logits are very large, where a maximum keeps the exponentials in range: near
    # the end of f32's range the order of a product and a division decides what overflows.
    magnitude = draw(st.sampled_from([1.0, 1.0, 1.0, 50.0])) if bounded else 1.0
    q = _head_tensor(draw, e, z.b, z.h, z.m, z.d, element, magnitude)
    k = _head_tensor(draw, e, z.b, z.kv, z.n, z.d, element)
    where = draw(st.sampled_from(["nowhere", "q", "k", "both", "scores", "divide"]))
    scale = z.d**-0.5
    if where in ("q", "both"):
        factor = e.constant(scale if where == "q" else scale**0.5, q.shape, element)
        q = e.binary("arith.mulf", q, factor)
    if where in ("k", "both"):
        factor = e.constant(scale if where == "k" else scale**0.5, k.shape, element)
        k = e.binary("arith.mulf", k, factor)
    k = _repeat_heads(e, k, z.g)
    if draw(st.booleans()):
        s = e.contract(q, k, "bhmd,bhnd->bhmn")
    else:
        s = e.contract(q, e.transpose(k, [0, 1, 3, 2]), "bhmd,bhdn->bhmn")
    if where == "scores":
        s = e.binary("arith.mulf", s, e.constant(scale, s.shape))
    elif where == "divide":
        s = e.binary("arith.divf", s, e.constant(1 / scale, s.shape))
    return s


def _softcap(e, s, cap=3.0):
    c = e.constant(cap, s.shape)
    return e.binary("arith.mulf", e.unary("math.tanh", e.binary("arith.divf", s, c)), c)


def _bias(draw, e, z):
    """An additive bias over the scores, of some broadcast shape."""
    match draw(st.sampled_from(["mn", "hmn", "b1mn", "n", "alibi"])):
        case "mn":
            return e.broadcast(e.arg((z.m, z.n)), [2, 3], z.scores)
        case "hmn":
            return e.broadcast(e.arg((z.h, z.m, z.n)), [1, 2, 3], z.scores)
        case "b1mn":
            return e.broadcast(e.arg((z.b, 1, z.m, z.n)), [0, 1, 2, 3], z.scores)
        case "n":
            return e.broadcast(e.arg((z.b, z.n)), [0, 3], z.scores)
        case _:
            i, j = _indices(e, z)
            distance = e.cast(e.binary("arith.subi", j, i), "f32")
            slopes = e.broadcast(e.arg((z.h,), scale=0.2), [1], z.scores)
            return e.binary("arith.mulf", slopes, e.broadcast(distance, [2, 3], z.scores))


def _indices(e, z):
    """Row and key indices, as [m, n]."""
    i = e.broadcast(e.iota(z.m), [0], (z.m, z.n))
    j = e.broadcast(e.iota(z.n), [1], (z.m, z.n))
    return i, j


def _keep(draw, e, z, kind):
    """True where a key is attended to."""
    if kind in ("causal", "strict", "window"):
        i, j = _indices(e, z)
        keep = e.compare("cmpi", "sgt" if kind == "strict" else "sge", i, j)
        if kind == "window":
            width = e.constant(draw(st.integers(0, 3)), (z.m, z.n), "i64")
            near = e.compare("cmpi", "sle", e.binary("arith.subi", i, j), width)
            keep = e.binary("arith.andi", keep, near)
        return e.broadcast(keep, [2, 3], z.scores)
    if kind == "bool":
        return e.broadcast(e.arg((z.b, z.m, z.n), "i1"), [0, 2, 3], z.scores)
    if kind == "padding":
        return e.broadcast(e.arg((z.b, z.n), "i1"), [0, 3], z.scores)
    rows, keys = e.arg((z.b, z.m), "i64", 2), e.arg((z.b, z.n), "i64", 2)
    rows = e.broadcast(rows, [0, 1], (z.b, z.m, z.n))
    keys = e.broadcast(keys, [0, 2], (z.b, z.m, z.n))
    return e.broadcast(e.compare("cmpi", "eq", rows, keys), [0, 2, 3], z.scores)


def _masked(draw, e, z, s):
    kind = draw(st.sampled_from(MASKS))
    if kind == "none":
        return s
    keep = _keep(draw, e, z, kind)
    fill = draw(st.sampled_from(FILLS))
    if draw(st.booleans()):  # the other polarity
        true = e.constant("true", z.scores, "i1")
        drop = e.binary("arith.xori", keep, true)
        choose = lambda a, b: e.select(drop, b, a)  # noqa: E731
    else:
        choose = lambda a, b: e.select(keep, a, b)  # noqa: E731
    if fill == "additive":
        zero, low = e.constant(0.0, z.scores), e.constant(-math.inf, z.scores)
        return e.binary("arith.addf", s, choose(zero, low))
    return choose(s, e.constant(-math.inf if fill == "-inf" else -1e9, z.scores))


def _over_keys(e, z, row):
    return e.broadcast(row, [0, 1, 2], z.scores)


def _weights(draw, e, z, s, spelling):
    """What the values are weighted with, and a divisor of the result (or None), and row outputs."""
    if spelling == "sigmoid":
        one = e.constant(1.0, s.shape)
        grown = e.binary("arith.addf", e.unary("math.exp", e.unary("arith.negf", s)), one)
        return e.binary("arith.divf", one, grown), None, []
    zero = e.constant(0.0, s.shape)
    if spelling in ("squared_relu", "relu_mean"):
        w = e.binary("arith.maximumf", s, zero)
        if spelling == "squared_relu":
            return e.binary("arith.mulf", w, w), None, []
        total = e.reduce("sum", w, [3])
        safe = e.binary("arith.addf", total, e.constant(1.0, total.shape))
        return e.binary("arith.divf", w, _over_keys(e, z, safe)), None, [total]
    if spelling == "linear":  # -inf has no place in a sum: masked scores are dropped
        finite = e.compare("cmpf", "ogt", s, e.constant(-1e8, s.shape))
        return e.select(finite, s, zero), None, []
    if spelling == "rectified":
        grown = e.binary("arith.subf", e.unary("math.exp", s), e.constant(1.0, s.shape))
        total = e.reduce("sum", e.unary("math.absf", grown), [3])
        safe = e.binary("arith.addf", total, e.constant(0.5, total.shape))
        w = e.binary("arith.maximumf", grown, zero)
        return e.binary("arith.divf", w, _over_keys(e, z, safe)), None, []
    if spelling == "no_max":
        p = e.unary("math.exp", s)
        total = e.reduce("sum", p, [3])
        return e.binary("arith.divf", p, _over_keys(e, z, total)), None, [total]
    if spelling == "sink" and not isinstance(z.n, Symbol):
        sink = e.broadcast(e.arg((z.h,)), [1], (z.b, z.h, z.m, 1))
        wide = e.concat([s, sink], 3)
        high = e.broadcast(e.reduce("max", wide, [3]), [0, 1, 2], wide.shape)
        p = e.unary("math.exp", e.binary("arith.subf", wide, high))
        total = e.broadcast(e.reduce("sum", p, [3]), [0, 1, 2], wide.shape)
        w = e.binary("arith.divf", p, total)
        return e.slice(w, [0] * 4, [1] * 4, z.scores), None, []
    exp = "math.exp"
    if spelling == "exp2":
        s = e.binary("arith.mulf", s, e.constant(math.log2(math.e), s.shape))
        exp = "math.exp2"
    high = e.reduce("max", s, [3])
    p = e.unary(exp, e.binary("arith.subf", s, _over_keys(e, z, high)))
    total = e.reduce("sum", p, [3])
    lse = e.binary("arith.addf", high, e.unary("math.log", total))
    rows = [high, total] if spelling == "exp2" else [high, total, lse]
    if spelling == "lse":
        return e.unary("math.exp", e.binary("arith.subf", s, _over_keys(e, z, lse))), None, rows
    if spelling == "plus_one":
        total = e.binary("arith.addf", total, e.unary("math.exp", e.unary("arith.negf", high)))
    if spelling == "late":
        return p, total, rows
    if spelling == "reciprocal":
        total = e.binary("arith.divf", e.constant(1.0, total.shape), total)
        return e.binary("arith.mulf", p, _over_keys(e, z, total)), None, rows
    w = e.binary("arith.divf", p, _over_keys(e, z, total))
    if draw(st.booleans()):  # the tail of a safe softmax: rows without keys give zero
        low = e.constant(-math.inf, z.scores)
        masked = e.reduce("all", e.compare("cmpf", "oeq", s, low), [3])
        w = e.select(_over_keys(e, z, masked), e.constant(0.0, z.scores), w)
    return w, None, rows


@st.composite
def attentions(draw, lengths=tuple(range(1, 10)), dynamic=False, spellings=None, values=(1, 2)):
    """Scores, optional softcap, bias and mask, weights in some spelling, values, an epilogue.

    values: the least and the most tensors of values, each with an output of its own.
    """
    e = Emitter()
    z = draw(sizes(lengths, dynamic))
    element = draw(st.sampled_from(["f32", "f32", "f16", "bf16"]))
    spelling = draw(st.sampled_from(spellings or NORMALIZED + UNNORMALIZED))

    def weights():
        s = _scores(draw, e, z, element, spelling in NORMALIZED and spelling != "no_max")
        for part in draw(st.permutations(["softcap", "bias", "mask"])):
            if part == "mask":
                s = _masked(draw, e, z, s)
            elif draw(st.integers(0, 2)) == 0:
                s = (
                    _softcap(e, s)
                    if part == "softcap"
                    else e.binary("arith.addf", s, _bias(draw, e, z))
                )
        return _weights(draw, e, z, s, spelling)

    w, divisor, rows = weights()
    if divisor is None and draw(st.integers(0, 4)) == 0:  # the difference of two
        other, other_divisor, _ = weights()
        if other_divisor is None:
            factor = e.broadcast(e.arg((z.h,)), [1], z.scores)
            w = e.binary("arith.subf", w, e.binary("arith.mulf", factor, other))
    outputs = []
    for _ in range(draw(st.integers(*values))):
        v = _repeat_heads(e, _head_tensor(draw, e, z.b, z.kv, z.n, z.e, element), z.g)
        o = e.contract(e.cast(w, element), v, "bhmn,bhne->bhme")
        if divisor is not None:
            o = e.binary("arith.divf", o, e.broadcast(divisor, [0, 1, 2], o.shape))
        if draw(st.booleans()):
            gate = e.cast(_head_tensor(draw, e, z.b, z.h, z.m, z.e, element), "f32")
            o = e.binary("arith.mulf", o, gate)
        o = e.cast(o, element)
        if draw(st.booleans()):
            o = e.transpose(o, [0, 2, 1, 3])
            if draw(st.booleans()):
                o = e.reshape(o, (z.b, z.m, z.h * z.e))
        outputs.append(o)
    if rows and draw(st.booleans()):
        outputs.append(draw(st.sampled_from(rows)))
    return e.program(outputs)
