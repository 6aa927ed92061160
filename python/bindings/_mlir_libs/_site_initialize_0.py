# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes every context of these bindings know our dialects and passes."""

from ..._core import register_dialects, register_passes

register_passes()

__all__ = ["register_dialects"]
