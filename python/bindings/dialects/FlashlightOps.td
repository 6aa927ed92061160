//===- FlashlightOps.td - entry point of the Python bindings ----*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_PYTHON_OPS_TD
#define FLASHLIGHT_PYTHON_OPS_TD

include "flashlight/IR/FlashlightOps.td"

#endif // FLASHLIGHT_PYTHON_OPS_TD
