//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds ops on tiles in Triton's IR; what would change nothing is not built.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CONVERSION_TILES_H
#define FLASHLIGHT_CONVERSION_TILES_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace flashlight::tiles {

/// The shape of a tile; none for a scalar or a pointer.
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);

/// `element`, or a tile of it.
mlir::Type typeOf(llvm::ArrayRef<int64_t> shape, mlir::Type element);

/// A number, or a tile that holds it everywhere.
mlir::Value constant(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, int64_t value);

/// A tile of `shape` with the scalar or pointer `value` everywhere.
mlir::Value splat(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                  llvm::ArrayRef<int64_t> shape);

/// Puts dim `i` of `value` at dim `dims[i]` (ascending) of `shape` and repeats it along the rest.
mlir::Value broadcast(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> shape);

/// Dim `i` of the result is dim `order[i]`.
mlir::Value transpose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> order);

/// The same elements in row-major order. An empty shape is not possible.
mlir::Value reshape(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                    llvm::ArrayRef<int64_t> shape);

/// A number or tile with elements of `element`: exact widening of floats and integers
/// (i1 without a sign), or rounding.
mlir::Value cast(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                 mlir::Type element);

/// All elements along dim `axis`, combined as `kind` says.
mlir::Value reduce(mlir::OpBuilder &builder, mlir::Location loc, ReduceKind kind, mlir::Value value,
                   int64_t axis);

} // namespace flashlight::tiles

#endif // FLASHLIGHT_CONVERSION_TILES_H
