//===- FlashlightOps.td - all ops of the dialect ----------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_OPS_TD
#define FLASHLIGHT_IR_OPS_TD

include "flashlight/IR/FlashlightAttrs.td"
include "flashlight/IR/ProgramOps.td"
include "flashlight/IR/KernelOps.td"
include "flashlight/IR/TileOps.td"

#endif // FLASHLIGHT_IR_OPS_TD
