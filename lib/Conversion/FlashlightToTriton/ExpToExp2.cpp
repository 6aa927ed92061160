//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-exp-to-exp2: see Passes.td. Let L = log2(e).
//
// 1. Scaling by a constant c > 0 is monotone, and rounding is too, so it commutes exactly
//    with what only selects among values: max_i (c x_i) = c max_i x_i, also along a loop,
//    and select(mask, c x, f) = c select(mask, x, f / c) where c (f / c) is f exactly.
//    This moves the scaling of a score tile behind its maximum, onto rows.
//
// 2. exp(c x - c y) = exp2((x - y) (c L)): one subtraction, one product. It is 1 where x = y
//    whatever their size (a masking constant, the lowest float), and elsewhere more precise
//    than the left side, which rounds c x and c y before they cancel. For c <= 1 nothing
//    overflows on the left side only; for c >= 2^-64, x - y overflows only where exp is 0 or
//    infinite.
//
// exp2(fma(x, F, -(F y))) would be one instruction less. It is not done: F y is rounded, so that
// x = y does not give 1 but 2^d, d up to |y| 2^-24: with a masking constant of -1e9 a factor of
// e^30, which is harmless only if all blocks of a row have the same. That needs the running
// maximum itself in base 2, which is no peephole.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Conversion/FlashlightToTriton/Passes.h"
#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace flashlight {
#define GEN_PASS_DEF_EXPTOEXP2
#include "flashlight/Conversion/FlashlightToTriton/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

constexpr double kLog2E = 1.4426950408889634;
constexpr float kMinFactor = 5.42101086e-20f; // 2^-64

/// The f32 constant that fills `value`, if it is one.
std::optional<float> constantOf(Value value) {
  DenseFPElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)) && elements.isSplat() &&
      elements.getElementType().isF32())
    return elements.getSplatValue<APFloat>().convertToFloat();
  return std::nullopt;
}

/// x and c of x * c, where c is a positive constant.
struct Scaled {
  Value value;
  float factor;
};
std::optional<Scaled> matchScaled(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  if (!product)
    return std::nullopt;
  for (bool swap : {false, true}) {
    std::optional<float> factor = constantOf(product->getOperand(swap ? 0 : 1));
    if (factor && *factor > 0 && std::isfinite(*factor))
      return Scaled{product->getOperand(swap ? 1 : 0), *factor};
  }
  return std::nullopt;
}

Value constant(OpBuilder &builder, Location loc, Type type, float value) {
  auto tile = cast<RankedTensorType>(type);
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(tile, Attribute(builder.getF32FloatAttr(value))));
}

Value scale(OpBuilder &builder, Location loc, Value value, float factor) {
  return arith::MulFOp::create(builder, loc, value,
                               constant(builder, loc, value.getType(), factor));
}

/// max_i (c x_i) = c max_i x_i
struct ScaleAfterReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    if (op.getKind() != ReduceKind::Max && op.getKind() != ReduceKind::Min)
      return rewriter.notifyMatchFailure(op, "does not select one of its elements");
    std::optional<Scaled> scaled = matchScaled(op.getOperand());
    if (!scaled)
      return rewriter.notifyMatchFailure(op, "operand is not scaled");
    Value reduced = ReduceOp::create(rewriter, op.getLoc(), op.getType(), op.getKindAttr(),
                                     scaled->value, op.getDimsAttr());
    rewriter.replaceOp(op, scale(rewriter, op.getLoc(), reduced, scaled->factor));
    return success();
  }
};

/// select(mask, c x, f) = c select(mask, x, f / c)
struct ScaleAfterSelect : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SelectOp op, PatternRewriter &rewriter) const override {
    for (bool swap : {false, true}) {
      Value value = swap ? op.getFalseValue() : op.getTrueValue();
      std::optional<float> fill = constantOf(swap ? op.getTrueValue() : op.getFalseValue());
      std::optional<Scaled> scaled = matchScaled(value);
      bool isRow = cast<RankedTensorType>(op.getType()).getRank() < 2;
      if (!scaled || !fill || !(isRow || value.hasOneUse()))
        continue;
      float raw = *fill / scaled->factor;
      if (raw * scaled->factor != *fill || std::isinf(raw) != std::isinf(*fill))
        continue;
      Value other = constant(rewriter, op.getLoc(), op.getType(), raw);
      Value selected =
          arith::SelectOp::create(rewriter, op.getLoc(), op.getCondition(),
                                  swap ? other : scaled->value, swap ? scaled->value : other);
      rewriter.replaceOp(op, scale(rewriter, op.getLoc(), selected, scaled->factor));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no scaled value beside a constant");
  }
};

