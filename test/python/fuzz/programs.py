# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole programs: scores, weights, outputs, and what users do around them."""

from __future__ import annotations

from hypothesis import strategies as st

from . import forms
from . import weights as normalisers
from .masks import masked
from .operands import operands, tensor
from .scores import modified, scores
from .values import Sizes, Value, ordered, sizes
from .writer import Writer

# No more scores than this: the interpreter and the export are slow enough.
MOST_SCORES = 60_000


@st.composite
def programs(draw, lengths=None, dynamic: bool | None = None):
    """A random program; `dynamic`: with the lengths M and N dynamic (None: now and then)."""
    z, named = draw(sizes(lengths) if lengths else sizes())
    dtype = draw(st.sampled_from(["float32", "float32", "bfloat16", "float16"]))
    w = Writer(draw, named, dtype)
    while _score_count(w, z) > MOST_SCORES:
        _halve(w, z)
    q, k, v = operands(w, z)
    results = forms.form(w, z, q, k, v) if w.chance(4) else None
    results = results or _attention(w, z, q, k, v)
    if dynamic is None:
        dynamic = w.chance(6)
    return w.program(results, dynamic)


def _score_count(w: Writer, z: Sizes) -> int:
    total = 1
    for letter in z.batch + "mn":
        total *= w.extent(z.extents[letter])
    return total


def _halve(w: Writer, z: Sizes) -> None:
    """Makes the longest dim shorter."""
    name = max(w.lengths, key=w.lengths.get)
    w.lengths[name] = w.env[name] = w.lengths[name] // 2


def _weights(w: Writer, z: Sizes, q: Value, k: Value) -> normalisers.Weights:
    kinds = (*normalisers.BOUNDED, *normalisers.UNBOUNDED)
    kind = w.choose("softmax", "softmax", *kinds)
    bounded = kind in normalisers.BOUNDED
    s = scores(w, z, q, k, large=bounded and kind not in ("plus_one", "sigmoid"))
    before, after = w.choose(0, 0, 1, 2), w.choose(0, 0, 1)
    s = modified(w, z, s, before)
    masks = w.choose(0, 1, 1, 2)
    for index in range(masks):
        s = masked(
            w, z, s, infinite=bounded or kind == "no_max", last=index == masks - 1 and not after
        )
    s = modified(w, z, s, after if not masks else 0)
    made = normalisers.weights(w, z, s, kind, masks > 0)
    if w.chance(5) and made.divisor is None:
        made.p = normalisers.changed(w, z, made.p)
    return made


