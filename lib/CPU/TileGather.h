//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loads whose index differs from element to element: part of the loop that uses them.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_TILEGATHER_H
#define FLASHLIGHT_LIB_CPU_TILEGATHER_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

namespace flashlight {

/// True if neighbours in the tile's innermost dim are gathered from different places. If they are
/// not, the load is better off as a copy of rows (TileMemory.cpp).
bool isElementGather(mlir::Operation *op);

/// One element of such a load, at a point of a loop. What does not depend on the point is made
/// before the loop, by the constructor.
class TileGather {
public:
  TileGather(mlir::OpBuilder &builder, LoadOp op);

  /// In the body of a linalg.generic over the tile: `elements` are those of the index tiles.
  mlir::Value emit(mlir::OpBuilder &body, mlir::ValueRange elements);

private:
  LoadOp op;
  mlir::Value flat, base; // the memory as one dim, the address of the tile's first element
  mlir::SmallVector<mlir::Value> sizes, strides; // of the memory
  mlir::SmallVector<mlir::Value> tileStrides;    // of each tile dim, gathered dims aside
};

/// The read of one element of memory if a condition holds, else zero: what `TileGather` emits.
struct GuardedRead {
  mlir::Value condition, memory, address;
  static std::optional<GuardedRead> match(mlir::Operation *op);
};

/// Adds to `coefficients` those of the linear form `expr` (dims, then symbols), times `factor`.
void addCoefficients(mlir::AffineExpr expr, mlir::MutableArrayRef<int64_t> coefficients,
                     unsigned numDims, int64_t factor = 1);

/// The memory as one dim of stride 1 without a bound, from its first element.
mlir::Value flatMemory(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value memory);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_TILEGATHER_H
