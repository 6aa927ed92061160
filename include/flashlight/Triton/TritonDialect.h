//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tt exit dialect: the part of Triton's IR that we emit.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRITON_TRITONDIALECT_H
#define FLASHLIGHT_TRITON_TRITONDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight::tt {

/// Triton's limit on the elements of one tile.
constexpr int64_t kMaxTileElements = 1048576;

/// Argument attribute: the value is a multiple of 16 (a pointer: in bytes).
constexpr llvm::StringLiteral kDivisibilityAttr = "tt.divisibility";

/// What a pointer, or a tile of pointers, points to: a number or a tile.
mlir::Type getPointeeType(mlir::Type type);

/// i1, or a tile of i1 of the shape of `type`.
mlir::Type getMaskType(mlir::Type type);

/// t1 of the dialect.
mlir::LogicalResult verifyTileSizes(mlir::Operation *op);

/// Checks the extents of all tiles of an op.
template <typename Op> struct TileSizes : mlir::OpTrait::TraitBase<Op, TileSizes> {
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) { return verifyTileSizes(op); }
};

} // namespace flashlight::tt

#include "flashlight/Triton/TritonDialect.h.inc"
#include "flashlight/Triton/TritonEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "flashlight/Triton/TritonTypes.h.inc"
#define GET_OP_CLASSES
#include "flashlight/Triton/TritonOps.h.inc"

#endif // FLASHLIGHT_TRITON_TRITONDIALECT_H
