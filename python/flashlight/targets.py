# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Names of targets: "cpu", "cuda" (this machine's GPU), "cuda:sm_90"."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from .errors import CompileError

# What "cuda" means on a machine without a GPU.
DEFAULT_CUDA = "sm_90"


@dataclass(frozen=True)
class Target:
    """A backend and, for a GPU, its architecture.

    Attributes:
        kind: "cpu" or "cuda", a torch device type.
        arch: "sm_90" and the like; None on the CPU.
    """

    kind: str
    arch: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.arch}" if self.arch else self.kind


def parse_target(text: str | None, device: torch.device) -> Target:
    """The target that `text` names; for None, the one of the program's tensors.

    Raises CompileError for a name that is no target, or a device that has none.
    """
    if text is None:
        text = device.type
        if text not in ("cpu", "cuda"):
            raise CompileError(f"expected a program on device 'cpu' or 'cuda', got '{device}'")
    if not isinstance(text, str):
        raise CompileError(f"expected target to be a string or None, got {type(text).__name__}")
    if text == "cpu":
        return Target("cpu")
    if text == "cuda":
        return Target("cuda", _local_arch())
    match = re.fullmatch(r"cuda:(sm_(\d+)a?)", text)
    if match is None:
        raise CompileError(
            f"unknown target '{text}'", notes=["targets are 'cpu', 'cuda' and 'cuda:sm_90'"]
        )
    if int(match.group(2)) < 80:
        raise CompileError(f"target '{text}' is not supported, expected sm_80 or newer")
    return Target("cuda", match.group(1))


def _local_arch() -> str:
    if torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability()
        return f"sm_{major}{minor}"
    return DEFAULT_CUDA
