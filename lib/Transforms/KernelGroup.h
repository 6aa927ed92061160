//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which ops share a kernel, and the index that each of their values is needed at.
//
// A group grows from a contraction over an axis n (the *sink*), whose other factor
// is computed from keys and rows: backwards through everything that has both n and
// a row axis, and every reduction of such values over n; then forwards to other
// reductions over n of the group's values, and to pointwise ops of finished rows.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H

#include "IndexSpace.h"

#include "mlir/IR/Block.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace flashlight {

class KernelGroup {
public:
  /// One tensor that the kernel writes: `value` inside, `final` after the views that become its
  /// memory layout; `index` maps the kernel's axes to the dims of `final`.
  struct Output {
    mlir::Value value, final;
    Index index;
  };

  /// Builds the group of `sink`, or says in `reason` why it has none.
  static std::unique_ptr<KernelGroup> build(ContractOp sink, std::string &reason);

  IndexSpace axes;
  unsigned stream = 0;
  llvm::SetVector<mlir::Operation *> members;
  /// The indices at which each value of the kernel is needed: members' results and leaves.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Index>> demands;
  llvm::SetVector<mlir::Value> leaves; // read from memory
  llvm::SmallVector<Output> outputs;
  llvm::DenseSet<mlir::Operation *> streamReductions; // `reduce`s over the stream

private:
  static std::unique_ptr<KernelGroup> build(ContractOp sink, bool left, bool innerReductions,
                                            std::string &reason);
  KernelGroup(ContractOp sink)
      : axes(sink.getContext()), sink(sink), block(sink->getBlock()), context(sink.getContext()) {}

  void findStreamedDims(unsigned dim);
  mlir::Value factorOfRows(ContractOp op) const;
  void need(mlir::ArrayRef<mlir::Value> roots);
  void demand(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> index);
  bool absorb(mlir::Operation *op);
  bool absorbContract(ContractOp op, llvm::ArrayRef<Index> indices);
  bool absorbInnerReduce(ReduceOp op, llvm::ArrayRef<Index> indices);
  bool isWhole(mlir::Value value, mlir::ArrayRef<mlir::AffineExpr> index) const;
  bool reducesWholeAxes();
  bool isValueDim(mlir::Value value, unsigned dim);
  bool absorbReduce(ReduceOp op, llvm::ArrayRef<Index> indices);
  bool absorbPointwise(mlir::Operation *op, llvm::ArrayRef<Index> indices);
  void extendForward();
  bool collectBetween(mlir::Value value, llvm::SmallSetVector<mlir::Operation *, 8> &between) const;
  bool isDerived(mlir::Value value) const;
  bool dependsOnMembers(mlir::Value value) const;
  void findOutputs();
  bool isStreamReduction(mlir::Operation *op) const;
  bool isComputed() const;
  bool hasProjection() const;
  bool fitsTiles();
  bool isConsistent() const;

  ContractOp sink;
  bool innerReductions = true; // norms of rows and keys are computed in the kernel
  mlir::Value probabilities;   // the factor of the sink that is computed in the kernel
  mlir::Block *block;
  mlir::MLIRContext *context;
  llvm::DenseMap<mlir::Value, unsigned> streamedDim; // the dim of a value that is n
  llvm::DenseSet<mlir::Operation *> fixedMembers;    // absorbed whatever the rules say
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H
