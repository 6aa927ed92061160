# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a program computes of numbers alone runs once, and nothing else does."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import flashlight
import numerics
from flashlight import constants

B, H, S, D = 2, 3, 40, 16


def R(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


q, k, v = R(B, H, S, D), R(B, H, S, D), R(B, H, S, D)


def compiled(function, args=(q, k, v), **options):
    program = torch.export.export(numerics.as_module(function), args, **options)
    return flashlight.compile(program, target="cpu")


class Seen(TorchDispatchMode):
    """Counts the ops of a name."""

    def __init__(self, name):
        super().__init__()
        self.name, self.count = name, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += str(func).startswith(f"aten.{self.name}.")
        return func(*args, **(kwargs or {}))


def angles(size):
    rate = 100.0 ** (-torch.arange(0, D, 2, dtype=torch.float32) / D)
    return torch.outer(torch.arange(size, dtype=torch.float32), rate).repeat(1, 2)


def turned(q, k, v):
    cos, sin = angles(q.shape[2]).cos(), angles(q.shape[2]).sin()
    q, k = (x * cos + x.roll(D // 2, -1) * sin for x in (q, k))
    return torch.softmax(q @ k.mT, -1) @ v


def test_tables_are_made_once():
    made = compiled(turned)
    assert not made.fallbacks
    assert "run once" in str(made.explain())
    for count in (1, 0, 0):
        with Seen("cos") as seen:
            result = made(q, k, v)
        assert seen.count == count
        numerics.check(result, turned, (q, k, v))


def test_made_in_inference_mode_they_serve_afterwards():
    made = compiled(turned)
    with torch.inference_mode():
        made(q, k, v)
    assert not any(value.is_inference() for value in made._plan._kept.values())


def test_a_result_is_nobodys_but_the_callers():
    """A table that is returned, or whose view is, may be changed by the caller."""

    def function(q, k, v):
        table = angles(q.shape[2]).cos()
        return torch.softmax((q * table) @ k.mT, -1) @ v, table[None]

    made = compiled(function)
    for _ in range(2):
        result, table = made(q, k, v)
        numerics.check((result, table), function, (q, k, v))
        table.zero_()
    assert any(entry.op == "aten.cos.default" for entry in made.fallbacks)


def test_random_numbers_are_drawn_in_each_call():
    def function(q, k, v):
        return torch.softmax(q @ k.mT, -1) @ v, torch.rand(S) * 2

    made = compiled(function)
    assert not torch.equal(made(q, k, v)[1], made(q, k, v)[1])


def test_large_values_are_not_kept(monkeypatch):
    monkeypatch.setattr(constants, "LARGEST_KEPT", S * D * 4 - 1)
    made = compiled(turned)
    ops = {entry.op for entry in made.fallbacks}
    assert "aten.cos.default" in ops and "aten.pow.Scalar" not in ops
    numerics.check(made(q, k, v), turned, (q, k, v))


@pytest.mark.parametrize("size", [7, 40])
def test_sizes_of_a_call_are_no_numbers(size):
    length = torch.export.Dim("length", min=2, max=100)
    shapes = {"args": tuple({2: length} for _ in range(3))}
    made = compiled(turned, dynamic_shapes=shapes)
    args = tuple(x[:, :, :size] for x in (q, k, v))
    numerics.check(made(*args), turned, args)
    assert any(entry.op == "aten.cos.default" for entry in made.fallbacks)
