//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the border verifiers share. The levels nest: a module with kernels is a
// program around them, one with launches likewise.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_VERIFY_H
#define FLASHLIGHT_LIB_TRANSFORMS_VERIFY_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace flashlight {

/// Whether `op` is of arith or math.
bool isPointwise(mlir::Operation *op);

/// Checks that `op` may stand in a program, and the types it uses there.
mlir::LogicalResult verifyProgramOp(mlir::Operation *op);

/// Checks a program's function, without its ops.
mlir::LogicalResult verifyProgramFunction(mlir::func::FuncOp function);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_VERIFY_H
