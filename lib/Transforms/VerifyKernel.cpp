//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-verify-kernel: what holds of every level 2 module. A check that a
// rule of the pass's description names carries its label.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "flashlight/Transforms/Passes.h"

namespace flashlight {
#define GEN_PASS_DEF_VERIFYKERNEL
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// Whether a kernel may hold `op`.
static bool isKernelOp(Operation *op) {
  return isa<ContractOp, ReduceOp, ScanOp, BroadcastOp, IotaOp, SizeOp, ReadOp, StreamOp, YieldOp>(
             op) ||
         isPointwise(op);
}

/// Checks one op inside of `kernel`, and the values it defines.
static LogicalResult verifyKernelOp(KernelOp kernel, Operation *op) {
  if (!isKernelOp(op)) { // kernel_r1
    InFlightDiagnostic diag = op->emitOpError() << "is not part of a kernel";
    diag.attachNote(kernel.getLoc()) << "in this kernel";
    return diag;
  }
  for (Value value : op->getOperands())
    if (auto arg = dyn_cast<BlockArgument>(value);
        arg && arg.getOwner()->getParentOp() == kernel && !isa<ReadOp>(op)) // kernel_r2
      return op->emitOpError() << "uses argument " << arg.getArgNumber()
                               << " of the kernel, which only 'flashlight.read' may";
  auto isNamed = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && (tensor.getRank() == 0 || getAxes(type));
  };
  for (Type type : op->getResultTypes())
    if (!isNamed(type)) // kernel_r3
      return op->emitOpError() << "expected '#flashlight.axes' to name the dims of every value in "
                                  "a kernel, got "
                               << type;
  if (isa<ReadOp>(op))
    return success();
  for (Type type : op->getOperandTypes())
    if (!isNamed(type)) // kernel_r3
      return op->emitOpError() << "expected '#flashlight.axes' to name the dims of every value in "
                                  "a kernel, got "
                               << type;
  return success();
}

/// Streams do not nest and sweep the kernel's own axis.
static LogicalResult verifyStream(KernelOp kernel, StreamOp stream) {
  if (stream->getParentOp() != kernel) // kernel_r4
    return stream.emitOpError() << "expected to stand in the kernel itself";
  if (stream.getAxisAttr() != kernel.getStreamAttr()) // kernel_r4
    return stream.emitOpError() << "expected to sweep '" << kernel.getStream() << "', got '"
                                << stream.getAxis() << "'";
  return success();
}

namespace {
struct VerifyKernel : flashlight::impl::VerifyKernelBase<VerifyKernel> {
  LogicalResult verify(KernelOp kernel) {
    WalkResult walked = kernel.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (failed(verifyKernelOp(kernel, op)))
        return WalkResult::interrupt();
      if (auto stream = dyn_cast<StreamOp>(op); stream && failed(verifyStream(kernel, stream)))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }

  void runOnOperation() override {
    markAllAnalysesPreserved();
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (failed(verifyProgramFunction(function)))
        return signalPassFailure();
      for (Operation &op : function.getOps()) {
        auto kernel = dyn_cast<KernelOp>(op);
        if (failed(kernel ? verify(kernel) : verifyProgramOp(&op))) // kernel_r5
          return signalPassFailure();
      }
    }
  }
};
} // namespace
