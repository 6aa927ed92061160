# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What became of a program: `CompiledProgram.explain`, as text, HTML and a picture."""

from .explanation import Explanation, KernelReport, Line, OpReport, explain

__all__ = ["Explanation", "KernelReport", "Line", "OpReport", "explain"]
