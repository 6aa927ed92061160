//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What turns one linalg.generic on static buffers into loops over vectors.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_VECTORIZER_H
#define FLASHLIGHT_LIB_CPU_VECTORIZER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace flashlight {

/// Part of a dim that is swept with one step: `points` rows or vectors of `lanes`.
struct Segment {
  int64_t begin, end, points, lanes;
};

struct Vectorizer {
  Vectorizer(mlir::linalg::GenericOp op, unsigned lanes);

  mlir::LogicalResult run();

private:
  // Choices.
  int64_t chooseVectorDim() const;
  void chooseBlocks();
  llvm::SmallVector<Segment> segments(int64_t dim) const;
  bool isReduced(int64_t dim) const {
    return iterators[dim] == mlir::utils::IteratorType::reduction;
  }

  // Loops.
  mlir::LogicalResult emitParallel(llvm::ArrayRef<int64_t> dims);
  mlir::LogicalResult emitBlock();
  mlir::LogicalResult emitSweep(llvm::SmallVector<mlir::Value> &state);
  mlir::LogicalResult emitReduced(llvm::ArrayRef<int64_t> dims,
                                  llvm::SmallVector<mlir::Value> &state);
  mlir::LogicalResult emitPoints(llvm::SmallVector<mlir::Value> &state);

  // One point of the block.
  mlir::Value indexAt(int64_t dim, int64_t row, int64_t column);
  llvm::SmallVector<mlir::Value> indicesAt(unsigned operand, int64_t row, int64_t column);
  mlir::Value load(unsigned operand, int64_t row, int64_t column);
  void store(unsigned operand, int64_t row, int64_t column, mlir::Value value);
  mlir::Value gather(mlir::Value mask, mlir::Value memory, mlir::Value address);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> evaluate(int64_t row, int64_t column,
                                                           llvm::ArrayRef<mlir::Value> state);

  // Helpers.
  mlir::Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(b, loc, value); }
  mlir::Type vectorOf(mlir::Type element) const {
    return vectorDim < 0 ? element : mlir::Type(mlir::VectorType::get(lanes, element));
  }
  mlir::Value splat(mlir::Value value) {
    return vectorDim < 0
               ? value
               : mlir::Value(mlir::vector::BroadcastOp::create(
                     b, loc, mlir::cast<mlir::VectorType>(vectorOf(value.getType())), value));
  }
  mlir::Value constant(mlir::TypedAttr value) {
    return splat(mlir::arith::ConstantOp::create(b, loc, value));
  }
  mlir::MemRefType typeOf(unsigned operand) const {
    return mlir::cast<mlir::MemRefType>(operands[operand].getType());
  }
  mlir::AffineMap mapOf(unsigned operand) const { return maps[operand]; }
  bool isContiguous(unsigned operand) const;
  unsigned outputOperand(unsigned output) const { return numInputs + output; }

  mlir::linalg::GenericOp op;
  mlir::OpBuilder b;
  mlir::Location loc;
  unsigned width; // lanes of a full vector
  unsigned numInputs;
  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<mlir::AffineMap> maps;
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  llvm::SmallVector<int64_t> sizes;
  int64_t vectorDim, rowDim = -1;
  int64_t rowBlock = 1, columnBlock = 1;
  llvm::SmallVector<unsigned> carried; // outputs that are accumulated
  llvm::SmallVector<unsigned> plain;   // outputs that are written at every point

  // Of the loops around what is being emitted.
  llvm::SmallVector<mlir::Value> base; // of each dim
  int64_t rows = 1, columns = 1, lanes = 1;
  llvm::DenseMap<std::tuple<unsigned, int64_t, int64_t>, mlir::Value> loaded;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_VECTORIZER_H
