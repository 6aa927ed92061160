# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builders of the flashlight dialect's ops, generated from its definitions."""

from ._flashlight_ops_gen import *  # noqa: F403
