//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How the values of a kernel depend on its stream: which have the axis, which
// reductions along it (*statistics*) and which scans along it they come from.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_STREAMDEPENDENCE_H
#define FLASHLIGHT_LIB_TRANSFORMS_STREAMDEPENDENCE_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace flashlight {

/// What a statistic or a scan combines by.
ReduceKind kindOf(mlir::Operation *op);

/// Maximum or minimum.
bool isExtremum(mlir::Operation *op);

/// The value behind broadcasts.
mlir::Value stripBroadcast(mlir::Value value);

class StreamDependence {
public:
  using Operations = llvm::SmallSetVector<mlir::Operation *, 4>;

  explicit StreamDependence(KernelOp kernel);

  /// The reductions over the stream, in order.
  llvm::ArrayRef<mlir::Operation *> getStatistics() const { return statistics; }
  /// The scans along the stream, in order.
  llvm::ArrayRef<ScanOp> getScans() const { return scans; }
  /// True if the value has the streamed axis.
  bool isStreamed(mlir::Value value) const;
  /// The statistics that the value depends on, transitively.
  const Operations &statisticsOf(mlir::Value value) const;
  /// The scans that the value depends on without a statistic in between.
  const Operations &scansOf(mlir::Value value) const;

private:
  mlir::StringAttr stream;
  llvm::SmallVector<mlir::Operation *> statistics;
  llvm::SmallVector<ScanOp> scans;
  llvm::DenseMap<mlir::Value, Operations> dependsOn, scannedBy;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_STREAMDEPENDENCE_H
