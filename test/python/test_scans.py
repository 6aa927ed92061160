# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scans of scores along the keys become state that is carried from block to block."""

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics
from flashlight.importer import import_program
from pass_harness import check_pass
from variants import measure

torch.manual_seed(0)
B, H, S, D, E = 2, 3, 50, 16, 24
R = torch.randn
q, k, v = R(B, H, S, D), R(B, H, S, D), R(B, H, S, E)


def broken_stick_in_float(q, k, v):
    """Scores in float, the stick in log space, strictly causal, by einsum."""
    z = torch.einsum("bhid,bhjd->bhij", q, k).float() * D**-0.5
    mask = torch.ones(S, S, dtype=torch.bool).tril(-1)
    broken = F.logsigmoid(-z).masked_fill(~mask, 0)
    after = torch.flip(torch.cumsum(torch.flip(broken, [-1]), -1), [-1]) - broken
    return torch.einsum("bhij,bhje->bhie", (F.logsigmoid(z) + after).exp() * mask, v)


def running_softmax(q, k, v):
    """Every key over the sum up to itself: a running maximum and a running sum."""
    scores = q @ k.mT * 0.25
    top = torch.cummax(scores, -1).values
    return (torch.exp(scores - top) / (1 + scores.sigmoid().cumsum(-1))) @ v


def sums_from_both_ends(q, k, v):
    gates = torch.sigmoid(q @ k.mT * 0.25)
    before = gates.cumsum(-1)
    after = gates.flip(-1).cumsum(-1).flip(-1)
    return (gates / (before + after)) @ v


def rank_by_mass(q, k):
    """How many keys it takes, from the first, until half of the weights is reached."""
    weights = torch.softmax(q @ k.mT, -1)
    return (weights.cumsum(-1) < 0.5).float().sum(-1)


# Function, arguments, sweeps.
CASES = [
    (broken_stick_in_float, (q, k, v), 1),
    (running_softmax, (q, k, v), 1),
    (sums_from_both_ends, (q, k, v), 2),
    (rank_by_mass, (q, k), 2),
]


@pytest.mark.parametrize("function, args, passes", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_scan(function, args, passes):
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert measure.form_of(compiled) == measure.Form(1, passes, ())


@pytest.mark.parametrize("function, args, passes", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_scan_by_the_interpreter(function, args, passes):
    """The derived kernel, swept in any blocks."""
    program = torch.export.export(numerics.as_module(function), args)
    text = str(import_program(program).module)
    check_pass(text, "flashlight-to-kernel", args, blocks=(None, 7, 16))


def test_long_sums_keep_their_digits():
    """A phase that is a sum over many keys: its error does not grow with their number."""
    q, k, v = R(1, 2, 8, D), R(1, 2, 4000, D), R(1, 2, 4000, E)

    def function(q, k, v):
        return (q @ k.mT * 0.25).relu().cumsum(-1).sin() @ v

    program = torch.export.export(numerics.as_module(function), (q, k, v))
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(q, k, v), function, (q, k, v))
    assert measure.form_of(compiled) == measure.Form(1, 1, ())


def test_sums_that_become_infinite():
    """What is lost by rounding is no number there."""
    q, k, v = R(1, 2, 8, D), R(1, 2, 300, D), R(1, 2, 300, E)

    def function(q, k, v):
        z = F.logsigmoid(q @ k.mT * 0.25).masked_fill(torch.arange(300) == 100, -torch.inf)
        return z.cumsum(-1).exp() @ v

    program = torch.export.export(numerics.as_module(function), (q, k, v))
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(q, k, v), function, (q, k, v))
    assert compiled.kernels
