//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an axis of a kernel is to its tiles.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_AXISROLES_H
#define FLASHLIGHT_LIB_TRANSFORMS_AXISROLES_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/SetVector.h"

namespace flashlight {

/// The axes of a kernel, by what its ops do with them. An axis without a role has a tile of one
/// element and is divided among the programs of the grid.
struct AxisRoles {
  using Axes = llvm::SmallSetVector<mlir::StringAttr, 4>;

  /// Reduced or scanned within a tile, or combined with rows and keys before such a reduction: a
  /// tile holds all of it. What scores sum over, points, heads that are mixed.
  Axes inner;
  /// Axes of values only: a program that held a part would compute the scores for that part alone,
  /// so a tile holds all of it.
  Axes values;
  /// Those of them that programs may divide among themselves all the same: nothing combines their
  /// elements, and no map takes them apart.
  Axes divisible;
  /// Axes that only the rows' side of the scores has; the longest, then innermost, is `row`.
  Axes rows;
  /// What is blocked besides the stream; null where there is a single row.
  mlir::StringAttr row;
  /// The keys of a kernel that writes rows and keys both: the stream, or, where that is another
  /// axis (heads that are summed), what is blocked in its place: then a tile has one element of the
  /// stream. Null elsewhere.
  mlir::StringAttr column;
  /// True if scores are contracted or reduced here, false if they are only read.
  bool computesScores = false;

  /// What is blocked besides the rows.
  mlir::StringAttr blockedWith(mlir::StringAttr stream) const { return column ? column : stream; }
  /// True if a tile holds all of the axis.
  bool isWhole(mlir::StringAttr axis) const {
    return inner.contains(axis) || values.contains(axis);
  }
};

AxisRoles findAxisRoles(KernelOp kernel);

/// True for a kernel that writes values along the axis that it would stream: it has no sweep.
bool keepsStream(KernelOp kernel);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_AXISROLES_H
