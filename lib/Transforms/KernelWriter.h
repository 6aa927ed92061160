//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes a group of program-level ops again as a kernel over named axes.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELWRITER_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELWRITER_H

#include "KernelGroup.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// Writes a group as a flashlight.kernel.
class KernelWriter {
public:
  KernelWriter(KernelGroup &group, mlir::OpBuilder &builder, mlir::Location loc)
      : group(group), builder(builder), loc(loc), context(builder.getContext()) {}

  KernelOp write(mlir::StringRef name);

private:
  void nameAxes();
  AxesAttr axesOf(mlir::ArrayRef<unsigned> positions);
  mlir::RankedTensorType typeOver(mlir::ArrayRef<unsigned> positions, mlir::Type elementType);
  llvm::SmallVector<unsigned> positionsOf(mlir::Value value);
  mlir::Value broadcast(mlir::Value value, mlir::ArrayRef<unsigned> positions);
  mlir::Value valueAt(mlir::Value original, mlir::ArrayRef<mlir::AffineExpr> index);
  mlir::Value constant(mlir::Type elementType, int64_t value);
  mlir::Value indexValue(mlir::AffineExpr expr, mlir::Type elementType);
  mlir::Value lookup(unsigned symbol);
  mlir::Value read(mlir::Value leaf, mlir::ArrayRef<mlir::AffineExpr> index);
  mlir::Value writeOp(mlir::Operation *op, mlir::ArrayRef<mlir::AffineExpr> index);
  mlir::Value writeScan(ScanOp op, llvm::ArrayRef<mlir::AffineExpr> index);
  mlir::Value writeReduce(ReduceOp op, llvm::ArrayRef<mlir::AffineExpr> index);
  mlir::Value writeConcat(ConcatOp op, mlir::ArrayRef<mlir::AffineExpr> index);
  llvm::SmallVector<unsigned> broadcastTogether(mlir::MutableArrayRef<mlir::Value> values);
  mlir::Value writeContract(ContractOp op, mlir::ArrayRef<mlir::AffineExpr> index);
  mlir::AffineMap mapOf(mlir::ArrayRef<mlir::AffineExpr> index);

  KernelGroup &group;
  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::MLIRContext *context;
  llvm::SmallVector<unsigned> order;            // axis position -> variable
  llvm::DenseMap<unsigned, unsigned> positions; // variable -> axis position
  llvm::SmallVector<AxisAttr> axes;
  llvm::DenseMap<mlir::Value, mlir::Value> arguments; // leaf -> block argument
  llvm::DenseMap<mlir::Value, llvm::SmallVector<std::pair<Index, mlir::Value>>> written;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELWRITER_H
