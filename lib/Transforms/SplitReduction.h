//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One reduction becomes several, by the splitting laws of Algebra: a weighted sum of
// a difference, sum (p1 - h p2) v, is the difference of two weighted sums, each of
// which may have an online form where their difference has none.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SPLITREDUCTION_H
#define FLASHLIGHT_LIB_TRANSFORMS_SPLITREDUCTION_H

#include "Factorize.h"

namespace flashlight {

/// Splits `op` at the op where `blocked` ended, if a law allows it and it is stable. The kernel is
/// changed in place; analyses of it are out of date.
///
/// Stable means: the difference a - b of one factor has an error of eps (|a| + |b|) whether it is
/// formed for every key or at the end. That no longer holds for a second factor: sum (x - mu)^2
/// taken apart loses what x^2 and mu^2 have in common. So a reduction is split at one factor only.
mlir::LogicalResult splitReduction(mlir::Operation *op, const Factorization &blocked);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SPLITREDUCTION_H
