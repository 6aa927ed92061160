# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores of queries against keys, and what is done to them before they are normalised."""

from __future__ import annotations

from hypothesis import strategies as st

from .masks import masked, positions
from .operands import tensor
from .prologues import prologue
from .values import Sizes, Value, ordered, transpose_last
from .writer import Writer

# A product or a distance is written out where S x S x D numbers are few.
WRITTEN_OUT = 40_000


def scores(w: Writer, z: Sizes, q: Value, k: Value, large: bool) -> Value:
    """[.., m, n] or [.., n, m], of moderate size unless they may be large."""
    q, k = prologue(w, z, q, "d"), prologue(w, z, k, "d")
    where = w.choose("scores", "nowhere", "q", "k", "both", "divide")
    if where == "nowhere" and z.extents["d"] > 8:  # eager's order of sums is luck for large scores
        where = "scores"
    scale = round(float(z.extents["d"]) ** -0.5, 4)
    if where in ("q", "both"):
        factor = scale if where == "q" else round(scale**0.5, 4)
        q = Value(w.let("q", f"{q.name} * {factor}"), q.letters)
    if where in ("k", "both"):
        factor = scale if where == "k" else round(scale**0.5, 4)
        k = Value(w.let("k", f"{k.name} * {factor}"), k.letters)
    s = _product(w, z, q, k)
    if where == "scores":
        s = Value(w.let("s", w.choose(f"{s.name} * {scale}", f"{scale} * {s.name}")), s.letters)
    elif where == "divide":
        s = Value(w.let("s", f"{s.name} / {round(1 / scale, 3)}"), s.letters)
    if large and w.chance(3):
        s = Value(w.let("s", f"{s.name} * {w.choose(20, 100)}"), s.letters)
    elif not large:  # exponentials without a maximum, products of sigmoids: stay where all is well
        s = Value(w.let("s", f"{s.name} * 0.3"), s.letters)
    return s


def _product(w: Writer, z: Sizes, q: Value, k: Value) -> Value:
    rows, keys = z.batch + "md", z.batch + "nd"
    out = z.batch + "mn"
    size = 1
    for letter in rows + "n":
        size *= w.extent(z.extents[letter])
    spellings = ["matmul", "einsum", "matmul", "transposed", "bmm", "baddbmm", "two", "concat"]
    if size <= WRITTEN_OUT:
        spellings += ["written", "distance", "additive"]
    spelling = w.choose(*spellings)
    if spelling == "einsum":
        letters = w.choose(out, out, z.batch + "nm", "any")
        if letters == "any":
            letters = "".join(w.draw(st.permutations(out)))
        equation = f"{q.letters},{k.letters}->{letters}"
        if w.chance(3):
            equation, q, k = f"{k.letters},{q.letters}->{letters}", k, q
        return Value(w.let("s", f'torch.einsum("{equation}", {q.name}, {k.name})'), letters)
    whole = set(rows) == set(q.letters) and set(keys) == set(k.letters)
    if spelling in ("bmm", "baddbmm") and whole and z.batch:
        return _batched(w, z, ordered(w, q, rows), ordered(w, k, keys), spelling)
    if spelling == "two" and z.extents["d"] > 1:  # a sum of two contractions
        a, b = ordered(w, q, rows), ordered(w, k, keys)
        cut = z.extents["d"] // 2
        first = f"{a}[..., :{cut}] @ {b}[..., :{cut}].mT"
        return Value(w.let("s", f"{first} + {a}[..., {cut}:] @ {b}[..., {cut}:].mT"), out)
    if spelling == "concat" and whole:  # a second part of the width
        a, b = ordered(w, q, rows), ordered(w, k, keys)
        more = [w.input("more", [*z.dims(letters[:-1]), 2]) for letters in (rows, keys)]
        a = w.let("a", f"torch.cat(({a}, {more[0]}), -1)")
        b = w.let("b", f"torch.cat(({b}, {more[1]}), dim=-1)")
        return Value(w.let("s", f"{a} @ {transpose_last(w, b)}"), out)
    if spelling in ("written", "distance", "additive"):
        a, b = f"{ordered(w, q, rows)}.unsqueeze(-2)", f"{ordered(w, k, keys)}.unsqueeze(-3)"
        if spelling == "written":
            return Value(w.let("s", f"({a} * {b}).sum(-1)"), out)
        if spelling == "distance":
            square = w.choose(f"({a} - {b}).square()", f"(({a} - {b}) ** 2)")
            return Value(w.let("s", f"-{square}.sum(-1)"), out)
        weight = w.input("w", [z.extents["d"]])
        return Value(w.let("s", f"(torch.tanh({a} + {b}) * {weight}).sum(-1)"), out)
    a, b = ordered(w, q, rows), ordered(w, k, keys)
    if spelling == "transposed":
        return Value(w.let("s", f"{b} @ {transpose_last(w, a)}"), z.batch + "nm")
    b = transpose_last(w, b)
    return Value(w.let("s", w.choose(f"{a} @ {b}", f"torch.matmul({a}, {b})")), out)


