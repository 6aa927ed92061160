//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-split-concats: see Passes.td. ConcatJoiner takes parts of scores
// together, ConcatSplitter pushes one concat towards its consumers; here is which
// concats are tried.
//
//===----------------------------------------------------------------------===//

#include "ConcatJoiner.h"
#include "ConcatSplitter.h"
#include "PartialJoiner.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight {
#define GEN_PASS_DEF_SPLITCONCATS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

struct SplitConcats : flashlight::impl::SplitConcatsBase<SplitConcats> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    joinPartials(block);
    for (ConcatOp concat : llvm::to_vector(block.getOps<ConcatOp>()))
      replace(concat, ConcatJoiner(concat).run());
    for (arith::AddFOp sum : llvm::to_vector(block.getOps<arith::AddFOp>()))
      replace(sum, joinSum(sum));
    // What one concat lacks another may give, which may stand before it: values beside keys.
    bool changed = true;
    while (changed) {
      changed = false;
      for (ConcatOp concat : llvm::to_vector(block.getOps<ConcatOp>()))
        changed |= succeeded(split(concat));
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  /// The last of a chain of sums has all of its parts; what was summed up before is then dead. If
  /// one of them is not like the others (a masked block), those before it may be one.
  void joinPartials(Block &block) {
    SmallVector<Operation *> roots;
    for (Operation &op : llvm::reverse(block))
      if (isa<arith::AddFOp, arith::MaximumFOp>(op))
        roots.push_back(&op);
    llvm::DenseSet<Operation *> dead;
    for (Operation *root : roots) {
      if (root->use_empty() || dead.contains(root))
        continue;
      replace(root, PartialJoiner(root).run());
      SmallVector<Operation *> worklist{root};
      while (!worklist.empty()) {
        Operation *op = worklist.pop_back_val();
        if (!llvm::all_of(op->getUsers(), [&](Operation *user) { return dead.contains(user); }) ||
            !dead.insert(op).second)
          continue;
        for (Value operand : op->getOperands())
          if (Operation *def = operand.getDefiningOp())
            worklist.push_back(def);
      }
    }
  }

  void replace(Operation *op, FailureOr<Value> by) {
    if (failed(by))
      return;
    if (Attribute node = op->getAttr(kNodeAttr))
      by->getDefiningOp()->setAttr(kNodeAttr, node);
    op->getResult(0).replaceAllUsesWith(*by);
    ++numJoined;
  }

  LogicalResult split(ConcatOp concat) {
    if (concat->use_empty() || (failed(ConcatSplitter(concat, /*apart=*/false).run()) &&
                                failed(ConcatSplitter(concat, /*apart=*/true).run())))
      return failure();
    ++numConcats;
    // Other concats may be in a list.
    Block &block = *concat->getBlock();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (!isa<ConcatOp>(op) && isOpTriviallyDead(&op))
        op.erase();
    return success();
  }
};

} // namespace
