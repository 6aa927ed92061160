//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. An element is read under the condition that it lies within the
// limits and that every index that is a value lies in the memory; vectorize-tiles
// makes a masked gather of it.
//
//===----------------------------------------------------------------------===//

#include "TileGather.h"
#include "TileGroups.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace flashlight;

void flashlight::addCoefficients(AffineExpr expr, MutableArrayRef<int64_t> coefficients,
                                 unsigned numDims, int64_t factor) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    coefficients[dim.getPosition()] += factor;
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    coefficients[numDims + symbol.getPosition()] += factor;
  } else if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    if (expr.getKind() == AffineExprKind::Mul)
      return addCoefficients(binary.getLHS(), coefficients, numDims,
                             factor * cast<AffineConstantExpr>(binary.getRHS()).getValue());
    addCoefficients(binary.getLHS(), coefficients, numDims, factor);
    addCoefficients(binary.getRHS(), coefficients, numDims, factor);
  }
}

Value flashlight::flatMemory(OpBuilder &b, Location loc, Value memory) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, memory);
  auto type =
      MemRefType::get({ShapedType::kDynamic}, cast<MemRefType>(memory.getType()).getElementType(),
                      StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
  Value endless = arith::ConstantIndexOp::create(b, loc, std::numeric_limits<int64_t>::max());
  return memref::ReinterpretCastOp::create(
      b, loc, type, metadata.getBaseBuffer(), OpFoldResult(metadata.getOffset()),
      ArrayRef<OpFoldResult>{endless}, ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}

bool flashlight::isElementGather(Operation *op) {
  auto load = dyn_cast<LoadOp>(op);
  if (!load || load.getIndices().empty())
    return false;
  auto shape = cast<RankedTensorType>(load.getType()).getShape();
  int64_t inner = -1;
  for (auto [i, size] : llvm::enumerate(shape))
    if (size > 1)
      inner = i;
  if (inner < 0)
    return false;
  for (AffineExpr expr : load.getMap().getResults()) {
    bool gathered = false, varies = expr.isFunctionOfDim(inner);
    for (auto [i, index] : llvm::enumerate(load.getIndices())) {
      if (!expr.isFunctionOfSymbol(i))
        continue;
      gathered = true;
      auto identity = AffineMap::getMultiDimIdentityMap(shape.size(), op->getContext());
      Leaf leaf = resolve(index, identity);
      varies |= leaf.tensor ? leaf.map.isFunctionOfDim(inner) : leaf.indexDim == inner;
    }
    if (gathered && varies)
      return true;
  }
  return false;
}

TileGather::TileGather(OpBuilder &b, LoadOp op) : op(op) {
  Location loc = op.getLoc();
  flat = flatMemory(b, loc, op.getSource());
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, op.getSource());
  sizes = metadata.getSizes();
  strides = metadata.getStrides();
  unsigned rank = cast<RankedTensorType>(op.getType()).getRank();
  base = arith::ConstantIndexOp::create(b, loc, 0);
  tileStrides.assign(rank, base);
  auto addTo = [&](Value &sum, Value value, Value stride) {
    Value product = arith::MulIOp::create(b, loc, value, stride);
    sum = arith::AddIOp::create(b, loc, sum, product);
  };
  for (auto [k, expr] : llvm::enumerate(op.getMap().getResults())) {
    SmallVector<int64_t> own(rank + op.getIndices().size(), 0);
    addCoefficients(expr, own, rank);
    if (llvm::any_of(ArrayRef(own).drop_front(rank), [](int64_t c) { return c != 0; }))
      continue;
    addTo(base, op.getOffsets()[k], strides[k]);
    for (unsigned dim = 0; dim < rank; ++dim)
      if (own[dim] != 0)
        addTo(tileStrides[dim], arith::ConstantIndexOp::create(b, loc, own[dim]), strides[k]);
  }
}

Value TileGather::emit(OpBuilder &b, ValueRange elements) {
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(op.getType());
  unsigned rank = type.getRank();
  auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); };
  auto add = [&](Value x, Value y) -> Value { return arith::AddIOp::create(b, loc, x, y); };
  auto multiply = [&](Value x, Value y) -> Value { return arith::MulIOp::create(b, loc, x, y); };
  SmallVector<Value> at;
  for (unsigned dim = 0; dim < rank; ++dim)
    at.push_back(linalg::IndexOp::create(b, loc, dim));

  Value address = base, inside;
  auto require = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    Value holds = arith::CmpIOp::create(b, loc, predicate, x, y);
    inside = inside ? Value(arith::AndIOp::create(b, loc, inside, holds)) : holds;
  };
  for (auto [dim, stride] : llvm::enumerate(tileStrides))
    if (type.getDimSize(dim) > 1 && op.getMap().isFunctionOfDim(dim))
      address = add(address, multiply(at[dim], stride));
  for (auto [k, expr] : llvm::enumerate(op.getMap().getResults())) {
    SmallVector<int64_t> own(rank + elements.size(), 0);
    addCoefficients(expr, own, rank);
    Value where = op.getOffsets()[k];
    bool gathered = false;
    for (auto [i, factor] : llvm::enumerate(own)) {
      if (factor == 0)
        continue;
      Value term =
          i < rank
              ? at[i]
              : Value(arith::IndexCastOp::create(b, loc, b.getIndexType(), elements[i - rank]));
      where = add(where, factor == 1 ? term : multiply(term, index(factor)));
      gathered |= i >= rank;
    }
    if (!gathered)
      continue;
    // Unsigned: a negative index is larger than any extent.
    require(arith::CmpIPredicate::ult, where, sizes[k]);
    address = add(address, multiply(where, strides[k]));
  }
  for (auto [dim, limit] : llvm::zip(op.getLimited(), op.getLimits()))
    require(arith::CmpIPredicate::slt, at[dim], limit);

  Type element = type.getElementType();
  auto choice = scf::IfOp::create(b, loc, TypeRange{element}, inside, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, Value(memref::LoadOp::create(b, loc, flat, address)));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc, Value(arith::ConstantOp::create(b, loc, b.getZeroAttr(element))));
  return choice.getResult(0);
}

std::optional<GuardedRead> GuardedRead::match(Operation *op) {
  auto choice = dyn_cast<scf::IfOp>(op);
  if (!choice || choice.getNumResults() != 1 || choice.getElseRegion().empty())
    return std::nullopt;
  auto read = dyn_cast<memref::LoadOp>(choice.thenBlock()->front());
  if (!read || choice.thenYield().getOperand(0) != read.getResult())
    return std::nullopt;
  return GuardedRead{choice.getCondition(), read.getMemRef(), read.getIndices().front()};
}
