//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-normalize-shifts: see Passes.td. Here are the pass, and what its parts
// share.
//
//===----------------------------------------------------------------------===//

#include "NormalizeShifts.h"

#include "ProgramUtils.h"

#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_NORMALIZESHIFTS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

Value flashlight::positionsAlong(int64_t dim, RankedTensorType type, Location loc,
                                 OpBuilder &builder) {
  Type i64 = builder.getI64Type();
  Value line =
      IotaOp::create(builder, loc, permuted(cast<RankedTensorType>(type.clone(i64)), {dim}));
  return BroadcastOp::create(builder, loc, type.clone(i64), line,
                             builder.getDenseI64ArrayAttr(dim));
}

Value flashlight::numberLike(int64_t value, RankedTensorType like, Location loc,
                             OpBuilder &builder) {
  auto scalar = RankedTensorType::get({}, like.getElementType());
  Attribute attribute = isa<FloatType>(like.getElementType())
                            ? Attribute(builder.getFloatAttr(like.getElementType(), value))
                            : Attribute(builder.getIntegerAttr(like.getElementType(), value));
  Value made = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(scalar, attribute));
  return BroadcastOp::create(builder, loc, like, made, builder.getDenseI64ArrayAttr({}));
}

ScanOp flashlight::scanLike(ScanOp like, Value operand, bool reverse, bool exclusive,
                            OpBuilder &builder) {
  auto flag = [&](bool set) { return set ? builder.getUnitAttr() : UnitAttr(); };
  return ScanOp::create(builder, like.getLoc(), operand.getType(), like.getKindAttr(), operand,
                        like.getDimAttr(), StringAttr(), flag(reverse), flag(exclusive));
}

void flashlight::replaceNamed(Operation *op, Value value, PatternRewriter &rewriter) {
  if (Attribute node = op->getAttr(kNodeAttr))
    if (Operation *made = value.getDefiningOp(); made && !made->hasAttr(kNodeAttr))
      made->setAttr(kNodeAttr, node);
  rewriter.replaceOp(op, value);
}

namespace {

/// slice(concat(a, b)) -> concat(a, slice(b)), where the slice has all of a and a part of b, or the
/// other way round: padded, then cut.
struct SliceOfPadded : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto concat = op.getOperand().getDefiningOp<ConcatOp>();
    if (!concat || concat.getOperands().size() != 2)
      return rewriter.notifyMatchFailure(op, "no slice of a concat of two");
    int64_t dim = concat.getDim();
    auto whole = tensorType(concat.getResult()), type = tensorType(op.getResult());
    for (int64_t i = 0; i < whole.getRank(); ++i)
      if (op.getStrides()[i] != 1 || whole.isDynamicDim(i) ||
          (i != dim && whole.getDimSize(i) != type.getDimSize(i)))
        return rewriter.notifyMatchFailure(op, "no part along the concat's dim alone");
    int64_t first = tensorType(concat.getOperands()[0]).getDimSize(dim);
    int64_t begin = op.getOffsets()[dim], end = begin + type.getDimSize(dim);
    if (begin >= first || end <= first || (begin > 0 && end < whole.getDimSize(dim)))
      return rewriter.notifyMatchFailure(op, "cuts none or both of the parts");
    auto part = [&](Value operand, int64_t from, int64_t to) -> Value {
      auto before = tensorType(operand);
      if (from == 0 && to == before.getDimSize(dim))
        return operand;
      SmallVector<int64_t> offsets(before.getRank(), 0), strides(before.getRank(), 1);
      offsets[dim] = from;
      return SliceOp::create(rewriter, op.getLoc(), withExtent(before, dim, Extent{to - from, {}}),
                             operand, offsets, strides);
    };
    Value left = part(concat.getOperands()[0], begin, first),
          right = part(concat.getOperands()[1], 0, end - first);
    replaceNamed(
        op,
        ConcatOp::create(rewriter, op.getLoc(), type, ValueRange{left, right}, concat.getDimAttr()),
        rewriter);
    return success();
  }
};

struct NormalizeShifts : flashlight::impl::NormalizeShiftsBase<NormalizeShifts> {
  void runOnOperation() override {
    // Most programs have nothing of the kind.
    WalkResult found = getOperation()->walk([](Operation *op) {
      return isa<ScanOp, ConcatOp>(op) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (!found.wasInterrupted())
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<SliceOfPadded>(&getContext());
    populateNormalizeScansPatterns(patterns);
    populateNormalizeMovedPatterns(patterns);
    populateNormalizeShiftedPatterns(patterns);
    populateNormalizeScannedRowsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
