//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-expand-math: see Passes.td. All polynomials are our own fits, on f32:
//
//   exp x   = 2^n e^r,  n = round(x / ln 2),  |r| <= ln(2) / 2
//             2 e^r = 2 + 2 r + r^2 q(r), relative error of the fit 1e-8; the scale
//             2^(n - 1) is made in the exponent bits. Below -86.99 the result is 0,
//             overflow gives inf, NaN stays NaN.
//   log x   = e ln 2 + log1p(f),  sqrt(1/2) <= 1 + f < sqrt(2)
//             log1p f = f - f^2 / 2 + f^3 q(f), error of the fit 8e-10
//   tanh x  = x + x^3 q(x^2) for |x| < 0.625, else 1 - 2 / (e^2|x| + 1) with x's sign
//
// test/python/test_cpu_math.py measures them against float64.
//
//===----------------------------------------------------------------------===//

#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_EXPANDMATH
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// Arithmetic on f32, or vectors of it, as one writes it.
struct Arithmetic {
  Arithmetic(PatternRewriter &b, Operation *op)
      : b(b), loc(op->getLoc()), type(op->getResult(0).getType()) {
    auto vector = dyn_cast<VectorType>(type);
    integers = vector ? Type(VectorType::get(vector.getShape(), b.getI32Type())) : b.getI32Type();
  }

  Value splat(Type type, TypedAttr value) {
    auto vector = dyn_cast<VectorType>(type);
    if (!vector)
      return arith::ConstantOp::create(b, loc, value);
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, Attribute(value)));
  }
  Value number(double value) { return splat(type, b.getF32FloatAttr(value)); }
  Value integer(int32_t value) { return splat(integers, b.getI32IntegerAttr(value)); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, loc, x, y, z); }
  Value bits(Value x) { return arith::BitcastOp::create(b, loc, integers, x); }
  Value fromBits(Value x) { return arith::BitcastOp::create(b, loc, type, x); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// The larger of a constant and x; x if that is NaN. One instruction on x86.
  Value atLeast(Value bound, Value x) {
    return select(compare(arith::CmpFPredicate::OGT, bound, x), bound, x);
  }
  Value atMost(Value bound, Value x) {
    return select(compare(arith::CmpFPredicate::OLT, bound, x), bound, x);
  }
  /// Horner's rule, the constant coefficient first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value result = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      result = fma(result, x, number(coefficient));
    return result;
  }

  PatternRewriter &b;
  Location loc;
  Type type, integers;
};

} // namespace

static constexpr double kLn2High = 0.693147182464599609375; // ln 2 as f32
static constexpr double kLn2Low = -1.904654323148236e-09;   // the rest of it

/// 2^n e^r from `scaled` = x / ln 2: `remainder(n)` gives r.
static Value expand2(Arithmetic &a, function_ref<Value(Value magic)> toMagic,
                     function_ref<Value(Value n)> remainder) {
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits; 126 biases
  // it to the exponent of 2^(n - 1).
  Value magic = a.number(12582912.0 + 126.0);
  Value shifted = toMagic(magic);
  Value n = a.sub(shifted, magic);
  Value r = remainder(n);
  Value twice = a.polynomial(
      r, {2.0, 2.0, 1.0, 0.33333153332, 0.083333108426, 0.016726465767, 0.0027852501663});
  Value scale = a.fromBits(arith::ShLIOp::create(a.b, a.loc, a.bits(shifted), a.integer(23)));
  return a.mul(twice, scale);
}

static Value expandExp(Arithmetic &a, Value x) {
  x = a.atMost(a.number(89.0), a.atLeast(a.number(-87.33), x));
  return expand2(
      a, [&](Value magic) { return a.fma(x, a.number(1.0 / 0.69314718055994531), magic); },
      [&](Value n) {
        Value r = a.fma(n, a.number(-kLn2High), x);
        return a.fma(n, a.number(-kLn2Low), r);
      });
}

