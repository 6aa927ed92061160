//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which dims of a program-level value are rows to one of its dims n: where the
// value is computed by a reduction over some inner axis, one factor has the dim
// and the other has n (`s[m, n] = sum_d q[m, d] k[n, d]`). Storing such a value
// takes rows x n memory, and neither factor is as large.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H
#define FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallBitVector.h"

#include <map>

namespace flashlight {

class RowDims {
public:
  /// True if dim `row` of `value` is a row to its dim `n`.
  bool isRow(mlir::Value value, unsigned n, unsigned row);
  /// True if `value` has a row to its dim `n`: it is computed from rows and keys.
  bool hasRows(mlir::Value value, unsigned n);

private:
  bool compute(mlir::Value value, unsigned n, unsigned row);
  bool separatesFactors(mlir::Value value, unsigned n, unsigned row, unsigned reduced);

  std::map<std::tuple<void *, unsigned, unsigned>, bool> known;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H
