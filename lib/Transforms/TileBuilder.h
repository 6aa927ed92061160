//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes the body of one tile-level kernel.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_TILEBUILDER_H
#define FLASHLIGHT_LIB_TRANSFORMS_TILEBUILDER_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace flashlight {

class TileBuilder {
public:
  TileBuilder(KernelOp kernel, llvm::ArrayRef<mlir::StringAttr> symbols, mlir::Block *entry);

  mlir::LogicalResult build();

private:
  /// Where an axis stands in the code being written: its first index, and, where a tile may reach
  /// beyond the extent, how many indices are left.
  struct Position {
    mlir::Value base, left;
  };
  using Memo = llvm::DenseMap<mlir::Value, mlir::Value>;

  void placeAxes();
  mlir::LogicalResult writeBlock(mlir::Block &block, Memo &memo);
  mlir::LogicalResult writeStream(StreamOp op, Memo &memo);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> writeSweep(StreamOp op, Memo memo,
                                                             mlir::ValueRange state);
  /// The extent of a streamed axis: `whole` is the end of the last full block.
  struct SweepExtent {
    mlir::Value size, whole;
    bool divides;
  };
  using SweepLoop =
      llvm::function_ref<mlir::LogicalResult(mlir::Value, mlir::Value, bool partial, bool full)>;
  mlir::LogicalResult writeBoundedSweep(StreamOp op, SweepExtent extent, SweepLoop loop);
  mlir::LogicalResult writeOp(mlir::Operation *op, Memo &memo);
  mlir::Value writeIota(IotaOp op);
  mlir::FailureOr<mlir::Value> writeRead(ReadOp op, Memo &memo);
  mlir::Value writeReduce(ReduceOp op, mlir::Value operand);
  mlir::FailureOr<mlir::Value> writeScan(ScanOp op, mlir::Value operand);
  mlir::Value writeContract(ContractOp op, mlir::Value lhs, mlir::Value rhs, mlir::Value init);
  mlir::LogicalResult writeStore(mlir::Value value, mlir::Value tile, mlir::AffineMap map,
                                 mlir::Value memory);

  /// The axes of a level-2 value that its tile has, in the schedule's order.
  llvm::SmallVector<mlir::StringAttr> tiledAxes(mlir::Type type);
  mlir::RankedTensorType tileType(mlir::Type type);
  mlir::Value broadcastTile(mlir::Value tile, llvm::ArrayRef<mlir::StringAttr> from,
                            llvm::ArrayRef<mlir::StringAttr> to);
  /// The tile with everything beyond the extent of `axes` replaced by `fill`.
  mlir::Value maskTile(mlir::Value tile, llvm::ArrayRef<mlir::StringAttr> own,
                       llvm::ArrayRef<mlir::StringAttr> axes, mlir::Attribute fill);
  bool readsZeroBeyond(mlir::Value value) const;
  mlir::Value extent(AxisAttr axis);
  mlir::Value symbolValue(mlir::StringAttr symbol);
  mlir::Value index(int64_t value);
  mlir::Value splat(mlir::Attribute value, mlir::RankedTensorType type);

  /// The tile of a value that indexes memory, and the axes that it has.
  struct IndexTile {
    mlir::Value tile;
    llvm::SmallVector<mlir::StringAttr> axes;
  };
  mlir::Value writeIndex(mlir::AffineExpr expr,
                         llvm::function_ref<mlir::Value(mlir::AffineExpr)> leaf);
  mlir::Value writeBase(mlir::AffineExpr expr);
  mlir::Value writeIndexTile(mlir::AffineExpr expr, llvm::ArrayRef<mlir::StringAttr> own,
                             llvm::ArrayRef<IndexTile> indices);
  llvm::SmallVector<mlir::StringAttr> axesOf(mlir::AffineExpr expr,
                                             llvm::ArrayRef<mlir::StringAttr> tiled,
                                             llvm::ArrayRef<IndexTile> indices);

  /// Offsets, index tiles, tile map and limits of an access at `map`.
  struct Access {
    llvm::SmallVector<mlir::Value> offsets, indices, limits;
    mlir::AffineMap map;
    llvm::SmallVector<int64_t> limited;
  };
  mlir::FailureOr<Access> accessOf(mlir::Operation *op, mlir::AffineMap map,
                                   llvm::ArrayRef<mlir::StringAttr> tiled,
                                   llvm::ArrayRef<IndexTile> indices);

  KernelOp kernel;
  ScheduleAttr schedule;
  mlir::SmallVector<mlir::StringAttr> symbols;
  mlir::Block *entry;
  mlir::OpBuilder builder;
  mlir::Location loc;
  llvm::DenseMap<mlir::StringAttr, Position> positions;
  bool insideKeepSets = false; // the block being written lies in a keep set of its stream
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_TILEBUILDER_H
