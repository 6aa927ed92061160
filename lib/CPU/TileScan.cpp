//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A scan of a tile: the loop along the scanned dim carries vectors of running values
// along another dim, or, if it is the innermost itself, one running value.
//
//===----------------------------------------------------------------------===//

#include "TileMemory.h"

#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace flashlight;

namespace {

struct ScanEmitter {
  ScanEmitter(OpBuilder &builder, ScanOp op, Value from, Value to, unsigned lanes)
      : b(builder), loc(op.getLoc()), op(op), from(from), to(to), lanes(lanes),
        shape(cast<MemRefType>(from.getType()).getShape()), scanned(op.getScannedDim()) {
    at.assign(shape.size(), index(0));
    // Only the innermost dim is contiguous.
    for (auto [i, size] : llvm::enumerate(shape))
      if (size > 1)
        inner = i;
    if (inner == scanned)
      inner = -1;
  }

  void emitDim(int64_t dim);

private:
  /// How many vectors run side by side: enough to hide an addition's latency.
  static constexpr int64_t kSideBySide = 4;

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  void emitVectors(int64_t begin, int64_t end, int64_t width, int64_t count);
  void emitScan(int64_t width, int64_t count);

  OpBuilder &b;
  Location loc;
  ScanOp op;
  Value from, to;
  int64_t lanes;
  ArrayRef<int64_t> shape;
  int64_t scanned, inner = -1;
  SmallVector<Value> at;
};

} // namespace

/// Dims `dim` and further in, but for the scanned one and the vector's.
void ScanEmitter::emitDim(int64_t dim) {
  if (dim == static_cast<int64_t>(shape.size())) {
    if (inner < 0)
      return emitScan(/*width=*/0, 1);
    int64_t size = shape[inner], block = kSideBySide * lanes;
    int64_t blocks = size - size % block, vectors = size - size % lanes;
    emitVectors(0, blocks, lanes, kSideBySide);
    emitVectors(blocks, vectors, lanes, 1);
    emitVectors(vectors, size, size - vectors, 1);
    return;
  }
  if (dim == scanned || dim == inner || shape[dim] == 1)
    return emitDim(dim + 1);
  auto loop = scf::ForOp::create(b, loc, index(0), index(shape[dim]), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  at[dim] = loop.getInductionVar();
  emitDim(dim + 1);
  at[dim] = index(0);
}

void ScanEmitter::emitVectors(int64_t begin, int64_t end, int64_t width, int64_t count) {
  if (begin == end)
    return;
  auto loop = scf::ForOp::create(b, loc, index(begin), index(end), index(width * count));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  at[inner] = loop.getInductionVar();
  emitScan(width, count);
  at[inner] = Value();
}

/// The loop along the scanned dim, for `count` vectors of `width` (0: for one scalar).
void ScanEmitter::emitScan(int64_t width, int64_t count) {
  Type stored = cast<MemRefType>(from.getType()).getElementType();
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  bool rounds = isa<FloatType>(stored) && !stored.isF64() &&
                (op.getKind() == ReduceKind::Sum || op.getKind() == ReduceKind::Prod);
  Type wide = rounds ? b.getF64Type() : stored;
  TypedAttr none = identityOf(op.getKind(), wide);
  auto vectorOf = [&](Type type) {
    return width > 0 ? VectorType::get(width, type) : VectorType();
  };
  VectorType vectorType = vectorOf(stored), wideVector = vectorOf(wide);
  Value start = vectorType
                    ? arith::ConstantOp::create(b, loc, DenseElementsAttr::get(wideVector, none))
                    : arith::ConstantOp::create(b, loc, none);
  SmallVector<Value> running(count, start);
  auto loop = scf::ForOp::create(b, loc, index(0), index(shape[scanned]), index(1), running);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> position(at);
  position[scanned] = loop.getInductionVar();
  if (op.getReverse())
    position[scanned] = arith::SubIOp::create(b, loc, index(shape[scanned] - 1), position[scanned]);
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> here(position);
    if (i > 0)
      here[inner] = arith::AddIOp::create(b, loc, here[inner], index(i * width));
    Value value = vectorType ? Value(vector::LoadOp::create(b, loc, vectorType, from, here))
                             : Value(memref::LoadOp::create(b, loc, from, here));
    if (rounds)
      value = arith::ExtFOp::create(b, loc, wideVector ? Type(wideVector) : wide, value);
    running[i] = combine(op.getKind(), b, loc, loop.getRegionIterArgs()[i], value);
    // What is kept of a half type, in f32, is rounded to it.
    Value kept = op.getExclusive() ? loop.getRegionIterArgs()[i] : running[i];
    if (rounds)
      kept = arith::TruncFOp::create(b, loc, vectorType ? Type(vectorType) : stored, kept);
    kept = toStored(b, loc, fromStored(b, loc, kept, element));
    if (vectorType)
      vector::StoreOp::create(b, loc, kept, to, here);
    else
      memref::StoreOp::create(b, loc, kept, to, here);
  }
  scf::YieldOp::create(b, loc, running);
}

void flashlight::emitScan(OpBuilder &builder, ScanOp op, Value from, Value to, unsigned lanes) {
  OpBuilder::InsertionGuard guard(builder);
  ScanEmitter(builder, op, from, to, lanes).emitDim(0);
}
