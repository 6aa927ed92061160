//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statistics that a program gathers part by part of the keys, as an online softmax in a
// Python loop does, are those of all keys. A rescaling moves back into the sum that it
// repairs, for which it was made:
//
//   (sum_n exp(s - r) x) exp(r - r')         = sum_n exp(s - r') x
//   sum_{n in A} f(x) + sum_{n in B} f(x)    = sum_{n in A ++ B} f(x)     max alike
//
// if the parts lie side by side in the same tensors, so that nothing is copied.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_PARTIALJOINER_H
#define FLASHLIGHT_LIB_TRANSFORMS_PARTIALJOINER_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// Joins the partial results that one sum or maximum puts together.
class PartialJoiner {
public:
  explicit PartialJoiner(mlir::Operation *root) : root(root), builder(root) {}

  /// The value of the root by one reduction; ops that it makes in vain are dead.
  mlir::FailureOr<mlir::Value> run();

private:
  struct Rescaling {
    mlir::Value from, to;
  };
  struct Term {
    mlir::Operation *op;                        // a reduction or contraction
    mlir::Value seen;                           // its result behind views, as it is added
    llvm::SmallVector<Rescaling, 4> rescalings; // the last one first
  };

  mlir::LogicalResult collect(mlir::Value value, llvm::SmallVector<Rescaling, 4> rescalings);
  mlir::FailureOr<mlir::Value> rescaled(mlir::Value summand, llvm::ArrayRef<Rescaling> rescalings);
  mlir::FailureOr<mlir::Value> joinReductions();
  mlir::FailureOr<mlir::Value> joinContractions();

  mlir::Operation *root;
  mlir::OpBuilder builder;
  llvm::SmallVector<Term> terms;
  llvm::SmallVector<mlir::Value> others; // bounds of a maximum
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_PARTIALJOINER_H
