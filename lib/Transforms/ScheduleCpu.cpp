//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "ScheduleCpu.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

static constexpr int64_t kLanes = 16; // of f32 in 512 bits

static AxisAttr tile(StringAttr name, int64_t size) {
  return AxisAttr::get(name.getContext(), name, size, StringAttr());
}

/// Bytes of the tiles that contractions read and write at once: those of one sweep, or of what
/// stands outside of sweeps. Pointwise work between them is one loop, and has no tile of its own.
static int64_t workingSet(KernelOp kernel, ArrayRef<AxisAttr> tiles) {
  auto bytesOf = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    int64_t bytes = std::max<int64_t>(4, type.getElementTypeBitWidth() / 8);
    AxesAttr axes = getAxes(value);
    for (AxisAttr axis : tiles)
      if (axes && axes.contains(axis.getName()))
        bytes *= axis.getSize();
    return bytes;
  };
  llvm::DenseMap<Block *, int64_t> sets;
  llvm::SmallPtrSet<Value, 16> seen;
  kernel.walk([&](ContractOp op) {
    for (Value value : {op.getLhs(), op.getRhs(), op.getResult()})
      if (seen.insert(value).second)
        sets[op->getBlock()] += bytesOf(value);
  });
  int64_t largest = 0;
  for (auto [block, bytes] : sets)
    largest = std::max(largest, bytes);
  return largest;
}

/// Scores as [n, m]: rows are vector lanes, a statistic along n is a plain vector operation, and
/// keys and values are read as they lie. A block is 64 x 64, where keys and scores stay in a first
/// level cache, or as much smaller as all tiles need to stay in the second: several heads in a
/// tile.
SmallVector<AxisAttr> flashlight::chooseCpuTiles(KernelOp kernel, const AxisRoles &roles) {
  constexpr int64_t kLargest = 64, kCache = 512 << 10;
  auto choose = [&](int64_t keys, int64_t rows) {
    SmallVector<AxisAttr> tiles;
    AxisAttr stream = kernel.getAxis(kernel.getStreamAttr());
    tiles.push_back(tile(stream.getName(),
                         stream.isDynamic() ? keys : std::min<int64_t>(keys, stream.getSize())));
    for (StringAttr name : roles.inner)
      tiles.push_back(tile(name, kernel.getAxis(name).getSize()));
    if (roles.row) {
      AxisAttr row = kernel.getAxis(roles.row);
      int64_t size =
          row.isDynamic() ? rows : std::min<int64_t>(rows, llvm::alignTo(row.getSize(), kLanes));
      tiles.push_back(tile(roles.row, size));
    }
    for (StringAttr name : roles.values)
      tiles.push_back(tile(name, llvm::alignTo(kernel.getAxis(name).getSize(), kLanes)));
    return tiles;
  };
  int64_t keys = kLargest, rows = kLargest;
  SmallVector<AxisAttr> tiles = choose(keys, rows);
  while (workingSet(kernel, tiles) > kCache && (keys > kLanes || rows > kLanes)) {
    (keys >= rows ? keys : rows) /= 2;
    tiles = choose(keys, rows);
  }
  return tiles;
}
