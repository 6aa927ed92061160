//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-schedule: see Passes.td. The cost model (CostModel.h) chooses for GPUs; here
// are the conditions that no choice can get around.
//
//===----------------------------------------------------------------------===//

#include "CostModel.h"
#include "ScheduleCpu.h"
#include "flashlight/Transforms/Passes.h"

namespace flashlight {
#define GEN_PASS_DEF_SCHEDULE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

struct Schedule : flashlight::impl::ScheduleBase<Schedule> {
  using ScheduleBase::ScheduleBase;

  void runOnOperation() override {
    std::optional<Target> known = Target::get(target, arch);
    if (!known) {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    WalkResult walked = getOperation()->walk([&](KernelOp kernel) {
      return failed(scheduleKernel(kernel, *known)) ? WalkResult::interrupt()
                                                    : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult scheduleKernel(KernelOp kernel, const Target &known) {
    AxisRoles roles = findAxisRoles(kernel);
    for (auto &set : {roles.inner, roles.values})
      for (StringAttr name : set)
        if (kernel.getAxis(name).isDynamic())
          return kernel.emitError()
                 << "expected a static extent of axis '" << name.getValue() << "' of kernel '"
                 << kernel.getSymName() << "': a tile holds all of it, got '"
                 << kernel.getAxis(name).getSymbol().getValue() << "'";
    SmallVector<CostEstimate> found = searchTilings(kernel, roles, known);
    CostEstimate best = found[std::min<size_t>(skip, found.size() - 1)];
    kernel.setScheduleAttr(ScheduleAttr::get(&getContext(), StringAttr::get(&getContext(), target),
                                             best.tiling.tiles, best.tiling.warps,
                                             best.tiling.stages));
    kernel->setAttr(kCostAttr, best.toAttr(&getContext()));
    return success();
  }
};

} // namespace
