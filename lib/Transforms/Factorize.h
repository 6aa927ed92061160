//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The search for an online form, on the expression graph of a kernel; the laws that
// it uses stand in Algebra.
//
// A reduction (+) over the stream n combines f(x_n, r), where r are statistics that
// are themselves still running. f is taken apart into factors (for a maximum, they
// are terms): those of rows alone are *hoisted*, applied to the result instead; a
// homomorphism of r (an exponential) stays inside, so that its argument x + T(r)
// stays in range, and the running result is *repaired* when r moves.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H
#define FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H

#include "StreamDependence.h"

namespace flashlight {

/// A factor pulled out of a reduction: the result is combined with `value` by the op of `op`, at
/// operand `position`. For a select, `value` is the condition under which the operand at
/// `position` is the reduction's identity.
struct Hoist {
  mlir::Operation *op;
  unsigned position;
  mlir::Value value; // without the streamed axis
};

/// A number that an exponent's term is multiplied with, or divided by.
struct Scale {
  mlir::Value value; // no function of running statistics
  bool divides;
};

/// An additive part of an exponent that depends on running statistics.
struct ExponentTerm {
  mlir::Value value;
  bool negative;
  llvm::SmallVector<Scale> scales; // the outermost first
  bool base2 = false;
};

/// f with its factors taken apart.
struct Factorization {
  llvm::SmallVector<Hoist> hoists;         // the outermost first
  llvm::SmallVector<ExponentTerm> repairs; // what the factors' exponents have of statistics
  /// Extrema that f compares its own operand with: when they move, no earlier key is at them.
  llvm::SmallVector<mlir::Operation *> matched;
  /// For an op on the way, which operand remains when its factor is hoisted.
  llvm::DenseMap<mlir::Operation *, unsigned> kept;

  // Where there is none:
  std::string blockedBy;                 // why
  mlir::Operation *blockingOp = nullptr; // where
  /// The way to the blocking op from the reduction: ops, and the operand that was followed.
  llvm::SmallVector<std::pair<mlir::Operation *, unsigned>> path;
};

/// Takes apart what the reduction `op` combines. Succeeds trivially where nothing depends on
/// `running` statistics.
mlir::LogicalResult factorize(mlir::Operation *op, const StreamDependence &dependence,
                              llvm::function_ref<bool(mlir::Operation *)> running,
                              Factorization &result);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H
