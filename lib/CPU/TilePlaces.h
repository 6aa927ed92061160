//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which tiles of a kernel share a place in its scratch buffer.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_TILEPLACES_H
#define FLASHLIGHT_LIB_CPU_TILEPLACES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace flashlight {

/// A stretch of the scratch buffer, and the ops (in order of the text) between
/// which it is in use.
struct Place {
  mlir::MemRefType type;
  int64_t begin = std::numeric_limits<int64_t>::max(), end = -1;
  int64_t offset = 0;   // bytes
  bool carried = false; // holds a loop's state, or what becomes it
};

/// A tile's move from one place to another.
struct Move {
  unsigned from, to;
};

/// Where every tile of a function lies. Computed for linalg on tensors.
class TilePlaces {
public:
  explicit TilePlaces(mlir::func::FuncOp func);

  unsigned placeOf(mlir::Value value) const { return places.lookup(value); }
  bool hasPlace(mlir::Value value) const { return places.contains(value); }
  llvm::ArrayRef<Place> getPlaces() const { return all; }
  /// Moves to make before the op runs (in order).
  llvm::ArrayRef<Move> movesBefore(mlir::Operation *op) const;
  int64_t getBytes() const { return bytes; }

private:
  unsigned newPlace(mlir::Value value);
  void assign(mlir::Value value, unsigned place) { places[value] = place; }
  void visit(mlir::Block &block);
  void visitGeneric(mlir::linalg::GenericOp op);
  void visitFor(mlir::scf::ForOp op);
  void visitIf(mlir::scf::IfOp op);
  bool mayPut(mlir::Value value, unsigned place, mlir::Value old, mlir::Block *block);
  void moveAll(mlir::Operation *before, mlir::ValueRange values, llvm::ArrayRef<int> targets);
  void findExtents(mlir::func::FuncOp func);
  void pack();

  llvm::SmallVector<Place> all;
  llvm::DenseMap<mlir::Value, unsigned> places;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Move>> moves;
  /// Places that hold something for one op only.
  llvm::SmallVector<std::pair<unsigned, mlir::Operation *>> temporaries;
  int64_t bytes = 0;
};

/// True if the tile is made by a fill that only the op itself looks at: its
/// registers can start from the value instead.
bool isPrivateFill(mlir::Value init);

/// True if the op reads the output's old value.
bool readsInit(mlir::linalg::GenericOp op, unsigned result);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_TILEPLACES_H
