# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spellings do not become yet: a test fails when an entry is no longer true."""

# The form that is missing.
NOT_YET: dict[str, str] = {}

# What does not run, or computes something else than eager.
WRONG: dict[str, str] = {}

# What has no Triton form that can be interpreted.
NO_TTIR: dict[str, str] = {}
