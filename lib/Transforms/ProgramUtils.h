//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Questions and small constructions at the program level that several passes share.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_PROGRAMUTILS_H
#define FLASHLIGHT_LIB_TRANSFORMS_PROGRAMUTILS_H

#include "IndexSpace.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// The type of a value that is a ranked tensor.
inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// An elementwise op of one tensor result.
bool isElementwise(mlir::Operation *op);

/// A value that costs nothing to have again: constants, iotas, and views of them.
bool isGenerated(mlir::Value value);

/// A parameter or buffer of the program, or what is computed of such alone.
bool isParameter(mlir::Value value);

/// A contraction with a parameter that no dim of the other factor tells apart: weights that all
/// rows share.
bool isProjection(ContractOp op);

/// True if dim `dim` is one of scores, seen through views and pointwise ops: a contraction that is
/// no projection made it of one of its factors.
bool isDimOfScores(mlir::Value value, unsigned dim);

/// The type of these extents, with `like`'s elements.
mlir::RankedTensorType typeOf(llvm::ArrayRef<Extent> extents, mlir::RankedTensorType like);

/// The type with another extent of one dim.
mlir::RankedTensorType withExtent(mlir::RankedTensorType type, unsigned dim, Extent extent);

/// The type with dim `i` being `type`'s dim `dims[i]`; dims that are not listed are gone.
mlir::RankedTensorType permuted(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> dims);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_PROGRAMUTILS_H
