//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores that are computed of parts of the keys would be swept over part by part.
// They are the scores of the keys put together, which are smaller:
//
//   contract(x, a) ++ contract(x, b)         = contract(x, a ++ b)
//   f(a) ++ f(b)                             = f(a ++ b)              pointwise
//   f(a, c) ++ b                             = f(a ++ b, c ++ e)      f(x, e) = x
//   contract(p[i:j], v) + contract(p[j:k], w) = contract(p[i:k], v ++ w)
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_CONCATJOINER_H
#define FLASHLIGHT_LIB_TRANSFORMS_CONCATJOINER_H

#include "IndexSpace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace flashlight {

/// What the concat of parts of scores is: an op on the parts' sources put together. Ops that
/// it makes in vain are dead. Without `copies`, sources are put together only where they lie side
/// by side in one tensor already.
class ConcatJoiner {
public:
  explicit ConcatJoiner(ConcatOp concat, bool copies = true)
      : concat(concat), copies(copies), builder(concat) {}
  mlir::FailureOr<mlir::Value> run();

private:
  using Parts = llvm::SmallVector<mlir::Value>;
  mlir::FailureOr<mlir::Value> join(llvm::ArrayRef<mlir::Value> parts, unsigned dim);
  mlir::FailureOr<mlir::Value> joinContracts(llvm::ArrayRef<mlir::Value> parts, unsigned dim);
  mlir::FailureOr<mlir::Value> joinPointwise(llvm::ArrayRef<mlir::Value> parts, unsigned dim);
  mlir::FailureOr<mlir::Value> joinStored(llvm::ArrayRef<mlir::Value> parts, unsigned dim);
  mlir::FailureOr<llvm::SmallVector<Parts>>
  operandsOf(mlir::Operation *op, llvm::ArrayRef<mlir::Value> parts, unsigned dim);
  Extent total(llvm::ArrayRef<mlir::Value> parts, unsigned dim) const;
  mlir::Value cloneWith(mlir::Operation *op, llvm::ArrayRef<mlir::Value> operands,
                        mlir::RankedTensorType type);

  ConcatOp concat;
  bool copies;
  mlir::OpBuilder builder;
};

/// Slices that lie side by side along a dim of one tensor, seen through transposes: one slice.
mlir::FailureOr<mlir::Value> joinSlices(llvm::ArrayRef<mlir::Value> parts, unsigned dim,
                                        mlir::OpBuilder &builder);

/// A sum of two contractions of neighbouring parts of the same scores as one contraction.
mlir::FailureOr<mlir::Value> joinSum(mlir::arith::AddFOp op);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_CONCATJOINER_H
