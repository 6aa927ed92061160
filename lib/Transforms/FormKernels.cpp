//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-form-kernels: see Passes.td. KernelGroup decides; here the group's
// ops are replaced by a kernel that KernelWriter writes over named axes.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "KernelWriter.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight {
#define GEN_PASS_DEF_FORMKERNELS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

#define DEBUG_TYPE "flashlight-form-kernels"

using namespace mlir;
using namespace flashlight;

namespace {

struct FormKernels : flashlight::impl::FormKernelsBase<FormKernels> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    SmallVector<ContractOp> sinks(block.getOps<ContractOp>());
    llvm::SmallPtrSet<Operation *, 16> taken;
    unsigned count = 0;
    // Sinks of scores first: a norm before the scores' own contraction would be a kernel, too, and
    // take them from the kernel that they belong to.
    for (bool ofScores : {true, false})
      for (ContractOp sink : sinks) {
        if (taken.contains(sink))
          continue;
        std::string reason;
        std::unique_ptr<KernelGroup> group = KernelGroup::build(sink, reason);
        if (!group) {
          sink->setAttr(kReasonAttr, StringAttr::get(&getContext(), reason));
          continue;
        }
        auto contracts = llvm::count_if(group->members, llvm::IsaPred<ContractOp>);
        if (ofScores && contracts < 2)
          continue;
        for (Operation *op : group->members)
          if (isa<ContractOp>(op))
            taken.insert(op);
        formKernel(*group, block, count++);
      }
    // What the kernels took over and nothing else needs.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  void formKernel(KernelGroup &group, Block &block, unsigned number) {
    SmallVector<Location> locations;
    SmallVector<Attribute> nodes;
    for (Operation *op : group.members)
      locations.push_back(op->getLoc());
    for (KernelGroup::Output &output : group.outputs) {
      auto node = output.final.getDefiningOp()->getAttrOfType<StringAttr>(kNodeAttr);
      nodes.push_back(node ? node : StringAttr::get(&getContext(), ""));
    }
    OpBuilder builder(block.getTerminator());
    KernelWriter writer(group, builder, builder.getFusedLoc(locations));
    KernelOp kernel = writer.write("kernel_" + std::to_string(number));
    kernel->setAttr(kNodesAttr, builder.getArrayAttr(nodes));
    for (auto [output, result] : llvm::zip(group.outputs, kernel.getResults()))
      output.final.replaceUsesWithIf(result, [&](OpOperand &use) {
        return !group.members.contains(use.getOwner()) && use.getOwner() != kernel;
      });
    sortTopologically(&block);
    ++numKernels;
  }
};

} // namespace
