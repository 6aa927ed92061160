//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Converts one tile-level function to a kernel in Triton's IR, op by op.
//
// A value is mapped to a value of its converted type: `index` is `i64`, a tile
// without dims is a scalar. One exception: a 64-bit integer whose range fits may be
// mapped to an `i32`, which stands for its sign extension. Who uses an integer
// says what it needs: `get`, `getWide` or `getNarrow`.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CONVERSION_CONVERTER_H
#define FLASHLIGHT_CONVERSION_CONVERTER_H

#include "IndexRanges.h"

#include "flashlight/IR/FlashlightDialect.h"
#include "flashlight/Triton/TritonDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace flashlight {

class KernelConverter {
public:
  /// Builds the kernel at the insertion point of `builder`.
  KernelConverter(mlir::func::FuncOp source, mlir::OpBuilder &builder);
  mlir::LogicalResult convert();

private:
  /// A memref argument: where it starts, and each dim's stride, a constant or an `i64`.
  struct Memory {
    mlir::Value pointer;
    llvm::SmallVector<mlir::OpFoldResult> strides;
  };
  /// A tile of pointers and which of them are in bounds (null: all).
  struct Access {
    mlir::Value pointers, mask;
  };

  // ConvertToTriton.cpp: the function, control flow.
  mlir::FailureOr<tt::FuncOp> convertSignature();
  mlir::LogicalResult convertBlock(mlir::Block &block);
  mlir::LogicalResult convertOp(mlir::Operation *op);
  mlir::LogicalResult convertFor(mlir::scf::ForOp op);
  mlir::LogicalResult convertIf(mlir::scf::IfOp op);
  void convertYield(mlir::Operation *op);

  // Memory.cpp
  mlir::Value linearOffset(mlir::Location loc, const Memory &memory, mlir::ValueRange offsets);
  mlir::FailureOr<Access> convertAccess(mlir::Operation *op, mlir::Value memref,
                                        mlir::ValueRange offsets, mlir::ValueRange limits,
                                        mlir::ValueRange indices, mlir::AffineMap map,
                                        llvm::ArrayRef<int64_t> limited,
                                        mlir::RankedTensorType tile);
  mlir::Value gatheredOffset(mlir::Location loc, mlir::Value indices, int64_t constant,
                             mlir::Value dynamic);
  mlir::LogicalResult convertLoad(LoadOp op);
  mlir::LogicalResult convertStore(StoreOp op);

  // Contract.cpp
  mlir::LogicalResult convertContract(ContractOp op);

  // Reduce.cpp
  mlir::LogicalResult convertReduce(ReduceOp op);
  mlir::LogicalResult convertScan(ScanOp op);

  // Elementwise.cpp
  mlir::LogicalResult convertConstant(mlir::Operation *op);
  mlir::LogicalResult convertElementwise(mlir::Operation *op);
  bool convertCast(mlir::Operation *op);
  bool canCompute32(mlir::Operation *op);

  /// The type that a value of `type` is mapped to.
  mlir::Type convertType(mlir::Type type);
  /// Whether `value` is an index or 64-bit integer that fits in 32 bits.
  bool isNarrow(mlir::Value value);
  mlir::Value get(mlir::Value value) { return map.at(value); }
  mlir::Value getWide(mlir::Value value);
  mlir::Value getNarrow(mlir::Value value);

  mlir::func::FuncOp source;
  mlir::OpBuilder &builder;
  IndexRanges ranges;
  llvm::DenseMap<mlir::Value, mlir::Value> map;
  llvm::DenseMap<mlir::Value, Memory> memories;
};

} // namespace flashlight

#endif // FLASHLIGHT_CONVERSION_CONVERTER_H
