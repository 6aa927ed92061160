# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The cases of the importer's rows, one file a family."""

from . import (  # noqa: F401
    attention,
    complex,
    composed,
    contractions,
    creation,
    expanded,
    indexing,
    pointwise,
    reductions,
    statistics,
    views,
)
from .cases import CASES, Case  # noqa: F401
