//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the verifiers of ops on tensors share.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_IR_OPCHECKS_H
#define FLASHLIGHT_LIB_IR_OPCHECKS_H

#include "mlir/IR/BuiltinTypes.h"

namespace flashlight {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// Two extents that may be equal: a dynamic one is equal to anything here; the
/// importer's symbols say more, and forming kernels uses them.
inline bool mayBeEqual(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b);
}

inline std::string extentName(int64_t extent) {
  return mlir::ShapedType::isDynamic(extent) ? "?" : std::to_string(extent);
}

} // namespace flashlight

#endif // FLASHLIGHT_LIB_IR_OPCHECKS_H
