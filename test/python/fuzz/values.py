# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The values of a program: letters for their dims, extents, and the dims in another order.

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


def along(w: Writer, x: Value, letter: str) -> int:
    """The dim of a letter, counted from the end or the start."""
    at = x.letters.index(letter)
    return w.choose(at - len(x.letters), at)
