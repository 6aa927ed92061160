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

#include "CostModel.h"
#include "Derivation.h"
#include "SplitReduction.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

#include "llvm/Support/Format.h"

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
                                IntegerAttr(), scan.getAxisAttr(), UnitAttr(), UnitAttr());
    Value after = arith::SubFOp::create(builder, loc, wide, upTo);
    if (!scan.getExclusive())
      after = arith::AddFOp::create(builder, loc, after, scan.getOperand());
    scan.replaceAllUsesWith(after);
    scan.erase();
  }
  return success();
}

namespace {

struct DeriveOnline : flashlight::impl::DeriveOnlineBase<DeriveOnline> {
  using DeriveOnlineBase::DeriveOnlineBase;

  void runOnOperation() override {
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) {
      if (kernel.getBlock().getOps<StreamOp>().empty())
        kernels.push_back(kernel);
    });
    std::optional<Target> known;
    if (!target.empty() && !(known = Target::get(target, arch))) {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    for (KernelOp kernel : kernels) {
      if (failed(orientScans(kernel)))
        return signalPassFailure();
      Derived chosen = choose(kernel, known);
      Derivation derivation(chosen.kernel);
      derivation.plan();
      if (!chosen.byCost)
        derivation.remarkBlocked();
      derivation.rewrite();
      numSweeps += derivation.getNumSweeps();
    }
  }

  struct Derived {
    KernelOp kernel;
    bool byCost = false; // fewer sweeps were possible
  };

  /// The kernel as it is, or with split reductions where that saves a sweep and, if the target is
  /// known, time: the sums of one sweep may need more registers than there are.
  Derived choose(KernelOp kernel, const std::optional<Target> &target) {
    OpBuilder builder(kernel);
    auto split = cast<KernelOp>(builder.clone(*kernel));
    unsigned sweeps = countSweeps(kernel);
    if (!splitBlocked(split) || countSweeps(split) >= sweeps) {
      split.erase();
      return {kernel};
    }
    if (prefer == "most") {
      split.erase();
      return {kernel, true};
    }
    if (target && prefer != "fewest") {
      CostEstimate one = costOf(split, *target), more = costOf(kernel, *target);
      auto describe = [](const CostEstimate &cost) {
        std::string text;
        llvm::raw_string_ostream os(text);
        os << cost.sweeps << (cost.sweeps == 1 ? " sweep: " : " sweeps: ")
           << llvm::format("%.1f us with ", cost.time) << cost.tiling.str();
        if (!cost.feasible)
          os << " (too large: " << cost.reason << ")";
        return text;
      };
      bool keep = isBetter(more, one);
      KernelOp chosen = keep ? kernel : split;
      emitRemark(chosen.getLoc()) << "on " << target->str() << ", " << describe(keep ? more : one)
                                  << "; not " << describe(keep ? one : more);
      chosen->setAttr(kOtherFormAttr, (keep ? one : more).toAttr(kernel.getContext()));
      if (keep) {
        split.erase();
        return {kernel, true};
      }
    }
    kernel.replaceAllUsesWith(split.getResults());
    kernel.erase();
    return {split};
  }

  /// The estimate of a kernel's derived form.
  static CostEstimate costOf(KernelOp kernel, const Target &target) {
    OpBuilder builder(kernel);
    auto derived = cast<KernelOp>(builder.clone(*kernel));
    Derivation derivation(derived);
    derivation.plan();
    derivation.rewrite();
    // As it will be compiled: what two parts have in common is computed once.
    IRRewriter rewriter(derived);
    DominanceInfo dominance(derived);
    eliminateCommonSubExpressions(rewriter, dominance, derived);
    CostEstimate cost = estimate(derived, target);
    derived.erase();
    return cost;
  }
};

} // namespace
