# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The catalogue: attention as people write it, and what each program must become.

A file a class. `VARIANTS` holds all of it, in order; `SPELLINGS` every program once.
"""

from . import (  # noqa: F401
    a_heads,
    a_masks,
    a_outputs,
    a_scores,
    b_differential,
    c_outputs,
    d_weights,
    e_scans,
    f_finished,
    g_steps,
)
from .catalogue import LARGE, SMALL, TEST, Expected, Sizes, Spelling, Variant
from .not_yet import NO_TTIR, NOT_YET, WRONG

VARIANTS = sorted(Variant.all, key=lambda variant: variant.group)
SPELLINGS = [spelling for variant in VARIANTS for spelling in variant.spellings]

__all__ = [
    "LARGE",
    "NOT_YET",
    "NO_TTIR",
    "SMALL",
    "SPELLINGS",
    "TEST",
    "VARIANTS",
    "WRONG",
    "Expected",
    "Sizes",
    "Spelling",
    "Variant",
]