/// A loop that carries max(old, c x), from -inf or from c y on, carries max(old, x).
struct ScaleAfterLoop : OpRewritePattern<scf::ForOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(scf::ForOp op, PatternRewriter &rewriter) const override {
    auto yield = cast<scf::YieldOp>(op.getBody()->getTerminator());
    for (unsigned i = 0; i < op.getNumRegionIterArgs(); ++i) {
      Value old = op.getRegionIterArg(i);
      auto next = yield.getOperand(i).getDefiningOp<arith::MaximumFOp>();
      if (!next || (next.getLhs() != old && next.getRhs() != old))
        continue;
      std::optional<Scaled> block =
          matchScaled(next.getLhs() == old ? next.getRhs() : next.getLhs());
      if (!block)
        continue;
      Value init = op.getInitArgs()[i];
      std::optional<Scaled> scaledInit = matchScaled(init);
      if (scaledInit && scaledInit->factor == block->factor)
        init = scaledInit->value;
      else if (constantOf(init) != -std::numeric_limits<float>::infinity())
        continue;

      Location loc = next.getLoc();
      rewriter.modifyOpInPlace(op, [&] { op.getInitArgsMutable()[i].set(init); });
      rewriter.setInsertionPoint(next);
      Value raw = arith::MaximumFOp::create(rewriter, loc, old, block->value);
      rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(i, raw); });
      rewriter.replaceOp(next, scale(rewriter, loc, raw, block->factor));
      rewriter.setInsertionPointToStart(op.getBody());
      Value scaledOld = scale(rewriter, loc, old, block->factor);
      rewriter.replaceUsesWithIf(old, scaledOld, [&](OpOperand &use) {
        return use.getOwner() != raw.getDefiningOp() && use.getOwner() != scaledOld.getDefiningOp();
      });
      rewriter.setInsertionPointAfter(op);
      Value scaledResult = scale(rewriter, loc, op.getResult(i), block->factor);
      rewriter.replaceAllUsesExcept(op.getResult(i), scaledResult, scaledResult.getDefiningOp());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "carries no scaled maximum");
  }
};

/// (-x) - (-y) = y - x
struct SubtractNegated : OpRewritePattern<arith::SubFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SubFOp op, PatternRewriter &rewriter) const override {
    auto lhs = op.getLhs().getDefiningOp<arith::NegFOp>();
    auto rhs = op.getRhs().getDefiningOp<arith::NegFOp>();
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "not of two negations");
    rewriter.replaceOpWithNewOp<arith::SubFOp>(op, rhs.getOperand(), lhs.getOperand());
    return success();
  }
};

/// exp(c x - c y) = exp2((x - y) (c L)), where y may be a row's value.
struct ScaleInExponent : OpRewritePattern<math::ExpOp> {
  ScaleInExponent(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto difference = op.getOperand().getDefiningOp<arith::SubFOp>();
    if (!difference || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not of a difference in f32");
    auto repeat = difference.getRhs().getDefiningOp<BroadcastOp>();
    std::optional<Scaled> x = matchScaled(difference.getLhs());
    std::optional<Scaled> y = matchScaled(repeat ? repeat.getOperand() : difference.getRhs());
    if (!x || !y || x->factor != y->factor)
      return rewriter.notifyMatchFailure(op, "the two values have no common factor");
    if (x->factor > 1 || x->factor < kMinFactor)
      return rewriter.notifyMatchFailure(op, "the factor could change what overflows");
    Value subtracted = y->value;
    if (repeat)
      subtracted =
          BroadcastOp::create(rewriter, loc, op.getType(), subtracted, repeat.getDimsAttr());
    Value exponent = arith::SubFOp::create(rewriter, loc, x->value, subtracted);
    exponent = scale(rewriter, loc, exponent, static_cast<float>(x->factor * kLog2E));
    rewriter.replaceOpWithNewOp<math::Exp2Op>(op, exponent);
    ++count;
    return success();
  }

  Pass::Statistic &count;
};

struct ExpToExp2 : flashlight::impl::ExpToExp2Base<ExpToExp2> {
  void runOnOperation() override {
    if (!getOperation()->hasAttr(kGridAttr))
      return;
    // The exponentials come last: they look for the scalings where the others put them.
    RewritePatternSet scalings(&getContext()), exponentials(&getContext());
    scalings.add<ScaleAfterReduce, ScaleAfterSelect, ScaleAfterLoop, SubtractNegated>(
        &getContext());
    exponentials.add<ScaleInExponent>(&getContext(), numFused);
    if (failed(applyPatternsGreedily(getOperation(), std::move(scalings))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(exponentials))))
      signalPassFailure();
  }
};

} // namespace
