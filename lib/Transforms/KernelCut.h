//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel cut in two. Its *wide* statistics, those with a value axis, hold an accumulator
// of rows x width each; a cut gives some of them to the first kernel, the others to the
// second. With o1 and o2 wide and f what combines them,
//
//   f(g(o1), o2)   becomes   c = g(o1), written by the first;  f(c, o2), read by the second
//
// so that nothing is computed in another order or precision than before.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELCUT_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELCUT_H

#include "StreamDependence.h"

namespace flashlight {

/// The statistics that a kernel holds a tile for, with value axes, in the order of the program.
llvm::SmallVector<mlir::Operation *> wideStatistics(KernelOp kernel,
                                                    const StreamDependence &dependence);

struct KernelCut {
  KernelOp first, second;
  llvm::SmallVector<mlir::Value> results; // what takes the place of the kernel's
  bool readsRows = false;                 // the second reads row statistics of the first
};

/// Writes two kernels before one that has not been derived yet; that one stays as it is.
///
/// \param wide the wide statistics that the first kernel computes; it has all wide ones that
///     these depend on.
/// \param readRows whether the second kernel reads the row statistics that the first one has too,
///     or computes them again.
KernelCut cutKernel(KernelOp kernel, const StreamDependence &dependence,
                    llvm::ArrayRef<mlir::Operation *> wide, bool readRows);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELCUT_H
