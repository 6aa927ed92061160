# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small programs of level 1, as hypothesis strategies.

`views_and_casts` draws chains of pointwise ops, views, casts and reductions; `filled` a tensor that
is written part by part; `attentions` draws what attention is made of, each part in several
spellings. Sizes are small and odd on purpose. A program says how its arguments are made, so that it
can be run again from its text alone.
"""

from .attentions import attentions
from .chains import filled, views_and_casts
from .emitter import Emitter

__all__ = ["Emitter", "attentions", "filled", "views_and_casts"]
