//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block of a stream, evaluated symbolically under an assumption about one of its
// conditions: is the state after the block the state before it?
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SYMBOLICBLOCK_H
#define FLASHLIGHT_LIB_TRANSFORMS_SYMBOLICBLOCK_H

#include "flashlight/IR/FlashlightDialect.h"

namespace flashlight {

/// True if a block in which `condition` is `assumed` everywhere leaves the stream's state as it is,
/// for finite inputs: such a block may be skipped.
bool leavesStateUnchanged(StreamOp stream, mlir::Value condition, bool assumed);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SYMBOLICBLOCK_H
