# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The user's file and line of an FX node, from the stack trace that torch.export recorded."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch
from torch import fx

from ..errors import SourceLocation
from ..mlir import ir

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_TORCH = str(Path(torch.__file__).resolve().parent) + os.sep


def source_location(node: fx.Node) -> SourceLocation:
    """The innermost frame outside of torch; without a stack trace only the node's name."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    for file, line in reversed(frames):
        if not file.startswith(_TORCH):
            return SourceLocation(file, int(line), node.name)
    return SourceLocation(node=node.name)


def to_mlir(location: SourceLocation, context: ir.Context) -> ir.Location:
    """A file location named by the node."""
    if location.file is None:
        inner = ir.Location.unknown(context)
    else:
        inner = ir.Location.file(location.file, location.line, 0, context)
    if location.node is None:
        return inner
    return ir.Location.name(location.node, inner, context)
