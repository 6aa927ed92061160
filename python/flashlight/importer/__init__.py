# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch.export programs to level 1; see graph.py for the walk and rows/ for the table."""

from .graph import import_program
from .imported import ImportedProgram, TorchCall
from .table import ROWS, Unsupported

__all__ = ["ROWS", "ImportedProgram", "TorchCall", "Unsupported", "import_program"]
