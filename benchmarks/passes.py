# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time in each pass, before the backend, for every program of the catalogue.

    python benchmarks/passes.py              measures, prints, writes docs/pass-times.md
    python benchmarks/passes.py --only T5    only programs with this in their name; writes nothing

Each pass of the pipeline runs by itself, and the processor time of this process is taken: other
work on the machine does not count. The slowest programs are measured again, the best run counts.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "test" / "python"), str(ROOT / "python")]

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import variants  # noqa: E402
from flashlight import pipeline  # noqa: E402
from flashlight.importer import import_program  # noqa: E402
from flashlight.mlir import ir  # noqa: E402
from flashlight.mlir.passmanager import PassManager  # noqa: E402
from flashlight.targets import Target  # noqa: E402
from variants import measure  # noqa: E402

PAGE = ROOT / "docs" / "pass-times.md"
GOAL = 300.0  # milliseconds
AGAIN = 15  # programs that are measured again
SHOWN = 10  # programs in the table
DEPTHS = (1, 4, 16, 64)  # layers of the models

HEAD = """# Time in the passes

Processor time from the imported program to tile programs, before the backend, for the {count}
programs of the catalogue (`test/python/variants`, small sizes; the passes' time does not depend on
sizes). Written by `python benchmarks/passes.py`. The goal is less than {goal:.0f} ms a program.

{reached} of {count} programs are below {goal:.0f} ms; the median takes {median:.1f} ms, the
slowest {slowest:.1f} ms.
"""


@dataclass
class Measured:
    """A program: its ops at the program level, and the milliseconds of each pass, in order."""

    name: str
    ops: int
    passes: dict[str, float]

    @property
    def total(self) -> float:
        """Milliseconds of all passes."""
        return sum(self.passes.values())

    def slowest(self) -> str:
        """The three slowest passes."""
        top = sorted(self.passes.items(), key=lambda entry: -entry[1])[:3]
        return ", ".join(f"{name} {ms:.1f}" for name, ms in top)


def passes_of(context: ir.Context, kind: str) -> list[str]:
    """The pipeline from program to tiles of "cpu" or "cuda", as its single passes."""
    target = Target(kind)
    with context:
        manager = PassManager.parse(
            f"builtin.module({pipeline.to_kernel(target)},{pipeline.to_tile(target)})"
        )
    text = str(manager).removeprefix("builtin.module(").removesuffix(")")
    found, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "({") - (letter in ")}")
        if letter == "," and depth == 0:
            found.append(text[start:i])
            start = i + 1
    return [*found, text[start:]]


def run(text: str, context: ir.Context, passes: list[str]) -> dict[str, float]:
    """Milliseconds of each pass on a program; a pass that runs twice has its sum."""
    spent: dict[str, float] = {}
    with context:
        module = ir.Module.parse(text)
        handler = context.attach_diagnostic_handler(lambda _: True)  # remarks
        for each in passes:
            manager = PassManager.parse(f"builtin.module({each})")
            start = time.process_time()
            manager.run(module.operation)
            name = each.partition("{")[0].partition("(")[0] if "(" not in each else each
            name = name.removeprefix("func.func(").removesuffix(")").partition("{")[0]
            spent[name] = spent.get(name, 0.0) + (time.process_time() - start) * 1e3
        handler.detach()
    return spent


class Layers(torch.nn.Module):
    """Decoder layers: norm, projections, causal attention, norm, feed-forward."""

    def __init__(self, count: int, width: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.layers = torch.nn.ModuleList(
            torch.nn.ModuleDict(
                {
                    "packed": torch.nn.Linear(width, 3 * width),
                    "out": torch.nn.Linear(width, width),
                    "up": torch.nn.Linear(width, 2 * width),
                    "down": torch.nn.Linear(2 * width, width),
                    "before": torch.nn.RMSNorm(width),
                    "between": torch.nn.RMSNorm(width),
                }
            )
            for _ in range(count)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Residual layers over [B, S, width]."""
        length = x.shape[1]
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        for layer in self.layers:
            packed = layer["packed"](layer["before"](x))
            q, k, v = packed.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            weights = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1)
            x = x + layer["out"]((weights @ v).transpose(1, 2).flatten(2))
            x = x + layer["down"](F.silu(layer["up"](layer["between"](x))))
        return x


def deep(context: ir.Context, passes: list[str]) -> list[Measured]:
    """Whole models of more and more layers: a pass that is quadratic shows here."""
    found = []
    for count in DEPTHS:
        exported = torch.export.export(Layers(count), (torch.randn(2, 40, 64),))
        text = str(import_program(exported).module)
        runs = [run(text, context, passes) for _ in range(2)]
        best = min(runs, key=lambda spent: sum(spent.values()))
        found.append(Measured(str(count), text.count(" = "), best))
    return found


def deep_table(found: list[Measured]) -> list[str]:
    """Layers, ops and milliseconds, in all, for one layer, and of the three slowest passes."""
    lines = [
        "",
        "## Whole models",
        "",
        "Decoder layers with norms, projections and causal attention.",
    ]
    lines += ["", "| layers | ops | ms | ms a layer | most of it in |", "|---|---|---|---|---|"]
    for each in found:
        lines.append(
            f"| {each.name} | {each.ops} | {each.total:.1f} | {each.total / int(each.name):.2f} "
            f"| {each.slowest()} |"
        )
    return lines


def page(found: list[Measured], models: list[Measured]) -> str:
    """The document."""
    found = sorted(found, key=lambda each: -each.total)
    totals = [each.total for each in found]
    lines = [
        HEAD.format(
            count=len(found),
            goal=GOAL,
            reached=sum(total < GOAL for total in totals),
            median=totals[len(totals) // 2],
            slowest=totals[0],
        )
    ]
    lines += ["| program | ops | ms | most of it in |", "|---|---|---|---|"]
    for each in found[:SHOWN]:
        lines.append(f"| {each.name} | {each.ops} | {each.total:.1f} | {each.slowest()} |")
    whole = sum(totals)
    lines += ["", "| pass | share of all | mean ms | most ms | in |", "|---|---|---|---|---|"]
    names = list(dict.fromkeys(name for each in found for name in each.passes))
    shares = {name: sum(each.passes.get(name, 0.0) for each in found) for name in names}
    for name in sorted(names, key=lambda name: -shares[name]):
        worst = max(found, key=lambda each: each.passes.get(name, 0.0))
        lines.append(
            f"| {name} | {100 * shares[name] / whole:.0f} % | {shares[name] / len(found):.2f} "
            f"| {worst.passes[name]:.1f} | {worst.name} |"
        )
    return "\n".join([*lines, *deep_table(models)]) + "\n"


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="programs with this in their name")
    parser.add_argument("--target", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    context = ir.Context()
    passes = passes_of(context, args.target)
    found, texts = [], {}
    for spelling in variants.SPELLINGS:
        if args.only not in spelling.name:
            continue
        try:
            exported, _, _ = measure.export(spelling, variants.TEST)
            text = str(import_program(exported).module)
            spent = run(text, context, passes)
        except Exception as error:  # the table of variants has it
            print(f"{spelling.name} left out: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        texts[spelling.name] = text
        found.append(Measured(spelling.name, text.count(" = "), spent))
    for each in sorted(found, key=lambda each: -each.total)[:AGAIN]:
        for _ in range(2):
            again = run(texts[each.name], context, passes)
            if sum(again.values()) < each.total:
                each.passes = again
    text = page(found, deep(context, passes))
    print(text)
    if not args.only:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
