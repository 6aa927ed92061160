//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header and TileToLinalg.cpp.
//
//===----------------------------------------------------------------------===//

#include "TileGroups.h"
#include "TileGather.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/PriorityQueue.h"

using namespace mlir;
using namespace flashlight;

bool flashlight::hasNoStorage(Operation *op) {
  if (isa<BroadcastOp, IotaOp, tensor::SplatOp>(op))
    return true;
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (!constant)
    return false;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  return dense && dense.isSplat();
}

Leaf flashlight::resolve(Value value, AffineMap map) {
  Leaf leaf;
  while (Operation *op = value.getDefiningOp()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && hasNoStorage(op)) {
      leaf.constant = cast<DenseElementsAttr>(constant.getValue()).getSplatValue<TypedAttr>();
      return leaf;
    }
    if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
      leaf.scalar = splat.getInput();
      return leaf;
    }
    if (auto iota = dyn_cast<IotaOp>(op)) {
      if (auto dim = dyn_cast<AffineDimExpr>(map.getResult(0)))
        leaf.indexDim = dim.getPosition();
      else
        leaf.constant = cast<TypedAttr>(
            Builder(op).getZeroAttr(cast<RankedTensorType>(iota.getType()).getElementType()));
      return leaf;
    }
    auto broadcast = dyn_cast<BroadcastOp>(op);
    if (!broadcast)
      break;
    auto from = cast<RankedTensorType>(broadcast.getOperand().getType());
    auto to = cast<RankedTensorType>(broadcast.getType());
    SmallVector<AffineExpr> exprs;
    for (auto [i, dim] : llvm::enumerate(*broadcast.getDims())) {
      bool repeated = from.getDimSize(i) == 1 && to.getDimSize(dim) != 1;
      exprs.push_back(repeated ? getAffineConstantExpr(0, op->getContext()) : map.getResult(dim));
    }
    map = AffineMap::get(map.getNumDims(), 0, exprs, op->getContext());
    value = broadcast.getOperand();
  }
  leaf.tensor = value;
  leaf.map = map;
  return leaf;
}

bool Group::computesHere(const Leaf &leaf) const {
  Operation *op = leaf.tensor ? leaf.tensor.getDefiningOp() : nullptr;
  return op && !isa<ReduceOp>(op) && llvm::is_contained(ops, op) && leaf.map.isIdentity();
}

/// True for the ops that a loop can hold.
static bool isPointwise(Operation *op) {
  if (isElementGather(op))
    return true;
  return op->getNumResults() == 1 && isa<RankedTensorType>(op->getResult(0).getType()) &&
         op->hasTrait<OpTrait::Elementwise>() && !hasNoStorage(op);
}

namespace {

/// Groups of one block while they form.
struct Former {
  std::vector<Group> groups;
  DenseMap<Operation *, unsigned> groupOf;

  void depend(Group &group, Operation *onto, Block &block);
  bool reaches(unsigned from, unsigned to) const;
  bool mayJoin(const Group &candidate, unsigned target) const;
};

} // namespace

/// Adds the group of `onto` (or of what stands around it in `block`) as predecessor.
void Former::depend(Group &group, Operation *onto, Block &block) {
  Operation *here = onto ? block.findAncestorOpInBlock(*onto) : nullptr;
  auto found = here ? groupOf.find(here) : groupOf.end();
  if (found != groupOf.end() && !llvm::is_contained(group.predecessors, found->second))
    group.predecessors.push_back(found->second);
}

/// True if a path leads from group `from` to group `to`.
bool Former::reaches(unsigned from, unsigned to) const {
  SmallVector<unsigned> stack{to};
  DenseSet<unsigned> seen;
  while (!stack.empty()) {
    unsigned group = stack.pop_back_val();
    if (group == from)
      return true;
    if (seen.insert(group).second)
      llvm::append_range(stack, groups[group].predecessors);
  }
  return false;
}

