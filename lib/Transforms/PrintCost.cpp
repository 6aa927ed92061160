//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-print-cost: see Passes.td.
//
//===----------------------------------------------------------------------===//

#include "CostModel.h"
#include "flashlight/Transforms/Passes.h"

#include "llvm/Support/Format.h"

namespace flashlight {
#define GEN_PASS_DEF_PRINTCOST
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// 12300000 as "12.3 M".
static std::string scaled(double value) {
  constexpr std::pair<double, const char *> units[] = {
      {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1, ""}};
  std::string text;
  llvm::raw_string_ostream os(text);
  for (auto [unit, name] : units)
    if (value >= unit || unit == 1) {
      os << llvm::format(unit == 1 ? "%.0f%s" : "%.1f%s", value / unit, name);
      break;
    }
  return text;
}

static void print(llvm::raw_ostream &os, const CostEstimate &cost, const Target &target) {
  os << "  " << cost.tiling.str() << "\n";
  os << "    " << llvm::format("%.1f us: ", cost.time) << cost.sweeps
     << (cost.sweeps == 1 ? " sweep, " : " sweeps, ") << cost.programs << " programs, "
     << scaled(cost.flops) << "FLOP";
  if (cost.recomputed > 0)
    os << " (" << scaled(cost.recomputed) << "FLOP repeated)";
  os << ", " << scaled(cost.specials) << " exponentials and the like, " << scaled(cost.farBytes)
     << "B in memory, " << scaled(cost.nearBytes) << "B loaded and stored\n";
  if (target.isGpu()) {
    os << "    " << cost.registers << " registers a thread (" << cost.accumulators << " of state), "
       << cost.shared << " B of shared memory a program";
    if (cost.columns)
      os << ", " << cost.columns << " columns of tensor memory";
    os << "\n";
  }
  if (!cost.feasible)
    os << "    too large: " << cost.reason << "\n";
}

namespace {

struct PrintCost : flashlight::impl::PrintCostBase<PrintCost> {
  using PrintCostBase::PrintCostBase;

  void runOnOperation() override {
    std::optional<Target> known = Target::get(target, arch);
    if (!known) {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    getOperation()->walk([&](KernelOp kernel) { printKernel(kernel, *known); });
    markAllAnalysesPreserved();
  }

  void printKernel(KernelOp kernel, const Target &known) {
    llvm::raw_ostream &os = llvm::outs();
    os << kernel.getSymName() << " on " << known.str() << "\n";
    AxisRoles roles = findAxisRoles(kernel);
    ScheduleAttr schedule = kernel.getScheduleAttr();
    if (schedule && schedule.getTarget().getValue() == target) {
      Tiling tiling{SmallVector<AxisAttr>(schedule.getTiles()), schedule.getWarps(),
                    schedule.getStages()};
      return print(os, estimate(kernel, roles, known, tiling), known);
    }
    SmallVector<CostEstimate> costs = searchTilings(kernel, roles, known);
    print(os, costs.front(), known);
    for (const CostEstimate &cost : ArrayRef(costs).drop_front().take_front(others)) {
      os << "  " << cost.tiling.str() << ": ";
      if (cost.feasible)
        os << llvm::format("%.1f us\n", cost.time);
      else
        os << "too large: " << cost.reason << "\n";
    }
  }
};

} // namespace
