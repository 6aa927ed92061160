# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up JUnit reports and prints one line: ``N passed, N failed, N skipped``.

Exits with 1 if a test failed, a report is missing, or no test ran at all.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(report: Path) -> tuple[int, int, int]:
    """Counts the passed, failed and skipped cases of one JUnit file."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(paths: list[str]) -> int:
    """Prints one line a report and the sum; returns the exit status."""
    total = [0, 0, 0]
    missing = 0
    for path in map(Path, paths):
        if not path.exists():
            print(f"{path.stem}: no report")
            missing += 1
            continue
        counts = count(path)
        print("{}: {} passed, {} failed, {} skipped".format(path.stem, *counts))
        total = [a + b for a, b in zip(total, counts)]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if missing or total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