def _attention(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    made = _weights(w, z, q, k)
    p = made.p
    if made.divisor is None and w.chance(6):  # two, combined linearly
        other_k = k if w.chance(2) else tensor(w, z, "k", z.batch + "nd")
        other = _weights(w, z, tensor(w, z, "q", z.batch + "md"), other_k)
        if other.divisor is None:
            lam = w.choose("0.5", "lam")
            if lam == "lam":
                lam = w.input("lam", [])
            b = ordered(w, other.p, p.letters)
            p = Value(w.let("p", f"{p.name} - {lam} * {b}"), p.letters)
    outputs = [_values(w, z, p, v, made.divisor)]
    if w.chance(8):  # the same weights over other values
        outputs.append(
            _values(w, z, p, k if w.chance(2) else tensor(w, z, "v", z.batch + "ne"), None)
        )
    results = [_epilogue(w, z, outputs[0])] + [x.name for x in outputs[1:]]
    results += _more(w, z, made, p)
    if w.chance(8):
        results.reverse()
    return results


def _values(w: Writer, z: Sizes, p: Value, v: Value, divisor: str | None) -> Value:
    """[.., m, e]: the weighted sum of the values."""
    name = p.name
    if w.value(name).dtype != w.value(v.name).dtype:
        name = w.let("p", f"{name}.to({v.name}.dtype)")
    width = "d" if "d" in v.letters else "e"
    out = z.batch + "m" + width
    spelling = w.choose("matmul", "einsum", "matmul", "bmm", "written", "torch.matmul")
    if spelling == "einsum":
        letters = out if w.chance(2) else z.batch[:-1] + "m" + z.batch[-1:] + width
        o = w.let("o", f'torch.einsum("{p.letters},{v.letters}->{letters}", {name}, {v.name})')
    else:
        a = ordered(w, Value(name, p.letters), z.batch + "mn")
        b, letters = ordered(w, v, z.batch + "n" + width), out
        total = w.value(a).numel() * w.extent(z.extents[width])
        if spelling == "bmm" and z.batch and set(v.letters) == set(z.batch + "n" + width):
            last = len(z.batch) - 1
            if last:
                a, b = f"{a}.flatten(0, {last})", f"{b}.flatten(0, {last})"
            o = w.let("o", f"torch.bmm({a}, {b})")
            if last:
                count = ", ".join(str(n) for n in z.dims(z.batch))
                o = w.let("o", f"{o}.unflatten(0, ({count}))")
        elif spelling == "written" and total < 40_000:
            o = w.let("o", f"({a}.unsqueeze(-1) * {b}.unsqueeze(-3)).sum(-2)")
        else:
            o = w.let("o", f"torch.matmul({a}, {b})" if "." in spelling else f"{a} @ {b}")
    x = Value(o, letters)
    if divisor is not None:
        row = Value(divisor, p.letters.replace("n", width))
        by = ordered(w, row, x.letters)
        x = Value(w.let("o", f"{x.name} / {by}"), x.letters)
    return x


def _epilogue(w: Writer, z: Sizes, x: Value) -> str:
    """A gate, norm, scale, residual or another layout of the output."""
    name = x.name
    for _ in range(w.choose(0, 0, 1, 2)):
        dims = [z.extents[letter] for letter in x.letters]
        match w.choose("gate", "rms", "scale", "residual", "activation", "l2", "layer"):
            case "gate":
                y = f"{name} * torch.sigmoid({w.input('gate', dims)})"
            case "rms":
                r = w.let("r", f"torch.rsqrt({name}.pow(2).mean(-1, keepdim=True) + 1e-3)")
                y = f"{name} * {r}"
            case "scale":
                y = f"{name} * {w.choose(0.8, 2.0)}"
            case "residual":
                y = f"{w.input('residual', dims)} + {name}"
            case "activation":
                y = w.choose(f"F.silu({name})", f"F.gelu({name})", f"torch.tanh({name})")
            case "layer" if dims[-1] > 2 and w.varies(name, -1):
                y = f"F.layer_norm({name}, ({dims[-1]},), eps=0.01)"
            case _:
                y = f"{name} / ({name}.norm(dim=-1, keepdim=True) + 0.1)"
        name = w.let("o", y)
    if w.chance(6):
        return _part(w, z, Value(name, x.letters))
    if len(x.letters) > 2 and w.chance(3):
        name = w.let("o", f"{name}.transpose(-2, -3)")
        if w.chance(2):
            name = w.let("o", w.choose(f"{name}.flatten(-2)", f"{name}.contiguous()"))
    return name


def _part(w: Writer, z: Sizes, x: Value) -> str:
    """A part of the output, or what is made of all of it."""
    name, rows = x.name, x.letters.index("m") - len(x.letters)
    half = -(-w.shape(name)[-1] // 2)
    y = w.choose(
        f"{name}[..., :{half}]",
        f"{name}[..., ::2]",
        f"{name}[..., -1:]",
        f"{name}.select({rows}, -1)",
        f"{name}.flip(-1)",
        f"{name}.sum({rows})",
        f"{name}.mean({rows}, keepdim=True)",
        f"{name}.mean(0)",
        f"{name}.amax(-1)",
        f"torch.cat(({name}, {name} * 2), -1)",
        f"{name}.roll(1, {rows})",
        f"{name}.cumsum({rows})",
        f"{name}.softmax(-1)",
        f"{name}.chunk(2, -1)[0]",
        f"{name}.to(torch.float32).square().sum(-1)",
        f"torch.stack(({name}, {name}.neg()), 1)",
    )
    return w.let("o", y)


def _more(w: Writer, z: Sizes, made: normalisers.Weights, p: Value) -> list[str]:
    """Further outputs: statistics of the rows, or reductions and other uses of the weights."""
    results = []
    at, rows = (p.letters.index(letter) - len(p.letters) for letter in "nm")
    if made.statistics and w.chance(3):
        name = w.choose(*made.statistics)
        results.append(w.let("row", f"{name}.squeeze({at})") if w.chance(2) else name)
    if w.chance(6):
        x = p.name
        top = w.dtype == "float32"
        results.append(w.let("more", w.choose(
            f"{x}.sum({at})", f"{x}.amax({at})", f"-({x} * torch.log({x}.abs() + 1e-3)).sum({at})",
            f"{x}.sum({rows})", f"{x}.mean({at})", f"{x}.square().sum({at})",
            x if top else f"{x}.amin({at})", f"{x}.argmax({at})" if top else f"{x}.sum({at})",
            f"{x}.var({at}, correction=0)", f"{x}.amax({rows})",
        )))  # fmt: skip
    return list(dict.fromkeys(results))
