//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the kinds of reductions mean: one table for all levels.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_REDUCTIONS_H
#define FLASHLIGHT_IR_REDUCTIONS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// Two values of one type, at any level, combined as a reduction of this kind combines its
/// elements.
mlir::Value combine(ReduceKind kind, mlir::OpBuilder &builder, mlir::Location loc, mlir::Value a,
                    mlir::Value b);

/// What a reduction of this kind starts from: combining it with a value leaves the value as it is.
mlir::TypedAttr identityOf(ReduceKind kind, mlir::Type elementType);

} // namespace flashlight

#endif // FLASHLIGHT_IR_REDUCTIONS_H
