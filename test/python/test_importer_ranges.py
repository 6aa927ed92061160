# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Intervals of index arithmetic: they hold what eager computes, and spare a wrapping."""

import pytest
import torch

import numerics
from flashlight.importer import import_program
from flashlight.importer.ranges import interval
from flashlight.interpreter import interpret

I = torch.arange(9)  # noqa: E741

# Name: the program of an integer tensor x, and what is known of it where nothing is of x.
KNOWN = {
    "iota": (lambda x: torch.arange(9) + 2, (2, 10)),
    "reverse": (lambda x: torch.arange(9).flip(0), (0, 8)),
    "distance": (lambda x: torch.arange(5)[:, None] - torch.arange(9), (-8, 4)),
    "clamped": (lambda x: x.clamp(-3, 4) + 3, (0, 7)),
    "least": (lambda x: x.clamp(min=0), (0, None)),
    "greatest": (lambda x: x.clamp(max=5), (None, 5)),
    "absolute": (lambda x: (torch.arange(5)[:, None] - torch.arange(9)).abs(), (0, 8)),
    "absolute-unknown": (lambda x: x.abs(), (None, None)),
    "remainder": (lambda x: x % 7, (0, 6)),
    "remainder-negative": (lambda x: x % -7, (None, None)),
    "quotient": (lambda x: torch.arange(9) // 4, (0, 2)),
    "quotient-below": (lambda x: (torch.arange(9) - 5) // 4, (-2, 0)),
    "product": (lambda x: (torch.arange(9) - 5) * (torch.arange(9) - 1), (-35, 21)),
    "selected": (lambda x: torch.where(x > 0, torch.arange(9), -2), (-2, 8)),
    "truth": (lambda x: (x > 0).long() * 3, (0, 3)),
    "total": (lambda x: (x > 0).long().sum(-1), (0, None)),
    "running": (lambda x: (x > 0).long().cumsum(-1), (0, None)),
    "joined": (lambda x: torch.cat([torch.arange(3), torch.arange(4) - 1]), (-1, 2)),
    "looked-up": (lambda x: torch.arange(9)[x % 9] * 2, (0, 16)),
    "bits": (lambda x: x & 3, (0, 3)),
    "overflow": (lambda x: torch.arange(9).to(torch.int8) + 125, (None, None)),
    "unknown": (lambda x: x + 1, (None, None)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_interval(name):
    function, expected = KNOWN[name]
    x = torch.tensor([-(2**62), -9, -1, 0, 1, 3, 8, 77, 2**62])
    program = import_program(torch.export.export(numerics.as_module(function), (x,)))
    result = program.module.body.operations[0].regions[0].blocks[0].operations[-1]
    low, high = interval(result.operation.operands[0])
    assert (low, high) == expected
    (values,) = interpret(program.module, "main", [x][: len(program.inputs)], {})
    assert low is None or values.min() >= low
    assert high is None or values.max() <= high


def compiled_text(function, *args):
    program = import_program(torch.export.export(numerics.as_module(function), args))
    return program, str(program.module)


def test_known_index_is_not_wrapped():
    table = torch.randn(7, 4)
    assert "arith.cmpi" in compiled_text(lambda t, i: t[i], table, I % 7)[1]
    _, text = compiled_text(lambda t, x: t[(x[:, None] - x).clamp(-3, 3) + 3], table, I)
    assert "flashlight.gather" in text and "arith.select" not in text


def test_mask_is_no_index():
    mask = torch.ones(7, dtype=torch.bool)
    program, _ = compiled_text(lambda t, m: t[m].sum(0), torch.randn(7, 4), mask)
    reasons = [call.reason for call in program.calls.values()]
    assert any("mask as an index" in reason for reason in reasons), reasons


def test_scan_between_flips_is_a_backward_scan():
    program, _ = compiled_text(lambda x: x.flip(-1).cumsum(-1).flip(-1), torch.randn(3, 7))
    result = program.module.body.operations[0].regions[0].blocks[0].operations[-1]
    scan = result.operation.operands[0].owner
    assert scan.name == "flashlight.scan" and "reverse" in scan.attributes
