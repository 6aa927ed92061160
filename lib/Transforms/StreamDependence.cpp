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

#include "StreamDependence.h"

using namespace mlir;
using namespace flashlight;

ReduceKind flashlight::kindOf(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind();
  auto scan = dyn_cast<ScanOp>(op);
  return scan ? scan.getKind() : ReduceKind::Sum; // a contraction sums
}

bool flashlight::isExtremum(Operation *op) {
  return kindOf(op) == ReduceKind::Max || kindOf(op) == ReduceKind::Min;
}

Value flashlight::stripBroadcast(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  return value;
}

StreamDependence::StreamDependence(KernelOp kernel) : stream(kernel.getStreamAttr()) {
  for (Operation &op : kernel.getBlock()) {
    Operations all, scanned;
    for (Value operand : op.getOperands()) {
      all.insert_range(statisticsOf(operand));
      scanned.insert_range(scansOf(operand));
    }
    bool reduces = isa<ReduceOp, ContractOp>(op) && !isStreamed(op.getResult(0)) &&
                   llvm::any_of(op.getOperands(), [&](Value v) { return isStreamed(v); });
    if (reduces) {
      statistics.push_back(&op);
      all.insert(&op);
      scanned.clear();
    }
    if (auto scan = dyn_cast<ScanOp>(op); scan && scan.getAxisAttr() == stream) {
      scans.push_back(scan);
      scanned.insert(&op);
    }
    for (Value result : op.getResults()) {
      dependsOn[result] = all;
      scannedBy[result] = scanned;
    }
  }
}

bool StreamDependence::isStreamed(Value value) const {
  AxesAttr axes = getAxes(value);
  return axes && axes.contains(stream);
}

static const StreamDependence::Operations &
lookUp(const llvm::DenseMap<Value, StreamDependence::Operations> &map, Value value) {
  static const StreamDependence::Operations none;
  auto it = map.find(value);
  return it == map.end() ? none : it->second;
}

const StreamDependence::Operations &StreamDependence::statisticsOf(Value value) const {
  return lookUp(dependsOn, value);
}

const StreamDependence::Operations &StreamDependence::scansOf(Value value) const {
  return lookUp(scannedBy, value);
}
