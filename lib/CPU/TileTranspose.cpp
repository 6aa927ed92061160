//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows are loaded as vectors. Riffling the first half of them with the second, once for
// every bit of their number, transposes them in registers.
//
//===----------------------------------------------------------------------===//

#include "TileTranspose.h"
#include "TileMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace flashlight;

void TransposedBlock::emit(OpBuilder &b, Location loc) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto add = [&](Value x, Value y) -> Value { return arith::AddIOp::create(b, loc, x, y); };
  auto multiply = [&](Value x, Value y) -> Value { return arith::MulIOp::create(b, loc, x, y); };
  auto type = VectorType::get(block, element);
  Value nothing = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value bound; // of a row's elements; null: all
  if (columns < block)
    bound = index(columns);
  if (columnCount) {
    Value left = arith::SubIOp::create(b, loc, columnCount, at[across]);
    bound = bound ? Value(arith::MinSIOp::create(b, loc, left, bound)) : left;
  }
  SmallVector<Value> vectors;
  for (int64_t i = 0; i < block; ++i) {
    if (i >= rows) {
      vectors.push_back(toStored(b, loc, nothing));
      continue;
    }
    Value from = i == 0 ? address : add(address, multiply(rowStride, index(i))), here = bound;
    if (rowCount) {
      Value row = i == 0 ? at[inner] : add(at[inner], index(i));
      Value is = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, row, rowCount);
      here = arith::SelectOp::create(b, loc, is, here ? here : index(block), index(0));
    }
    Value loaded;
    if (here) {
      auto maskType = VectorType::get(block, b.getI1Type());
      Value mask = vector::CreateMaskOp::create(b, loc, maskType, here);
      loaded = vector::MaskedLoadOp::create(b, loc, type, memory, from, mask, nothing);
    } else {
      loaded = vector::LoadOp::create(b, loc, type, memory, from);
    }
    vectors.push_back(toStored(b, loc, loaded));
  }
  SmallVector<int64_t> low, high, first;
  for (int64_t i = 0; i < block; ++i) {
    low.push_back(i / 2 + (i % 2) * block);
    high.push_back(block / 2 + low.back());
    if (i < rows)
      first.push_back(i);
  }
  for (int64_t round = 1; round < block; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < block / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(b, loc, vectors[i], vectors[i + block / 2], half));
    vectors = next;
  }
  SmallVector<Value> position(at);
  for (int64_t i = 0; i < columns; ++i) {
    Value column = vectors[i];
    if (rows < block)
      column = vector::ShuffleOp::create(b, loc, column, column, first);
    position[across] = i == 0 ? at[across] : add(at[across], index(i));
    vector::StoreOp::create(b, loc, column, buffer, position);
  }
}
