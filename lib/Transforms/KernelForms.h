//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The forms that one kernel may be derived in: as it is, or with sums split in two where
// that saves a sweep. flashlight-derive-online writes the better one; what asks before it what
// a kernel will cost gets the same answer here.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMS_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMS_H

#include "CostModel.h"

namespace flashlight {

/// Sums from both ends in one kernel become sums from the first key: those from n on are all less
/// those before n. An error where scans cannot be turned.
mlir::LogicalResult orientScans(KernelOp kernel);

/// Sweeps that the kernel's online form takes.
unsigned countSweeps(KernelOp kernel);

/// Splits reductions of the kernel until no blocked one can be split; true if any was.
bool splitBlocked(KernelOp kernel);

/// The estimate of a kernel's online form, its reductions as they are.
CostEstimate estimateDerived(KernelOp kernel, const Target &target);

/// The estimate of the form that a kernel will be derived in.
CostEstimate estimateBestForm(KernelOp kernel, const Target &target);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMS_H
