# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How entries of the zoo are made."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

LENGTH = 40  # a multiple of no tile
VOCABULARY = 96


@dataclass(frozen=True)
class Model:
    """An entry: `make(attention)` gives a module in eval mode and its arguments.

    `attention` is the implementation that transformers is asked for: "eager" or "sdpa".
    """

    name: str
    make: Callable[[str], tuple[torch.nn.Module, tuple]]
    implementations: tuple[str, ...] = ("eager", "sdpa")


MODELS: dict[str, Model] = {}


class First(torch.nn.Module):
    """Calls a model with keywords and returns its first output."""

    def __init__(self, model: torch.nn.Module, names: tuple[str, ...], **fixed: Any) -> None:
        super().__init__()
        self.model = model
        self.names = names
        self.fixed = fixed

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, args, strict=True))
        return self.model(**given, **self.fixed)[0]


class Pooled(First):
    """Returns the pooled output."""

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, args, strict=True))
        return self.model(**given, **self.fixed).pooler_output


class All(First):
    """Returns all outputs, flat in one tensor."""

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, args, strict=True))
        return torch.cat([x.flatten() for x in self.model(**given, **self.fixed)])


def entry(name: str, *implementations: str):
    def register(make: Callable[[str], tuple[torch.nn.Module, tuple]]):
        MODELS[name] = Model(name, make, implementations or ("eager", "sdpa"))
        return make

    return register


def tokens(batch: int = 2, length: int = LENGTH) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(1))


def padding() -> torch.Tensor:
    """1 for tokens, 0 for padding: the second text is shorter."""
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[1, -9:] = 0
    return mask


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def model_of(package: str, config: str, model: str, attention: str, **settings: Any):
    """A model of `transformers.models.<package>`; all of its weights random, norms' included."""
    library = importlib.import_module("transformers")
    made = getattr(library, config)(**settings)
    made._attn_implementation = attention
    torch.manual_seed(0)
    module = getattr(importlib.import_module(f"transformers.models.{package}"), model)(made)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return module.eval()


def randomize(module: torch.nn.Module) -> None:
    """Gives weights that start at zero something to do."""
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
