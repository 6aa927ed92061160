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

#include "MathFunctions.h"

using namespace mlir;
using namespace flashlight;

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

Value flashlight::expandExp(Arithmetic &a, Value x) {
  x = a.atMost(a.number(89.0), a.atLeast(a.number(-87.33), x));
  return expand2(
      a, [&](Value magic) { return a.fma(x, a.number(1.0 / 0.69314718055994531), magic); },
      [&](Value n) {
        Value r = a.fma(n, a.number(-kLn2High), x);
        return a.fma(n, a.number(-kLn2Low), r);
      });
}

Value flashlight::expandExp2(Arithmetic &a, Value x) {
  x = a.atMost(a.number(128.25), a.atLeast(a.number(-126.0), x));
  return expand2(
      a, [&](Value magic) { return a.add(x, magic); },
      [&](Value n) { return a.mul(a.sub(x, n), a.number(kLn2High)); });
}

Value flashlight::expandLog(Arithmetic &a, Value x) {
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

Value flashlight::expandLog2(Arithmetic &a, Value x) {
  return a.mul(expandLog(a, x), a.number(1.0 / 0.69314718055994531));
}

/// log(u) with u = 1 + x, corrected to first order for what rounding u lost.
Value flashlight::expandLog1p(Arithmetic &a, Value x) {
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

Value flashlight::expandTanh(Arithmetic &a, Value x) {
  Value size = a.size(x);
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
Value flashlight::expandExpm1(Arithmetic &a, Value x) {
  Value q =
      a.polynomial(x, {0.5, 0.16666576666, 0.041666554213, 0.0083632328835, 0.00139262508315});
  Value near = a.fma(a.mul(x, x), q, x);
  Value far = a.sub(expandExp(a, x), a.number(1.0));
  Value size = a.size(x);
  return a.select(a.compare(arith::CmpFPredicate::OLT, size, a.number(0.34)), near, far);
}

Value flashlight::expandErf(Arithmetic &a, Value x) {
  Value size = a.size(x);
  Value q = a.polynomial(a.mul(x, x), {0.128379160231, -0.376125718376, 0.112827174031,
                                       -0.0268025477062, 0.0050510945744, -0.000631512732922});
  Value near = a.fma(x, q, x);
  Value logarithm =
      a.polynomial(a.atMost(a.number(4.0), size),
                   {-0.000104512944493, -1.12806105802, -0.636518836485, -0.104526027504,
                    0.0225191056866, -0.00311786818772, 0.000203678300399});
  Value far = a.sub(a.number(1.0), expandExp(a, logarithm));
  far = math::CopySignOp::create(a.b, a.loc, far, x);
  return a.select(a.compare(arith::CmpFPredicate::OLT, size, a.number(0.85)), near, far);
}

static Value shiftLeft(Arithmetic &a, Value x, int64_t count) {
  return arith::ShLIOp::create(a.b, a.loc, x, a.integer(count));
}

/// True where a bit of an integer is set.
static Value hasBit(Arithmetic &a, Value integers, int64_t bit) {
  Value masked = arith::AndIOp::create(a.b, a.loc, integers, a.integer(bit));
  return arith::CmpIOp::create(a.b, a.loc, arith::CmpIPredicate::ne, masked, a.integer(0));
}

Value flashlight::expandSine(Arithmetic &a, Value x, bool cosine) {
  Arithmetic w = a.wide();
  Value exact = arith::ExtFOp::create(a.b, a.loc, w.type, x);
  Value magic = w.number(6755399441055744.0); // 1.5 * 2^52: n stands in the low bits
  Value shifted = w.fma(exact, w.number(0.63661977236758134308), magic);
  Value n = w.sub(shifted, magic);
  Value rest = w.fma(n, w.number(-1.57079632679489661923), exact);
  rest = w.fma(n, w.number(-6.123233995736766e-17), rest);
  Value r = arith::TruncFOp::create(a.b, a.loc, a.type, rest);
  Value quadrant = arith::TruncIOp::create(a.b, a.loc, a.integers, w.bits(shifted));
  if (cosine)
    quadrant = arith::AddIOp::create(a.b, a.loc, quadrant, a.integer(1));
  Value square = a.mul(r, r);
  Value sine = a.polynomial(square, {-0.166666542253, 0.00833213148163, -0.00019510837292});
  sine = a.fma(a.mul(square, r), sine, r);
  Value even = a.polynomial(square, {0.0416666443672, -0.00138872514587, 2.44256788984e-05});
  even = a.fma(a.mul(square, square), even, a.fma(square, a.number(-0.5), a.number(1.0)));
  Value result = a.select(hasBit(a, quadrant, 1), even, sine);
  Value sign = arith::AndIOp::create(a.b, a.loc, quadrant, a.integer(2));
  return a.fromBits(arith::XOrIOp::create(a.b, a.loc, a.bits(result), shiftLeft(a, sign, 30)));
}

/// log2 of a positive normal number in f64; relative error 3e-11.
static Value log2InF64(Arithmetic &w, Value x) {
  Value bits = w.bits(x);
  Value offset = arith::SubIOp::create(w.b, w.loc, bits, w.integer(0x3fe6a09e667f3bcd)); // sqrt 1/2
  Value exponent = arith::ShRSIOp::create(w.b, w.loc, offset, w.integer(52));
  Value m = w.fromBits(arith::SubIOp::create(w.b, w.loc, bits, shiftLeft(w, exponent, 52)));
  Value s = w.div(w.sub(m, w.number(1.0)), w.add(m, w.number(1.0)));
  Value q = w.polynomial(w.mul(s, s), {2.8853900818478886, 0.9617966069721218, 0.5770953492185386,
                                       0.4110135669810147, 0.35217941360070726});
  // The exponent as a number: in the low bits of 1.5 * 2^52.
  Value magic = w.number(6755399441055744.0);
  Value e = w.sub(w.fromBits(arith::AddIOp::create(w.b, w.loc, exponent, w.bits(magic))), magic);
  return w.fma(s, q, e);
}

Value flashlight::expandPower(Arithmetic &a, Value x, Value y) {
  using P = arith::CmpFPredicate;
  double infinity = std::numeric_limits<double>::infinity();
  Arithmetic w = a.wide();
  auto widen = [&](Value value) -> Value {
    return arith::ExtFOp::create(a.b, a.loc, w.type, value);
  };
  Value size = a.size(x), zero = a.number(0.0);
  Value log = log2InF64(w, widen(size));
  log = w.select(a.compare(P::OEQ, x, zero), w.number(-infinity), log);
  log = w.select(a.compare(P::OEQ, size, a.number(infinity)), w.number(infinity), log);
  // Of 1 and -1 every power is 1 or -1, the infinite ones too.
  Value scaled = w.select(w.compare(P::OEQ, log, w.number(0.0)), log, w.mul(widen(y), log));
  scaled = w.atMost(w.number(200.0), w.atLeast(w.number(-200.0), scaled));
  Value magic = w.number(6755399441055744.0);
  Value shifted = w.add(scaled, magic);
  Value r = w.sub(scaled, w.sub(shifted, magic));
  Value fraction =
      w.polynomial(r, {0.9999999999616809, 0.6931471807284566, 0.24022651198164363,
                       0.055504103534242705, 0.009618027252719291, 0.0013333922579578245,
                       0.00015469291453916977, 1.5201918599857048e-05});
  Value power = w.fromBits(
      arith::AddIOp::create(w.b, w.loc, w.bits(fraction), shiftLeft(w, w.bits(shifted), 52)));
  Value result = arith::TruncFOp::create(a.b, a.loc, a.type, power);

  // A negative base: only integers as exponents, and odd ones keep the sign.
  auto isInteger = [&](Value value) {
    return a.compare(P::OEQ, math::FloorOp::create(a.b, a.loc, value), value);
  };
  Value half = a.mul(y, a.number(0.5)), whole = isInteger(y);
  Value minus = arith::CmpIOp::create(a.b, a.loc, arith::CmpIPredicate::slt, a.bits(x),
                                      a.integer(0)); // -0 too
  Value negated = arith::NegFOp::create(a.b, a.loc, result);
  Value odd = a.select(isInteger(half), a.number(0.0), a.number(1.0));
  odd = a.compare(P::OEQ, a.select(whole, odd, zero), a.number(1.0));
  result = a.select(arith::AndIOp::create(a.b, a.loc, minus, odd), negated, result);
  Value finite = a.compare(P::OLT, size, a.number(infinity));
  Value below = arith::AndIOp::create(a.b, a.loc, a.compare(P::OLT, x, zero), finite);
  Value nan = a.number(std::numeric_limits<double>::quiet_NaN());
  result = a.select(below, a.select(whole, result, nan), result);
  result = a.select(a.compare(P::UNO, x, y), nan, result);
  result = a.select(a.compare(P::OEQ, y, zero), a.number(1.0), result);
  return a.select(a.compare(P::OEQ, x, a.number(1.0)), a.number(1.0), result);
}
