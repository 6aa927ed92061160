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
#include "ProgramUtils.h"
#include "ReducedDims.h"

#include "flashlight/Transforms/Passes.h"
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

/// The groups of a function. A group's statistics may be what another one reads (row statistics
/// in a sum of columns), so all are found before the first is written.
class KernelFinder {
public:
  KernelFinder(Block &block, const Target &target) : block(block), neighbours(rowDims, target) {
    for (ConcatOp op : llvm::to_vector(block.getOps<ConcatOp>()))
      if (SmallVector<Value> positions = makePositions(op); !positions.empty())
        neighbours.positions[op] = positions;
  }

  using Groups = llvm::MapVector<Operation *, std::unique_ptr<KernelGroup>>;
  /// The groups that can live together by their sinks, in the order of their discovery, with the
  /// outputs that they read of each other.
  Groups find();
  /// How often ops were looked at for that.
  unsigned getVisits() const { return neighbours.visits; }

private:
  void discover();
  bool tryBuild(Operation *sink, bool ofScores = false);
  void discoverStored();
  bool makesScores(ContractOp op);
  bool waits(const KernelGroup &group);
  bool savesMemory(const KernelGroup &group, const llvm::DenseSet<Operation *> &inKernels);
  Operation *makerOf(Value leaf) const;
  void refuse(Operation *sink, StringRef reason);
  bool wantMore();
  void rebuild();

  Block &block;
  llvm::DenseSet<Operation *> banned, taken;
  Groups groups;
  RowDims rowDims;
  KernelNeighbours neighbours;
};

} // namespace

void KernelFinder::refuse(Operation *sink, StringRef reason) {
  if (isa<ContractOp>(sink))
    sink->setAttr(kReasonAttr, StringAttr::get(sink->getContext(), reason));
}

bool KernelFinder::tryBuild(Operation *sink, bool ofScores) {
  if (taken.contains(sink) || banned.contains(sink) || groups.count(sink))
    return false;
  std::string reason;
  std::unique_ptr<KernelGroup> group = KernelGroup::build(sink, neighbours, reason);
  if (!group) {
    refuse(sink, reason);
    return false;
  }
  if (ofScores && llvm::count_if(group->members, llvm::IsaPred<ContractOp>) < 2)
    return false;
  for (Operation *op : group->members)
    if (isa<ContractOp, ReduceOp>(op))
      taken.insert(op);
  neighbours.add(*group);
  groups[sink] = std::move(group);
  return true;
}

/// True for a contraction of scores to scores (heads that are mixed), which as a sink would store
/// them: its result has rows and keys, too, and is not smaller.
bool KernelFinder::makesScores(ContractOp op) {
  ContractOp::Labels labels = op.getLabels();
  auto sizeOf = [](Value value) {
    int64_t product = 1;
    for (int64_t size : tensorType(value).getShape())
      product *= ShapedType::isDynamic(size) ? 1024 : size;
    return product;
  };
  for (bool left : {true, false}) {
    ArrayRef<StringAttr> names = left ? labels.lhs : labels.rhs,
                         others = left ? labels.rhs : labels.lhs;
    Value factor = left ? op.getLhs() : op.getRhs();
    if (sizeOf(op.getResult()) < sizeOf(factor))
      continue;
    // A batch is neither rows nor keys, though weights lack it.
    auto isKept = [&](StringAttr label) {
      return llvm::is_contained(labels.result, label) && !llvm::is_contained(others, label);
    };
    for (auto [n, key] : llvm::enumerate(names))
      for (auto [m, row] : llvm::enumerate(names))
        if (isKept(key) && isKept(row) && rowDims.isRow(factor, n, m))
          return true;
  }
  return false;
}

