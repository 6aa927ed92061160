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
// half type, which eager makes after every op and a fused kernel need not. Laws about
// extrema, sums and selections are in files of their own.
//
//===----------------------------------------------------------------------===//

#include "ProgramUtils.h"
#include "SimplifyExtrema.h"
#include "SimplifyGathers.h"
#include "SimplifyReshapes.h"
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

struct Simplify : flashlight::impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropRounding>(&getContext(), numCasts);
    patterns.add<WidenThroughMoves>(&getContext());
    populateSimplifyExtremaPatterns(patterns);
    populateSimplifyGathersPatterns(patterns);
    populateSimplifyReshapesPatterns(patterns);
    populateSimplifySumsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
