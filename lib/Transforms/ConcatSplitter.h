//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A concat travels towards its consumers as a list of parts, each at known positions
// of the split dim:
//
//   f(a ++ b, x)        = f(a, x[a's]) ++ f(b, x[b's])        pointwise and views
//   sum(a ++ b)         = sum(a) + sum(b)                     any reduction
//   contract(a ++ b, x) = contract(a, x[a's]) + contract(b, x[b's])
//   (a ++ b)[i:j]       = a[..] ++ b[..], often one part alone
//
// New ops are made on the way; they stay if the concat is gone in the end.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_CONCATSPLITTER_H
#define FLASHLIGHT_LIB_TRANSFORMS_CONCATSPLITTER_H

#include "IndexSpace.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// Pushes one concat towards its consumers.
class ConcatSplitter {
public:
  /// With `apart`, a few keys beside many are parts of one element each: sums over such parts are
  /// one sweep and some terms.
  ConcatSplitter(ConcatOp concat, bool apart) : concat(concat), apart(apart), builder(concat) {}

  /// Replaces the concat, or leaves the program as it was.
  mlir::LogicalResult run();

private:
  /// Elements offset, offset + stride, ... of the split dim, as many as `value` has there. An
  /// offset behind a dynamic part is not known: such ones are negative, and equal if they are one
  /// place. Then `behind`, the number of elements after the part, may be known.
  struct Part {
    mlir::Value value;
    int64_t offset, stride = 1, behind = -1;
    bool isKnown() const { return offset >= 0; }
  };

  struct Split {
    unsigned dim;
    llvm::SmallVector<Part> parts;
    bool free = false;      // it went through a contraction that does not sum over it
    bool projected = false; // by weights
  };

  mlir::FailureOr<Split> partsOf(ConcatOp op);
  mlir::FailureOr<Split> takenApart(const Split &split);
  static bool isOneSweep(const Split &split);
  mlir::LogicalResult handle(mlir::Operation *op);
  mlir::LogicalResult handlePointwise(mlir::Operation *op);
  mlir::LogicalResult handleConcat(ConcatOp op);
  mlir::LogicalResult handleReshape(ReshapeOp op);
  mlir::LogicalResult handleSlice(SliceOp op);
  mlir::LogicalResult handleReduce(ReduceOp op);
  mlir::LogicalResult handleContract(ContractOp op);
  mlir::FailureOr<mlir::Value> sliceOf(mlir::Value value, unsigned dim, const Part &like,
                                       Extent extent);
  mlir::Value spread(mlir::Value factor, llvm::ArrayRef<mlir::StringAttr> names,
                     mlir::StringAttr dropped, llvm::ArrayRef<mlir::StringAttr> target,
                     mlir::RankedTensorType type);
  mlir::Value product(ContractOp op, mlir::Value lhs, mlir::Value rhs, mlir::StringAttr dropped);
  void sumProducts(ContractOp op);
  mlir::Operation *cloneWith(mlir::Operation *op, llvm::ArrayRef<mlir::Value> operands,
                             mlir::RankedTensorType type);
  template <typename OpTy, typename... Args> mlir::Value make(mlir::Location loc, Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    created.push_back(op);
    return op->getResult(0);
  }
  void replace(mlir::Operation *op, mlir::Value by);

  ConcatOp concat;
  bool apart;
  mlir::OpBuilder builder;
  llvm::SmallVector<mlir::Operation *> created;
  llvm::DenseMap<mlir::Value, Split> splits;
  llvm::SmallVector<std::pair<mlir::Operation *, mlir::Value>> replacements;
  llvm::SmallVector<ContractOp> singles; // of one key each
  bool sumsKeys = false;                 // some reduction combines keys in parts
  int64_t unknown = 0;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_CONCATSPLITTER_H
