//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How tiles lie in buffers, and how they get there and back.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_TILEMEMORY_H
#define FLASHLIGHT_LIB_CPU_TILEMEMORY_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

/// What a buffer holds for elements of `type`: f32 for the half types (exact), i8 for i1.
mlir::Type storedAs(mlir::Type type);

/// The buffer's type for a tile.
mlir::MemRefType bufferType(mlir::Type tile);

/// `value` (an element or vector as stored) in the tile's element type, and back.
mlir::Value fromStored(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                       mlir::Type element);
mlir::Value toStored(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

/// A constant element as it is stored.
mlir::TypedAttr storedConstant(mlir::TypedAttr value);

/// Of a linalg.generic on buffers: for each output the constant that it starts
/// from, or unit where memory says it.
constexpr llvm::StringLiteral kStartsAttr = "flashlight.starts";

/// Emits the loops of a load into `buffer`: vectors where the innermost dim is
/// contiguous in memory (decided when the kernel runs), else element by element.
void emitLoad(mlir::OpBuilder &builder, LoadOp op, mlir::ValueRange indexBuffers,
              mlir::Value buffer, unsigned lanes);
void emitStore(mlir::OpBuilder &builder, StoreOp op, mlir::Value buffer, unsigned lanes);

/// Emits the loops of a scan from one buffer to another, or to itself.
void emitScan(mlir::OpBuilder &builder, ScanOp op, mlir::Value from, mlir::Value to,
              unsigned lanes);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_TILEMEMORY_H
