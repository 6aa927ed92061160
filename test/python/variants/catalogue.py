# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the catalogue is written: variants, their spellings, and the tensors that these take.

    causal = Variant("A", "causal")

    @causal("BHSD BHSD BHSE")
    def masked_fill(q, k, v): ...

A spelling's arguments are words, one a tensor. Letters are sizes (see `Sizes`), digits themselves;
`f.` in front of a word makes it a tensor of the named kind, see `Sizes.tensor`. A spelling may be a
module instead of a function: a class, made anew for each use.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import torch

INF = math.inf


@dataclass(frozen=True)
class Sizes:
    """What the letters stand for, and the type of floating-point tensors.

    B batch, H heads, G heads of keys and values (H is a multiple), S queries, N keys, D and E width
    of keys and of values, M = H D, W = H E, X = 2 D, Y = 2 E, K = G D, L = G E, Z = 2 H, C a small
    channel count, P points, T entries of a table, R rotary half width (D / 2), F = S N.
    """

    B: int = 2
    H: int = 4
    G: int = 2
    S: int = 70
    N: int = 100
    D: int = 16
    E: int = 24
    C: int = 8
    P: int = 4
    T: int = 32
    dtype: torch.dtype = torch.float32

    def of(self, letter: str) -> int:
        """The size that a letter or digit stands for."""
        if letter.isdigit():
            return int(letter)
        derived = {
            "M": self.H * self.D,
            "W": self.H * self.E,
            "X": 2 * self.D,
            "Y": 2 * self.E,
            "K": self.G * self.D,
            "L": self.G * self.E,
            "Z": 2 * self.H,
            "R": self.D // 2,
        }
        return derived[letter] if letter in derived else getattr(self, letter)

    def tensor(self, word: str, seed: int) -> torch.Tensor:
        """The tensor that a word stands for.

        Kinds: none: normal; `keep`: booleans, most of them true, the first of a row always;
        `doc`: sorted document numbers; `int`: in [0, T); `narrow`: the same in int32; `len`: in
        [1, N]; `perm`: a permutation of the last dim; `scale`: small and positive; `weight`: near
        1; `small`: normal / 4; `drop`: a dropout mask, 0 or 1/0.9; `table`: sums to 1 in rows.
        """
        kind, _, letters = word.rpartition(".")
        shape = [self.of(letter) for letter in letters]
        random = torch.Generator().manual_seed(seed * 7919 + len(letters))
        if kind == "keep":
            keep = torch.rand(shape, generator=random) > 0.3
            keep[..., 0] = True
            return keep
        if kind == "doc":
            return torch.randint(0, 4, shape, generator=random).sort(-1).values
        if kind in ("int", "narrow"):
            dtype = torch.int32 if kind == "narrow" else torch.int64
            return torch.randint(0, self.T, shape, generator=random, dtype=dtype)
        if kind == "len":
            return torch.randint(1, self.N + 1, shape, generator=random)
        if kind == "perm":
            return torch.rand(shape, generator=random).argsort(-1)
        made = torch.randn(shape, generator=random)
        if kind == "scale":
            made = torch.rand(shape, generator=random) * 0.5 + 0.1
        elif kind == "weight":
            made = 1 + made / 8
        elif kind == "small":
            made = made / 4
        elif kind == "drop":
            made = (torch.rand(shape, generator=random) > 0.1) / 0.9
        elif kind == "table":
            made = made.softmax(-1)
        elif kind:
            raise ValueError(f"unknown kind of tensor '{kind}'")
        return made.to(self.dtype)


# By what runs: the CPU's machine code, and the interpreter of TTIR.
TEST = Sizes()
SMALL = Sizes(B=1, H=2, G=1, S=20, N=70, D=16, E=16)
# What the table measures memory and the GPU's resources at.
LARGE = Sizes(B=1, H=2, G=1, S=4096, N=4096, D=64, E=64, dtype=torch.bfloat16)


@dataclass(frozen=True)
class Expected:
    """What a program must become.

    Attributes:
        kernels: at most so many fused kernels, and at least one unless it is 0.
        passes: at most so many sweeps over the keys, in all kernels together.
        left: the ops that may stay with PyTorch.
    """

    kernels: int = 1
    passes: int = 1
    left: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Spelling:
    """One way to write a variant.

    Attributes:
        variant: what it computes.
        program: a function, or a module's class.
        words: its arguments.
        expected: what it must become.
        sizes: sizes that differ from the usual ones.
        large: whether it is measured at large sizes.
    """

    variant: Variant
    program: Callable[..., Any]
    words: tuple[str, ...]
    expected: Expected
    sizes: dict[str, Any] = field(default_factory=dict)
    large: bool = True

    @property
    def name(self) -> str:
        """Unique in the catalogue."""
        return f"{self.variant.name}-{self.program.__name__}".replace(",", "").replace(" ", "_")

    def module(self) -> torch.nn.Module:
        """The program as a module."""
        if isinstance(self.program, type):
            torch.manual_seed(0)
            return self.program()
        program = self.program

        class Module(torch.nn.Module):
            def forward(self, *args: Any) -> Any:
                return program(*args)

        return Module()

    def arguments(self, sizes: Sizes) -> tuple[torch.Tensor, ...]:
        """Its arguments; `sizes` gives way to the spelling's own, but for the large ones."""
        own = sizes
        if sizes.S < 1000:
            values = {entry.name: getattr(sizes, entry.name) for entry in fields(sizes)}
            own = Sizes(**{**values, **self.sizes})
        return tuple(own.tensor(word, seed) for seed, word in enumerate(self.words, 1))


class Variant:
    """A program that users write in many ways; called, it takes in one of them."""

    all: list[Variant] = []

    def __init__(
        self,
        group: str,
        name: str,
        *,
        kernels: int = 1,
        passes: int = 1,
        left: tuple[str, ...] = (),
    ) -> None:
        self.group = group
        self.name = name
        self.expected = Expected(kernels, passes, left)
        self.spellings: list[Spelling] = []
        Variant.all.append(self)

    def __call__(self, words: str, **given: Any) -> Callable[[Callable], Callable]:
        """Registers a spelling; `given` are attributes of `Spelling` and `Expected`."""
        form = {
            entry.name: given.pop(entry.name, getattr(self.expected, entry.name))
            for entry in fields(Expected)
        }

        def register(program: Callable) -> Callable:
            made = Spelling(self, program, tuple(words.split()), Expected(**form), **given)
            if any(made.name == other.name for other in self.spellings):
                raise ValueError(f"two spellings are called '{made.name}'")
            self.spellings.append(made)
            return program

        return register
