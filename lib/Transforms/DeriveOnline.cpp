//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-derive-online: see Passes.td. The algebra stands in Factorize, the
// rewriting in Derivation; here it is chosen which form a kernel gets.
//
//===----------------------------------------------------------------------===//

#include "Derivation.h"
#include "SplitReduction.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace flashlight {
#define GEN_PASS_DEF_DERIVEONLINE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

static unsigned countSweeps(KernelOp kernel) {
  Derivation derivation(kernel);
  derivation.plan();
  return derivation.getNumSweeps();
}

/// Splits reductions of the kernel until no blocked one can be split; true if any was.
static bool splitBlocked(KernelOp kernel) {
  auto splitOne = [&] {
    Derivation derivation(kernel);
    derivation.plan();
    return llvm::any_of(derivation.getBlocked(), [](const Derivation::Blocked &blocked) {
      return succeeded(splitReduction(blocked.op, blocked.why));
    });
  };
  bool any = false;
  while (splitOne())
    any = true;
  return any;
}

/// Sums from both ends in one kernel become sums from the first key: those from n on are all less
/// those before n.
static LogicalResult orientScans(KernelOp kernel) {
  SmallVector<ScanOp> forward, backward;
  for (ScanOp scan : kernel.getBlock().getOps<ScanOp>())
    if (scan.getAxisAttr() == kernel.getStreamAttr())
      (scan.getReverse() ? backward : forward).push_back(scan);
  if (forward.empty())
    return success();
  for (ScanOp scan : backward) {
    if (scan.getKind() != ReduceKind::Sum || !isa<FloatType>(elementTypeOf(scan.getOperand())))
      return scan.emitError() << "cannot run against the other scans along '"
                              << scan.getAxisAttr().getValue() << "' of its kernel";
    OpBuilder builder(scan);
    Location loc = scan.getLoc();
    SmallVector<StringAttr> names;
    SmallVector<int64_t> shape;
    auto type = cast<RankedTensorType>(scan.getType());
    for (auto [name, size] : llvm::zip(getAxes(scan.getResult()).getNames(), type.getShape()))
      if (name != scan.getAxisAttr())
        names.push_back(name), shape.push_back(size);
    auto rowType = RankedTensorType::get(shape, type.getElementType(),
                                         AxesAttr::get(builder.getContext(), names));
    Value all = ReduceOp::create(builder, loc, rowType, scan.getKindAttr(), scan.getOperand(),
                                 DenseI64ArrayAttr());
    Value wide = BroadcastOp::create(builder, loc, type, all, DenseI64ArrayAttr());
    Value upTo = ScanOp::create(builder, loc, type, scan.getKindAttr(), scan.getOperand(),
                                IntegerAttr(), scan.getAxisAttr(), UnitAttr());
    Value after = arith::SubFOp::create(builder, loc, wide, upTo);
    scan.replaceAllUsesWith(
        arith::AddFOp::create(builder, loc, after, scan.getOperand()).getResult());
    scan.erase();
  }
  return success();
}

namespace {

struct DeriveOnline : flashlight::impl::DeriveOnlineBase<DeriveOnline> {
  void runOnOperation() override {
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) {
      if (kernel.getBlock().getOps<StreamOp>().empty())
        kernels.push_back(kernel);
    });
    for (KernelOp kernel : kernels) {
      if (failed(orientScans(kernel)))
        return signalPassFailure();
      kernel = choose(kernel);
      Derivation derivation(kernel);
      derivation.plan();
      derivation.remarkBlocked();
      derivation.rewrite();
      numSweeps += derivation.getNumSweeps();
    }
  }

  /// The kernel as it is, or with split reductions where that saves a sweep.
  static KernelOp choose(KernelOp kernel) {
    OpBuilder builder(kernel);
    auto split = cast<KernelOp>(builder.clone(*kernel));
    if (!splitBlocked(split) || countSweeps(split) >= countSweeps(kernel)) {
      split.erase();
      return kernel;
    }
    kernel.replaceAllUsesWith(split.getResults());
    kernel.erase();
    return split;
  }
};

} // namespace
