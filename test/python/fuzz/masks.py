# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks: predicates of positions and inputs, in every polarity and spelling."""

from __future__ import annotations

from .operands import Sizes, Value, ordered
from .writer import Writer


def positions(w: Writer, z: Sizes, s: Value) -> tuple[str, str]:
    """Index tensors of rows and keys that broadcast to the last two dims of the scores."""
    names = []
    for at, letter in ((s.letters.index("m"), "m"), (s.letters.index("n"), "n")):
        last = at == len(s.letters) - 1
        index = w.choose("", "[None, :]") if last else "[:, None]"
        arange = f"torch.arange({w.length(z.extents[letter])})"
        names.append(w.let("i" if letter == "m" else "j", arange + index))
    return names[0], names[1]


def _predicate(w: Writer, z: Sizes, s: Value) -> str:
    """True where something holds of a row and a key, as an expression."""
    kinds = ("causal", "window", "prefix", "padding", "bool", "documents", "blocks", "strided",
             "length", "all", "none", "scores", "lower")  # fmt: skip
    if w.dtype != "float32":  # a rounded score stands at another side of the threshold
        kinds = tuple(k for k in kinds if k != "scores")
    kind = w.choose(*kinds)
    if kind in ("causal", "window", "prefix", "blocks", "strided", "all", "none"):
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
            "all": (f"{i} + {j} >= 0",),
            "none": (f"{i} + {j} < 0",),
        }
        return w.choose(*choices[kind])  # fmt: skip
    letters = "".join(letter for letter in z.batch if letter == "b" or w.chance(4))
    if kind == "lower":
        m, n = z.extents["m"], z.extents["n"]
        if s.letters.endswith("nm"):
            m, n = n, m
        shape = f"{w.length(m)}, {w.length(n)}"
        return w.choose(
            f"torch.tril(torch.ones({shape}, dtype=torch.bool))",
            f"torch.ones({shape}).tril() > 0",
            f"torch.ones({shape}, dtype=torch.bool).triu(1).logical_not()",
            f"torch.tril(torch.ones({shape}), diagonal=2).bool()",
        )
    if kind == "scores":
        return f"{s.name} > 0.05"
    if kind == "padding":
        name = w.input("pad", z.dims(letters + "n"), "torch.rand({}) < 0.75")
        return ordered(w, Value(name, letters + "n"), s.letters)
    if kind == "bool":
        letters = letters + s.letters[-2:]
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
