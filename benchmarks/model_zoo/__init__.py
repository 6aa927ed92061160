# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small configurations, with random weights, of models whose attention differs.

Each entry makes a module from `transformers`, exported as it is, and the arguments of a call. The
modules return a model's first output (hidden states), so that a comparison has one tensor.
"""

from . import decoders, encoders, folding, positions, sparse, vision  # noqa: F401
from .base import LENGTH, MODELS, Model  # noqa: F401
