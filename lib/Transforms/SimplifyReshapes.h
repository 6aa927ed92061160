//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-simplify that is about what is flattened and taken apart again.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYRESHAPES_H
#define FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYRESHAPES_H

#include "mlir/IR/PatternMatch.h"

namespace flashlight {

void populateSimplifyReshapesPatterns(mlir::RewritePatternSet &patterns);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SIMPLIFYRESHAPES_H
