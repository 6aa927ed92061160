# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Places in the user's code, as a report names and quotes them."""

from __future__ import annotations

import linecache
import os
import sys
from functools import cache
from pathlib import Path

from ..errors import SourceLocation


@cache
def _roots(working: str, *search: str) -> list[str]:
    roots = {os.path.realpath(entry) for entry in (*search, working)}
    return sorted(roots, key=len, reverse=True)


def place(location: SourceLocation | None) -> str:
    """File and line; the file as one would import it, or relative to the working directory."""
    if location is None or location.file is None:
        return "unknown location"
    for root in _roots(str(Path.cwd()), *sys.path):
        if location.file.startswith(root + os.sep):
            return f"{location.file[len(root) + 1 :]}:{location.line}"
    return f"{location.file}:{location.line}"


def code(location: SourceLocation | None) -> str:
    """The line itself, without its indentation; empty where the file is not at hand."""
    if location is None or location.file is None or location.line is None:
        return ""
    return linecache.getline(location.file, location.line).strip()
