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
// takes rows x n memory, and neither factor is as large. The features that weights
// project to are rows only where the value has no others (learned queries).
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H
#define FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

#include <map>

namespace flashlight {

/// Remembers what it has told: values may join the program meanwhile, but not change or leave it.
class RowDims {
public:
  /// True if dim `row` of `value` is a row to its dim `n`.
  bool isRow(mlir::Value value, unsigned n, unsigned row);
  /// True if `value` has a row to its dim `n`: it is computed from rows and keys, or projected.
  bool hasRows(mlir::Value value, unsigned n);
  /// The same without what weights alone make rows.
  bool hasDataRows(mlir::Value value, unsigned n);
  /// Rows and keys of a value: its innermost dim that has rows, and the longest of these.
  struct Pair {
    unsigned key, row;
  };
  /// None of `summed`; unless these have no rows, each is longer than they are together: a kernel
  /// that keeps the pair has one element of them at a time.
  std::optional<Pair> findPair(mlir::Value value, llvm::ArrayRef<int64_t> summed = {});
  /// True if `value` is computed from positions and constants alone (a causal mask): every element
  /// can be made anywhere, so it is no factor that rows or keys bring along.
  bool isPositional(mlir::Value value);
  /// True if a contraction or reduction made `value`, seen through pointwise ops, views and scans.
  bool isSummed(mlir::Value value);

private:
  bool has(mlir::Value value, unsigned n, bool learned);
  bool isRow(mlir::Value value, unsigned n, unsigned row, bool learned);
  bool compute(mlir::Value value, unsigned n, unsigned row, bool learned);
  bool separatesFactors(mlir::Value value, unsigned n, unsigned row, unsigned reduced);

  /// What the factors of a pointwise value have besides the reduced dim: the row alone, or n alone.
  struct Factors {
    bool ofRows = false, ofKeys = false;
  };
  /// `n` or `row` is -1 where the value lacks it.
  Factors factorsOf(mlir::Value value, int n, int row, unsigned reduced);

  std::map<std::tuple<void *, unsigned, unsigned, bool>, bool> known;
  std::map<std::tuple<void *, int, int, unsigned>, Factors> factors;
  llvm::DenseMap<mlir::Value, bool> positional, summed;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_ROWDIMS_H
