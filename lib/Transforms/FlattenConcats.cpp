//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-flatten-concats: see Passes.td. A tensor that a program fills part by
// part is a concat of what stood before, the new part and what stood behind:
//
//   (a ++ b ++ c)[0:1] ++ x ++ (a ++ b ++ c)[2:3] = a ++ x ++ c
//
//===----------------------------------------------------------------------===//

#include "ProgramUtils.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight {
#define GEN_PASS_DEF_FLATTENCONCATS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// A slice of a slice is one of the whole.
static void takeWhole(SliceOp slice) {
  auto inner = slice.getOperand().getDefiningOp<SliceOp>();
  auto isForward = [](int64_t stride) { return stride > 0; };
  if (!inner || !llvm::all_of(slice.getStrides(), isForward) ||
      !llvm::all_of(inner.getStrides(), isForward))
    return;
  SmallVector<int64_t> offsets, strides;
  for (auto [from, by, offset, stride] :
       llvm::zip(inner.getOffsets(), inner.getStrides(), slice.getOffsets(), slice.getStrides())) {
    offsets.push_back(from + offset * by);
    strides.push_back(stride * by);
  }
  slice.getOperandMutable().assign(inner.getOperand());
  slice.setOffsets(offsets);
  slice.setStrides(strides);
}

/// The parts of a concat that elements `first` to `first + size` of its dim lie in, the outer ones
/// cut; none where a size is not known.
static SmallVector<Value> partsOf(ConcatOp concat, int64_t first, int64_t size,
                                  OpBuilder &builder) {
  int64_t dim = concat.getDim(), start = 0;
  auto extentOf = [&](Value part) { return tensorType(part).getDimSize(dim); };
  if (llvm::any_of(concat.getOperands(),
                   [&](Value part) { return ShapedType::isDynamic(extentOf(part)); }))
    return {};
  SmallVector<Value> parts;
  for (Value part : concat.getOperands()) {
    int64_t extent = extentOf(part), from = std::max<int64_t>(first - start, 0),
            to = std::min(first + size - start, extent);
    start += extent;
    if (from >= to)
      continue;
    if (to - from < extent) {
      SmallVector<int64_t> offsets(tensorType(part).getRank()), strides(offsets.size(), 1);
      offsets[dim] = from;
      auto cut = SliceOp::create(
          builder, concat.getLoc(), withExtent(tensorType(part), dim, Extent{to - from, {}}), part,
          builder.getDenseI64ArrayAttr(offsets), builder.getDenseI64ArrayAttr(strides));
      takeWhole(cut);
      part = cut;
    }
    parts.push_back(part);
  }
  return parts;
}

/// The parts that a slice takes of a concat, if it takes all of the other dims; else none.
static SmallVector<Value> partsOf(SliceOp slice, OpBuilder &builder) {
  auto concat = slice.getOperand().getDefiningOp<ConcatOp>();
  if (!concat)
    return {};
  RankedTensorType from = tensorType(slice.getOperand()), to = tensorType(slice.getResult());
  int64_t dim = concat.getDim();
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (slice.getStrides()[i] != 1 ||
        (i == dim ? to.isDynamicDim(i)
                  : slice.getOffsets()[i] != 0 || !(getExtent(from, i) == getExtent(to, i))))
      return {};
  return partsOf(concat, slice.getOffsets()[dim], to.getDimSize(dim), builder);
}

/// A slice of a single part is one of that part.
static bool takePart(SliceOp slice) {
  takeWhole(slice);
  OpBuilder builder(slice);
  SmallVector<Value> parts = partsOf(slice, builder);
  if (parts.size() != 1)
    return false; // what was cut in vain is dead
  slice.replaceAllUsesWith(parts.front());
  return true;
}

/// Slices of concats among the parts become what they take.
static bool flatten(ConcatOp concat) {
  OpBuilder builder(concat);
  SmallVector<Value> operands;
  bool changed = false;
  for (Value part : concat.getOperands()) {
    auto slice = part.getDefiningOp<SliceOp>();
    auto inner = slice ? slice.getOperand().getDefiningOp<ConcatOp>() : nullptr;
    SmallVector<Value> parts;
    if (inner && inner.getDim() == concat.getDim())
      parts = partsOf(slice, builder);
    changed |= !parts.empty();
    parts.empty() ? operands.push_back(part) : operands.append(parts);
  }
  if (changed)
    concat.getOperandsMutable().assign(operands);
  return changed;
}

/// A tensor that only changed its shape, and back (an element of a batch that is filled itself).
static void takeBack(ReshapeOp reshape) {
  auto inner = reshape.getOperand().getDefiningOp<ReshapeOp>();
  if (inner && inner.getOperand().getType() == reshape.getType() &&
      reshape.getType().hasStaticShape())
    reshape.replaceAllUsesWith(inner.getOperand());
}

namespace {

struct FlattenConcats : flashlight::impl::FlattenConcatsBase<FlattenConcats> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto slice = dyn_cast<SliceOp>(op))
        numTaken += takePart(slice);
      else if (auto reshape = dyn_cast<ReshapeOp>(op))
        takeBack(reshape);
      else if (auto concat = dyn_cast<ConcatOp>(op))
        numFlattened += flatten(concat);
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isa<SliceOp, ConcatOp, ReshapeOp>(op) && isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
