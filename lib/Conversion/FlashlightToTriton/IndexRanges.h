//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How large the integers of a tile program can get.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CONVERSION_INDEXRANGES_H
#define FLASHLIGHT_CONVERSION_INDEXRANGES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

namespace flashlight {

/// All integers from `lo` to `hi`, as signed 64-bit numbers.
struct Interval {
  int64_t lo, hi;
  bool fits(unsigned width) const;
  bool isNonNegative() const { return lo >= 0; }
};

/// The range of every integer, index, or tile of them in a tile-level function. A value
/// of which nothing is known has the range of its type.
class IndexRanges {
public:
  explicit IndexRanges(mlir::func::FuncOp func);

  Interval get(mlir::Value value);

private:
  Interval compute(mlir::Value value);
  Interval computeOp(mlir::Operation *op, unsigned width);
  Interval computeArgument(mlir::BlockArgument arg, unsigned width);

  mlir::func::FuncOp func;
  int64_t lastProgram; // the largest program id
  llvm::DenseMap<mlir::Value, Interval> known;
};

} // namespace flashlight

#endif // FLASHLIGHT_CONVERSION_INDEXRANGES_H
