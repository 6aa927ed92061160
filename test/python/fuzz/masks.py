# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks: predicates of positions and inputs, in every polarity and spelling."""

from __future__ import annotations

from .values import Sizes, Value, ordered
from .writer import Writer


def positions(w: Writer, z: Sizes, s: Value) -> tuple[str, str]:
    """Index tensors of rows and keys that broadcast to the scores."""
    names = []
    narrow = w.chance(4)
    for letter, name in (("m", "i"), ("n", "j")):
        behind = len(s.letters) - 1 - s.letters.index(letter)
        index = f"[:{', None' * behind}]" if behind else w.choose("", "[None, :]")
        count = w.length(z.extents[letter])
        arange = f"torch.arange({count})"
        if narrow:
            arange = f"torch.arange({count}, dtype=torch.int32)"
        elif w.chance(12):
            arange = f"(torch.ones({count}, dtype=torch.int64).cumsum(0) - 1)"
        names.append(w.let(name, arange + index))
    return names[0], names[1]


def _predicate(w: Writer, z: Sizes, s: Value) -> str:
    """True where something holds of a row and a key, as an expression."""
    kinds = ("causal", "window", "prefix", "padding", "bool", "documents", "blocks", "strided",
             "grid", "corner", "length", "table", "all", "none", "scores", "lower")  # fmt: skip
    if w.dtype != "float32":  # a rounded score stands at another side of the threshold
        kinds = tuple(k for k in kinds if k != "scores")
    kind = w.choose(*kinds)
    if kind in ("causal", "window", "prefix", "blocks", "strided", "grid", "corner", "all", "none"):
        i, j = positions(w, z, s)
        reach = w.choose(3, 1, 0, 20, 64)
        choices = {
            "causal": (
                f"{j} <= {i}",
                f"{i} >= {j}",
                f"{j} < {i}",
                f"{j} - {i} <= {reach}",
                f"{i} - {j} > {reach}",
                f"{j} >= {i}",
                f"{i} * 2 >= {j}",
            ),
            "window": (
                f"({i} - {j}).abs() <= {reach}",
                f"({i} - {j} < {reach + 1}) & ({j} <= {i})",
                f"({j} <= {i}) & ({i} - {j} <= {reach})",
                f"({j} > {i} - {reach}) | ({j} < 2)",
            ),
            "prefix": (f"({j} < {reach}) | ({j} <= {i})", f"({j} < {reach}) | ({i} < 2)"),
            "blocks": (
                f"{i} // {reach + 1} == {j} // {reach + 1}",
                f"{j} // 4 <= {i} // 4",
                f"({i} // 4 - {j} // 4).abs() <= 1",
            ),
            "strided": (
                f"({i} - {j}) % {reach + 1} == 0",
                f"({i} % 3 == {j} % 3) & ({j} <= {i})",
                f"torch.remainder({i} + {j}, 3) != 1",
            ),
            "grid": (  # a picture of so many columns
                f"(({i} // 5 - {j} // 5).abs() <= 1) & (({i} % 5 - {j} % 5).abs() <= {reach})",
                f"({i} // 4 == {j} // 4) | ({i} % 4 == {j} % 4)",
                f"torch.maximum(({i} // 6 - {j} // 6).abs(), ({i} % 6 - {j} % 6).abs()) < 3",
            ),
            "corner": _from_the_end(w, z, i, j),
            "all": (f"{i} + {j} >= 0",),
            "none": (f"{i} + {j} < 0",),
        }
        return w.choose(*choices[kind])  # fmt: skip
    letters = "".join(letter for letter in z.batch if letter == "b" or w.chance(4))
    both = "".join(letter for letter in s.letters if letter in "mn")
    if kind == "lower":
        shape = ", ".join(w.length(dim) for dim in z.dims(both))
        lower = w.choose(
            f"torch.tril(torch.ones({shape}, dtype=torch.bool))",
            f"torch.ones({shape}).tril() > 0",
            f"torch.ones({shape}, dtype=torch.bool).triu(1).logical_not()",
            f"torch.tril(torch.ones({shape}), diagonal=2).bool()",
        )
        return ordered(w, Value(w.let("lower", lower), both), s.letters)
    if kind == "table":  # which kinds of rows see which kinds of keys
        i, j = positions(w, z, s)
        seen = w.input("seen", [5, 7], "torch.rand({}) < 0.7")
        return f"{seen}[{i} % 5, {j} // 3 % 7]"
    if kind == "scores":
        return f"{s.name} > 0.05"
    if kind == "padding":
        name = w.input("pad", z.dims(letters + "n"), "torch.rand({}) < 0.75")
        return ordered(w, Value(name, letters + "n"), s.letters)
    if kind == "bool":
        letters = letters + both
        name = w.input("keep", z.dims(letters), "torch.rand({}) < 0.75")
        return ordered(w, Value(name, letters), s.letters)
    whole = w.choose("int64", "int32")
    if kind == "length":
        name = w.input(
            "count", z.dims(letters), f"torch.randint(0, 40, [{{}}], dtype=torch.{whole})"
        )
        counts = ordered(w, Value(name, letters), s.letters) if letters else name
        return f"{positions(w, z, s)[1]} < {counts}"
    fill = f"torch.randint(0, 3, [{{}}], dtype=torch.{whole})"
    if z.extents["m"] == z.extents["n"] and w.chance(2):
        name = w.input("doc", z.dims(letters + "m"), fill)
        other = name
    else:
        name = w.input("doc", z.dims(letters + "m"), fill)
        other = w.input("doc", z.dims(letters + "n"), fill)
    rows = ordered(w, Value(name, letters + "m"), s.letters)
    keys = ordered(w, Value(other, letters + "n"), s.letters)
    return f"{rows} {w.choose('==', '>=', '!=')} {keys}"


