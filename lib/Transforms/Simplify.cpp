//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-simplify: see Passes.td. Views fold by the ops' own folders; here
// are the roundings. For x : f32, extf(truncf(x)) = x up to one rounding to the
// half type, which eager makes after every op and a fused kernel need not. And an
// extremum of what is shifted by a row's value is the row's extremum, shifted:
//
//   max_n (s_n - r) = (max_n s_n) - r        max_n (r - s_n) = r - min_n s_n
//
// exactly, because rounding is monotone. A second maximum of scores that a first one
// was subtracted from becomes a function of the first that way. SimplifySums.cpp finds
// contractions that were written out.
//
//===----------------------------------------------------------------------===//

#include "ProgramUtils.h"
#include "SimplifySums.h"

#include "flashlight/IR/FlashlightDialect.h"
#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_SIMPLIFY
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// extf(truncf(x)) -> x.
struct DropRounding : OpRewritePattern<arith::ExtFOp> {
  DropRounding(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    auto narrow = op.getIn().getDefiningOp<arith::TruncFOp>();
    if (!narrow)
      return rewriter.notifyMatchFailure(op, "operand is not a rounding");
    if (narrow.getIn().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "widens to another type than was rounded");
    rewriter.replaceOp(op, narrow.getIn());
    ++count;
    return success();
  }

  Pass::Statistic &count;
};

/// extf(f(truncf(x), ...)) -> f(x, extf(...)) for an f that only moves elements: views and selects.
/// An integer is converted to the wider type at once.
struct WidenThroughMoves : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool isRounded(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return false;
    if (isa<arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp>(op))
      return true;
    if (isa<BroadcastOp, TransposeOp, ReshapeOp, SliceOp>(op))
      return isRounded(op->getOperand(0));
    auto select = dyn_cast<arith::SelectOp>(op);
    return select && (isRounded(select.getTrueValue()) || isRounded(select.getFalseValue()));
  }

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Operation *moves = op.getIn().getDefiningOp();
    if (!moves || isa<arith::TruncFOp>(moves) || !isRounded(op.getIn()))
      return rewriter.notifyMatchFailure(op, "nothing behind the widening was rounded");
    Type wide = cast<RankedTensorType>(op.getType()).getElementType();
    SmallVector<Value> operands;
    for (Value operand : moves->getOperands()) {
      auto type = cast<RankedTensorType>(operand.getType());
      bool widens =
          type.getElementType() == cast<RankedTensorType>(op.getIn().getType()).getElementType();
      operands.push_back(
          widens
              ? arith::ExtFOp::create(rewriter, op.getLoc(), type.clone(wide), operand).getResult()
              : operand);
    }
    OperationState state(moves->getLoc(), moves->getName(), operands, op.getType());
    state.propertiesAttr = moves->getPropertiesAsAttribute();
    Operation *wider = rewriter.create(state);
    if (Attribute node = op->getAttr(kNodeAttr))
      wider->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, wider->getResults());
    return success();
  }
};

/// max, min over dims of x +- r, where r is the same all along them -> (max, min of x) +- r.
struct ShiftExtremum : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  /// `value` without the reduced dims, if it is repeated along them.
  static Value withoutDims(Value value, ArrayRef<int64_t> reduced, RankedTensorType type,
                           PatternRewriter &rewriter) {
    auto broadcast = value.getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return {};
    auto from = cast<RankedTensorType>(broadcast.getOperand().getType());
    SmallVector<int64_t> kept, dims;
    for (auto [i, dim] : llvm::enumerate(*broadcast.getDims())) {
      if (!llvm::is_contained(reduced, dim)) {
        kept.push_back(i);
        dims.push_back(dim -
                       llvm::count_if(reduced, [&, dim = dim](int64_t r) { return r < dim; }));
      } else if (from.getDimSize(i) != 1) {
        return {};
      }
    }
    Value operand = broadcast.getOperand();
    if (static_cast<int64_t>(kept.size()) < from.getRank())
      operand = ReshapeOp::create(rewriter, value.getLoc(), permuted(from, kept), operand);
    return BroadcastOp::create(rewriter, value.getLoc(), type, operand,
                               rewriter.getDenseI64ArrayAttr(dims));
  }

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    bool max = op.getKind() == ReduceKind::Max;
    if (!max && op.getKind() != ReduceKind::Min)
      return rewriter.notifyMatchFailure(op, "no extremum");
    Operation *shift = op.getOperand().getDefiningOp();
    if (!isa_and_nonnull<arith::AddFOp, arith::SubFOp>(shift))
      return rewriter.notifyMatchFailure(op, "operand is no sum or difference");
    SmallVector<int64_t> dims = op.getReducedDims();
    auto type = cast<RankedTensorType>(op.getType());
    for (unsigned i : {1u, 0u}) {
      Value row = withoutDims(shift->getOperand(i), dims, type, rewriter);
      if (!row)
        continue;
      bool negated = isa<arith::SubFOp>(shift) && i == 0; // r - x
      ReduceKind kind = max != negated ? ReduceKind::Max : ReduceKind::Min;
      Value x =
          ReduceOp::create(rewriter, op.getLoc(), type, ReduceKindAttr::get(op.getContext(), kind),
                           shift->getOperand(1 - i), op.getDimsAttr());
      Operation *result;
      if (isa<arith::AddFOp>(shift))
        result = arith::AddFOp::create(rewriter, op.getLoc(), x, row);
      else
        result = arith::SubFOp::create(rewriter, op.getLoc(), negated ? row : x, negated ? x : row);
      if (Attribute node = op->getAttr(kNodeAttr))
        result->setAttr(kNodeAttr, node);
      rewriter.replaceOp(op, result);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "neither side is the same along the reduced dims");
  }
};

struct Simplify : flashlight::impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropRounding>(&getContext(), numCasts);
    patterns.add<WidenThroughMoves, ShiftExtremum>(&getContext());
    populateSimplifySumsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
