# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every law of the algebra's tables, evaluated on random numbers."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

SOURCE = Path(__file__).resolve().parents[2] / "lib/Transforms/Algebra.cpp"
LAWS = re.findall(r'\{"([^"]+)",\s*"([^"]+)"\}', SOURCE.read_text())
ROWS = re.findall(r"^    \{ReduceKind::", SOURCE.read_text(), re.MULTILINE)


def test_every_row_has_a_law():
    assert len(LAWS) == len(ROWS) > 30


@pytest.mark.parametrize("left, right", LAWS, ids=[left for left, _ in LAWS])
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 9))
def test_law(left, right, seed, size):
    numbers = torch.Generator().manual_seed(seed)
    draw = {name: torch.randn(size, generator=numbers, dtype=torch.float64) for name in "xy"}
    draw |= {name: torch.randn((), generator=numbers, dtype=torch.float64) for name in "hr"}
    draw |= {name: torch.rand(size, generator=numbers) > 0.5 for name in "XY"}
    draw |= {"H": torch.rand((), generator=numbers) > 0.5}
    names = {n: getattr(torch, n) for n in re.findall(r"[a-z]\w+(?=\()", f"{left} {right}")}
    values = [eval(formula, {**names, **draw}) for formula in (left, right)]
    torch.testing.assert_close(*values, rtol=1e-9, atol=1e-9)


def test_a_wrong_law_fails():
    """The maximum of a product is no product of the maximum: the reason why it has no row."""
    x, h = torch.tensor([1.0, 2.0]), torch.tensor(-1.0)
    assert (x * h).amax() != x.amax() * h
    assert "amax(x * h)" not in [left for left, _ in LAWS]
