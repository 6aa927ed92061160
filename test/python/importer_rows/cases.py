# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How cases are registered, and the tensors that they share."""

import math
from dataclasses import dataclass
from typing import Any

import torch

A = torch.ops.aten
INF = math.inf


@dataclass
class Case:
    """A program that must be imported without a rest, and its arguments."""

    name: str
    function: Any
    args: tuple
    dynamic: bool  # whether the first dim is symbolic


CASES: list[Case] = []


def case(name, function, *args, dynamic=False):
    assert all(item.name != name for item in CASES), name
    CASES.append(Case(name, function, args, dynamic))


def rand(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator).to(dtype)


def ints(*shape, dtype=torch.int64, high=7):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-high, high, shape, generator=generator).to(dtype)


def bools(*shape):
    return ints(*shape) > 0


X, Y, ROW = rand(3, 4, 5), rand(3, 4, 5, seed=1), rand(5, seed=2)
SPECIAL = torch.tensor([0.0, -0.0, 1.5, -2.5, INF, -INF, math.nan, 1e-30, 60.0, -60.0])
V = rand(2, 3, 4, 6)
I, J, B = ints(3, 4), ints(3, 4, high=5), bools(3, 4)  # noqa: E741
HALVES = (torch.float16, torch.bfloat16)
