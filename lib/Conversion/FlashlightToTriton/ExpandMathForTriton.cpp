//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-expand-math-for-triton: see Passes.td. On f32, which is what pointwise ops compute in;
// a negation in any type.
//
//   tanh x  = sign(x) (1 - t) / (1 + t),  t = exp(-2 |x|)     t never overflows
//           = x - x^3/3 + ...                                 |x| < 1/4: 1 - t cancels
//   expm1 x = x (1 + x/2 (1 + x/3 (...)))                     |x| < 1/4, else exp(x) - 1
//   log1p x = log(u) x / (u - 1),  u = 1 + x                  the error of u cancels
//   x ** y  = +- exp2(y log2 |x|)                             minus for x < 0 and odd y
//
//===----------------------------------------------------------------------===//

#include "flashlight/Conversion/FlashlightToTriton/Passes.h"
#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <limits>

namespace flashlight {
#define GEN_PASS_DEF_EXPANDMATHFORTRITON
#include "flashlight/Conversion/FlashlightToTriton/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// Writes formulas on f32 numbers or tiles.
struct Formula {
  Formula(OpBuilder &rewriter, Operation *op)
      : builder(op->getLoc(), rewriter), type(op->getResult(0).getType()) {}

  Value number(float value) { return splat(builder.getF32FloatAttr(value)); }
  Value bits(uint32_t value) {
    return splat(builder.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(builder, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(builder, a, b); }
  Value abs(Value a) { return math::AbsFOp::create(builder, a); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(builder, predicate, a, b);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(builder, condition, yes, no);
  }
  /// c0 + x (c1 + x (c2 + ...))
  Value polynomial(Value x, ArrayRef<float> coefficients) {
    Value result = number(coefficients.back());
    for (float c : llvm::reverse(coefficients.drop_back()))
      result = math::FmaOp::create(builder, result, x, number(c));
    return result;
  }
  Value copySign(Value magnitude, Value sign) {
    Value a = arith::AndIOp::create(builder, asBits(magnitude), bits(0x7fffffffu));
    Value b = arith::AndIOp::create(builder, asBits(sign), bits(0x80000000u));
    return arith::BitcastOp::create(builder, type, arith::OrIOp::create(builder, a, b));
  }
  Value asBits(Value value) {
    return arith::BitcastOp::create(builder, withElement(builder.getI32Type()), value);
  }

  ImplicitLocOpBuilder builder;
  Type type;

private:
  Type withElement(Type element) {
    auto tile = dyn_cast<RankedTensorType>(type);
    return tile ? Type(tile.clone(element)) : element;
  }
  Value splat(TypedAttr value) {
    Type full = withElement(value.getType());
    if (auto tile = dyn_cast<RankedTensorType>(full))
      value = DenseElementsAttr::get(tile, Attribute(value));
    return arith::ConstantOp::create(builder, value);
  }
};

/// A pattern from a function that writes the formula of an op of f32.
template <typename Op> struct Expand : OpRewritePattern<Op> {
  using Write = Value (*)(Formula &, Op);
  Expand(MLIRContext *context, Pass::Statistic &count, Write write)
      : OpRewritePattern<Op>(context), count(count), write(write) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not computed in f32");
    Formula formula(rewriter, op);
    rewriter.replaceOp(op, write(formula, op));
    ++count;
    return success();
  }

  Pass::Statistic &count;
  Write write;
};

/// -x = -0 - x, in any type of numbers.
struct ExpandNegation : OpRewritePattern<arith::NegFOp> {
  ExpandNegation(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(arith::NegFOp op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    TypedAttr zero = rewriter.getFloatAttr(getElementTypeOrSelf(type), -0.0);
    if (auto tile = dyn_cast<RankedTensorType>(type))
      zero = DenseElementsAttr::get(tile, Attribute(zero));
    Value minusZero = arith::ConstantOp::create(rewriter, op.getLoc(), zero);
    rewriter.replaceOpWithNewOp<arith::SubFOp>(op, minusZero, op.getOperand());
    ++count;
    return success();
  }

  Pass::Statistic &count;
};

Value writeTanh(Formula &f, math::TanhOp op) {
  Value x = op.getOperand(), magnitude = f.abs(x);
  Value t = math::ExpOp::create(f.builder, f.mul(magnitude, f.number(-2.0f)));
  Value one = f.number(1.0f);
  Value down = f.sub(one, t), up = f.add(one, t);
  Value far = f.div(down, up);
  Value square = f.mul(x, x);
  Value near =
      f.mul(x, f.polynomial(square, {1.0f, -1.0f / 3, 2.0f / 15, -17.0f / 315, 62.0f / 2835}));
  Value isNear = f.compare(arith::CmpFPredicate::OLT, magnitude, f.number(0.25f));
  return f.select(isNear, near, f.copySign(far, x));
}

Value writeExpM1(Formula &f, math::ExpM1Op op) {
  Value x = op.getOperand();
  Value far = f.sub(math::ExpOp::create(f.builder, x), f.number(1.0f));
  Value near = f.mul(x, f.polynomial(x, {1.0f, 1.0f / 2, 1.0f / 6, 1.0f / 24, 1.0f / 120,
                                         1.0f / 720, 1.0f / 5040}));
  Value isNear = f.compare(arith::CmpFPredicate::OLT, f.abs(x), f.number(0.25f));
  return f.select(isNear, near, far);
}

Value writeLog1p(Formula &f, math::Log1pOp op) {
  Value x = op.getOperand(), one = f.number(1.0f);
  Value u = f.add(one, x), log = math::LogOp::create(f.builder, u);
  Value corrected = f.mul(log, f.div(x, f.sub(u, one)));
  Value infinity = f.number(std::numeric_limits<float>::infinity());
  Value result = f.select(f.compare(arith::CmpFPredicate::OEQ, u, infinity), log, corrected);
  return f.select(f.compare(arith::CmpFPredicate::OEQ, u, one), x, result);
}

Value writeLog10(Formula &f, math::Log10Op op) {
  return f.mul(math::Log2Op::create(f.builder, op.getOperand()), f.number(0.30102999566398120f));
}

Value writePow(Formula &f, math::PowFOp op) {
  Value x = op.getLhs(), y = op.getRhs(), one = f.number(1.0f), zero = f.number(0.0f);
  Value base = f.abs(x);
  Value log = math::Log2Op::create(f.builder, base);
  Value power = math::Exp2Op::create(f.builder, f.mul(y, log));
  // 1 ** y and x ** 0 are 1 whatever the other is; the product above may be NaN there.
  power = f.select(f.compare(arith::CmpFPredicate::OEQ, base, one), one, power);
  power = f.select(f.compare(arith::CmpFPredicate::OEQ, y, zero), one, power);
  Value whole = f.compare(arith::CmpFPredicate::OEQ, math::FloorOp::create(f.builder, y), y);
  Value half = f.mul(y, f.number(0.5f));
  Value even = f.compare(arith::CmpFPredicate::OEQ, math::FloorOp::create(f.builder, half), half);
  Value odd = arith::AndIOp::create(
      f.builder, whole,
      arith::XOrIOp::create(f.builder, even, f.compare(arith::CmpFPredicate::OEQ, one, one)));
  Value isNegative = f.compare(arith::CmpFPredicate::OLT, x, zero);
  Value root = f.number(std::numeric_limits<float>::quiet_NaN());
  Value ofNegative = f.select(whole, power, root);
  // An infinite base has a power for every exponent, and no root is taken of it.
  Value infinite =
      f.compare(arith::CmpFPredicate::OEQ, base, f.number(std::numeric_limits<float>::infinity()));
  ofNegative = f.select(infinite, power, ofNegative);
  Value result = f.select(isNegative, ofNegative, power);
  result = f.select(odd, f.copySign(result, x), result);
  // copySign drops the NaN of neither: what is not a number stays one. 1 ** NaN is 1.
  Value notNumber = f.compare(arith::CmpFPredicate::UNO, x, y);
  Value known = arith::OrIOp::create(f.builder, f.compare(arith::CmpFPredicate::OEQ, x, one),
                                     f.compare(arith::CmpFPredicate::OEQ, y, zero));
  return f.select(known, one, f.select(notNumber, root, result));
}

Value writeTrunc(Formula &f, math::TruncOp op) {
  Value magnitude = math::FloorOp::create(f.builder, f.abs(op.getOperand()));
  return f.copySign(magnitude, op.getOperand());
}

Value writeRoundEven(Formula &f, math::RoundEvenOp op) {
  // Adding 2^23 leaves no bit for a fraction, and the addition rounds to even.
  Value x = op.getOperand(), magnitude = f.abs(x), large = f.number(8388608.0f);
  Value rounded = f.sub(f.add(magnitude, large), large);
  Value isSmall = f.compare(arith::CmpFPredicate::OLT, magnitude, large);
  return f.copySign(f.select(isSmall, rounded, magnitude), x);
}

Value writeCopySign(Formula &f, math::CopySignOp op) {
  return f.copySign(op.getLhs(), op.getRhs());
}

struct ExpandMathForTriton : flashlight::impl::ExpandMathForTritonBase<ExpandMathForTriton> {
  void runOnOperation() override {
    if (!getOperation()->hasAttr(kGridAttr))
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandNegation>(&getContext(), numExpanded);
    addPattern(patterns, writeTanh);
    addPattern(patterns, writeExpM1);
    addPattern(patterns, writeLog1p);
    addPattern(patterns, writeLog10);
    addPattern(patterns, writePow);
    addPattern(patterns, writeTrunc);
    addPattern(patterns, writeRoundEven);
    addPattern(patterns, writeCopySign);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  template <typename Op>
  void addPattern(RewritePatternSet &patterns, Value (*write)(Formula &, Op)) {
    patterns.add<Expand<Op>>(&getContext(), numExpanded, write);
  }
};

} // namespace