/// Sinks of scores go first: a norm before the scores' own contraction would be a kernel, too, and
/// take them from the kernel that they belong to. Then what is reduced without a contraction, from
/// the last reduction on, which takes in the earlier ones. Last what needed those, or makes scores.
void KernelFinder::discover() {
  for (auto &[sink, group] : groups)
    neighbours.remove(*group);
  groups.clear();
  taken.clear();
  neighbours.wanted.clear();
  SmallVector<Operation *> contracts, reductions;
  SmallVector<Operation *> last;
  for (Operation &op : block)
    if (auto contract = dyn_cast<ContractOp>(op))
      (makesScores(contract) ? last : contracts).push_back(&op);
    else if (isa<ReduceOp>(op))
      reductions.push_back(&op);
  // From the last on: of a product of three the earlier sink would store what the later one is
  // computed of (scores, where the keys are a product, too).
  for (Operation *sink : llvm::reverse(contracts))
    tryBuild(sink, /*ofScores=*/true);
  for (Operation *sink : contracts)
    tryBuild(sink);
  bool any = false;
  for (Operation *sink : llvm::reverse(reductions))
    any |= tryBuild(sink);
  if (any)
    for (Operation *sink : contracts)
      tryBuild(sink);
  for (Operation *sink : last)
    tryBuild(sink);
  discoverStored();
}

/// Weights that are in memory for something that no kernel has (they are returned): a kernel writes
/// them, from the statistics of rows that another one has. Without these it would be a product and
/// what follows it, which are left to PyTorch.
void KernelFinder::discoverStored() {
  llvm::DenseSet<Operation *> inKernels;
  for (auto &[sink, group] : groups)
    inKernels.insert(group->members.begin(), group->members.end());
  // Seen through views. What is pointwise stores what follows instead.
  std::function<bool(Value)> isStored = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (isView(user))
        return isStored(user->getResult(0));
      return !inKernels.contains(user) && !isElementwise(user);
    });
  };
  // Most that is stored has no statistic of another kernel in it: a look at each op tells.
  DenseSet<Operation *> follows;
  for (Operation &op : block)
    if (neighbours.owner.lookup(&op) ||
        ((isElementwise(&op) || isView(&op)) && llvm::any_of(op.getOperands(), [&](Value operand) {
           return follows.contains(operand.getDefiningOp());
         })))
      follows.insert(&op);
  for (Operation &op : llvm::reverse(block)) {
    if (!isElementwise(&op) || !follows.contains(&op) || !isStored(op.getResult(0)) ||
        !tryBuild(&op))
      continue;
    KernelGroup &group = *groups[&op];
    auto isStatistic = [&](Value leaf) {
      return neighbours.owner.lookup(makerOf(leaf)) &&
             llvm::none_of(group.demands.lookup(leaf), [&](const Index &index) {
               return group.axes.usesRole(index, AxisRole::Inner);
             });
    };
    if (llvm::none_of(group.leaves, isStatistic)) {
      neighbours.remove(group);
      groups.erase(&op);
    }
  }
}

/// The op of a group that makes what `leaf` is a view of, or null.
Operation *KernelFinder::makerOf(Value leaf) const {
  auto isOfGroup = [&](Operation *op) {
    return neighbours.owner.count(op) || neighbours.written.contains(op);
  };
  Operation *op = leaf.getDefiningOp();
  while (isView(op) && !isOfGroup(op))
    op = op->getOperand(0).getDefiningOp();
  return op && isOfGroup(op) ? op : nullptr;
}

/// A group must not wait for itself. What an op outside takes of its scores, to compute something
/// that the group reads, is in memory, and must be the same number there and in the kernel (a
/// threshold among the scores): the next group reads it, too.
bool KernelFinder::waits(const KernelGroup &group) {
  bool waits = false;
  for (Operation *op : group.membersBehindLeaves()) {
    waits = true;
    if (!group.keepsKeys() && !group.owns(op) && neighbours.stored.insert(op).second)
      continue;
    banned.insert(group.getSink());
  }
  return waits;
}

/// Statistics alone, and sums that keep the keys, are no kernel where the values that they reduce
/// are in memory anyway.
bool KernelFinder::savesMemory(const KernelGroup &group,
                               const llvm::DenseSet<Operation *> &inKernels) {
  if (isa<ContractOp>(group.getSink()) && !group.keepsKeys())
    return true;
  return llvm::all_of(group.getStreamedMembers(), [&](Operation *op) {
    return llvm::all_of(op->getUsers(), [&](Operation *user) { return inKernels.contains(user); });
  });
}

