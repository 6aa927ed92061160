# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler does for a layer does not depend on how many layers there are.

Counted in ops that kernel formation looks at, not in time: the same on every machine.
"""

from __future__ import annotations

import re
import subprocess
import sys

import torch
import torch.nn.functional as F

from flashlight.importer import import_program


class Decoder(torch.nn.Module):
    """Layers over [B, S, 16] that share one additive mask."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.packed, self.out = (
            torch.nn.ParameterList(torch.randn(16, width) for _ in range(count))
            for width in (48, 16)
        )

    def forward(self, x: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """Norm, attention and residual, again and again."""
        bias = (1 - kept)[:, None, :] * -1e9
        for packed, out in zip(self.packed, self.out, strict=True):
            q, k, v = (F.rms_norm(x, (16,)) @ packed).chunk(3, -1)
            x = x + torch.softmax(q @ k.transpose(-1, -2) + bias, -1) @ v @ out
        return x


def visits(count: int, path) -> int:
    """How often `flashlight-form-kernels` looks at an op of a decoder."""
    arguments = (torch.randn(2, 24, 16), torch.ones(2, 24))
    exported = torch.export.export(Decoder(count), arguments)
    path.write_text(str(import_program(exported).module))
    command = [sys.executable, "-m", "flashlight.tools", "opt", str(path)]
    command += ["--flashlight-to-kernel", "--mlir-pass-statistics", "-o", str(path) + ".out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"(\d+) visits", done.stdout + done.stderr)
    assert found, done.stderr
    return int(found.group(1))


def test_the_work_for_a_layer_does_not_grow(tmp_path):
    few, many = (visits(count, tmp_path / f"{count}.mlir") for count in (8, 32))
    assert many < 4.2 * few
