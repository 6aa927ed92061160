//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The laws that a derivation may use, as tables. A reduction over the stream
// combines f(x_n, r) by an operation (+): a sum, maximum, ... Here x stands for what
// keys bring, h for a value of rows alone, r for a running statistic.
//
//   Distribution   (+) f(x) (*) h = ((+) f(x)) (*) h       h leaves the reduction
//   Splitting      (+) (a . b) = ((+) a) . ((+) b)         one reduction becomes two
//   Linearity      (+) g(x) = g((+) x)                     an op that a factor moves through
//   Homomorphism   e(a + r) = e(a) (*) e(r)                r may move: (*) e(r' - r) repairs
//   Homogeneity    g(x (*) e, y (*) e) = g(x, y) (*) e     what all operands are repaired by
//
// Nothing else in the compiler knows which operation does what with which. Every
// row says itself as an equation, which the tests evaluate on random numbers.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_ALGEBRA_H
#define FLASHLIGHT_LIB_TRANSFORMS_ALGEBRA_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace flashlight::algebra {

/// Two equal formulas, in the notation of PyTorch: `reduce` over vectors x, y; numbers h, r.
struct Equation {
  llvm::StringLiteral left, right;
};

/// A factor at operand `position` of `op`, the same for all keys, may be applied after the
/// reduction instead: by the same op, at the same position.
struct Distribution {
  ReduceKind over;
  llvm::StringLiteral op;
  unsigned position;
  Equation law;
};

/// A reduction over `op` is `op` of two reductions.
struct Splitting {
  ReduceKind over;
  llvm::StringLiteral op;
  Equation law;
};

/// A factor of operand `position` may leave `op` (a unary op, or one whose other operand is of
/// keys) in that direction too. `both`: the other operand may hold factors of its own.
struct Linearity {
  ReduceKind over;
  llvm::StringLiteral op;
  unsigned position;
  bool both;
  Equation law;
};

/// An `op` that turns sums of its argument into what distributes over the reduction. The factor
/// stays inside (hoisting e^r would leave e^x unbounded) and is repaired when r moves.
struct Homomorphism {
  ReduceKind over;
  llvm::StringLiteral op;
  Equation law;
};

/// An op that has the factor that all its operands have, where that is positive (as what a
/// homomorphism is repaired by); a comparison is the same with it and without. Zero has any factor.
struct Homogeneity {
  ReduceKind over;
  llvm::StringLiteral op;
  Equation law;
};

llvm::ArrayRef<Distribution> distributions();
llvm::ArrayRef<Splitting> splittings();
llvm::ArrayRef<Linearity> linearities();
llvm::ArrayRef<Homomorphism> homomorphisms();
llvm::ArrayRef<Homogeneity> homogeneities();

const Distribution *findDistribution(ReduceKind over, mlir::Operation *op, unsigned position);
const Splitting *findSplitting(ReduceKind over, mlir::Operation *op);
const Linearity *findLinearity(ReduceKind over, mlir::Operation *op, unsigned position);
const Homomorphism *findHomomorphism(ReduceKind over, mlir::Operation *op);
const Homogeneity *findHomogeneity(ReduceKind over, mlir::Operation *op);

/// True for ops that are the identity to the algebra: roundings and broadcasts.
bool isTransparent(mlir::Operation *op);

/// True if `value` is a constant that leaves every state of the reduction as it is.
bool isIdentity(ReduceKind over, mlir::Value value);

} // namespace flashlight::algebra

#endif // FLASHLIGHT_LIB_TRANSFORMS_ALGEBRA_H
