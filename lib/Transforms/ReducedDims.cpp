//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "ReducedDims.h"

#include "ProgramUtils.h"
#include "RowDims.h"

using namespace mlir;
using namespace flashlight;

/// A sum over neighbouring dims of what has rows and keys besides (heads in groups) is one over a
/// single dim, which a kernel that keeps the keys can sweep.
static ReduceOp mergeReducedDims(ReduceOp op, RowDims &rowDims) {
  SmallVector<int64_t> dims = op.getReducedDims();
  RankedTensorType type = tensorType(op.getOperand());
  int64_t size = 1;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (type.isDynamicDim(dim) || dim != dims[0] + static_cast<int64_t>(i))
      return {};
    size *= type.getDimSize(dim);
  }
  if (dims.size() < 2 || !rowDims.findPair(op.getOperand(), dims))
    return {};
  SmallVector<Extent> extents;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (dim == dims[0])
      extents.push_back({size, {}});
    else if (!llvm::is_contained(dims, dim))
      extents.push_back(getExtent(type, dim));
  OpBuilder builder(op);
  Value merged = ReshapeOp::create(builder, op.getLoc(), typeOf(extents, type), op.getOperand());
  auto sum = ReduceOp::create(builder, op.getLoc(), op.getType(), op.getKindAttr(), merged,
                              builder.getDenseI64ArrayAttr(dims[0]));
  if (Attribute node = op->getAttr(kNodeAttr))
    sum->setAttr(kNodeAttr, node);
  return sum;
}

SmallVector<ReduceOp> flashlight::splitReductions(Block &block) {
  SmallVector<ReduceOp> split, whole;
  RowDims rowDims;
  for (ReduceOp op : llvm::to_vector(block.getOps<ReduceOp>())) {
    Value operand = op.getOperand();
    SmallVector<int64_t> dims = op.getReducedDims();
    auto extent = [&](int64_t dim) {
      RankedTensorType type = tensorType(operand);
      return type.isDynamicDim(dim) ? INT64_MAX : type.getDimSize(dim);
    };
    if (ReduceOp merged = mergeReducedDims(op, rowDims)) {
      op.replaceAllUsesWith(merged.getResult());
      whole.push_back(op);
      continue;
    }
    llvm::stable_sort(dims, [&](int64_t a, int64_t b) { return extent(a) > extent(b); });
    auto *streamed =
        llvm::find_if(dims, [&](int64_t dim) { return rowDims.hasRows(operand, dim); });
    if (dims.size() < 2 || streamed == dims.end())
      continue;
    int64_t dim = *streamed;
    SmallVector<int64_t> kept, others;
    for (int64_t i = 0; i < tensorType(operand).getRank(); ++i)
      if (i != dim)
        kept.push_back(i);
    for (int64_t other : op.getReducedDims())
      if (other != dim)
        others.push_back(other - (other > dim));
    OpBuilder builder(op);
    Value inner = ReduceOp::create(builder, op.getLoc(), permuted(tensorType(operand), kept),
                                   op.getKindAttr(), operand, builder.getDenseI64ArrayAttr(dim));
    auto outer = ReduceOp::create(builder, op.getLoc(), op.getType(), op.getKindAttr(), inner,
                                  builder.getDenseI64ArrayAttr(others));
    if (Attribute node = op->getAttr(kNodeAttr))
      outer->setAttr(kNodeAttr, node);
    op.replaceAllUsesWith(outer.getResult());
    whole.push_back(op);
    split.push_back(outer);
  }
  for (ReduceOp op : whole) // not before: what is known of rows is known by value
    op.erase();
  return split;
}

void flashlight::rejoinReduction(ReduceOp outer) {
  auto inner = outer.getOperand().getDefiningOp<ReduceOp>();
  if (!inner)
    return;
  int64_t dim = inner.getReducedDims()[0];
  SmallVector<int64_t> dims{dim};
  for (int64_t other : outer.getReducedDims())
    dims.push_back(other + (other >= dim));
  llvm::sort(dims);
  outer.getOperandMutable().assign(inner.getOperand());
  outer.setDims(dims);
}
