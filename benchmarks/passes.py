# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time in each pass, before the backend, for the catalogue's largest programs.

``python benchmarks/passes.py [--count 10]`` takes the programs with most ops at the program level
and prints MLIR's own timing of `flashlight-to-tile` (best of three), the slowest passes first.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "test" / "python"), str(ROOT / "python")]

import variants  # noqa: E402
from flashlight.importer import import_program  # noqa: E402
from variants import measure  # noqa: E402

LINE = re.compile(r"^\s+([\d.]+) \(\s*[\d.]+%\)\s+(\S.*)$")


def timing(text: str, target: str) -> dict[str, float]:
    """Milliseconds by pass, and "Total"."""
    command = [
        sys.executable, "-m", "flashlight.tools", "opt", "-", "-o", "/dev/null", "--mlir-timing",
        "--mlir-timing-display=list", f"--flashlight-to-tile=target={target}",
    ]  # fmt: skip
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    found: dict[str, float] = {}
    for line in done.stderr.splitlines():
        match = LINE.match(line)
        if match:
            found[match[2]] = float(match[1]) * 1e3
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--target", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    programs = []
    for spelling in variants.SPELLINGS:
        try:
            exported, _, _ = measure.export(spelling, variants.TEST)
        except Exception as error:
            print(f"{spelling.name} left out: {str(error).splitlines()[0]}")
            continue
        module = import_program(exported).module
        text = module.operation.get_asm()
        programs.append((text.count(" = "), spelling.name, text))
    programs.sort(reverse=True)
    for ops, name, text in programs[: args.count]:
        best = min((timing(text, args.target) for _ in range(3)), key=lambda t: t["Total"])
        total = best.pop("Total")
        top = sorted(best.items(), key=lambda item: -item[1])[:6]
        parts = ", ".join(f"{label} {ms:.1f}" for label, ms in top)
        print(f"{name}: {ops} ops, {total:.0f} ms: {parts}")


if __name__ == "__main__":
    main()
