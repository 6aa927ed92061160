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

/// True if programs that divide `name` would each read again what is wide and has rows and keys of
/// its own: vectors of pairs, which all heads weigh. A tile with all of the axis reads it once.
static bool isWorthJoining(KernelOp kernel, const AxisRoles &roles, AxisAttr axis) {
  constexpr int64_t kWide = 16;
  StringAttr name = axis.getName();
  if (axis.isDynamic() || !roles.row || name == roles.row || name == kernel.getStreamAttr() ||
      roles.isWhole(name))
    return false;
  bool worth = false;
  kernel.walk([&](ContractOp op) {
    AxesAttr result = getAxes(op.getResult());
    for (Value operand : {op.getLhs(), op.getRhs()}) {
      AxesAttr axes = getAxes(operand);
      if (!result || !axes || !result.contains(name) || axes.contains(name) ||
          !axes.contains(roles.row) || !axes.contains(kernel.getStreamAttr()))
        continue;
      int64_t width = 1;
      for (StringAttr other : axes.getNames())
        width *= roles.isWhole(other) ? kernel.getAxis(other).getSize() : 1;
      worth |= width >= kWide;
    }
  });
  return worth;
}

/// Scores as [n, m]: rows are vector lanes, a statistic along n is a plain vector operation, and
/// keys and values are read as they lie. A block is 64 x 64, where keys and scores stay in a first
/// level cache, or as much smaller as all tiles need to stay in the second: several heads in a
/// tile.
SmallVector<AxisAttr> flashlight::chooseCpuTiles(KernelOp kernel, const AxisRoles &found) {
  constexpr int64_t kLargest = 64, kCache = 512 << 10;
  AxisRoles roles = found;
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
  auto shrink = [&]() {
    int64_t keys = kLargest, rows = kLargest;
    SmallVector<AxisAttr> tiles = choose(keys, rows);
    while (workingSet(kernel, tiles) > kCache && (keys > kLanes || rows > kLanes)) {
      (keys >= rows ? keys : rows) /= 2;
      tiles = choose(keys, rows);
    }
    return tiles;
  };
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    if (!isWorthJoining(kernel, roles, axis))
      continue;
    roles.inner.insert(axis.getName());
    if (workingSet(kernel, shrink()) > kCache)
      roles.inner.remove(axis.getName());
  }
  return shrink();
}
