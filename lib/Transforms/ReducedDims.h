//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reductions over several dims, written so that a kernel can stream over one of them.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_REDUCEDDIMS_H
#define FLASHLIGHT_LIB_TRANSFORMS_REDUCEDDIMS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Block.h"

namespace flashlight {

/// A sum over rows and heads is a sum over heads of sums over the rows, which a kernel can stream;
/// one over neighbouring dims of what is kept becomes one over a single dim. Returns the outer
/// ones.
llvm::SmallVector<ReduceOp> splitReductions(mlir::Block &block);

/// Makes one of two reductions again where no kernel took the inner one.
void rejoinReduction(ReduceOp outer);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_REDUCEDDIMS_H
