//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tiles of a kernel on the CPU.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H
#define FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H

#include "AxisRoles.h"

namespace flashlight {

/// Tile sizes, in the order of a tile's dims. Inner and value axes are static.
llvm::SmallVector<AxisAttr> chooseCpuTiles(KernelOp kernel, const AxisRoles &roles);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_SCHEDULECPU_H