def _from_the_end(w: Writer, z: Sizes, i: str, j: str) -> tuple[str, ...]:
    """Causal where the last row sees the last key."""
    m, n = w.length(z.extents["m"]), w.length(z.extents["n"])
    return f"{j} - {n} <= {i} - {m}", f"{i} + ({n} - {m}) >= {j}", f"{m} - {i} <= {n} - {j}"


def keep(w: Writer, z: Sizes, s: Value) -> str:
    """A boolean value that is true where a key is attended to."""
    text = _predicate(w, z, s)
    for _ in range(w.choose(0, 0, 1, 2)):
        text = f"({text}) {w.choose('&', '&', '|', '^')} ({_predicate(w, z, s)})"
    return w.let("keep", text)


def masked(w: Writer, z: Sizes, s: Value, infinite: bool, last: bool) -> Value:
    """Scores with a fill where they are masked: -inf, or a finite number."""
    allowed, name = keep(w, z, s), s.name
    fills = ["-math.inf", '-float("inf")'] if infinite else []
    fills.append("-1e4")
    if w.dtype != "float16":
        fills.append("-1e9")
    if last:  # nothing is added any more that could overflow
        fills.append(f"torch.finfo({name}.dtype).min")
    fill = w.choose(*fills)
    dropped = w.choose(f"~{allowed}", f"torch.logical_not({allowed})", f"{allowed} == False")
    spellings = [
        f"torch.where({allowed}, {name}, {fill})",
        f"{name}.masked_fill({dropped}, {fill})",
        f"torch.where({dropped}, {fill}, {name})",
        f"torch.where({allowed}, {name}, torch.full_like({name}, {fill}))",
        f"{name} + torch.zeros_like({name}).masked_fill({dropped}, {fill})",
    ]
    if "finfo" not in fill:  # which no tensor of f32 holds where the scores are wider
        spellings.append(f"{name} + torch.where({allowed}, 0.0, {fill})")
    if "inf" not in fill:
        spellings.append(f"{name} + (1.0 - {allowed}.to({name}.dtype)) * {fill}")
    return Value(w.let("s", w.choose(*spellings)), s.letters)
