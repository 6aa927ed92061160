# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The installed commands ``flashlight-opt``, ``flashlight-reduce`` and ``flashlight-lsp-server``.

They run over the package's one shared library, so that the wheel holds MLIR once. Also
``python -m flashlight.tools opt [arguments]``. (A build tree has them as executables, too.)
"""

from __future__ import annotations

import sys

from . import _core


def _run(name: str, arguments: list[str]) -> int:
    return _core.run_tool(name, [f"flashlight-{name}", *arguments])


def opt() -> int:
    """Runs any pass or pipeline on a printed module."""
    return _run("opt", sys.argv[1:])


def reduce() -> int:
    """Shrinks a module for as long as a test script still calls it interesting."""
    return _run("reduce", sys.argv[1:])


def lsp_server() -> int:
    """Serves the language server protocol for ``.mlir`` files on stdin and stdout."""
    return _run("lsp-server", sys.argv[1:])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("opt", "reduce", "lsp-server"):
        sys.exit("usage: python -m flashlight.tools {opt,reduce,lsp-server} [arguments]")
    sys.exit(_run(sys.argv[1], sys.argv[2:]))
