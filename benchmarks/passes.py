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

import variants  # noqa: E402
from flashlight import pipeline  # noqa: E402
from flashlight.importer import import_program  # noqa: E402
from flashlight.mlir import ir  # noqa: E402
from flashlight.mlir.passmanager import PassManager  # noqa: E402
from variants import measure  # noqa: E402

PAGE = ROOT / "docs" / "pass-times.md"
GOAL = 300.0  # milliseconds
AGAIN = 15  # programs that are measured again
SHOWN = 10  # programs in the table

HEAD = """# Time in the passes

Processor time from the imported program to tile programs, before the backend, for the {count}
programs of the catalogue (`test/python/variants`, small sizes; the passes' time does not depend on
sizes). Written by `python benchmarks/passes.py`. The goal is less than {goal:.0f} ms a program.

{reached} of {count} programs are below {goal:.0f} ms; the median takes {median:.1f} ms, the slowest
{slowest:.1f} ms.
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


def passes_of(context: ir.Context, target: str) -> list[str]:
    """The pipeline from program to tiles, as its single passes."""
    with context:
        manager = PassManager.parse(
            f"builtin.module({pipeline.TO_KERNEL},{pipeline.to_tile(target)})"
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


def page(found: list[Measured]) -> str:
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
        top = sorted(each.passes.items(), key=lambda entry: -entry[1])[:3]
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in top)
        lines.append(f"| {each.name} | {each.ops} | {each.total:.1f} | {parts} |")
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
    return "\n".join(lines) + "\n"


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
    print(page(found))
    if not args.only:
        PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