static Value expandExp2(Arithmetic &a, Value x) {
  x = a.atMost(a.number(128.25), a.atLeast(a.number(-126.0), x));
  return expand2(
      a, [&](Value magic) { return a.add(x, magic); },
      [&](Value n) { return a.mul(a.sub(x, n), a.number(kLn2High)); });
}

static Value expandLog(Arithmetic &a, Value x) {
  using P = arith::CmpFPredicate;
  // Subnormal numbers are scaled into the range of the bit trick.
  Value small = a.compare(P::OLT, x, a.number(1.1754943508222875e-38));
  Value scaled = a.select(small, a.mul(x, a.number(8388608.0)), x);
  Value bits = a.bits(scaled);
  Value offset = arith::SubIOp::create(a.b, a.loc, bits, a.integer(0x3f3504f3)); // sqrt(1/2)
  Value exponent = arith::ShRSIOp::create(a.b, a.loc, offset, a.integer(23));
  Value back = arith::ShLIOp::create(a.b, a.loc, exponent, a.integer(23));
  Value mantissa = a.fromBits(arith::SubIOp::create(a.b, a.loc, bits, back));
  Value e = arith::SIToFPOp::create(a.b, a.loc, a.type, exponent);
  e = a.select(small, a.sub(e, a.number(23.0)), e);
  Value f = a.sub(mantissa, a.number(1.0));
  Value q = a.polynomial(f, {0.333333104455, -0.249999865766, 0.200022263118, -0.166692518122,
                             0.142186639834, -0.123843350503, 0.118729244551, -0.117898659261,
                             0.0691554586479});
  Value square = a.mul(f, f);
  Value tail = a.fma(a.mul(square, f), q, a.mul(square, a.number(-0.5)));
  tail = a.fma(e, a.number(kLn2Low), tail);
  Value result = a.fma(e, a.number(kLn2High), a.add(f, tail));
  double infinity = std::numeric_limits<double>::infinity();
  double nan = std::numeric_limits<double>::quiet_NaN();
  result = a.select(a.compare(P::OEQ, x, a.number(infinity)), x, result);
  result = a.select(a.compare(P::OEQ, x, a.number(0.0)), a.number(-infinity), result);
  return a.select(a.compare(P::ULT, x, a.number(0.0)), a.number(nan), result);
}

static Value expandLog2(Arithmetic &a, Value x) {
  return a.mul(expandLog(a, x), a.number(1.0 / 0.69314718055994531));
}

/// log(u) with u = 1 + x, corrected to first order for what rounding u lost.
static Value expandLog1p(Arithmetic &a, Value x) {
  using P = arith::CmpFPredicate;
  Value u = a.add(a.number(1.0), x);
  Value lost = a.sub(x, a.sub(u, a.number(1.0)));
  Value corrected = a.add(expandLog(a, u), a.div(lost, u));
  Value whole = a.compare(P::OEQ, u, a.number(1.0)); // |x| below the rounding of 1: log1p x = x
  Value result = a.select(whole, x, corrected);
  Value infinite = a.compare(P::OEQ, x, a.number(std::numeric_limits<double>::infinity()));
  result = a.select(infinite, x, result);
  Value pole = a.compare(P::OEQ, x, a.number(-1.0));
  return a.select(pole, a.number(-std::numeric_limits<double>::infinity()), result);
}

static Value expandTanh(Arithmetic &a, Value x) {
  Value size = math::AbsFOp::create(a.b, a.loc, x);
  Value square = a.mul(x, x);
  Value q = a.polynomial(square, {-0.333332819422, 0.133314422023, -0.0537397154251,
                                  0.0206390883061, -0.00570498811821});
  Value near = a.fma(a.mul(square, x), q, x);
  Value power = expandExp(a, a.add(size, size));
  Value far = a.sub(a.number(1.0), a.div(a.number(2.0), a.add(power, a.number(1.0))));
  far = math::CopySignOp::create(a.b, a.loc, far, x);
  Value isNear = a.compare(arith::CmpFPredicate::OLT, size, a.number(0.625));
  return a.select(isNear, near, far);
}

