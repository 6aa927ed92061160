//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From tiles to Triton. What each pass does stands in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_H
#define FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_H

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace flashlight {

/// Attributes of a tile-level function's arguments; see `flashlight-convert-to-triton`.
constexpr llvm::StringLiteral kStridesAttr = "flashlight.strides";
constexpr llvm::StringLiteral kDivisibilityAttr = "flashlight.divisibility";

/// The largest extent of a kernel's dynamic axis: sums of two indices fit in 32 bits.
constexpr int64_t kMaxExtent = int64_t(1) << 30;

#define GEN_PASS_DECL
#include "flashlight/Conversion/FlashlightToTriton/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashlight/Conversion/FlashlightToTriton/Passes.h.inc"

} // namespace flashlight

#endif // FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_H
