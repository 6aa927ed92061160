# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keys and values that are not one tensor as it lies: caches, pages, gathers, repeated heads."""

from __future__ import annotations

from .values import Sizes, Value
from .writer import Writer

ARRANGED = ("flip", "gathered", "concat", "roll", "parts", "pages", "slots", "rows", "widths",
            "every_other", "shifted")  # fmt: skip


def arranged(w: Writer, z: Sizes, x: Value, tensor) -> Value:
    """The keys in another order, looked up, or in several tensors; mostly as they are.

    `tensor(w, z, stem, letters)` makes another input like `x`.
    """
    if not w.chance(5):
        return x
    name, at, n = x.name, x.letters.index("n"), w.length(z.extents["n"])
    lead = ":, " * at
    match w.choose(*ARRANGED):
        case "flip":
            y = w.choose(f"{name}.flip({at})", f"torch.flip({name}, ({at},))")
        case "gathered":
            index = w.input("index", [z.extents["n"]], "torch.rand({}).argsort()", plain=True)
            if w.chance(2):
                y = f"{name}.index_select({at}, {index})"
            else:
                y = f"{name}[{lead}{_whole(w, index)}]"
        case "concat":  # a cache and new keys
            other = w.input(name, z.dims(x.letters))
            first = w.choose(f"{n} // 2", f"({n} - 1)")
            old = w.let("old", f"{name}.narrow({at}, 0, {first})")
            new = w.let("new", f"{other}.narrow({at}, {first}, {n} - {first})")
            y = f"torch.cat(({old}, {new}), dim={at})"
        case "parts" if w.extent(z.extents["n"]) > 2:  # the same keys in three pieces
            mid = w.choose("1", f"{n} // 3")
            pieces = (f"{name}[{lead}-1:]", f"{name}[{lead}:{mid}]", f"{name}[{lead}{mid}:-1]")
            y = f"torch.cat(({', '.join(w.let('part', p) for p in pieces)}), {at})"
        case "pages" | "slots":
            return _paged(w, z, x)
        case "rows" if "b" in x.letters and x.letters[0] == "b":  # another order for each batch
            index = w.input("index", z.dims("bn"), "torch.rand({}).argsort(-1)", plain=True)
            batch = f"torch.arange({w.length(z.extents['b'])})[:, None]"
            moved = w.let(name, f"{name}.movedim({at}, 1)")
            rows = w.let(name, f"{moved}[{batch}, {_whole(w, index)}]")
            y = f"{rows}.movedim(1, {at})"
        case "widths":  # two halves of the width, from two tensors
            last = x.letters[-1]
            width = z.extents[last]
            if last == "n" or not isinstance(width, int) or width < 2:
                return x
            other = tensor(w, z, name, x.letters)
            if other.letters != x.letters:
                return other
            cut = w.choose(width // 2, 1)
            parts = f"{name}[..., :{cut}], {other.name}[..., {cut}:]"
            y = f"torch.cat(({parts}), -1)"
        case "every_other":  # a longer tensor of which every other key is taken
            more = w.let("more", f"torch.cat(({name}, {name}.flip({at})), {at})")
            y = f"{more}[{lead}{w.choose('::2', '1::2')}]"
        case "shifted":  # the key before
            zero = w.let("zero", f"torch.zeros_like({name}.narrow({at}, 0, 1))")
            if w.chance(2):
                pad = "0, 0, " * (len(x.letters) - at - 1)
                y = f"F.pad({name}, ({pad}1, -1))"
            else:
                y = f"torch.cat(({zero}, {name}.narrow({at}, 0, {n} - 1)), {at})"
        case _:
            y = f"{name}.roll({w.choose(1, -2)}, {at})"
    return Value(w.let(name, y), x.letters)


def _whole(w: Writer, index: str) -> str:
    """An index tensor, as int64 or int32, now and then counted from the end."""
    if w.chance(2):
        return w.let("index", f"{index}.to(torch.int32)")
    return w.let("index", f"{index} - {index}.shape[-1]") if w.chance(6) else index


def _paged(w: Writer, z: Sizes, x: Value) -> Value:
    """The keys of each batch in pages of a pool [pages, page, ..], found by a table."""
    rest = "".join(letter for letter in x.letters if letter not in "bn")
    page, pages, n = w.choose(4, 16, 1), 7, z.extents["n"]
    pool = w.input("pool", [pages, page, *z.dims(rest)])
    batch = "b" if "b" in x.letters else ""
    blocks = -(-w.extent(n) // page)
    fill = f"torch.randint(0, {pages}, [{{}}], dtype=torch.{w.choose('int64', 'int32')})"
    if isinstance(n, str):  # enough blocks for the longest that is tried
        blocks = 2 * blocks + 2
    table = w.input("pages", [*z.dims(batch), blocks], fill)
    length = w.length(n)
    lead = ":, " if batch else ""
    match w.choose("looked_up", "flat", "whole"):
        case "looked_up":
            j = w.let("j", f"torch.arange({length})")
            y = f"{pool}[{table}[{lead}{j} // {page}], {j} % {page}]"
        case "flat":
            j = w.let("j", f"torch.arange({length})")
            slot = w.let("slot", f"{table}[{lead}{j} // {page}] * {page} + {j} % {page}")
            y = f"{pool}.flatten(0, 1)[{slot}]"
        case _:
            first = 1 if batch else 0
            y = f"{pool}[{table}].flatten({first}, {first + 1})[{lead}:{length}]"
    return Value(w.let(x.name, y), batch + "n" + rest)


def repeated(w: Writer, x: Value, groups: int) -> Value:
    """Each head `groups` times, or all heads `groups` times over."""
    at, name, rank = x.letters.index("h"), x.name, len(x.letters)
    wide = ["-1"] * rank
    lead = ":, " * at
    match w.choose("repeat_interleave", "inner", "outer", "repeat", "gathered"):
        case "repeat_interleave":
            y = f"{name}.repeat_interleave({groups}, dim={at})"
        case "repeat":
            y = f"{name}.repeat({', '.join(str(groups) if d == at else '1' for d in range(rank))})"
        case "gathered":
            heads = w.shape(name)[at] * groups
            y = f"{name}[{lead}torch.arange({heads}) // {groups}]"
        case "inner":
            wide.insert(at + 1, str(groups))
            y = f"{name}[{lead}:, None].expand({', '.join(wide)}).flatten({at}, {at + 1})"
        case _:
            wide.insert(at, str(groups))
            y = f"{name}[{lead}None].expand({', '.join(wide)}).flatten({at}, {at + 1})"
    return Value(w.let(name, y), x.letters)
