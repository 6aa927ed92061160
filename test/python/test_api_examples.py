# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples run, and judge themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import flashlight

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("[!_]*.py"))


def test_there_are_examples():
    assert {"sdpa.py", "einsum_attention.py", "softcap_alibi_causal.py", "llama.py"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_example(name):
    if name == "llama.py":
        pytest.importorskip("transformers")
    package = str(Path(flashlight.__file__).parents[1])
    path = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fused kernel" in done.stdout
