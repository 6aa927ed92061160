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

/// True if programs that divide `name` would each read again what is wide and has rows and keys of
/// its own: vectors of pairs, which all heads weigh. A tile with all of the axis reads it once.
static bool isWorthJoining(KernelOp kernel, const AxisRoles &roles, AxisAttr axis) {
  constexpr int64_t kWide = 16;
  StringAttr name = axis.getName();
  if (axis.isDynamic() || !roles.row || name == roles.row || name == kernel.getStreamAttr() ||
      name == roles.column || roles.isWhole(name))
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

/// A tile of at most `most`, so that as many tiles as that takes have much the same part of the
/// axis.
static int64_t divideEvenly(AxisAttr axis, int64_t most) {
  if (axis.isDynamic() || axis.getSize() == 0)
    return most;
  int64_t count = llvm::divideCeil(axis.getSize(), most);
  return std::min<int64_t>(most, llvm::alignTo(llvm::divideCeil(axis.getSize(), count), kLanes));
}

SmallVector<AxisAttr> flashlight::cpuTiles(KernelOp kernel, const AxisRoles &roles, int64_t keys,
                                           int64_t rows) {
  // Columns stand where the stream does: what statistics are read of another kernel is computed in
  // its order, and so to the same digits.
  SmallVector<AxisAttr> tiles;
  StringAttr outer = roles.blockedWith(kernel.getStreamAttr());
  AxisAttr blocked = kernel.getAxis(outer);
  int64_t block = divideEvenly(blocked, keys);
  tiles.push_back(
      tile(outer, blocked.isDynamic() ? block : std::min<int64_t>(block, blocked.getSize())));
  for (StringAttr name : roles.inner)
    tiles.push_back(tile(name, kernel.getAxis(name).getSize()));
  if (roles.row)
    tiles.push_back(tile(roles.row, divideEvenly(kernel.getAxis(roles.row), rows)));
  for (StringAttr name : roles.values)
    tiles.push_back(tile(name, llvm::alignTo(kernel.getAxis(name).getSize(), kLanes)));
  return tiles;
}

AxisRoles flashlight::joinCpuAxes(KernelOp kernel, const AxisRoles &found, const Target &target) {
  AxisRoles roles = found;
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    if (!isWorthJoining(kernel, roles, axis))
      continue;
    roles.inner.insert(axis.getName());
    Tiling smallest;
    smallest.tiles = cpuTiles(kernel, roles, kLanes, kLanes);
    if (!estimate(kernel, roles, target, smallest).feasible)
      roles.inner.remove(axis.getName());
  }
  return roles;
}
