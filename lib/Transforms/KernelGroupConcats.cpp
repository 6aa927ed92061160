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
  int64_t dim = op.getDim();
  for (const Index &known : indices) {
    Index index = axes.canonical(known);
    // The parts that the extents leave; one alone is a view.
    std::optional<int64_t> low = axes.bound(index[dim], false), high = axes.bound(index[dim], true);
    SmallVector<int64_t> offsets{0};
    auto isReached = [&](unsigned i) {
      int64_t size = tensorType(op.getOperands()[i]).getDimSize(dim);
      return !(high && *high < offsets[i]) &&
             !(low && ShapedType::isStatic(size) && *low >= offsets[i] + size);
    };
    for (Value part : op.getOperands().drop_back())
      offsets.push_back(offsets.back() + tensorType(part).getDimSize(dim));
    int64_t reached = llvm::count_if(llvm::seq<unsigned>(0, offsets.size()), isReached);
    SmallVector<Index> parts;
    for (auto [i, part, position] : llvm::enumerate(op.getOperands(), positions->second)) {
      if (!isReached(i)) {
        parts.push_back({});
        continue;
      }
      Index at = index;
      if (reached == 1)
        at[dim] = axes.simplified(index[dim] - offsets[i]);
      else if (tensorType(part).getDimSize(dim) == 1)
        at[dim] = getAffineConstantExpr(0, context);
      else
        at[dim] = axes.lookup(position, index[dim]);
      for (unsigned lookup : axes.lookupsOf(at))
        demand(axes.getLookups()[lookup].value, Index(axes.getLookups()[lookup].at));
      demand(part, at);
      parts.push_back(at);
    }
    passed[op].push_back({index, parts});
  }
  return true;
}
