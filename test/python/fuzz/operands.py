# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention reads: queries, keys and values, in the layouts and spellings that users have.

A value's dims are letters: batch letters (b batch, r rows of an alignment, h heads, or k key heads
and g groups), then m queries or n keys, then a width. A key may lack batch letters.
"""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st

from .writer import Writer

LENGTHS = (5, 3, 1, 2, 16, 17, 33, 64, 65, 100, 130)
SMALL = (5, 3, 1, 2, 16, 17, 33, 40)
WIDTHS = (4, 8, 16, 1, 3, 17, 32, 40)


@dataclasses.dataclass
class Sizes:
    """The extents of a program's letters; m and n are "M" and "N" (or both "M")."""

    batch: str
    extents: dict[str, int | str]

    def dims(self, letters: str):
        return [self.extents[letter] for letter in letters]


@dataclasses.dataclass(frozen=True)
class Value:
    """A value of the program and the letters of its dims; a missing letter is broadcast."""

    name: str
    letters: str


@st.composite
def sizes(draw, lengths=LENGTHS):
    batch = draw(st.sampled_from(["h", "bh", "", "bh", "b", "brh", "bkg"]))
    extents: dict[str, int | str] = {}
    for letter in batch:
        extents[letter] = draw(st.sampled_from([2, 1, 3] if letter != "h" else [2, 4, 3, 1, 6]))
    rows = draw(st.sampled_from(lengths))
    square = draw(st.booleans())
    keys = rows if square else draw(st.sampled_from(lengths))
    named = {"M": rows} if square else {"M": rows, "N": keys}
    extents |= {"m": "M", "n": "M" if square else "N"}
    extents["d"] = draw(st.sampled_from(WIDTHS))
    extents["e"] = extents["d"] if draw(st.booleans()) else draw(st.sampled_from(WIDTHS))
    return Sizes(batch, extents), named


def transpose_last(w: Writer, name: str) -> str:
    """The last two dims exchanged, as an expression."""
    rank = len(w.shape(name))
    order = [*range(rank - 2), rank - 1, rank - 2]
    return w.choose(
        f"{name}.mT",
        f"{name}.transpose(-1, -2)",
        f"{name}.transpose(-2, -1)",
        f"{name}.swapaxes({rank - 1}, {rank - 2})",
        f"{name}.permute({', '.join(map(str, order))})",
    )


def ordered(w: Writer, x: Value, letters: str) -> str:
    """The value with its dims in the order of `letters`, unit dims where it has none."""
    mine = [letter for letter in letters if letter in x.letters]
    name = x.name
    if "".join(mine) != x.letters:
        order = [x.letters.index(letter) for letter in mine]
        moved = [at for at, d in enumerate(order) if at != d]
        if len(moved) == 2 and w.chance(2):
            name = w.let(x.name, f"{name}.transpose({moved[0]}, {moved[1]})")
        else:
            name = w.let(x.name, f"{name}.permute({', '.join(map(str, order))})")
    missing = [at for at, letter in enumerate(letters) if letter not in x.letters]
    if missing == list(range(len(missing))):  # leading unit dims need not be written
        return name
    if w.chance(2):
        index = ", ".join("None" if at in missing else ":" for at in range(len(letters)))
        return w.let(x.name, f"{name}[{index}]")
    for at in missing:
        name = w.let(x.name, f"{name}.unsqueeze({at})")
    return name


def tensor(w: Writer, z: Sizes, stem: str, letters: str) -> Value:
    """An input of these letters: its dims in some order, heads and width in one dim, or split."""
    spelling = w.choose("plain", "plain", "ordered", "flat", "row")
    if spelling == "plain":
        return Value(w.input(stem, z.dims(letters)), letters)
    if spelling == "flat" and len(letters) > 2 and isinstance(z.extents[letters[-1]], int):
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
            return _repeated(w, tensor(w, fewer, stem, letters), groups)
    return _arranged(w, z, tensor(w, z, stem, letters))


def _arranged(w: Writer, z: Sizes, x: Value) -> Value:
    """The keys in another order, looked up, or partly from another tensor; mostly as they are."""
    if not w.chance(6):
        return x
    name, at, n = x.name, x.letters.index("n"), w.length(z.extents["n"])
    match w.choose("flip", "gathered", "concat", "roll"):
        case "flip":
            y = w.choose(f"{name}.flip({at})", f"torch.flip({name}, ({at},))")
        case "gathered":
            index = w.input("index", [z.extents["n"]], "torch.rand({}).argsort()", plain=True)
            if w.chance(2):
                index = w.let("index", f"{index}.to(torch.int32)")
            y = w.choose(f"{name}.index_select({at}, {index})", f"{name}[{':, ' * at}{index}]")
        case "concat":  # a cache and new keys
            other = w.input(name, z.dims(x.letters))
            first = w.choose(f"{n} // 2", f"({n} - 1)")
            old = w.let("old", f"{name}.narrow({at}, 0, {first})")
            new = w.let("new", f"{other}.narrow({at}, {first}, {n} - {first})")
            y = f"torch.cat(({old}, {new}), dim={at})"
        case _:
            y = f"{name}.roll({w.choose(1, -2)}, {at})"
    return Value(w.let(name, y), x.letters)


