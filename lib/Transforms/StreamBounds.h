//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bounds of a sweep for one tile of rows, from a stream's keep sets.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_STREAMBOUNDS_H
#define FLASHLIGHT_LIB_TRANSFORMS_STREAMBOUNDS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace flashlight {

/// [begin, end) along the streamed axis. A null begin is 0, a null end is the extent.
struct Range {
  mlir::Value begin, end;
};

struct StreamBounds {
  Range touched;             // outside, no element of the tile contributes
  std::optional<Range> full; // inside, every element does
};

/// `positionOf` gives the first index and the tile size of an axis, `symbolOf` the value of a
/// symbol.
StreamBounds
computeStreamBounds(StreamOp stream, mlir::OpBuilder &builder, mlir::Location loc,
                    llvm::function_ref<std::pair<mlir::Value, int64_t>(AxisAttr)> positionOf,
                    llvm::function_ref<mlir::Value(mlir::StringAttr)> symbolOf);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_STREAMBOUNDS_H
