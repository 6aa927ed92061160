# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chains of pointwise ops, views, casts and reductions; tensors that are filled part by part."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from .emitter import Emitter

_UNARY = ["math.tanh", "math.exp", "math.absf", "arith.negf", "math.sin"]
_BINARY = ["arith.addf", "arith.subf", "arith.mulf", "arith.maximumf", "arith.minimumf"]


@st.composite
def views_and_casts(draw):
    """A chain in which every value feeds on earlier ones."""
    e = Emitter()
    half = draw(st.sampled_from(["f16", "bf16"]))
    extents = st.sampled_from([1, 2, 3, 5])
    values = []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.lists(extents, min_size=1, max_size=3))
        values.append(e.arg(shape, draw(st.sampled_from(["f32", half]))))
    for _ in range(draw(st.integers(3, 12))):
        a = draw(st.sampled_from(values))
        rank = len(a.shape)
        choices = [
            "unary",
            "binary",
            "round",
            "transpose",
            "reshape",
            "broadcast",
            "slice",
            "concat",
        ]
        if rank:
            choices.append("reduce")
        match draw(st.sampled_from(choices)):
            case "unary":
                r = e.unary(draw(st.sampled_from(_UNARY)), a)
            case "binary":
                same = [v for v in values if v.type == a.type]
                r = e.binary(draw(st.sampled_from(_BINARY)), a, draw(st.sampled_from(same)))
            case "round":
                if a.element == "f32":
                    r = e.cast(a, half)
                    values.append(r)
                    r = e.cast(r, "f32") if draw(st.booleans()) else r
                else:
                    r = e.cast(a, "f32")
            case "transpose":
                r = e.transpose(a, draw(st.permutations(range(rank))))
            case "reshape":
                r = e.reshape(a, draw(st.sampled_from(_factorings(a.shape))))
            case "broadcast":
                at = draw(st.integers(0, rank))
                shape = list(a.shape)
                shape.insert(at, draw(extents))
                if len(shape) > 4:
                    continue
                r = e.broadcast(a, [i for i in range(rank + 1) if i != at], shape)
            case "slice":
                offsets = [draw(st.integers(0, n - 1)) for n in a.shape]
                strides = [draw(st.integers(1, 2)) for _ in a.shape]
                shape = [(n - o + s - 1) // s for n, o, s in zip(a.shape, offsets, strides)]
                r = e.slice(a, offsets, strides, shape)
            case "concat":
                if not rank or max(a.shape) > 10:
                    continue
                r = e.concat([a, a], draw(st.integers(0, rank - 1)))
            case "reduce":
                dims = sorted(draw(st.sets(st.integers(0, rank - 1), max_size=rank)))
                r = e.reduce(draw(st.sampled_from(["sum", "max", "min"])), a, dims)
        values.append(r)
    results = values[-draw(st.integers(1, 2)) :]
    return e.program(results)


@st.composite
def filled(draw):
    """A tensor whose parts are written one after the other: by numbers, by functions of what stands
    there, or elsewhere in it, and by other tensors."""
    e = Emitter()
    shape = draw(st.lists(st.integers(2, 5), min_size=1, max_size=3))
    whole = e.arg(shape)
    if draw(st.booleans()):
        whole = e.broadcast(e.constant(0.5, ()), (), shape)
    for _ in range(draw(st.integers(1, 6))):
        dim = draw(st.integers(0, len(shape) - 1))
        extent = shape[dim]
        first = draw(st.integers(0, extent - 1))
        size = draw(st.integers(1, extent - first))

        def cut(value, at, length, dim=dim):
            offsets, to = [0] * len(shape), list(shape)
            offsets[dim], to[dim] = at, length
            return e.slice(value, offsets, [1] * len(shape), to)

        place = draw(st.sampled_from(["here", "elsewhere", "number", "other"]))
        if place == "number":
            part = e.broadcast(e.constant(2.0, ()), (), [*shape[:dim], size, *shape[dim + 1 :]])
        elif place == "other":
            part = e.arg([*shape[:dim], size, *shape[dim + 1 :]])
        else:
            part = cut(
                whole, first if place == "here" else draw(st.integers(0, extent - size)), size
            )
            if size == 1 and draw(st.booleans()):  # an element, as it is selected
                without = [*shape[:dim], *shape[dim + 1 :]]
                part = e.reshape(e.unary("math.exp", e.reshape(part, without)), part.shape)
            elif draw(st.booleans()):
                part = e.unary(draw(st.sampled_from(_UNARY)), part)
        parts = [part]
        if first:
            parts.insert(0, cut(whole, 0, first))
        if first + size < extent:
            parts.append(cut(whole, first + size, extent - first - size))
        whole = e.concat(parts, dim)
    return e.program([whole])


def _factorings(shape):
    """Shapes with the same elements: flat, adjacent dims merged, unit dims added."""
    total = math.prod(shape)
    options = [(total,), (1, *shape), (*shape, 1)]
    options += [
        (*shape[:i], shape[i] * shape[i + 1], *shape[i + 2 :]) for i in range(len(shape) - 1)
    ]
    options += [(f, total // f) for f in (2, 3, 5) if total % f == 0]
    return [o for o in options if len(o) <= 4] or [(total,)]
