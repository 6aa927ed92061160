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
//   sinh x  = +- (h h - 1 / (h h)) / 2,  h = exp(|x| / 2)     |x| < 1: x + x^3/6 + ...
//   asin x  = x + x^3 q(x^2)                                  |x| <= 1/2, fit to 3e-10
//           = pi/2 - 2 asin(sqrt((1 - x) / 2))                x > 1/2
//   atan x  = x + x^3 q(x^2)                                  |x| <= tan(pi/8), fit to 7e-10
//           = pi/4 + atan((x - 1) / (x + 1)), pi/2 - atan(1 / x)   x beyond that, and tan(3 pi/8)
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
  Value sqrt(Value a) { return math::SqrtOp::create(builder, a); }
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

Value writeSinh(Formula &f, math::SinhOp op) {
  Value x = op.getOperand(), half = f.number(0.5f);
  Value root = math::ExpOp::create(f.builder, f.mul(f.abs(x), half));
  Value far = f.sub(f.mul(f.mul(half, root), root), f.div(f.div(half, root), root));
  Value near =
      f.mul(x, f.polynomial(f.mul(x, x), {1.0f, 1.0f / 6, 1.0f / 120, 1.0f / 5040, 1.0f / 362880}));
  Value isNear = f.compare(arith::CmpFPredicate::OLT, f.abs(x), f.number(1.0f));
  Value known = f.compare(arith::CmpFPredicate::ORD, x, x); // copySign drops that it is none
  return f.select(known, f.select(isNear, near, f.copySign(far, x)), x);
}

Value writeTan(Formula &f, math::TanOp op) {
  Value x = op.getOperand();
  return f.div(math::SinOp::create(f.builder, x), math::CosOp::create(f.builder, x));
}

/// asin of what is at most 1/2.
Value nearAsin(Formula &f, Value x) {
  Value square = f.mul(x, x);
  Value fit = f.polynomial(square, {0.166666599f, 0.0750051092f, 0.0445157201f, 0.0318176134f,
                                    0.0144025981f, 0.0375652133f});
  return f.add(x, f.mul(f.mul(x, square), fit));
}

/// 2 asin(sqrt((1 - |x|) / 2)), which is acos |x|; not a number where |x| exceeds 1.
Value farAcos(Formula &f, Value x) {
  Value rest = f.mul(f.sub(f.number(1.0f), f.abs(x)), f.number(0.5f));
  return f.mul(f.number(2.0f), nearAsin(f, f.sqrt(rest)));
}

constexpr float kPi = 3.14159265358979323846f;

Value writeAsin(Formula &f, math::AsinOp op) {
  Value x = op.getOperand();
  Value isNear = f.compare(arith::CmpFPredicate::OLE, f.abs(x), f.number(0.5f));
  Value far = f.sub(f.number(kPi / 2), farAcos(f, x));
  return f.select(isNear, nearAsin(f, x), f.copySign(far, x));
}

Value writeAcos(Formula &f, math::AcosOp op) {
  Value x = op.getOperand(), far = farAcos(f, x);
  Value isNear = f.compare(arith::CmpFPredicate::OLE, f.abs(x), f.number(0.5f));
  Value isNegative = f.compare(arith::CmpFPredicate::OLT, x, f.number(0.0f));
  far = f.select(isNegative, f.sub(f.number(kPi), far), far);
  return f.select(isNear, f.sub(f.number(kPi / 2), nearAsin(f, x)), far);
}

Value writeAtan(Formula &f, math::AtanOp op) {
  Value x = op.getOperand(), size = f.abs(x), one = f.number(1.0f);
  Value isMiddle = f.compare(arith::CmpFPredicate::OGT, size, f.number(0.414213562f));
  Value isFar = f.compare(arith::CmpFPredicate::OGT, size, f.number(2.41421356f));
  Value t = f.select(isMiddle, f.div(f.sub(size, one), f.add(size, one)), size);
  t = f.select(isFar, f.div(f.number(-1.0f), size), t);
  Value base = f.select(isMiddle, f.number(kPi / 4), f.number(0.0f));
  base = f.select(isFar, f.number(kPi / 2), base);
  Value square = f.mul(t, t);
  Value fit = f.polynomial(
      square, {-0.333333155f, 0.199984894f, -0.142438487f, 0.105960014f, -0.0608345303f});
  Value angle = f.add(base, f.add(t, f.mul(f.mul(t, square), fit)));
  Value known = f.compare(arith::CmpFPredicate::ORD, x, x); // copySign drops that it is none
  return f.select(known, f.copySign(angle, x), x);
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
    addPattern(patterns, writeSinh);
    addPattern(patterns, writeTan);
    addPattern(patterns, writeAsin);
    addPattern(patterns, writeAcos);
    addPattern(patterns, writeAtan);
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
