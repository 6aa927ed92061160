# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`flashlight.compile` and what it returns."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from . import _core, pipeline
from .errors import ArgumentTypeError, CompileError, KernelError, SourceLocation
from .fallbacks import Fallback
from .fitting import Refused, blamed, compile_kernel, estimated_cost
from .guards import Guards
from .importer import ImportedProgram, import_program
from .interpreter.types import parse_axis
from .main_function import function_of, kernel_ops, names_of_values
from .mlir import ir
from .options import Options, to_options
from .plan import make_plan
from .report import Explanation, explain
from .report.tile_work import TileWork, count_tiles
from .report.work import Work, kernel_work
from .steps import Plan
from .symbols import Expressions
from .targets import Target, parse_target

# Of a kernel that could be split and was not.
_IN_PARTS = "flashlight.in_parts"
# Of a kernel that is a part of a split one.
_PART_OF = "flashlight.part_of"

_BACKENDS = {"cpu": "flashlight.backends.cpu", "cuda": "flashlight.backends.triton"}


class CompiledKernel(Protocol):
    """What a backend makes of one kernel."""

    stages: Mapping[str, Any]
    resources: Any

    def launch(
        self,
        inputs: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        symbols: Mapping[str, int],
    ) -> None:
        """Runs the whole grid; fills `outputs`."""


