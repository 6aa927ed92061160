//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The flashlight dialect: its attributes, enums and ops.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_FLASHLIGHTDIALECT_H
#define FLASHLIGHT_IR_FLASHLIGHTDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "flashlight/IR/FlashlightDialect.h.inc"
#include "flashlight/IR/FlashlightEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "flashlight/IR/FlashlightAttrs.h.inc"
#define GET_OP_CLASSES
#include "flashlight/IR/FlashlightOps.h.inc"

namespace flashlight {

/// The `#flashlight.axes` of a kernel-level tensor, or null.
AxesAttr getAxes(mlir::Type type);
inline AxesAttr getAxes(mlir::Value value) { return getAxes(value.getType()); }

/// Attribute names that ops and functions of other dialects carry.
constexpr llvm::StringLiteral kNodeAttr = "flashlight.node"; // FX node of a value
constexpr llvm::StringLiteral kNodesAttr =
    "flashlight.nodes"; // of a kernel or launch: FX node of each result
constexpr llvm::StringLiteral kReasonAttr =
    "flashlight.reason"; // why a contraction is in no kernel
constexpr llvm::StringLiteral kInsideAttr =
    "flashlight.inside"; // of a condition: its value all over a stream's keep sets
constexpr llvm::StringLiteral kRefusedAttr =
    "flashlight.refused"; // of @main: kernels not to form, by name, and why
constexpr llvm::StringLiteral kGridAttr = "flashlight.grid";           // of a tile-level function
constexpr llvm::StringLiteral kScheduleAttr = "flashlight.schedule";   // of a tile-level function
constexpr llvm::StringLiteral kOutputAttr = "flashlight.output";       // of an argument
constexpr llvm::StringLiteral kSymbolAttr = "flashlight.symbol";       // of an argument
constexpr llvm::StringLiteral kParameterAttr = "flashlight.parameter"; // of an argument

} // namespace flashlight

#endif // FLASHLIGHT_IR_FLASHLIGHTDIALECT_H
