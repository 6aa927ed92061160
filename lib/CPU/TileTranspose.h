//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block of a tile whose memory lies the other way round.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_TILETRANSPOSE_H
#define FLASHLIGHT_LIB_CPU_TILETRANSPOSE_H

#include "mlir/IR/Builders.h"

namespace flashlight {

/// `rows` rows of memory, each `columns` elements side by side, become columns of the tile's
/// buffer.
struct TransposedBlock {
  mlir::Value memory, address, rowStride; // one dim; of the first element; between rows
  mlir::Value buffer;
  llvm::SmallVector<mlir::Value> at; // where in the buffer
  unsigned across, inner;            // the buffer's dims of columns and rows
  mlir::Value columnCount, rowCount; // the tile's elements within limits along them; null: all
  int64_t block, columns, rows;      // vectors of `block` lanes, a power of two

  void emit(mlir::OpBuilder &builder, mlir::Location loc);
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_TILETRANSPOSE_H
