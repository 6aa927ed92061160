# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Generates, compiles and judges programs for a while: `scripts/fuzz --minutes 10`."""

from __future__ import annotations

import argparse
import collections
import hashlib
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import StopTest

from .programs import programs
from .shrink import shrink
from .worker import SECONDS, Worker
from .writer import Program

# So many reasons why an op stayed with PyTorch are shown.
REASONS = 40
SHORT = (3, 1, 2, 5, 17, 33)


class Finished(BaseException):
    """The time is over."""


def draws(number: int, take, count: int, **options) -> None:
    """Gives `take` random programs of a seed."""

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(programs(**options))
    def run(program):
        take(program)

    run()


class Campaign:
    """What a run has seen."""

    def __init__(self, out: Path | None, triton: int, memory: int, each: int, seconds: float):
        self.worker = Worker(seconds)
        self.out, self.triton, self.memory, self.each = out, triton, memory, each
        self.counts: collections.Counter[str] = collections.Counter()
        self.sorts: collections.Counter[str] = collections.Counter()
        self.left: collections.Counter[str] = collections.Counter()
        self.seen: set[str] = set()
        self.written: list[Path] = []

    def take(self, program: Program) -> None:
        """Judges one program, on both backends every so often; shrinks and writes a failure."""
        text = program.text()
        if text in self.seen:  # hypothesis draws some again
            return
        self.seen.add(text)
        self.counts["programs"] += 1
        modes = [False] + [True] * (self.counts["programs"] % self.triton == 0)
        memory = self.counts["programs"] % self.memory == 0
        for triton in modes:
            found = self.worker.fault(text, triton, memory and not triton)
            if isinstance(found, dict):
                if triton:
                    self.counts["interpreted"] += 1
                else:
                    self._count(found)
                continue
            self._failed(program, triton, memory and not triton, *found)
            break

    def _count(self, found: dict) -> None:
        """What became of a program that is right."""
        self.counts["kernels"] += found["kernels"]
        self.counts["sweeps"] += found["sweeps"]
        self.counts["without a kernel"] += found["kernels"] == 0
        self.counts["one kernel"] += found["kernels"] == 1 and not found["left"]
        self.left.update(found["left"])

    def _failed(self, program: Program, triton: bool, memory: bool, sort: str, whole: str) -> None:
        self.counts["failures"] += 1
        self.sorts[sort] += 1
        if self.sorts[sort] > self.each:
            return

        def fails(other: Program) -> bool:
            found = self.worker.fault(other.text(), triton, memory)
            return not isinstance(found, dict) and found[0] == sort

        small = shrink(program, fails, tries=120)
        print(f"--- {sort}{' (TTIR)' if triton else ''}\n{small.text()}", flush=True)
        if self.out:
            self.out.mkdir(parents=True, exist_ok=True)
            found = self.worker.fault(small.text(), triton, memory)
            whole = whole if isinstance(found, dict) else found[1]
            notes = "".join(f"# {line}\n" for line in [sort, *whole.splitlines()[-25:]])
            name = hashlib.sha256(small.text().encode()).hexdigest()[:10]
            path = self.out / f"{'ttir' if triton else 'cpu'}-{name}.py"
            path.write_text(notes + small.text())
            self.written.append(path)

    def figures(self) -> str:
        """The counts in a line."""
        names = ("programs", "kernels", "sweeps", "one kernel", "without a kernel", "interpreted",
                 "failures")  # fmt: skip
        return ", ".join(f"{self.counts[name]} {name}" for name in names)

    def summary(self) -> str:
        """The figures, each sort of failure, and why ops stayed with PyTorch in most programs."""
        lines = [self.figures()]
        lines += [f"  {count} x {sort}" for sort, count in self.sorts.most_common()]
        lines += [f"  left {count} x {why}" for why, count in self.left.most_common(REASONS)]
        return "\n".join(lines)


def main() -> int:
    """The command; returns 1 if a program failed."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--triton", type=int, default=4, metavar="N",
                        help="every Nth program is interpreted as TTIR, too")  # fmt: skip
    parser.add_argument("--memory", type=int, default=8, metavar="N",
                        help="every Nth program runs at great lengths: its memory")  # fmt: skip
    parser.add_argument("--each", type=int, default=2, metavar="N",
                        help="shrink and write the first N failures of a sort")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=SECONDS,
                        help="what takes longer hangs; more where the machine is busy")  # fmt: skip
    parser.add_argument("--out", type=Path, help="a folder for the shrunk programs")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    campaign = Campaign(
        arguments.out, arguments.triton, arguments.memory, arguments.each, arguments.seconds
    )

    def take(program: Program) -> None:
        if time.monotonic() > end:
            raise Finished
        campaign.take(program)

    number = arguments.seed
    try:
        while True:
            draws(number, take, 100)
            number += 1
            print(f"so far: {campaign.figures()}", flush=True)
    except (Finished, KeyboardInterrupt, StopTest):
        pass
    print(f"seeds {arguments.seed} to {number}: {campaign.summary()}")
    return 1 if campaign.counts["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
