//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One point of a vectorized loop: the elements that it reads and writes, and its body.
//
//===----------------------------------------------------------------------===//

#include "TileGather.h"
#include "Vectorizer.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace flashlight;

/// The ops that a loop's body may hold.
static bool isPointwise(Operation *op) {
  return op->getNumResults() == 1 && op->hasTrait<OpTrait::Elementwise>();
}

/// True if neighbours along the vector dim are neighbours in the operand's buffer.
bool Vectorizer::isContiguous(unsigned operand) const {
  AffineMap map = mapOf(operand);
  for (int64_t i = map.getNumResults() - 1; i >= 0; --i) {
    if (auto dim = dyn_cast<AffineDimExpr>(map.getResult(i)))
      if (static_cast<int64_t>(dim.getPosition()) == vectorDim)
        return true;
    if (typeOf(operand).getDimSize(i) != 1)
      return false;
  }
  return false;
}

/// The index along `dim` of a point (of its first lane).
Value Vectorizer::indexAt(int64_t dim, int64_t row, int64_t column) {
  int64_t offset = dim == rowDim ? row : dim == vectorDim ? column * lanes : 0;
  Value start = base[dim];
  return offset == 0 ? start : Value(arith::AddIOp::create(b, loc, start, index(offset)));
}

SmallVector<Value> Vectorizer::indicesAt(unsigned operand, int64_t row, int64_t column) {
  SmallVector<Value> indices;
  for (AffineExpr expr : mapOf(operand).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    indices.push_back(dim ? indexAt(dim.getPosition(), row, column)
                          : index(cast<AffineConstantExpr>(expr).getValue()));
  }
  return indices;
}

/// An operand's elements at a point; the same ones are loaded once a block.
Value Vectorizer::load(unsigned operand, int64_t row, int64_t column) {
  AffineMap map = mapOf(operand);
  bool varies = vectorDim >= 0 && map.isFunctionOfDim(vectorDim);
  bool byRow = rowDim >= 0 && map.isFunctionOfDim(rowDim);
  Value &value = loaded[{operand, byRow ? row : -1, varies ? column : -1}];
  if (value)
    return value;
  SmallVector<Value> indices = indicesAt(operand, row, column);
  Value buffer = operands[operand];
  Type element = typeOf(operand).getElementType();
  if (!varies)
    return value = splat(memref::LoadOp::create(b, loc, buffer, indices));
  auto type = cast<VectorType>(vectorOf(element));
  if (isContiguous(operand))
    return value = vector::LoadOp::create(b, loc, type, buffer, indices);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (expr == b.getAffineDimExpr(vectorDim))
        at[i] = arith::AddIOp::create(b, loc, indices[i], index(lane));
    elements.push_back(memref::LoadOp::create(b, loc, buffer, at));
  }
  return value = vector::FromElementsOp::create(b, loc, type, elements);
}

void Vectorizer::store(unsigned operand, int64_t row, int64_t column, Value value) {
  SmallVector<Value> indices = indicesAt(operand, row, column);
  Value buffer = operands[operand];
  if (vectorDim < 0) {
    memref::StoreOp::create(b, loc, value, buffer, indices);
    return;
  }
  if (isContiguous(operand)) {
    vector::StoreOp::create(b, loc, value, buffer, indices);
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [i, expr] : llvm::enumerate(mapOf(operand).getResults()))
      if (expr == b.getAffineDimExpr(vectorDim))
        at[i] = arith::AddIOp::create(b, loc, indices[i], index(lane));
    Value element = vector::ExtractOp::create(b, loc, value, lane);
    memref::StoreOp::create(b, loc, element, buffer, at);
  }
}

/// Elements of memory where the mask says so, else zeros.
Value Vectorizer::gather(Value mask, Value memory, Value address) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Value zeros = constant(b.getZeroAttr(element));
  if (vectorDim >= 0)
    return vector::GatherOp::create(b, loc, cast<VectorType>(vectorOf(element)), memory,
                                    ValueRange{index(0)}, address, mask, zeros);
  auto choice = scf::IfOp::create(b, loc, TypeRange{element}, mask, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, Value(memref::LoadOp::create(b, loc, memory, address)));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc, zeros);
  return choice.getResult(0);
}

/// The body at a point, on vectors. `state`: old values of the carried outputs.
FailureOr<SmallVector<Value>> Vectorizer::evaluate(int64_t row, int64_t column,
                                                   ArrayRef<Value> state) {
  Block &body = *op.getBody();
  DenseMap<Value, Value> values;
  for (unsigned i = 0; i < op.getNumDpsInputs(); ++i)
    if (!body.getArgument(i).use_empty())
      values[body.getArgument(i)] = load(i, row, column);
  for (auto [output, value] : llvm::zip(carried, state))
    values[body.getArgument(outputOperand(output))] = value;
  auto valueOf = [&](Value value) {
    Value &known = values[value];
    if (!known) // a scalar from outside the loop
      known = splat(value);
    return known;
  };
  for (Operation &inner : body.without_terminator()) {
    Value &result = values[inner.getResult(0)];
    if (auto position = dyn_cast<linalg::IndexOp>(inner)) {
      int64_t dim = position.getDim();
      result = splat(indexAt(dim, row, column));
      if (dim == vectorDim)
        result = arith::AddIOp::create(
            b, loc, result,
            vector::StepOp::create(b, loc, cast<VectorType>(vectorOf(b.getIndexType()))));
      continue;
    }
    if (auto scalar = dyn_cast<arith::ConstantOp>(inner)) {
      result = constant(scalar.getValue());
      continue;
    }
    if (auto read = GuardedRead::match(&inner)) {
      Value mask = valueOf(read->condition), address = valueOf(read->address);
      values[inner.getResult(0)] = gather(mask, read->memory, address);
      continue;
    }
    if (!isPointwise(&inner))
      return inner.emitOpError() << "has no lowering to the cpu";
    OperationState copy(inner.getLoc(), inner.getName());
    for (Value operand : inner.getOperands())
      copy.addOperands(valueOf(operand));
    copy.addTypes(vectorOf(inner.getResult(0).getType()));
    copy.addAttributes(inner.getAttrDictionary().getValue());
    values[inner.getResult(0)] = b.create(copy)->getResult(0);
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(valueOf(value));
  return results;
}