def _batched(w: Writer, z: Sizes, a: str, b: str, spelling: str) -> Value:
    """Over one batch dim: bmm, or baddbmm with a bias; then the batch dims are split again."""
    out = z.batch + "mn"
    if len(z.batch) > 1:
        a = w.let("a", f"{a}.flatten(0, {len(z.batch) - 1})")
        b = w.let("b", f"{b}.flatten(0, {len(z.batch) - 1})")
    key = transpose_last(w, b)
    if spelling == "bmm":
        s = w.let("s", f"torch.bmm({a}, {key})")
    else:
        count = w.shape(a)[0]
        bias = w.input("bias", [w.choose(count, 1), z.extents["m"], z.extents["n"]])
        alpha = w.choose("", ", alpha=0.5", ", beta=0.5, alpha=0.25", ", beta=0")
        s = w.let("s", f"torch.baddbmm({bias}, {a}, {key}{alpha})")
    if len(z.batch) > 1:
        sizes = ", ".join(str(n) for n in z.dims(z.batch))
        s = w.let("s", f"{s}.unflatten(0, ({sizes}))")
    return Value(s, out)


def modified(w: Writer, z: Sizes, s: Value, count: int) -> Value:
    """Random changes of scores, in random order."""
    for _ in range(count):
        s = _change(w, z, s)
    return s


CHANGES = ("softcap", "bias", "alibi", "table", "forget", "power", "product", "distance",
           "clamp", "noise", "squash", "cumulative", "segments")  # fmt: skip


def _change(w: Writer, z: Sizes, s: Value) -> Value:
    name = s.name
    match w.choose(*CHANGES):
        case "softcap":
            cap = w.choose(5.0, 2, 30.0)
            y = w.choose(
                f"{cap} * torch.tanh({name} / {cap})", f"torch.tanh({name} / {cap}) * {cap}"
            )
        case "bias":
            y = f"{name} + {bias(w, z, s)}"
        case "alibi":
            i, j = positions(w, z, s)
            slope = _slopes(w, z, s)
            away = w.choose(
                f"({j} - {i})", f"({i} - {j}).abs()", f"-({i} - {j}).abs().float().sqrt()"
            )
            y = (
                f"{name} + {slope} * {away}"
                if not away.startswith("-")
                else (f"{name} + {slope} * ({away})")
            )
        case "table":
            y = f"{name} + {table(w, z, s)}"
        case "forget":
            y = forget(w, z, s)
        case "power":
            y = w.choose(
                f"{name} - 0.05 * {name}.square()", f"{name} * {name}.sigmoid()", f"{name}.abs()"
            )
        case "product":
            y = f"{name} * {bias(w, z, s)}"
        case "distance":
            i, j = positions(w, z, s)
            y = f"{name} / (1 + 0.1 * ({i} - {j}).abs())"
        case "clamp":
            y = w.choose(f"{name}.clamp(-3, 3)", f"{name}.clamp(max=2.0)", f"F.relu({name})")
        case "noise":
            y = f"{name} + 0.1 * torch.sin(7.0 * {name})"
        case "squash":
            y = w.choose(f"F.gelu({name})", f"F.silu({name})", f"F.softplus({name})")
        case "segments":
            y = f"{name} + {_segments(w, z, s)}"
        case _:
            at = s.letters.index("n") - len(s.letters)
            gate = w.choose(f"torch.sigmoid({name})", f"F.logsigmoid({name})")
            total = f"{gate}.cumsum({at})"
            if w.chance(2):
                total = f"{gate}.flip({at}).cumsum({at}).flip({at})"
            y = f"{name} - 0.1 * {total}"
    return Value(w.let("s", y), s.letters)


