//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-schedule: see Passes.td. The one pass that knows the target.
//
// What an axis is shows in the reductions (AxisRoles.h): the inner axes (what a score
// sums over) and the value axes must fit a tile whole.
//
//===----------------------------------------------------------------------===//

#include "AxisRoles.h"
#include "ScheduleCpu.h"
#include "flashlight/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

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
    if (target != "cpu" && target != "cuda") {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    WalkResult walked = getOperation()->walk([&](KernelOp kernel) {
      return failed(scheduleKernel(kernel)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult scheduleKernel(KernelOp kernel) {
    AxisRoles roles = findAxisRoles(kernel);
    for (auto &set : {roles.inner, roles.values})
      for (StringAttr name : set)
        if (kernel.getAxis(name).isDynamic())
          return kernel.emitError() << "expected a static extent of axis '" << name.getValue()
                                    << "': a tile holds all of it, got '"
                                    << kernel.getAxis(name).getSymbol().getValue() << "'";
    if (target == "cuda")
      return scheduleCuda(kernel, roles, roles.row);
    SmallVector<AxisAttr> tiles = chooseCpuTiles(kernel, roles);
    kernel.setScheduleAttr(
        ScheduleAttr::get(&getContext(), StringAttr::get(&getContext(), "cpu"), tiles, 1, 1));
    return success();
  }

  AxisAttr tile(StringAttr name, int64_t size) {
    return AxisAttr::get(&getContext(), name, size, StringAttr());
  }

  /// Powers of two, at least 16 for a tensor core, in the order that a dot wants: m, d, n, e.
  LogicalResult scheduleCuda(KernelOp kernel, AxisRoles &roles, StringAttr row) {
    auto whole = [&](StringAttr name) {
      return std::max<int64_t>(16, llvm::PowerOf2Ceil(kernel.getAxis(name).getSize()));
    };
    auto blocked = [&](StringAttr name, int64_t limit) {
      AxisAttr axis = kernel.getAxis(name);
      return axis.isDynamic() ? limit
                              : std::clamp<int64_t>(llvm::PowerOf2Ceil(axis.getSize()), 16, limit);
    };
    int64_t width = 16; // of all accumulators of a sweep, in elements a row
    kernel.walk([&](StreamOp stream) {
      int64_t sum = 0;
      for (ContractOp op : stream.getBody().getOps<ContractOp>()) {
        if (!op.getInit())
          continue;
        int64_t product = 1;
        for (StringAttr name : getAxes(op.getResult()).getNames())
          product *= roles.isWhole(name) ? whole(name) : 1;
        sum += product;
      }
      width = std::max(width, sum);
    });
    // A contraction of f32 has no tensor core: its operands are spread over registers.
    bool scalar = false;
    kernel.walk([&](ContractOp op) {
      scalar |= cast<RankedTensorType>(op.getLhs().getType()).getElementType().isF32() &&
                cast<RankedTensorType>(op.getRhs().getType()).getElementType().isF32();
    });
    bool wide = width > 128 || scalar;
    SmallVector<AxisAttr> tiles;
    if (row)
      tiles.push_back(tile(row, blocked(row, scalar ? 32 : wide ? 64 : 128)));
    for (StringAttr name : roles.inner)
      tiles.push_back(tile(name, whole(name)));
    tiles.push_back(tile(kernel.getStreamAttr(), blocked(kernel.getStreamAttr(), wide ? 32 : 64)));
    for (StringAttr name : roles.values)
      tiles.push_back(tile(name, whole(name)));
    // Of 255 registers, accumulators that take half of a thread's leave too few for the scores.
    constexpr int64_t threads = 4 * 32;
    bool manyRegisters = row && tiles.front().getSize() * width / threads >= 128;
    int64_t warps = manyRegisters || (row && tiles.front().getSize() >= 128) ? 8 : 4;
    kernel.setScheduleAttr(
        ScheduleAttr::get(&getContext(), StringAttr::get(&getContext(), "cuda"), tiles, warps, 3));
    return success();
  }
};

} // namespace