def _repeated(w: Writer, x: Value, groups: int) -> Value:
    """Each head `groups` times, or all heads `groups` times over."""
    at, name, rank = x.letters.index("h"), x.name, len(x.letters)
    wide = ["-1"] * rank
    lead = ":, " * at
    match w.choose("repeat_interleave", "inner", "outer", "repeat"):
        case "repeat_interleave":
            y = f"{name}.repeat_interleave({groups}, dim={at})"
        case "repeat":
            y = f"{name}.repeat({', '.join(str(groups) if d == at else '1' for d in range(rank))})"
        case "inner":
            wide.insert(at + 1, str(groups))
            y = f"{name}[{lead}:, None].expand({', '.join(wide)}).flatten({at}, {at + 1})"
        case _:
            wide.insert(at, str(groups))
            y = f"{name}[{lead}None].expand({', '.join(wide)}).flatten({at}, {at + 1})"
    return Value(w.let(name, y), x.letters)


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


def along(w: Writer, x: Value, letter: str) -> int:
    """The dim of a letter, counted from the end or the start."""
    at = x.letters.index(letter)
    return w.choose(at - len(x.letters), at)


def prologue(w: Writer, z: Sizes, x: Value, width: str, mate: str | None = None) -> Value:
    """A norm, rotary embedding, scale or feature map of queries or keys; mostly nothing."""
    if not w.chance(3):
        return x
    name, at = x.name, along(w, x, width)
    match w.choose("scale", "rms", "l2", "layer", "elu", "rotary", "mean", "gain"):
        case "scale":
            y = f"{name} * {w.choose(0.5, 2.0, 0.3)}"
        case "rms":
            r = w.let("r", f"torch.rsqrt({name}.square().mean({at}, keepdim=True) + 1e-6)")
            y = f"{name} * {r}"
        case "l2":
            y = w.choose(
                f"F.normalize({name}, dim={at})",
                f"{name} / {name}.norm(dim={at}, keepdim=True).clamp(min=1e-6)",
            )
        case "layer" if x.letters[-1] == width and z.extents[width] > 1:
            y = f"F.layer_norm({name}, ({z.extents[width]},))"
        case "elu":
            y = f"F.elu({name}) + 1"
        case "mean":
            y = f"{name} - {name}.mean({at}, keepdim=True)"
        case "rotary" if z.extents[width] % 2 == 0 and x.letters[-1] == width:
            return _rotary(w, z, x)
        case "gain" if x.letters[-1] == width:
            gain = w.input("gain", [z.extents[width]])
            y = f"{name} * {gain}"
        case _:
            return x
    return Value(w.let(name, y), x.letters)


def _rotary(w: Writer, z: Sizes, x: Value) -> Value:
    """Rotary embedding of the last dim by positions along m or n."""
    length = "m" if "m" in x.letters else "n"
    half = z.extents[x.letters[-1]] // 2
    count = w.length(z.extents[length])
    if w.chance(2):
        freq = f"10.0 ** (torch.arange({half}) / -{half})"
        angle = w.let("angle", f"torch.arange({count})[:, None] * {freq}")
    else:
        angle = w.input("angle", [z.extents[length], half])
    trailing = x.letters[x.letters.index(length) + 1 : -1]
    index = f"[:, {'None, ' * len(trailing)}:]" if trailing else ""
    cos = w.let("cos", f"{angle}.cos(){index}.to({x.name}.dtype)")
    sin = w.let("sin", f"{angle}.sin(){index}.to({x.name}.dtype)")
    name = x.name
    if w.chance(2):  # halves
        a, b = w.let("a", f"{name}[..., :{half}]"), w.let("b", f"{name}[..., {half}:]")
        join = "torch.cat(({}, {}), -1)"
    else:  # interleaved
        a, b = w.let("a", f"{name}[..., ::2]"), w.let("b", f"{name}[..., 1::2]")
        join = "torch.stack(({}, {}), -1).flatten(-2)"
    turned = join.format(f"{a} * {cos} - {b} * {sin}", f"{a} * {sin} + {b} * {cos}")
    return Value(w.let(name, turned), x.letters)
