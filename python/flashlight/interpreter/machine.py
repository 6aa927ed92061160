# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The machine: a block of ops is translated once into steps, and the steps are run.

A *builder* reads an op's attributes and types and returns what the op does to torch tensors. All
levels share one machine; what differs is the table of builders (see the modules beside this one)
and what stands in a `Frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.types import TypeInfo, type_info
from flashlight.mlir import ir

Run = Callable[..., Sequence[Any]]
"""What a step does: takes the frame and the operands' values, returns the results' values."""
Builder = Callable[[ir.Operation, "Translator"], Run]
RunKernel = Callable[[str, list[Any], int], None]
TorchCall = Callable[[ir.Operation, list[torch.Tensor]], Sequence[torch.Tensor]]

_BUILDERS: dict[str, Builder] = {}
TERMINATORS = frozenset(
    {
        "func.return",
        "scf.yield",
        "scf.condition",
        "flashlight.yield",
        "tt.return",
        "tt.reduce.return",
        "tt.scan.return",
    }
)


def builder(*names: str) -> Callable[[Builder], Builder]:
    """Registers the builder of the ops called `names`."""

    def register(function: Builder) -> Builder:
        for name in names:
            _BUILDERS[name] = function
        return function

    return register


def pointwise(*names: str) -> Callable[[Callable[..., torch.Tensor]], Callable[..., torch.Tensor]]:
    """Registers a function of tensors as the whole meaning of ops without attributes."""

    def register(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def build(_op: ir.Operation, _translator: Translator) -> Run:
            return lambda _frame, *operands: (function(*operands),)

        for name in names:
            _BUILDERS[name] = build
        return function

    return register


def known_ops() -> frozenset[str]:
    """The names of all ops that have a meaning here, terminators left out."""
    return frozenset(_BUILDERS)


@dataclass
class Options:
    """What a run may vary.

    Attributes:
        dtype: the dtype of all float arithmetic (`torch.float64` to judge numerics), or None for
            what each type says. Casts between float types then change nothing.
        blocks: how `flashlight.stream` cuts its axis: a block size, a list of block sizes that sum
            to the extent, or None for one block.
        merge: blocks are swept apart, each from the inits, and their states merged, in a stream
            that has a `merge` region.
        torch_call: runs `flashlight.torch_call`: called with the op and its operands' values.
        run_kernel: runs what `flashlight.launch` launches, in place of the kernel's tile program:
            called with its name, its arguments (tensors, ints for symbols) and the number of
            programs in its grid; writes the outputs among the arguments.
    """

    dtype: torch.dtype | None = None
    blocks: int | Sequence[int] | None = None
    torch_call: TorchCall | None = None
    run_kernel: RunKernel | None = None
    merge: bool = False


@dataclass
class Frame:
    """What stands still while steps run.

    Attributes:
        values: the value of each SSA value, by its slot.
        symbols: the extents of symbolic dims; a symbol unknown at first is bound by the first
            tensor that has it.
        extents: in a kernel, first index and size of each axis: of the block in a stream.
        program: the index of the running program along each grid dimension; () outside of a grid.
        grid: the number of programs along each grid dimension.
        device: where tensors are made.
        checked: whether results are held against their types; not where ops on scalars are run on
            whole tiles.
    """

    values: dict[int, Any] = field(default_factory=dict)
    symbols: dict[str, int] = field(default_factory=dict)
    extents: dict[str, tuple[int, int]] = field(default_factory=dict)
    program: tuple[int, ...] = ()
    grid: tuple[int, ...] = ()
    device: torch.device | str = "cpu"
    checked: bool = True

    def symbol(self, name: str) -> int:
        """The value of a symbol; an error if nothing gave it one."""
        if name not in self.symbols:
            raise InterpreterError(f"symbol '{name}' has no value; known: {sorted(self.symbols)}")
        return self.symbols[name]

    def extent(self, extent: int | str) -> int:
        """An extent that is a size or a symbol."""
        return self.symbol(extent) if isinstance(extent, str) else extent

    def shape(self, info: TypeInfo) -> tuple[int, ...]:
        """The run-time shape of a tensor type; () for a scalar."""
        if info.axes is not None:
            return tuple(self.extents[axis][1] for axis in info.axes)
        if info.shape is None:
            return ()
        if None not in info.shape:
            return info.shape
        if info.symbols is None:
            raise InterpreterError(f"type {info.text} does not name its dynamic dims")
        return tuple(
            self.symbol(symbol) if symbol is not None else extent
            for extent, symbol in zip(info.shape, info.symbols, strict=True)
        )

    def bind(self, info: TypeInfo, value: torch.Tensor, role: str) -> None:
        """Checks that `value` has the type's shape; gives unknown symbols their value."""
        if info.axes is not None or info.shape is None:
            expected: tuple[int | None, ...] = self.shape(info)
        else:
            expected = info.shape
            if info.symbols is not None and len(expected) == value.dim():
                for symbol, actual in zip(info.symbols, value.shape, strict=True):
                    if symbol is not None:
                        self.symbols.setdefault(symbol, actual)
                expected = self.shape(info)
        if len(expected) != value.dim() or any(
            want is not None and want != got
            for want, got in zip(expected, value.shape, strict=True)
        ):
            raise InterpreterError(
                f"expected {role} of shape {_dims(expected)} ({info.text}), "
                f"got {_dims(value.shape)}"
            )


def _dims(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if extent is None else str(extent) for extent in shape) + "]"


@dataclass
class Step:
    """One op, ready to run: slots of its operands and results, and what it does."""

    op: ir.Operation
    run: Run
    operands: tuple[int, ...]
    results: tuple[int, ...]
    infos: tuple[TypeInfo, ...]
    dtypes: tuple[torch.dtype | None, ...]

    def __call__(self, frame: Frame, operands: Sequence[Any]) -> Sequence[Any]:
        """Runs the op and checks what it gives against the types of its results."""
        try:
            values = self.run(frame, *operands)
            if not frame.checked:
                return values
            for info, dtype, value in zip(self.infos, self.dtypes, values, strict=True):
                if isinstance(value, torch.Tensor):
                    frame.bind(info, value, "a result")
                    if value.dtype != dtype:
                        raise InterpreterError(f"expected a result of {dtype}, got {value.dtype}")
            return values
        except InterpreterError as error:
            if error.op_name is not None:
                raise
            raise InterpreterError(str(error), self.op) from error
        except Exception as error:
            raise InterpreterError(f"cannot be evaluated: {error}", self.op) from error


@dataclass
class Body:
    """A translated block.

    Attributes:
        arguments: the slots of the block's arguments.
        steps: its ops, without the terminator.
        yields: the slots that the terminator passes on.
        terminator: the terminator itself, for its attributes; None if the block has none.
    """

    arguments: tuple[int, ...]
    steps: tuple[Step, ...]
    yields: tuple[int, ...]
    terminator: ir.Operation | None

    def run(self, frame: Frame, arguments: Sequence[Any]) -> list[Any]:
        """Runs the block and returns what its terminator passes on."""
        values = frame.values
        for slot, value in zip(self.arguments, arguments, strict=True):
            values[slot] = value
        for step in self.steps:
            results = step(frame, [values[slot] for slot in step.operands])
            for slot, value in zip(step.results, results, strict=True):
                values[slot] = value
        return [values[slot] for slot in self.yields]


class Translator:
    """Turns ops into steps, blocks into bodies, functions into bodies (each once)."""

    def __init__(self, options: Options | None = None, module: ir.Module | None = None) -> None:
        """Starts with nothing translated."""
        self.options = options or Options()
        self.module = module
        self._slots: dict[ir.Value, int] = {}
        self._infos: dict[ir.Type, TypeInfo] = {}
        self._functions: dict[str, tuple[ir.Operation, Body]] = {}

    def slot(self, value: ir.Value) -> int:
        """The number of an SSA value."""
        return self._slots.setdefault(value, len(self._slots))

    def info(self, type_: ir.Type) -> TypeInfo:
        """`type_info`, remembered."""
        if type_ not in self._infos:
            self._infos[type_] = type_info(type_)
        return self._infos[type_]

    def dtype(self, type_: ir.Type) -> torch.dtype | None:
        """The dtype that values of a type have in this run; None for pointers."""
        return self.dtype_of(self.info(type_))

    def dtype_of(self, info: TypeInfo) -> torch.dtype | None:
        """As `dtype`, for a type already read."""
        if info.dtype is not None and info.dtype.is_floating_point and self.options.dtype:
            return self.options.dtype
        return info.dtype

    def step(self, op: ir.Operation) -> Step:
        """Translates one op; an unknown op is an error that names it."""
        build = _BUILDERS.get(op.name)
        if build is None:
            raise InterpreterError("has no meaning in the interpreter", op)
        try:
            run = build(op, self)
        except InterpreterError as error:
            if error.op_name is not None:
                raise
            raise InterpreterError(str(error), op) from error
        infos = tuple(self.info(result.type) for result in op.results)
        return Step(
            op,
            run,
            tuple(self.slot(operand) for operand in op.operands),
            tuple(self.slot(result) for result in op.results),
            infos,
            tuple(self.dtype_of(info) for info in infos),
        )

    def block(self, block: ir.Block) -> Body:
        """Translates a block."""
        arguments = tuple(self.slot(argument) for argument in block.arguments)
        steps: list[Step] = []
        for view in block.operations:
            op = view.operation
            if op.name in TERMINATORS:
                yields = tuple(self.slot(operand) for operand in op.operands)
                return Body(arguments, tuple(steps), yields, op)
            steps.append(self.step(op))
        return Body(arguments, tuple(steps), (), None)

    def region(self, op: ir.Operation, index: int = 0) -> Body | None:
        """Translates the single block of a region; None for an empty region."""
        blocks = list(op.regions[index].blocks)
        if len(blocks) > 1:
            raise InterpreterError("expected structured control flow: one block a region", op)
        return self.block(blocks[0]) if blocks else None

    def function(self, name: str) -> tuple[ir.Operation, Body]:
        """A function of the module by its name, translated once."""
        if name not in self._functions:
            op = self._find(name)
            body = self.region(op)
            if body is None:
                raise InterpreterError(f"function '{name}' has no body", op)
            self._functions[name] = (op, body)
        return self._functions[name]

    def _find(self, name: str) -> ir.Operation:
        if self.module is None:
            raise InterpreterError(f"there is no module to find function '{name}' in")
        for view in self.module.body.operations:
            op = view.operation
            if (
                "sym_name" in op.attributes
                and ir.StringAttr(op.attributes["sym_name"]).value == name
            ):
                return op
        raise InterpreterError(f"the module has no function '{name}'")


def argument_attribute(function: ir.Operation, index: int, name: str) -> ir.Attribute | None:
    """An attribute of a function's argument, or None."""
    if "arg_attrs" not in function.attributes:
        return None
    attributes = ir.ArrayAttr(function.attributes["arg_attrs"])[index]
    if name not in attributes:
        return None
    return attributes[name]
