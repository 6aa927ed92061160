//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules of flashlight-simplify that take what is the same for a row, and what grows
// with its operand, out of maxima and minima.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYEXTREMA_H
#define FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYEXTREMA_H

#include "mlir/IR/PatternMatch.h"

namespace flashlight {

void populateSimplifyExtremaPatterns(mlir::RewritePatternSet &patterns);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYEXTREMA_H
