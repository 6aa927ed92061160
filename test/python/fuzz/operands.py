# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention reads: queries, keys and values, in the layouts and spellings that users have."""

from __future__ import annotations

from hypothesis import strategies as st

from .arranged import arranged, repeated
from .values import Sizes, Value
from .writer import Writer


def tensor(w: Writer, z: Sizes, stem: str, letters: str) -> Value:
    """An input of these letters: its dims in some order, heads and width in one dim, or split."""
    spelling = w.choose("plain", "plain", "ordered", "flat", "row")
    if spelling == "plain":
        return Value(w.input(stem, z.dims(letters)), letters)
    known = len(letters) > 2 and all(isinstance(z.extents[at], int) for at in letters[-3::2])
    if spelling == "flat" and known:
        # [.., s, (h w)], split by a view or unflatten.
        head = letters[-3]
        order = letters[:-3] + letters[-2] + head + letters[-1]
        heads, width = z.extents[head], z.extents[letters[-1]]
        flat = z.dims(letters[:-3] + letters[-2])
        x = w.input(stem, [*flat, heads * width])
        outer = ", ".join(w.length(dim) for dim in flat)
        split = w.choose(
            f"{x}.unflatten(-1, ({heads}, {width}))",
            f"{x}.reshape({outer}, {heads}, {width})",
            f"{x}.reshape({outer}, {heads}, -1)",
        )
        return Value(w.let(x, split), order)
    if spelling == "row" and len(letters) > 2:  # [.., s, h, w]
        order = letters[:-3] + letters[-2] + letters[-3] + letters[-1]
        return Value(w.input(stem, z.dims(order)), order)
    order = "".join(w.draw(st.permutations(letters)))
    return Value(w.input(stem, z.dims(order)), order)


def keys_or_values(w: Writer, z: Sizes, stem: str, width: str) -> Value:
    """k or v: all batch letters, fewer heads that are repeated, or heads that are shared."""
    letters = z.batch + "n" + width
    if "g" in z.batch:
        letters = letters.replace("g", "")
    elif z.batch and w.chance(4):
        letters = letters.replace(w.choose(*z.batch), "")
    if "h" in letters and w.chance(3):
        counts = [g for g in (2, 3) if z.extents["h"] % g == 0]
        if counts:
            groups = w.choose(*counts)
            fewer = Sizes(z.batch, {**z.extents, "h": z.extents["h"] // groups})
            return repeated(w, tensor(w, fewer, stem, letters), groups)
    return arranged(w, z, tensor(w, z, stem, letters), tensor)


def packed(w: Writer, z: Sizes) -> tuple[Value, Value, Value] | None:
    """q, k and v as parts of one tensor [.., s, parts of the width]; None if they are no equals."""
    if z.extents["m"] != z.extents["n"] or z.extents["d"] != z.extents["e"] or "g" in z.batch:
        return None
    d = z.extents["d"]
    if z.batch.endswith("h"):
        heads = z.extents["h"]
        outer, letters = z.dims(z.batch[:-1] + "m"), z.batch[:-1] + "{}h"
        x = w.input("x", [*outer, 3 * heads * d])
        size = heads * d
    else:
        heads, outer, letters = None, z.dims(z.batch + "m"), z.batch + "{}"
        x = w.input("x", [*outer, 3 * d])
        size = d
    last = f", ({heads}, {d}))" if heads else ""
    if heads and w.chance(3):
        y = w.let("x", f"{x}.unflatten(-1, (3, {heads}, {d}))")
        names = [w.let(stem, f"{y}.select(-3, {i})") for i, stem in enumerate("qkv")]
    else:
        spelling = w.choose("chunk", "split", "slice")
        names = []
        for i, stem in enumerate("qkv"):
            part = {
                "chunk": f"{x}.chunk(3, -1)[{i}]",
                "split": f"{x}.split({size}, dim=-1)[{i}]",
                "slice": f"{x}[..., {i * size}:{(i + 1) * size}]",
            }[spelling]
            names.append(w.let(stem, f"{part}.unflatten(-1{last}" if heads else part))
    return tuple(
        Value(name, letters.format(s) + width) for name, s, width in zip(names, "mnn", "dde")
    )


def operands(w: Writer, z: Sizes) -> tuple[Value, Value, Value]:
    """Queries, keys and values."""
    match w.choose("apart", "apart", "apart", "packed", "one", "absorbed"):
        case "packed":
            parts = packed(w, z)
            if parts:
                return parts
        case "one" if z.extents["m"] == z.extents["n"] and z.extents["d"] == z.extents["e"]:
            letters = z.batch.replace("g", "") + "md"
            if "g" not in z.batch:
                x = tensor(w, z, "x", letters)
                k = Value(x.name, x.letters.replace("m", "n"))
                return x, k, Value(x.name, k.letters.replace("d", "e"))
        case "absorbed":  # the value is a part of the key
            k = keys_or_values(w, z, "k", "d")
            at, width = k.letters.index("d"), min(z.extents["d"], z.extents["e"])
            z.extents["e"] = width
            v = w.let("v", f"{k.name}[{':, ' * at}:{width}]")
            return tensor(w, z, "q", z.batch + "md"), k, Value(v, k.letters.replace("d", "e"))
    q = tensor(w, z, "q", z.batch + "md")
    return q, keys_or_values(w, z, "k", "d"), keys_or_values(w, z, "v", "e")