KernelFinder::Groups KernelFinder::find() {
  for (bool changed = true; changed;) {
    changed = false;
    auto standsOrNot = [&](Operation *sink, bool stands) {
      changed |= !stands;
      if (banned.contains(sink))
        refuse(sink, "an op between two of its parts cannot be fused");
    };
    discover();
    llvm::DenseSet<Operation *> inKernels;
    for (auto &[sink, group] : groups)
      inKernels.insert(group->members.begin(), group->members.end());
    for (auto &[sink, group] : groups) {
      bool stands = !waits(*group);
      if (stands && !savesMemory(*group, inKernels)) {
        banned.insert(sink);
        stands = false;
      }
      standsOrNot(sink, stands);
    }
    if (changed)
      continue;
    while (wantMore())
      rebuild();
    for (auto &[sink, group] : groups)
      standsOrNot(sink, !waits(*group));
  }
  for (auto &[sink, group] : groups)
    sink->removeAttr(kReasonAttr);
  return std::move(groups);
}

/// Asks for what a group reads, as it is or through views, and another one makes. True if that is
/// more than before.
bool KernelFinder::wantMore() {
  unsigned before = neighbours.wanted.size();
  for (auto &[sink, group] : groups)
    for (Value leaf : group->leaves)
      if (makerOf(leaf))
        neighbours.wanted.insert(leaf);
  return neighbours.wanted.size() != before;
}

/// The groups again, with the outputs that others want. One that is none any more is left out.
void KernelFinder::rebuild() {
  Groups before = std::move(groups);
  groups.clear();
  for (auto &[sink, old] : before) {
    neighbours.remove(*old);
    std::string reason;
    std::unique_ptr<KernelGroup> group = KernelGroup::build(sink, neighbours, reason);
    if (!group) {
      refuse(sink, reason);
      continue;
    }
    neighbours.add(*group);
    groups[sink] = std::move(group);
  }
}

namespace {

struct FormKernels : flashlight::impl::FormKernelsBase<FormKernels> {
  using FormKernelsBase::FormKernelsBase;

  void runOnOperation() override {
    std::optional<Target> known = Target::get(target, arch);
    if (!known) {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    Block &block = getOperation().getBody().front();
    SmallVector<ReduceOp> split = splitReductions(block);
    KernelFinder finder(block, *known);
    unsigned count = 0;
    auto refused = getOperation()->getAttrOfType<DictionaryAttr>(kRefusedAttr);
    KernelFinder::Groups groups = finder.find();
    SmallVector<std::pair<KernelGroup *, KernelOp>> formed;
    for (auto &[sink, group] : groups) {
      std::string name = "kernel_" + std::to_string(count++);
      if (StringAttr why = refused ? refused.getAs<StringAttr>(name) : StringAttr())
        for (Operation *op : group->members)
          op->setAttr(kReasonAttr, why);
      else
        formed.push_back({group.get(), formKernel(*group, block, name)});
    }
    // All read the program as it was, and only now what the others have made of it.
    for (auto &[group, kernel] : formed)
      for (auto [output, result] : llvm::zip(group->outputs, kernel.getResults()))
        output.final.replaceAllUsesWith(result);
    moveToUsers(block);
    numKernels += formed.size();
    numVisits += finder.getVisits();
    for (ReduceOp outer : split)
      rejoinReduction(outer);
    // What the kernels took over and nothing else needs.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  /// Kernels stand at the end of the block; each op is brought in front of the first that needs it.
  /// What was in order stays where it is.
  static void moveToUsers(Block &block) {
    auto ops = llvm::map_to_vector(block, [](Operation &op) { return &op; });
    llvm::DenseSet<Operation *> entered, placed;
    for (Operation *op : ops) {
      SmallVector<Operation *> pending{op};
      while (!pending.empty()) {
        Operation *next = pending.back();
        if (entered.insert(next).second) { // what it needs first
          for (Value operand : llvm::reverse(next->getOperands()))
            if (Operation *def = operand.getDefiningOp(); def && !placed.contains(def))
              pending.push_back(def);
          continue;
        }
        pending.pop_back();
        if (placed.insert(next).second)
          next->moveBefore(&block, block.end());
      }
    }
  }

  KernelOp formKernel(KernelGroup &group, Block &block, StringRef name) {
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
    KernelOp kernel = writer.write(name);
    kernel->setAttr(kNodesAttr, builder.getArrayAttr(nodes));
    return kernel;
  }
};

} // namespace
