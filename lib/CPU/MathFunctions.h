//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Functions of f32 as arithmetic. All polynomials are our own fits:
//
//   exp x   = 2^n e^r,  n = round(x / ln 2),  |r| <= ln(2) / 2
//             2 e^r = 2 + 2 r + r^2 q(r), relative error of the fit 1e-8; the scale
//             2^(n - 1) is made in the exponent bits. Below -86.99 the result is 0,
//             overflow gives inf, NaN stays NaN.
//   log x   = e ln 2 + log1p(f),  sqrt(1/2) <= 1 + f < sqrt(2)
//             log1p f = f - f^2 / 2 + f^3 q(f), error of the fit 8e-10
//   tanh x  = x + x^3 q(x^2) for |x| < 0.625, else 1 - 2 / (e^2|x| + 1) with x's sign
//
//   erf x   = x + x q(x^2) for |x| < 0.85, error of the fit 6e-9,
//             else 1 - e^q(|x|) with x's sign, q a fit of log(erfc), error 2e-9
//   sin, cos: r = x - n pi / 2 in f64, then r + r^3 q(r^2) or 1 - r^2 / 2 + r^4 q(r^2)
//   x^y     = 2^(y log2 |x|) in f64; log2 m = s q(s^2), s = (m - 1) / (m + 1)
//
// test/python/test_cpu_math.py measures them against float64.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_MATHFUNCTIONS_H
#define FLASHLIGHT_LIB_CPU_MATHFUNCTIONS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace flashlight {

/// Arithmetic on f32 or f64, or vectors of it, as one writes it.
struct Arithmetic {
  Arithmetic(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type)
      : b(b), loc(loc), type(type),
        element(mlir::cast<mlir::FloatType>(mlir::getElementTypeOrSelf(type))),
        integers(like(b.getIntegerType(element.getWidth()))) {}

  /// The same on f64.
  Arithmetic wide() const { return Arithmetic(b, loc, like(b.getF64Type())); }
  /// Scalars or vectors, as here, of another element type.
  mlir::Type like(mlir::Type element) const {
    auto vector = mlir::dyn_cast<mlir::VectorType>(type);
    return vector ? mlir::Type(mlir::VectorType::get(vector.getShape(), element)) : element;
  }

  mlir::Value splat(mlir::Type type, mlir::TypedAttr value) {
    auto vector = mlir::dyn_cast<mlir::VectorType>(type);
    if (!vector)
      return mlir::arith::ConstantOp::create(b, loc, value);
    return mlir::arith::ConstantOp::create(
        b, loc, mlir::DenseElementsAttr::get(vector, mlir::Attribute(value)));
  }
  mlir::Value number(double value) { return splat(type, b.getFloatAttr(element, value)); }
  mlir::Value integer(int64_t value) {
    return splat(integers, b.getIntegerAttr(mlir::getElementTypeOrSelf(integers), value));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddFOp::create(b, loc, x, y);
  }
  mlir::Value sub(mlir::Value x, mlir::Value y) {
    return mlir::arith::SubFOp::create(b, loc, x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulFOp::create(b, loc, x, y);
  }
  mlir::Value div(mlir::Value x, mlir::Value y) {
    return mlir::arith::DivFOp::create(b, loc, x, y);
  }
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z) {
    return mlir::math::FmaOp::create(b, loc, x, y, z);
  }
  mlir::Value size(mlir::Value x) { return mlir::math::AbsFOp::create(b, loc, x); }
  mlir::Value bits(mlir::Value x) { return mlir::arith::BitcastOp::create(b, loc, integers, x); }
  mlir::Value fromBits(mlir::Value x) { return mlir::arith::BitcastOp::create(b, loc, type, x); }
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// The larger of a constant and x; x if that is NaN. One instruction on x86.
  mlir::Value atLeast(mlir::Value bound, mlir::Value x) {
    return select(compare(mlir::arith::CmpFPredicate::OGT, bound, x), bound, x);
  }
  mlir::Value atMost(mlir::Value bound, mlir::Value x) {
    return select(compare(mlir::arith::CmpFPredicate::OLT, bound, x), bound, x);
  }
  /// Horner's rule, the constant coefficient first.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients) {
    mlir::Value result = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      result = fma(result, x, number(coefficient));
    return result;
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type;
  mlir::FloatType element;
  mlir::Type integers; // of the same width
};

/// A function of one argument: `a` has the argument's type.
using Expansion = mlir::Value (*)(Arithmetic &a, mlir::Value x);

mlir::Value expandExp(Arithmetic &a, mlir::Value x);
mlir::Value expandExp2(Arithmetic &a, mlir::Value x);
mlir::Value expandExpm1(Arithmetic &a, mlir::Value x);
mlir::Value expandLog(Arithmetic &a, mlir::Value x);
mlir::Value expandLog2(Arithmetic &a, mlir::Value x);
mlir::Value expandLog1p(Arithmetic &a, mlir::Value x);
mlir::Value expandTanh(Arithmetic &a, mlir::Value x);
mlir::Value expandErf(Arithmetic &a, mlir::Value x);

/// For |x| < 2^51.
mlir::Value expandSine(Arithmetic &a, mlir::Value x, bool cosine);
mlir::Value expandPower(Arithmetic &a, mlir::Value x, mlir::Value y);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_MATHFUNCTIONS_H
