# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps of a plan: what one call of a compiled program does, one after the other.

Values live in numbered slots. A step reads slots and fills slots; the plan empties a slot after
the last step that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from .fallbacks import Fallback
from .symbols import SymbolValues


class Launchable(Protocol):
    """A compiled kernel, whatever compiled it."""

    def launch(
        self,
        inputs: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        symbols: dict[str, int],
    ) -> None:
        """Runs the whole grid; fills `outputs`."""


@dataclass
class State:
    """One call: the values of slots and symbols."""

    slots: list[Any]
    symbols: SymbolValues


class Step:
    """Something a plan does."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        raise NotImplementedError


@dataclass
class Allocation:
    """An output to allocate: its extents (an int, or a symbol's name), and the order of its dims in
    memory, outermost first."""

    shape: tuple[int | str, ...]
    dtype: torch.dtype
    order: tuple[int, ...]

    def __post_init__(self) -> None:
        """Notes whether the sizes are known."""
        self._static = all(isinstance(size, int) for size in self.shape)
        self._contiguous = self.order == tuple(range(len(self.shape)))

    def tensor(self, symbols: SymbolValues, device: torch.device) -> torch.Tensor:
        """A new tensor, uninitialised."""
        sizes = self.shape
        if not self._static:
            sizes = [size if isinstance(size, int) else symbols[size] for size in sizes]
        if self._contiguous:
            return torch.empty(sizes, dtype=self.dtype, device=device)
        return torch.empty_permuted(sizes, self.order, dtype=self.dtype, device=device)


@dataclass
class Launch(Step):
    """Runs a kernel."""

    name: str
    kernel: Launchable
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    outputs: tuple[Allocation, ...]
    device: torch.device

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        slots = state.slots
        results = [output.tensor(state.symbols, self.device) for output in self.outputs]
        self.kernel.launch([slots[slot] for slot in self.reads], results, state.symbols)
        for slot, result in zip(self.writes, results, strict=True):
            slots[slot] = result


@dataclass(frozen=True)
class Slot:
    """In a call's arguments: the value of a slot."""

    index: int


@dataclass(frozen=True)
class SymbolName:
    """In a call's arguments: the value of a symbol or an expression."""

    name: str


@dataclass
class RunNode(Step):
    """Runs a node of the exported graph with PyTorch, as it was written."""

    node: str
    target: Callable[..., Any]
    args: tuple
    kwargs: dict
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    # Data-dependent symbols that the result gives: name, and the path to it in the result.
    binds: tuple[tuple[str, tuple], ...] = ()

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        args = [_resolve(argument, state) for argument in self.args]
        kwargs = {key: _resolve(argument, state) for key, argument in self.kwargs.items()}
        result = self.target(*args, **kwargs)
        for name, keypath in self.binds:
            value = result
            for key in keypath:
                value = key.get(value)
            state.symbols[name] = int(value)
        if self.writes:
            state.slots[self.writes[0]] = result


def _resolve(argument: Any, state: State) -> Any:
    if isinstance(argument, Slot):
        return state.slots[argument.index]
    if isinstance(argument, SymbolName):
        return state.symbols[argument.name]
    if isinstance(argument, (list, tuple)):
        return type(argument)(_resolve(entry, state) for entry in argument)
    return argument


@dataclass
class Pick(Step):
    """Takes one tensor out of a node's result: `path` indexes nested sequences."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    path: tuple[int, ...]

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        value = state.slots[self.reads[0]]
        for index in self.path:
            value = value[index]
        state.slots[self.writes[0]] = value


@dataclass
class Evaluate(Step):
    """Evaluates an op that is part of no kernel and is no node's value, by the interpreter."""

    op: str
    step: Callable[..., Sequence[torch.Tensor]]
    device: torch.device
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    symbols: tuple[str, ...] = field(default=())
    node: str | None = None  # the exported graph's, of which the op is a part

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        from .interpreter.machine import Frame

        values = {name: state.symbols[name] for name in self.symbols}
        frame = Frame(symbols=values, device=self.device)
        results = self.step(frame, [state.slots[slot] for slot in self.reads])
        for slot, result in zip(self.writes, results, strict=True):
            state.slots[slot] = result


@dataclass
class Release(Step):
    """Forgets values that nothing reads any more."""

    slots: tuple[int, ...]
    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()

    def run(self, state: State) -> None:
        """Runs the step on a call\'s state."""
        for slot in self.slots:
            state.slots[slot] = None


def with_releases(steps: Sequence[Step], outputs: Sequence[Any]) -> list[Step]:
    """The steps with a `Release` of each slot after its last use; outputs are kept."""
    kept = {output.index for output in outputs if isinstance(output, Slot)}
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        for slot in (*step.reads, *step.writes):
            last[slot] = i
    released: dict[int, list[int]] = {}
    for slot, i in last.items():
        if slot not in kept:
            released.setdefault(i, []).append(slot)
    result: list[Step] = []
    for i, step in enumerate(steps):
        result.append(step)
        if i in released:
            result.append(Release(tuple(sorted(released[i]))))
    return result


@dataclass
class Plan:
    """The steps of a call, and the slots where inputs go and outputs are found.

    Attributes:
        steps: what every call runs.
        slots: how many values a call has room for.
        inputs: the slots of the placeholders' values.
        outputs: for each output a slot, a symbol's name, or a constant.
        fallbacks: the ops that PyTorch runs in every call.
        once: what the first call runs, of numbers alone.
        once_ops: the ops that these compute.
    """

    steps: list[Step]
    slots: int
    inputs: list[int]
    outputs: list[Any]
    fallbacks: list[Fallback]
    once: list[Step] = field(default_factory=list)
    once_ops: list[Fallback] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Notes which values of the first call are kept."""
        made = {slot for step in self.once for slot in step.writes}
        self._kept_slots = {slot for step in self.steps for slot in step.reads if slot in made}
        self._kept: dict[int, Any] | None = None if self.once else {}

    def calls_torch(self) -> bool:
        """Whether a step computes with PyTorch, which might record it for autograd."""
        return any(isinstance(step, (RunNode, Evaluate)) for step in self.steps)

    def run(self, inputs: Sequence[Any], symbols: SymbolValues) -> list[Any]:
        """Runs a call on the values of all placeholders, in order; returns the flat outputs."""
        state = State([None] * self.slots, symbols)
        for slot, value in zip(self.inputs, inputs, strict=True):
            state.slots[slot] = value
        if self._kept is None:
            self._kept = self._run_once(inputs, symbols)
        for slot, value in self._kept.items():
            state.slots[slot] = value
        for step in self.steps:
            step.run(state)
        result = []
        for output in self.outputs:
            if isinstance(output, Slot):
                result.append(state.slots[output.index])
            elif isinstance(output, SymbolName):
                result.append(symbols[output.name])
            else:
                result.append(output)
        return result

    def _run_once(self, inputs: Sequence[Any], symbols: SymbolValues) -> dict[int, Any]:
        state = State([None] * self.slots, symbols)
        for slot, value in zip(self.inputs, inputs, strict=True):
            state.slots[slot] = value
        # Whatever the first call's surroundings are: the values outlive them.
        with torch.inference_mode(False), torch.no_grad():
            for step in self.once:
                step.run(state)
        return {slot: state.slots[slot] for slot in self._kept_slots}
