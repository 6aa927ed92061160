# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random PyTorch programs like attention: written, compiled, judged, shrunk (`scripts/fuzz`)."""