bool Former::mayJoin(const Group &candidate, unsigned target) const {
  const Group &group = groups[target];
  if (!group.fusable || group.shape != candidate.shape)
    return false;
  if (!group.reducedDims.empty() && !candidate.reducedDims.empty() &&
      group.reducedDims != candidate.reducedDims)
    return false;
  // It must meet the group point by point: through what the group computes, or an input of both.
  bool meets = false;
  for (Value operand : candidate.ops.front()->getOperands()) {
    if (!isa<RankedTensorType>(operand.getType()))
      continue;
    Leaf leaf = resolve(operand, group.identityMap());
    if (group.computesHere(leaf)) {
      meets = true;
      continue;
    }
    Operation *op = leaf.tensor ? leaf.tensor.getDefiningOp() : nullptr;
    if (op && llvm::is_contained(group.ops, op))
      return false; // a reduction's result, or an element of another point
    if (leaf.tensor && leaf.map.isIdentity())
      meets |= llvm::any_of(group.ops, [&](Operation *member) {
        return llvm::any_of(member->getOperands(), [&](Value other) {
          return isa<RankedTensorType>(other.getType()) &&
                 resolve(other, group.identityMap()).tensor == leaf.tensor;
        });
      });
  }
  return meets && llvm::all_of(candidate.predecessors, [&](unsigned predecessor) {
           return predecessor == target || !reaches(target, predecessor);
         });
}

FailureOr<std::vector<Group>> flashlight::formGroups(Block &block) {
  Former former;
  std::optional<unsigned> lastEffect;
  for (Operation &op : block) {
    if (hasNoStorage(&op))
      continue;
    Group group;
    group.ops.push_back(&op);
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      group.fusable = true;
      llvm::append_range(group.shape,
                         cast<RankedTensorType>(reduce.getOperand().getType()).getShape());
      group.reducedDims = reduce.getReducedDims();
    } else if (isPointwise(&op)) {
      group.fusable = true;
      llvm::append_range(group.shape, cast<RankedTensorType>(op.getResult(0).getType()).getShape());
    } else if (auto constant = dyn_cast<arith::ConstantOp>(op);
               constant && isa<RankedTensorType>(constant.getType())) {
      return op.emitOpError() << "expected a constant tile to have one value in all its elements";
    }

    // What it reads, through views, its regions included.
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (auto tile = dyn_cast<RankedTensorType>(operand.getType())) {
          AffineMap identity = AffineMap::getMultiDimIdentityMap(tile.getRank(), op.getContext());
          Leaf leaf = resolve(operand, identity);
          operand = leaf.tensor ? leaf.tensor : leaf.scalar;
        }
        if (operand)
          former.depend(group, operand.getDefiningOp(), block);
      }
    });
    unsigned id = former.groups.size();
    if (!group.fusable && !isMemoryEffectFree(&op)) {
      if (lastEffect && !llvm::is_contained(group.predecessors, *lastEffect))
        group.predecessors.push_back(*lastEffect);
      lastEffect = id;
    }

    // The latest group that it can join: what it needs is nearest there.
    std::optional<unsigned> target;
    for (unsigned i = id; group.fusable && !target && i-- > 0;)
      if (former.mayJoin(group, i))
        target = i;
    if (!target) {
      former.groupOf[&op] = id;
      former.groups.push_back(std::move(group));
      continue;
    }
    Group &joined = former.groups[*target];
    former.groupOf[&op] = *target;
    joined.ops.push_back(&op);
    if (joined.reducedDims.empty())
      joined.reducedDims = group.reducedDims;
    for (unsigned predecessor : group.predecessors)
      if (predecessor != *target && !llvm::is_contained(joined.predecessors, predecessor))
        joined.predecessors.push_back(predecessor);
  }

  // Topological order, the earliest first; a terminator follows everything.
  std::vector<Group> &groups = former.groups;
  unsigned count = groups.size();
  for (unsigned i = 0; i + 1 < count; ++i)
    if (!llvm::is_contained(groups.back().predecessors, i))
      groups.back().predecessors.push_back(i);
  SmallVector<SmallVector<unsigned>> successors(count);
  SmallVector<unsigned> waiting(count);
  llvm::PriorityQueue<unsigned, std::vector<unsigned>, std::greater<unsigned>> ready;
  for (unsigned i = 0; i < count; ++i) {
    waiting[i] = groups[i].predecessors.size();
    for (unsigned predecessor : groups[i].predecessors)
      successors[predecessor].push_back(i);
    if (waiting[i] == 0)
      ready.push(i);
  }
  std::vector<Group> ordered;
  while (!ready.empty()) {
    unsigned next = ready.top();
    ready.pop();
    for (unsigned successor : successors[next])
      if (--waiting[successor] == 0)
        ready.push(successor);
    ordered.push_back(std::move(groups[next]));
  }
  if (ordered.size() != count)
    return block.getParentOp()->emitOpError() << "expected its ops to form an acyclic graph";
  return ordered;
}
