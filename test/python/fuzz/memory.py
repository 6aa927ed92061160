# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The memory that a program which is one kernel takes: as many rows, never as many scores."""

from __future__ import annotations

import inspect

import torch

from numerics import as_module, each
from variants.measure import extra_memory

# Four times the length: what is linear takes four times as much, scores take sixteen times. Less
# than a megabyte is no tensor of scores.
LENGTHS = 256, 1024
MOST, LITTLE = 6, 2**20


def grown(names: dict) -> str | None:
    """What is wrong with a program's memory at the greater length; None where it cannot be longer.

    Args:
        names: the globals of the program's file, which is one kernel at its own lengths.
    """
    import flashlight

    parameters = [name for name in inspect.signature(names["inputs"]).parameters if name != "seed"]
    taken = []
    for length in LENGTHS:
        try:
            arguments = tuple(names["inputs"](0, **dict.fromkeys(parameters, length)))
            each(names["function"](*arguments))
        except (IndexError, RuntimeError):  # a table or a view that has its own lengths
            return None
        exported = torch.export.export(as_module(names["function"]), arguments)
        taken.append(extra_memory(flashlight.compile(exported, target="cpu"), arguments))
    if taken[1] > max(MOST * taken[0], LITTLE):
        return f"{taken[0]} bytes at length {LENGTHS[0]}, {taken[1]} at {LENGTHS[1]}"
    return None