/// e^x - 1: the polynomial without its constant term where that would cancel.
static Value expandExpm1(Arithmetic &a, Value x) {
  Value q =
      a.polynomial(x, {0.5, 0.16666576666, 0.041666554213, 0.0083632328835, 0.00139262508315});
  Value near = a.fma(a.mul(x, x), q, x);
  Value far = a.sub(expandExp(a, x), a.number(1.0));
  Value size = math::AbsFOp::create(a.b, a.loc, x);
  return a.select(a.compare(arith::CmpFPredicate::OLT, size, a.number(0.34)), near, far);
}

namespace {

/// An op on f32, or vectors of it, by one of the expansions.
template <typename Op> struct Expand : OpRewritePattern<Op> {
  using Expansion = Value (*)(Arithmetic &, Value);
  Expand(MLIRContext *context, Expansion expansion)
      : OpRewritePattern<Op>(context), expansion(expansion) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Arithmetic a(rewriter, op);
    rewriter.replaceOp(op, expansion(a, op.getOperand()));
    return success();
  }

  Expansion expansion;
};

/// Functions of half types are computed in f32 and rounded.
struct ThroughF32 : RewritePattern {
  ThroughF32(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "not a function");
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    if (!element.isF16() && !element.isBF16())
      return rewriter.notifyMatchFailure(op, "not of a half type");
    auto wide = [&](Type type) -> Type {
      auto vector = dyn_cast<VectorType>(type);
      return vector ? Type(VectorType::get(vector.getShape(), rewriter.getF32Type()))
                    : Type(rewriter.getF32Type());
    };
    OperationState state(op->getLoc(), op->getName());
    for (Value operand : op->getOperands())
      state.addOperands(getElementTypeOrSelf(operand.getType()) == element
                            ? Value(arith::ExtFOp::create(rewriter, op->getLoc(),
                                                          wide(operand.getType()), operand))
                            : operand);
    state.addTypes(wide(type));
    state.addAttributes(op->getAttrDictionary().getValue());
    Value result = rewriter.create(state)->getResult(0);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, result);
    return success();
  }
};

/// Functions that only the C library has: one call per element.
struct OnElements : RewritePattern {
  OnElements(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || op->getNumResults() != 1 ||
        isa<math::FmaOp, math::AbsFOp, math::AbsIOp, math::CeilOp, math::FloorOp, math::RoundOp,
            math::RoundEvenOp, math::TruncOp, math::SqrtOp, math::RsqrtOp, math::CopySignOp>(op))
      return rewriter.notifyMatchFailure(op, "has a vector instruction");
    auto type = dyn_cast<VectorType>(op->getResult(0).getType());
    if (!type || type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not on a vector");
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getDimSize(0); ++i) {
      OperationState state(op->getLoc(), op->getName());
      for (Value operand : op->getOperands())
        state.addOperands(Value(vector::ExtractOp::create(rewriter, op->getLoc(), operand, i)));
      state.addTypes(type.getElementType());
      state.addAttributes(op->getAttrDictionary().getValue());
      elements.push_back(rewriter.create(state)->getResult(0));
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type, elements);
    return success();
  }
};

struct ExpandMath : flashlight::impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // Two rounds: what has an expansion must not be taken apart.
    RewritePatternSet expansions(context);
    expansions.add<ThroughF32>(context);
    expansions.add<Expand<math::ExpOp>>(context, &expandExp);
    expansions.add<Expand<math::Exp2Op>>(context, &expandExp2);
    expansions.add<Expand<math::ExpM1Op>>(context, &expandExpm1);
    expansions.add<Expand<math::LogOp>>(context, &expandLog);
    expansions.add<Expand<math::Log2Op>>(context, &expandLog2);
    expansions.add<Expand<math::Log1pOp>>(context, &expandLog1p);
    expansions.add<Expand<math::TanhOp>>(context, &expandTanh);
    RewritePatternSet calls(context);
    calls.add<OnElements>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(expansions))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(calls))))
      signalPassFailure();
  }
};

} // namespace
