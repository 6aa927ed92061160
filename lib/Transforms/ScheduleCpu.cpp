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

/// Scores as [n, m]: rows are vector lanes, a statistic along n is a plain vector operation, and
/// keys and values are read as they lie. 64 x 64 tiles of all four operands fit a 48 KiB L1.
SmallVector<AxisAttr> flashlight::chooseCpuTiles(KernelOp kernel, const AxisRoles &roles) {
  SmallVector<AxisAttr> tiles;
  AxisAttr stream = kernel.getAxis(kernel.getStreamAttr());
  tiles.push_back(
      tile(stream.getName(), stream.isDynamic() ? 64 : std::min<int64_t>(64, stream.getSize())));
  for (StringAttr name : roles.inner)
    tiles.push_back(tile(name, kernel.getAxis(name).getSize()));
  if (roles.row) {
    AxisAttr row = kernel.getAxis(roles.row);
    int64_t size =
        row.isDynamic() ? 64 : std::min<int64_t>(64, llvm::alignTo(row.getSize(), kLanes));
    tiles.push_back(tile(roles.row, size));
  }
  for (StringAttr name : roles.values)
    tiles.push_back(tile(name, llvm::alignTo(kernel.getAxis(name).getSize(), kLanes)));
  return tiles;
}
