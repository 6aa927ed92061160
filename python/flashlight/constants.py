# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps of a plan that need nothing of a call: they run once, at the first one.

A table of sines made of positions, a decay made of numbers: eager computes them again in every
call. What of them the other steps read is kept, unless it is large or the program may hand it out
to somebody who could change it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from .fallbacks import MOVES
from .steps import Evaluate, Launch, Pick, RunNode, Slot, Step, SymbolName

# A value that is larger is computed in every call, as in eager.
LARGEST_KEPT = 16 << 20  # bytes


def split_constant(
    steps: Sequence[Step],
    constants: Iterable[int],
    outputs: Sequence[Any],
    bytes_of: Callable[[Step], float],
) -> tuple[list[Step], list[Step]]:
    """The steps that may run once, and those that every call runs, both in order.

    Args:
        steps: all steps of a plan.
        constants: the slots of the program's own constant tensors.
        outputs: what the plan returns: slots, and others.
        bytes_of: the size of what a step writes.
    """
    constants = set(constants)
    maker = {slot: step for step in steps for slot in step.writes}
    given_out = {output.index for output in outputs if isinstance(output, Slot)}
    ruled_out: set[int] = set()  # by the step's id
    while True:
        made: set[int] = set()  # slots
        for step in steps:
            known = all(slot in made or slot in constants for slot in step.reads)
            if known and id(step) not in ruled_out and _is_constant(step):
                made.update(step.writes)
        # What a result may share memory with.
        shared = [slot for slot in given_out if slot in made]
        for step in steps:
            if not made.issuperset(step.writes) and _may_alias(step):
                shared += [slot for slot in step.reads if slot in made]
        for step in steps:
            if made.issuperset(step.writes) and step.writes:
                continue
            ruled_out |= {
                id(maker[slot])
                for slot in step.reads
                if slot in made and bytes_of(maker[slot]) > LARGEST_KEPT
            }
        while shared:
            step = maker[shared.pop()]
            if id(step) not in ruled_out:
                ruled_out.add(id(step))
                shared += [slot for slot in step.reads if slot in made]
        if not any(id(maker[slot]) in ruled_out for slot in made):
            break
    once: tuple[list[Step], list[Step]] = ([], [])
    for step in steps:
        once[not step.writes or not made.issuperset(step.writes)].append(step)
    return once


def _is_constant(step: Step) -> bool:
    """Whether the step gives the same whenever it reads the same, in any call."""
    if isinstance(step, RunNode):
        if step.binds or _has_symbol((step.args, tuple(step.kwargs.values()))):
            return False
        tags = getattr(step.target, "tags", ())
        return bool(step.writes) and torch.Tag.nondeterministic_seeded not in tags
    return (isinstance(step, Evaluate) and not step.symbols) or isinstance(step, Pick)


def _has_symbol(argument: Any) -> bool:
    if isinstance(argument, (list, tuple)):
        return any(_has_symbol(entry) for entry in argument)
    return isinstance(argument, SymbolName)


def _may_alias(step: Step) -> bool:
    """Whether what the step gives may lie in the memory of what it reads."""
    if isinstance(step, Launch):
        return False
    if isinstance(step, Evaluate):
        return step.op in MOVES
    schema = getattr(getattr(step, "target", None), "_schema", None)
    return schema is None or any(result.alias_info is not None for result in schema.returns)


def bytes_of(value: Any) -> float:
    """The bytes of a fake tensor, or of several; infinite where its size is a symbol."""
    if isinstance(value, (list, tuple)):
        return sum(bytes_of(entry) for entry in value)
    if not isinstance(value, torch.Tensor):
        return 0
    if any(isinstance(size, torch.SymInt) for size in value.shape):
        return math.inf
    return value.numel() * value.element_size()
