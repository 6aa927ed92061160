//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-verify-program: what holds of every level 1 module. A check that a
// rule of the pass's description names carries its label.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace flashlight {
#define GEN_PASS_DEF_VERIFYPROGRAM
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

bool flashlight::isPointwise(Operation *op) {
  return isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect());
}

/// Whether a level 1 function may hold `op`.
static bool isProgramOp(Operation *op) {
  return isa<ContractOp, ReduceOp, BroadcastOp, IotaOp, SizeOp, TransposeOp, ReshapeOp, SliceOp,
             ConcatOp, GatherOp, ScanOp, TorchCallOp, func::ReturnOp>(op) ||
         isPointwise(op);
}

/// Checks the type of a program-level value: `what` says whose it is.
static LogicalResult verifyType(Operation *op, Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) // torch_call may pass on anything; what we compute with is a ranked tensor
    return isa<TorchCallOp, func::FuncOp, func::ReturnOp>(op)
               ? success()
               : op->emitOpError()
                     << "expected " << what << " to be a ranked tensor, got " << type; // program_r2
  Attribute encoding = tensor.getEncoding();
  if (encoding && !isa<SymbolsAttr>(encoding)) // program_r3
    return op->emitOpError() << "expected " << what
                             << " to have no encoding but '#flashlight.symbols', got " << type;
  if (!encoding && !tensor.hasStaticShape()) // program_r3
    return op->emitOpError() << "expected '#flashlight.symbols' to name the dynamic dims of "
                             << what << ", got " << type;
  return success();
}

LogicalResult flashlight::verifyProgramOp(Operation *op) {
  if (!isProgramOp(op)) // program_r1
    return op->emitOpError() << "is not part of a program";
  for (auto [i, type] : llvm::enumerate(op->getOperandTypes()))
    if (failed(verifyType(op, type, "operand " + Twine(i))))
      return failure();
  for (auto [i, type] : llvm::enumerate(op->getResultTypes()))
    if (failed(verifyType(op, type, "result " + Twine(i))))
      return failure();
  return success();
}

LogicalResult flashlight::verifyProgramFunction(func::FuncOp function) {
  if (function.isExternal())
    return success();
  if (!function.getBody().hasOneBlock()) // program_r4
    return function.emitOpError() << "expected one block, got "
                                  << function.getBody().getBlocks().size();
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(verifyType(function, type, "argument " + Twine(i))))
      return failure();
  return success();
}

namespace {
struct VerifyProgram : flashlight::impl::VerifyProgramBase<VerifyProgram> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (failed(verifyProgramFunction(function)))
        return signalPassFailure();
      for (Operation &op : function.getOps())
        if (failed(verifyProgramOp(&op)))
          return signalPassFailure();
    }
  }
};
} // namespace
