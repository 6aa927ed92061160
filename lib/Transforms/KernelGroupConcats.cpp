//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores that are put together from parts, where the parts could not be computed
// with one by one (a padding that a reshape mixes with rows): an element is one of
// the parts' elements,
//
//   (a ++ b)[t] = t < |a| ? a[min(t, |a| - 1)] : b[max(t - |a|, 0)]
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

SmallVector<Value> flashlight::makePositions(ConcatOp op) {
  int64_t dim = op.getDim(), offset = 0;
  auto whole = tensorType(op.getResult());
  size_t last = op.getOperands().size() - 1;
  for (Value part : op.getOperands().drop_back())
    if (tensorType(part).isDynamicDim(dim))
      return {};
  OpBuilder builder(op);
  Location loc = op.getLoc();
  RankedTensorType type =
      typeOf(getExtent(whole, dim),
             RankedTensorType::get(whole.getShape(), builder.getI64Type(), whole.getEncoding()));
  auto constant = [&](int64_t value) -> Value {
    auto scalar = RankedTensorType::get({}, builder.getI64Type());
    Value number = arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(scalar, builder.getI64IntegerAttr(value)));
    return BroadcastOp::create(builder, loc, type, number, builder.getDenseI64ArrayAttr({}));
  };
  SmallVector<Value> positions;
  for (auto [i, part] : llvm::enumerate(op.getOperands())) {
    Value at = IotaOp::create(builder, loc, type);
    int64_t size = tensorType(part).getDimSize(dim);
    if (i > 0)
      at = arith::MaxSIOp::create(
          builder, loc, arith::SubIOp::create(builder, loc, at, constant(offset)), constant(0));
    if (i < last)
      at = arith::MinSIOp::create(builder, loc, at, constant(size - 1));
    positions.push_back(at);
    offset += size;
  }
  return positions;
}

/// A concat of scores, as any score, is S x S memory where it is stored; of keys it is a copy.
bool KernelGroup::absorbConcat(ConcatOp op, ArrayRef<Index> indices) {
  auto positions = neighbours.positions.find(op);
  if (positions == neighbours.positions.end() ||
      !llvm::all_of(indices, [&](const Index &index) { return isScoreLike(index); }))
    return false;
  for (const Index &known : indices) {
    Index index = axes.canonical(known);
    SmallVector<Index> parts;
    for (auto [part, position] : llvm::zip(op.getOperands(), positions->second)) {
      Index at = index;
      at[op.getDim()] = tensorType(part).getDimSize(op.getDim()) == 1
                            ? getAffineConstantExpr(0, context)
                            : axes.lookup(position, index[op.getDim()]);
      for (unsigned i : axes.lookupsOf(at)) {
        IndexSpace::Lookup lookup = axes.getLookups()[i];
        demand(lookup.value, lookup.at);
      }
      demand(part, at);
      parts.push_back(at);
    }
    passed[op].push_back({index, parts});
  }
  return true;
}
