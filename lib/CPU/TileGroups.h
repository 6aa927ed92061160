//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which tile ops share a loop.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_TILEGROUPS_H
#define FLASHLIGHT_LIB_CPU_TILEGROUPS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineMap.h"

namespace flashlight {

/// What a tile's element is at a point of an iteration space: an element of a
/// tensor with storage, a scalar, a constant, or the index along a dim.
struct Leaf {
  mlir::Value tensor, scalar;
  mlir::AffineMap map; // from the iteration space to the tensor's dims
  mlir::TypedAttr constant;
  int64_t indexDim = -1;
};

/// True for ops whose result needs no storage: splats, broadcasts, iotas.
bool hasNoStorage(mlir::Operation *op);

/// Looks through views. `map` goes from the iteration space to `value`'s dims.
Leaf resolve(mlir::Value value, mlir::AffineMap map);

/// Ops that become one loop, or one op of any other kind.
struct Group {
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::SmallVector<unsigned> predecessors; // groups of the block
  bool fusable = false;                     // pointwise ops and reductions
  llvm::SmallVector<int64_t> shape;         // the iteration space
  llvm::SmallVector<int64_t> reducedDims;   // of its reductions, if any

  mlir::AffineMap identityMap() const {
    return mlir::AffineMap::getMultiDimIdentityMap(shape.size(), ops.front()->getContext());
  }
  /// True if the group's loop has just computed this element.
  bool computesHere(const Leaf &leaf) const;
};

/// The groups of a block in an order that respects dependence; the terminator is last.
mlir::FailureOr<std::vector<Group>> formGroups(mlir::Block &block);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_TILEGROUPS_H
