//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether a value of a program may be infinite though its inputs are finite: where a
// difference of two such values would be NaN, an algebraic law does not hold.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_INFINITIES_H
#define FLASHLIGHT_LIB_TRANSFORMS_INFINITIES_H

#include "mlir/IR/Value.h"

namespace flashlight {

/// Which infinities a value may be; inputs, sums and products of them are taken to be finite.
struct Infinities {
  bool negative = false, positive = false;
  Infinities operator|(Infinities other) const {
    return {negative || other.negative, positive || other.positive};
  }
  Infinities operator-() const { return {positive, negative}; }
  bool any() const { return negative || positive; }
};

/// What follows from the ops behind `value`, `depth` of them deep.
Infinities infinitiesOf(mlir::Value value, unsigned depth = 24);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_INFINITIES_H
