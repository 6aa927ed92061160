# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention modules of real models: what fuses, what does not and why, and the error.

    python benchmarks/models.py [--models Llama T5 ...] [--reasons]
    python benchmarks/models.py --write        writes docs/models.md

Exports small random configurations from `transformers` as they are, compiles them for the CPU, and
prints a markdown table. An attention block is a softmax or scaled dot product attention of the
exported graph; it is fused where it and contractions before and after it are in one kernel. Errors
are the mean ones against the same model in float64, ours beside eager's.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from model_zoo import LENGTH, MODELS, Model
from torch import fx
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

import flashlight
from flashlight.importer.flatten import flat_graph, functional_program
from flashlight.importer.locations import source_location

_ATTENTION = "aten.scaled_dot_product_attention.default"
_SOFTMAX = {"aten.softmax.int", "aten._softmax.default", "aten._safe_softmax.default"}
_CONTRACTIONS = {f"aten.{name}.default" for name in ("matmul", "bmm", "mm", "einsum", "baddbmm")}


@dataclass
class Report:
    """What came of one model in one implementation."""

    model: str
    attention: str
    problem: str | None = None
    blocks: int = 0
    fused: int = 0
    kernels: int = 0
    sweeps: int = 0
    calls: int = 0  # nodes that PyTorch runs, products with parameters apart
    projections: int = 0
    squares: int = 0
    seconds: float = 0.0
    error: float = 0.0
    eager_error: float = 0.0
    correct: bool = False
    reasons: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class Block:
    """An attention block: the node of the softmax, and the contractions around it."""

    softmax: frozenset[str]
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


def attention_blocks(graph: fx.Graph) -> list[Block]:
    """The attention blocks of an exported graph, in order."""
    blocks = []
    for node in graph.nodes:
        softmax = frozenset([node.name])
        if str(node.target) == _ATTENTION:
            blocks.append(Block(softmax))
        elif str(node.target) in _SOFTMAX:
            before = _nearest(node, lambda n: n.all_input_nodes)
            after = _nearest(node, lambda n: list(n.users))
            if before and after:  # the softmax of a router has no contraction of activations
                blocks.append(Block(softmax, frozenset(before), frozenset(after)))
    return blocks


def _nearest(node: fx.Node, neighbours) -> set[str]:
    """The first contractions of two activations in a direction, a few ops away at most."""
    level, found = [node], set()
    for _ in range(12):
        level = [other for n in level for other in neighbours(n)]
        rest = []
        for other in level:
            if str(other.target) in _CONTRACTIONS:
                found.add(other.name)
            elif other.op == "call_function" and "linear" not in str(other.target):
                rest.append(other)
        level = list(dict.fromkeys(rest))
    return found


def survey(model: Model, attention: str) -> Report:
    """Exports, compiles, runs and compares one model."""
    report = Report(model.name, attention)
    module, arguments = model.make(attention)
    with torch.no_grad():
        module(*arguments)
        try:
            exported = torch.export.export(module, arguments)
        except Exception as error:
            report.problem = "not exported: " + _short(error)
            return report
    start = time.perf_counter()
    try:
        compiled = flashlight.compile(exported, target="cpu")
        report.seconds = time.perf_counter() - start
        output = compiled(*arguments)
    except Exception as error:
        report.problem = f"{type(error).__name__}: {_short(error)}"
        return report
    graph = flat_graph(functional_program(exported).graph_module)  # what is compiled
    blocks = attention_blocks(graph)
    report.blocks = len(blocks)
    report.fused = sum(1 for block in blocks if _is_fused(block, graph, compiled))
    report.kernels = len(compiled.kernels)
    report.sweeps = sum(
        kernel.stages["kernel"].count("flashlight.stream ") for kernel in compiled.kernels
    )
    report.squares = squares(graph, compiled)
    for entry in compiled.fallbacks:
        if is_projection(entry):
            report.projections += 1
        else:
            report.calls += 1
            report.reasons[(entry.op, entry.reason)] += 1
    _compare(report, module, arguments, output)
    return report


def is_projection(entry: flashlight.plan.Fallback) -> bool:
    """Whether it stays behind as a product with a parameter."""
    return "projection" in entry.reason


def squares(graph: fx.Graph, compiled: flashlight.CompiledProgram) -> int:
    """Tensors with a value for every query and key that PyTorch makes in a call.

    Views and broadcasts are not made; both are told by the nodes that stay behind.
    """
    left = {entry.location.node for entry in compiled.fallbacks}
    made = [node.meta.get("val") for node in graph.nodes if node.name in left]
    shapes = [list(value.shape) for value in made if isinstance(value, torch.Tensor)]
    return sum(shape[-2:] == [LENGTH, LENGTH] for shape in shapes)


def _is_fused(block: Block, graph: fx.Graph, compiled: flashlight.CompiledProgram) -> bool:
    """Whether one kernel covers the block's lines and PyTorch runs none of its nodes."""
    left = {entry.location.node for entry in compiled.fallbacks}
    taken = [names - left for names in (block.softmax, block.before, block.after)]
    if not all(taken) and block.before:
        return False
    if not taken[0]:
        return False
    nodes = {node.name: source_location(node) for node in graph.nodes}
    for kernel in compiled.kernels:
        lines = {(place.file, place.line) for place in kernel.locations}
        if all(
            any((nodes[n].file, nodes[n].line) in lines for n in part) for part in taken if part
        ):
            return True
    return False


