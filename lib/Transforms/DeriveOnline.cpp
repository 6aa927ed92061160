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
#include "KernelForms.h"

#include "flashlight/Transforms/Passes.h"

#include "llvm/Support/Format.h"

namespace flashlight {
#define GEN_PASS_DEF_DERIVEONLINE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

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
      CostEstimate one = estimateDerived(split, *target), more = estimateDerived(kernel, *target);
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
};

} // namespace
