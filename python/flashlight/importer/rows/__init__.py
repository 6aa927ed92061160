# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rows of the importer's table, one file a family; importing this package fills the table."""

from . import (  # noqa: F401
    activations,
    attention,
    complex,
    composed,
    contractions,
    convolutions,
    creation,
    indexing,
    integers,
    inverse_hyperbolic,
    parts,
    pointwise,
    reductions,
    statistics,
    views,
)