def _compare(report: Report, module: torch.nn.Module, arguments: tuple, output) -> None:
    """Mean errors against float64, and the numerics rule."""
    with torch.no_grad():
        eager = module(*arguments)
        wide = pytree.tree_map(
            lambda x: x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x,
            arguments,
        )
        exact = _float64(module, wide)
    own = (output.double() - exact).abs()
    base = (eager.double() - exact).abs()
    scale = exact.abs().max()
    report.error, report.eager_error = own.mean().item(), base.mean().item()
    report.correct = bool(
        own.mean() <= 10 * base.mean() + 1e-9 * scale and own.max() <= 2 * base.max() + 1e-5 * scale
    )


def _float64(module: torch.nn.Module, arguments: tuple) -> torch.Tensor:
    """The model in float64, casts inside of it to float32 included."""

    class Wide(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if function in (torch.Tensor.float, torch.Tensor.to, torch.Tensor.type):
                args = tuple(torch.float64 if x == torch.float32 else x for x in args)
                if function is torch.Tensor.float:
                    function = torch.Tensor.double
            if kwargs.get("dtype") == torch.float32:
                kwargs["dtype"] = torch.float64
            return function(*args, **kwargs)

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        wide = copy.deepcopy(module).double()
        for part in wide.modules():
            if hasattr(part, "config"):  # grouped products of experts know no float64
                part.config._experts_implementation = "eager"
        with Wide():
            return wide(*arguments)
    finally:
        torch.set_default_dtype(default)


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def table(reports: list[Report]) -> str:
    """The reports as markdown."""
    lines = [
        "| model | attention | blocks | fused | kernels | sweeps | left | projections "
        "| S x S | error | eager's error | compile s |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in reports:
        if r.problem is not None:
            lines.append(f"| {r.model} | {r.attention} | {r.problem} " + "| " * 9 + "|")
            continue
        mark = "" if r.correct else " WRONG"
        lines.append(
            f"| {r.model} | {r.attention} | {r.blocks} | {r.fused} | {r.kernels} | {r.sweeps} "
            f"| {r.calls} | {r.projections} | {r.squares} | {r.error:.1e}{mark} "
            f"| {r.eager_error:.1e} | {r.seconds:.1f} |"
        )
    return "\n".join(lines)


def reasons(report: Report) -> list[str]:
    """Why ops stayed behind, as lines: the reason, then the ops, the most frequent first."""
    by_reason: dict[str, Counter] = {}
    for (op, reason), count in report.reasons.items():
        by_reason.setdefault(reason, Counter())[op.removeprefix("aten.")] += count
    lines = []
    for reason, ops in sorted(by_reason.items(), key=lambda item: -item[1].total()):
        shown = ", ".join(f"{count} {op}" for op, count in ops.most_common())
        lines.append(f"{reason}: {shown}")
    return lines


HEAD = f"""# Models

What becomes of real models: small random configurations from `transformers`
{transformers.__version__}, exported as they are and compiled for the CPU in float32. Generated by
`python benchmarks/models.py --write`.

- *attention*: the implementation that `transformers` is asked for.
- *blocks*: softmaxes (or calls of scaled dot product attention) between two contractions of
  activations. *fused*: those that are in one kernel with both.
- *left*: ops outside of kernels, products with a parameter (*projections*) apart.
- *S x S*: tensors among these with a value for every query and key: scores, masks, biases.
- *error*: mean error of the model's output against the same model in float64, beside eager's.
"""


def page(reports: list[Report]) -> str:
    """The document."""
    good = [r for r in reports if r.problem is None]
    lines = [HEAD, table(reports), ""]
    blocks, fused = sum(r.blocks for r in good), sum(r.fused for r in good)
    lines.append(f"{fused} of {blocks} blocks are fused.\n")
    lines.append("## What stays with PyTorch, and why\n")
    for name in dict.fromkeys(r.model for r in good):
        # The implementations of a model differ in its attention alone.
        report = next(r for r in good if r.model == name)
        lines.append(f"**{name}** ({report.attention})\n")
        lines += [f"- {line}" for line in reasons(report)]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Prints the table, and on demand the reasons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--attention", nargs="*", default=["eager", "sdpa"])
    parser.add_argument("--reasons", action="store_true", help="print why ops stayed behind")
    parser.add_argument("--write", action="store_true", help="write docs/models.md")
    args = parser.parse_args()
    reports = []
    for name in args.models:
        for attention in MODELS[name].implementations:
            if attention in args.attention:
                reports.append(survey(MODELS[name], attention))
    print(table(reports))
    if args.reasons:
        for report in reports:
            print(f"\n{report.model} ({report.attention})")
            print("\n".join(f"  {line}" for line in reasons(report)))
    if args.write:
        (Path(__file__).resolve().parents[1] / "docs" / "models.md").write_text(page(reports))


if __name__ == "__main__":
    main()
