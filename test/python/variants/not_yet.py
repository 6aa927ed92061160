# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spellings do not become yet."""

NOT_YET = {}
WRONG = {}
NO_TTIR = {}