class _Stages(Mapping[str, Any]):
    """The compiler's own stages, then the backend's (which may make a text when it is read)."""

    def __init__(self, own: dict[str, str], backend: Mapping[str, Any]) -> None:
        self._own = own
        self._backend = backend

    def __getitem__(self, name: str) -> Any:
        return self._own[name] if name in self._own else self._backend[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._backend if name not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Formula(NamedTuple):
    """A line of what a kernel computes.

    Attributes:
        section: "reads", "sweep over n", ...
        text: the formula.
        nodes: the graph's nodes that it is made of.
    """

    section: str
    text: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    """One fused kernel of a compiled program.

    Attributes:
        name: unique in the program.
        axes: the iteration space: for each axis its extent, or the name of the symbol it has.
        stages: the kernel as text (or bytes) on its way, "kernel" and "tile" first, then the
            backend's own: "llvm", "object", or "ttir", "ttgir", "llir", "ptx", "cubin".
        resources: what the backend knows of registers, spills and shared memory, in bytes.
        locations: the lines of the user's code that it computes.
        formulas: what it computes: what it reads, the running state, its update for a block of
            keys, how two parts merge, the results.
        nodes: the graph's nodes that it computes, and the ops of the kernel that came from each.
        work: operations and bytes, as formulas.
        remarks: why it takes more than one sweep over its streamed axis, why it was split.
        part_of: the kernel that it is a part of, where that was split.
        cost: what the cost model expects of it, with the tiles that were taken: "microseconds",
            "registers" a thread, "shared" bytes a program, "flops" and more (docs/cost.md).
    """

    name: str
    axes: dict[str, int | str]
    stages: Mapping[str, Any]
    resources: Any
    locations: tuple[SourceLocation, ...]
    formulas: tuple[Formula, ...]
    nodes: Mapping[str, frozenset[str]]
    work: Work
    remarks: tuple[pipeline.Diagnostic, ...]
    part_of: str | None
    cost: Mapping[str, int | float | str]
    _function: ir.Operation = field(repr=False)

    def count(self, symbols: Mapping[str, int] | None = None) -> TileWork:
        """What its tile programs do in one call: operations and bytes.

        Args:
            symbols: the value of each symbol that its extents have.

        Raises:
            KeyError: a symbol without a value.
            NotCounted: loops whose bounds depend on data.
        """
        return count_tiles(self._function, symbols or {})


@dataclass
class CompiledProgram:
    """A callable with the signature and outputs of `exported_program.module()`.

    It computes no gradients. Calls raise ArgumentTypeError or ArgumentValueError for arguments that
    the program was not compiled for.

    Attributes:
        target: what it was compiled for.
        kernels: its fused kernels, in the order of the program.
        fallbacks: the ops that stayed with PyTorch, with reason and location.
        stages: the whole program as text, at each level: "program", "kernel", "tile".
    """

    target: Target
    kernels: list[Kernel]
    fallbacks: list[Fallback]
    stages: dict[str, str]
    _plan: Plan = field(repr=False)
    _guards: Guards = field(repr=False)
    _state: list[Any] = field(repr=False)  # the value of each placeholder that is no user input
    _user: list[int] = field(repr=False)  # the placeholders that are
    _out_spec: pytree.TreeSpec | None = field(repr=False)
    _device: torch.device = field(repr=False)
    _source: ImportedProgram = field(repr=False)

    def __post_init__(self) -> None:
        """Notes what every call would ask."""
        self._calls_torch = self._plan.calls_torch()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the program."""
        leaves = self._guards.flatten(args, kwargs)
        symbols = self._guards.check(leaves)
        self._check_device()
        values = list(self._state)
        for index, leaf in zip(self._user, leaves, strict=True):
            values[index] = leaf
        if self._calls_torch and torch.is_grad_enabled():
            with torch.no_grad():
                outputs = self._plan.run(values, symbols)
        else:
            outputs = self._plan.run(values, symbols)
        if self._out_spec is None:
            return tuple(outputs)
        return pytree.tree_unflatten(outputs, self._out_spec)

    def _check_device(self) -> None:
        if self.target.kind == self._device.type:
            return
        if self.target.kind == "cuda" and not torch.cuda.is_available():
            raise ArgumentTypeError(
                f"the program was compiled for '{self.target}', and this machine has no CUDA device"
            )
        raise ArgumentTypeError(
            f"the program was compiled for '{self.target}', and its tensors are on "
            f"'{self._device}'; export it on the device where it is to run"
        )

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What became kernels, what stayed with PyTorch, and why.

        Args:
            args, kwargs: arguments of a call, for the sizes of a program with dynamic shapes;
                without them such sizes are symbols in the report, and tiles are not counted.
        """
        symbols = None
        if args or kwargs:
            symbols = self._guards.check(self._guards.flatten(args, kwargs))
        return explain(self, symbols)


def compile(  # noqa: A001
    exported_program: torch.export.ExportedProgram,
    target: str | None = None,
    options: Options | Mapping[str, Any] | None = None,
) -> CompiledProgram:
    """Compiles an exported program: its attention into fused kernels, the rest runs in PyTorch.

    Args:
        exported_program: from `torch.export.export`; it may not change its inputs or buffers.
        target: "cpu", "cuda", "cuda:sm_90" (which needs no GPU to compile), or None for the device
            of the program's tensors.
        options: see `flashlight.Options`; a dict of the same names will do.

    Raises:
        CompileError: with the user's line, notes, and a reproducer where a pass failed.
    """
    return compile_with(None, exported_program, target, options)


def compile_with(
    backend: Any,
    exported_program: torch.export.ExportedProgram,
    target: str | None = None,
    options: Options | Mapping[str, Any] | None = None,
) -> CompiledProgram:
    """`compile` with a backend: what has `compile_kernel`; None for the target's own."""
    resolved = to_options(dict(options) if isinstance(options, Mapping) else options)
    refused = Refused()
    while True:
        program = import_program(exported_program)
        chosen = parse_target(target, program.device)
        resolved = replace(resolved, target=chosen)
        made = _compile_kernels(backend, program, resolved, refused)
        if isinstance(made, _Made):
            break
        name, error = made.name, made.error
        if name in refused.formed:
            raise error
        if made.may_be_split and name not in refused.whole:
            refused.whole[name] = error.message
            continue
        # Not silently: what was to be one kernel costs what PyTorch costs.
        refused.formed[name] = f"{chosen} has no kernel for it: {error.message}"
        warnings.warn(
            f"flashlight: kernel '{name}' stays with PyTorch: {error}", RuntimeWarning, stacklevel=3
        )
    expressions = Expressions()
    plan = make_plan(program.module, program, made.compiled, expressions)
    return assemble(program, chosen, made.kernels, plan, expressions, made.stages)


@dataclass(frozen=True)
class _Made:
    kernels: list[Kernel]
    compiled: dict[str, CompiledKernel]
    stages: dict[str, str]


@dataclass(frozen=True)
class _Failed:
    """A kernel that cannot be compiled, why, and whether it could be split."""

    name: str
    error: CompileError
    may_be_split: bool


def _compile_kernels(
    backend: Any, program: ImportedProgram, options: Options, refused: Refused
) -> _Made | _Failed:
    """Forms and compiles the kernels of a program, in place, but for those that are refused."""
    chosen = options.target
    stages = {"program": str(program.module)}
    refused.tell(program.module)
    remarks = pipeline.run_pipeline(program.module, pipeline.to_kernel(chosen), options)
    stages["kernel"] = str(program.module)
    formed = _describe(program, remarks)
    if not formed:
        return _Made([], {}, stages)
    before = program.module.operation.get_asm(enable_debug_info=True)
    splittable = {
        name for name, op in kernel_ops(program.module).items() if _IN_PARTS in op.attributes
    }

    def failed(name: str, error: CompileError) -> _Failed:
        # A part alone is never left out: the whole was one group.
        return _Failed(formed[name][1]["part_of"] or name, error, name in splittable)

    try:
        pipeline.run_pipeline(program.module, pipeline.to_tile(chosen), options)
    except CompileError as error:
        name = blamed(error, formed)
        if name is None:
            raise
        return failed(name, error)
    stages["tile"] = str(program.module)
    backend = backend or _backend(chosen)
    kernels: list[Kernel] = []
    compiled: dict[str, CompiledKernel] = {}
    for name, (text, described) in formed.items():
        try:
            module, made = compile_kernel(backend, program.module, before, name, options)
        except KernelError as error:
            return failed(name, error)
        compiled[name] = made
        function = function_of(module, name)
        texts = _Stages({"kernel": text, "tile": function.get_asm()}, made.stages)
        kernels.append(
            Kernel(
                name,
                stages=texts,
                resources=made.resources,
                cost=estimated_cost(function),
                _function=function,
                **described,
            )
        )
    return _Made(kernels, compiled, stages)


def assemble(
    program: ImportedProgram,
    target: Target,
    kernels: list[Kernel],
    plan: Plan,
    expressions: Expressions,
    stages: dict[str, str],
) -> CompiledProgram:
    """Puts a plan and its program's own tensors together."""
    ep = program.exported
    in_spec = ep.call_spec.in_spec
    guards = Guards(program.inputs, in_spec, program.symbols, expressions)
    state, user = [], []
    for index, entry in enumerate(program.inputs):
        if entry.kind == InputKind.USER_INPUT:
            user.append(index)
            state.append(None)
        elif entry.target in ep.state_dict:
            state.append(ep.state_dict[entry.target])
        elif entry.target in ep.constants:
            state.append(ep.constants[entry.target])
        else:
            raise CompileError(f"input '{entry.name}' ({entry.kind.name.lower()}) has no value")
    return CompiledProgram(
        target=target,
        kernels=kernels,
        fallbacks=plan.fallbacks,
        stages=stages,
        _plan=plan,
        _guards=guards,
        _state=state,
        _user=user,
        _out_spec=ep.call_spec.out_spec,
        _device=program.device,
        _source=program,
    )


def _backend(target: Target):
    name = _BACKENDS[target.kind]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CompileError(f"target '{target}' is not available here: {error}") from error


def _describe(
    program: ImportedProgram, remarks: Sequence[pipeline.Diagnostic]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """For each kernel its text and, by name, what `Kernel` has of it: the tile pass consumes it."""
    known = names_of_values(program.module)
    described = {}
    for name, op in kernel_ops(program.module).items():
        axes = map(parse_axis, ir.ArrayAttr(op.attributes["axes"]))
        nodes = _nodes(op)
        names = [known.get(value) for value in op.operands]
        results = [known.get(value) for value in op.results]
        described[name] = (
            op.get_asm(),
            {
                "axes": {axis.name: axis.extent for axis in axes},
                "locations": _locations(op),
                "formulas": tuple(
                    Formula(section, line, tuple(parts.split()))
                    for section, line, parts in _core.explain_kernel(op)
                ),
                "nodes": nodes,
                "part_of": ir.StringAttr(op.attributes[_PART_OF]).value
                if _PART_OF in op.attributes
                else None,
                "work": kernel_work(op, names, results, lambda name: program.expressions[name]),
                "remarks": tuple(
                    remark
                    for remark in remarks
                    if remark.location is not None and remark.location.node in nodes
                ),
            },
        )
    return described


def _nodes(op: ir.Operation) -> dict[str, frozenset[str]]:
    """The graph's nodes that a kernel computes, with the names of the ops that came from each."""
    found: dict[str, set[str]] = {}

    def visit(inner: ir.Operation) -> ir.WalkResult:
        location = pipeline.parse_location(str(inner.location))
        node = location.node if location is not None else None
        if node is not None and inner != op and not _is_read(inner):
            found.setdefault(node, set()).add(inner.name)
        return ir.WalkResult.ADVANCE

    op.walk(visit)
    return {name: frozenset(ops) for name, ops in found.items()}


def _is_read(op: ir.Operation) -> bool:
    """Whether an op only brings in what something else computed (a lookup is an op of its own)."""
    return op.name == "flashlight.read" and len(op.operands) == 1


def _locations(op: ir.Operation) -> tuple[SourceLocation, ...]:
    """The distinct user lines of the ops in a kernel, in order."""
    found: dict[tuple, SourceLocation] = {}

    def visit(inner: ir.Operation) -> ir.WalkResult:
        location = pipeline.parse_location(str(inner.location))
        if not _is_read(inner) and location is not None and location.file is not None:
            found.setdefault((location.file, location.line), location)
        return ir.WalkResult.ADVANCE

    op.walk(visit)
    return tuple(sorted(found.values(), key=lambda place: (place.file, place.line)))
