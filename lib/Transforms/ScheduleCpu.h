//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tiles that a kernel may have on the CPU.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H
#define FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H

#include "CostModel.h"

namespace flashlight {

/// Tile sizes with at most so many keys and rows, in the order of a tile's dims: scores as [n, m].
/// Rows are vector lanes, a statistic along n is a plain vector operation, and keys and values are
/// read as they lie. Inner and value axes are static.
llvm::SmallVector<AxisAttr> cpuTiles(KernelOp kernel, const AxisRoles &roles, int64_t keys,
                                     int64_t rows);

/// `roles` with the axes among the inner ones that a tile had better hold all of, as far as the
/// second level cache has room for them.
AxisRoles joinCpuAxes(KernelOp kernel, const AxisRoles &roles, const Target &target);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H