def bias(w: Writer, z: Sizes, s: Value) -> str:
    """A float input that broadcasts over the scores: some of their dims, the others 1 or not."""
    dims, leading = [], True
    for letter in s.letters:
        if w.chance(2):
            dims.append(z.extents[letter])
            leading = False
        elif not leading or w.chance(2):
            dims.append(1)
            leading = False
    dtype = "float32" if w.dtype != "float32" and w.chance(4) else None
    return w.input("bias", dims, dtype=dtype)


def _slopes(w: Writer, z: Sizes, s: Value) -> str:
    """One number a head, as an input or computed; 0.2 where there are no heads."""
    head = next((letter for letter in "hkg" if letter in s.letters), None)
    if head is None:
        return "0.2"
    index = ":" + ", None" * (len(s.letters) - s.letters.index(head) - 1)
    if w.chance(2):
        slopes = w.input("slopes", [z.extents[head]])
    else:
        count = z.extents[head]
        slopes = w.let("slopes", f"torch.exp2(-torch.arange(1, {count + 1}).float())")
    return f"{slopes}[{index}]"


def table(w: Writer, z: Sizes, s: Value) -> str:
    """A bias that is looked up by the distance of query and key."""
    both = "".join(letter for letter in s.letters if letter in "mn")
    i, j = positions(w, z, Value("", both))
    reach = w.choose(8, 3, 1)
    index, size = w.choose(
        (f"({j} - {i}).clamp(-{reach}, {reach}) + {reach}", 2 * reach + 1),
        (f"(({i} - {j}).abs() // 2).clamp(max={reach})", reach + 1),
        (f"({i} - {j}).abs() % {reach + 1}", reach + 1),
        (f"({i} // 3 + {j} // 2) % {reach + 2}", reach + 2),
        (f"(torch.log(({i} - {j}).abs() + 0.5) * 2 + 2).long().clamp(max={reach})", reach + 1),
        (f"torch.where({i} < {j}, {j} - {i}, 0).clamp(max={reach})", reach + 1),
        (
            f"(({i} // 4 - {j} // 4).clamp(-2, 2) + 2) * 7 + ({i} % 4 - {j} % 4) + 3",
            35,
        ),
        (f"torch.bucketize(({j} - {i}).abs(), torch.tensor([1, 2, {reach + 2}, 40]))", 5),
    )
    index = w.let("index", index)
    if w.chance(3):
        index = w.let("index", f"{index}.to(torch.int32)")
    if "h" not in s.letters:
        return ordered(w, Value(w.let("looked", f"{w.input('table', [size])}[{index}]"), both),
                       s.letters)  # fmt: skip
    if w.chance(2):
        looked, letters = f"{w.input('table', [z.extents['h'], size])}[:, {index}]", "h" + both
    else:
        x = w.input("table", [size, z.extents["h"]])
        looked, letters = w.choose(f"{x}[{index}]", f"F.embedding({index}, {x})"), both + "h"
    return ordered(w, Value(w.let("looked", looked), letters), s.letters)


def _segments(w: Writer, z: Sizes, s: Value) -> str:
    """A bias that is looked up by the kinds of query and key, which are inputs."""
    letters = "".join(letter for letter in z.batch if letter == "b")
    kinds = "torch.randint(0, 4, [{}])"
    rows = w.input("kind", z.dims(letters + "m"), kinds)
    keys = w.input("kind", z.dims(letters + "n"), kinds)
    both = Value(rows, letters + "m"), Value(keys, letters + "n")
    a, b = (ordered(w, x, s.letters) for x in both)
    if w.chance(2):
        return f"{w.input('table', [4, 4])}[{a}, {b}]"
    return f"{w.input('table', [16])}[{a} * 4 + {b}]"


def forget(w: Writer, z: Sizes, s: Value) -> str:
    """Decay between query and key: a running sum of gates, at the query less at the key."""
    if z.extents["m"] != z.extents["n"]:
        return f"{s.name} + {bias(w, z, s)}"
    letters = "".join(letter for letter in z.batch if letter in "bh" or w.chance(2))
    gate = tensor(w, z, "f", letters + "m")
    c = w.let("c", f"F.logsigmoid({gate.name} + 4).cumsum({gate.letters.index('m')})")
    rows = ordered(w, Value(c, gate.letters), s.letters)
    keys = ordered(w, Value(c, gate.letters.replace("m", "n")), s.letters)
    return f"{s.name} + ({rows} - {keys})"


__all__ = ["masked", "modified", "scores"]
