//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Two sweeps over the block, from the last op to the first: the
// first from the sink alone finds what belongs together, the second from the
// group's final outputs names the axes. Going backwards, all uses of a value are
// known, with their indices, before the op that defines it is looked at.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

void KernelNeighbours::add(const KernelGroup &group) {
  Operation *first = nullptr, *last = nullptr;
  for (Operation *op : group.members)
    if (group.owns(op)) {
      owner[op] = &group;
      if (!first || op->isBeforeInBlock(first))
        first = op;
    }
  written.insert(group.getWritten().begin(), group.getWritten().end());
  for (Value leaf : group.leaves)
    if (Operation *op = leaf.getDefiningOp(); op && (!last || last->isBeforeInBlock(op)))
      last = op;
  if (first && last)
    spans[&group] = {first, last};
}

void KernelNeighbours::remove(const KernelGroup &group) {
  for (Operation *op : group.members)
    if (owner.lookup(op) == &group)
      owner.erase(op);
  for (Operation *op : group.getWritten())
    written.erase(op);
  spans.erase(&group);
}

Operation *KernelNeighbours::firstDependent(Operation *first, const KernelGroup *self) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[group, span] : spans)
      if (group != self && span.first->isBeforeInBlock(first) &&
          !span.second->isBeforeInBlock(first)) {
        first = span.first;
        changed = true;
      }
  }
  return first;
}

FailureOr<unsigned> flashlight::contractedDim(ContractOp op, bool left) {
  ContractOp::Labels labels = op.getLabels();
  llvm::SmallSetVector<StringAttr, 4> summed;
  for (ArrayRef<StringAttr> names : {ArrayRef(labels.lhs), ArrayRef(labels.rhs)})
    for (StringAttr name : names)
      if (!llvm::is_contained(labels.result, name))
        summed.insert(name);
  ArrayRef<StringAttr> own = left ? labels.lhs : labels.rhs, other = left ? labels.rhs : labels.lhs;
  if (summed.size() != 1 || !llvm::is_contained(own, summed.front()) ||
      !llvm::is_contained(other, summed.front()))
    return failure();
  return llvm::find(own, summed.front()) - own.begin();
}

std::unique_ptr<KernelGroup> KernelGroup::build(Operation *sink, const KernelNeighbours &neighbours,
                                                std::string &reason) {
  if (std::optional<Kept> kept = keptBy(sink, neighbours.rowDims))
    if (std::unique_ptr<KernelGroup> group = buildKept(sink, *kept, neighbours, reason))
      return group;
  if (isElementwise(sink))
    return nullptr;
  // Its weights are keys or values that all rows share (see hasProjection): the most frequent case
  // of all, and the cheapest to tell.
  if (auto contract = dyn_cast<ContractOp>(sink); contract && isProjection(contract)) {
    reason = "a contraction with a parameter is a projection";
    return nullptr;
  }
  // A norm that does not fit a tile is left outside; what one factor lacks does not hide what the
  // other misses.
  auto contractions = [](const KernelGroup &group) {
    return llvm::count_if(group.members, llvm::IsaPred<ContractOp>);
  };
  std::unique_ptr<KernelGroup> best;
  for (bool left : {true, false})
    for (bool innerReductions : {true, false}) {
      std::string why;
      if (!left && isa<ReduceOp>(sink))
        break;
      bool tooLarge = false;
      std::unique_ptr<KernelGroup> group =
          build(sink, left, innerReductions, neighbours, why, tooLarge);
      if (tooLarge) { // so it would be in any other way, each as dear to find out
        reason = why;
        return nullptr;
      }
      if (!group) {
        if (reason.empty())
          reason = why;
        continue;
      }
      // Either factor may be one of finished scores, and look like a norm of the other's values.
      if (!best || contractions(*group) > contractions(*best))
        best = std::move(group);
      break;
    }
  return best;
}

std::unique_ptr<KernelGroup> KernelGroup::build(Operation *sink, bool left, bool innerReductions,
                                                const KernelNeighbours &neighbours,
                                                std::string &reason, bool &tooLarge) {
  auto refuse = [&](StringRef why) {
    reason = why.str();
    return nullptr;
  };
  FailureOr<unsigned> dim = failure();
  if (auto contract = dyn_cast<ContractOp>(sink))
    dim = contractedDim(contract, left);
  else if (auto dims = cast<ReduceOp>(sink).getReducedDims(); dims.size() == 1)
    dim = dims[0];
  if (failed(dim))
    return refuse("contracts more than one axis");
  std::unique_ptr<KernelGroup> group(new KernelGroup(sink, neighbours));
  group->innerReductions = innerReductions;
  group->probabilities = sink->getOperand(left ? 0 : 1);
  // A sum of values that are no larger than what they come from saves no memory.
  if (isa<ReduceOp>(sink) && !group->rowDims.hasRows(group->probabilities, *dim))
    return refuse("what it reduces is no larger than what it is computed from");
  auto streamed = group->weightsOfSameValues();
  streamed.insert(streamed.begin(), {group->probabilities, *dim});
  group->followDims(streamed, group->streamedDim);
  if (!group->finishes(reason, tooLarge))
    return nullptr;
  return group;
}

/// Finds the members from the sink alone, then those that join them, and the outputs. False, and
/// `reason` says why, where that is no kernel.
bool KernelGroup::finishes(std::string &reason, bool &tooLarge) {
  auto refuse = [&](StringRef why) {
    reason = why.str();
    return false;
  };
  constexpr StringLiteral tooWide =
      "an axis is empty, or a tile must hold it whole and it is dynamic or wider than 512";
  fixedMembers.insert(sink);
  do
    need(sink->getResult(0));
  while (!isTooLarge() && leaveProjectionsOfStored());
  tooLarge = isTooLarge();
  if (tooLarge)
    return refuse("it would be a kernel of more than 1024 operations");
  if (!isComputed())
    return refuse("neither factor is computed along the contracted axis");
  if (hasProjection())
    return refuse("a contraction with a parameter is a projection");
  if (!fitsTiles() || !reducesWholeAxes())
    return refuse(tooWide);
  extendForward();
  findOutputs();
  SmallVector<Value> roots;
  for (Output &output : outputs)
    roots.push_back(output.value);
  if (!isTooLarge())
    need(roots);
  tooLarge = isTooLarge();
  if (tooLarge)
    return refuse("it would be a kernel of more than 1024 operations");
  // An output that joined may have brought the axis along.
  if (!fitsTiles() || !reducesWholeAxes())
    return refuse(tooWide);
  if (!isConsistent() || !writesAllOfOutputs())
    return refuse("one of its values is needed at two indices that cannot be told apart");
  auto isOwn = [&](Operation *op) { return owns(op); };
  if (dependsOn(leaves.getArrayRef(), isOwn, /*throughKernels=*/false))
    return refuse("an op between two of its parts cannot be fused");
  return true;
}

//===----------------------------------------------------------------------===//
// What a kernel can be
//===----------------------------------------------------------------------===//

/// True if the sink's factor is worth not storing: some member besides the sink sums over the
/// stream, or makes scores.
bool KernelGroup::isComputed() const {
  return llvm::any_of(members, [&](Operation *op) {
    if (op == sink || !isa<ReduceOp>(op) || streamReductions.contains(op))
      return op != sink && isa<ContractOp, ReduceOp>(op);
    // A norm of rows or keys is no score.
    return llvm::any_of(demands.lookup(op->getResult(0)),
                        [&](const Index &index) { return isOfPairs(index); });
  });
}

/// Projections, norms before them and feed-forward layers have the form of attention too, but their
/// keys or values are weights that all rows share: a GEMM library reuses those better than a
/// row-blocked kernel could. A parameter among the rows (learned queries, a mixing of heads) or a
/// bias is no such thing, and weights of their own for every head are keys like any others.
bool KernelGroup::hasProjection() const {
  auto isStreamed = [&](Value factor) {
    return llvm::any_of(demands.lookup(factor),
                        [&](const Index &index) { return axes.uses(index, stream); });
  };
  return llvm::any_of(members, [&](Operation *op) {
    auto contract = dyn_cast<ContractOp>(op);
    if (!contract || !isProjection(contract))
      return false;
    bool ofWeights = isParameter(contract.getLhs());
    Value weights = ofWeights ? contract.getLhs() : contract.getRhs(),
          other = ofWeights ? contract.getRhs() : contract.getLhs();
    return isStreamed(weights) || (isa<ReduceOp>(sink) && isStreamed(other) && !isDerived(other));
  });
}

/// True for more work than is written by hand: a loop over rows that was unrolled. Each of its
/// steps would be computed from the first on, and a kernel of thousands of ops is none that a
/// backend compiles well.
bool KernelGroup::isTooLarge() const {
  constexpr unsigned most = 1024;
  return members.size() > most;
}

/// True if no output has one axis in two dims: that would be its diagonal alone.
bool KernelGroup::writesAllOfOutputs() const {
  return llvm::all_of(outputs, [&](const Output &output) {
    llvm::SmallDenseSet<unsigned> seen;
    auto known = demands.find(output.value);
    return known == demands.end() || llvm::all_of(known->second.front(), [&](AffineExpr expr) {
             auto dim = dyn_cast<AffineDimExpr>(expr);
             return !dim || seen.insert(dim.getPosition()).second;
           });
  });
}

/// A tile holds the inner and value axes whole: they must be known and must fit. An axis without
/// elements is none.
bool KernelGroup::fitsTiles() {
  constexpr int64_t widest = 512;
  for (unsigned v = 0; v < axes.size(); ++v) {
    if (axes.find(v) != v)
      continue;
    const Extent &extent = axes[v].extent;
    bool whole = axes[v].role == AxisRole::Inner || axes[v].role == AxisRole::Value;
    if ((!extent.symbol && extent.size == 0) || (whole && (extent.symbol || extent.size > widest)))
      return false;
  }
  return true;
}

/// True if what a contraction or reduction sums over is no axis of its result. It may be where two
/// axes of the group became one after the op had been looked at.
bool KernelGroup::isConsistent() const {
  auto sumsOver = [&](const Index &operand, const Index &result, unsigned dim) {
    auto axis = dyn_cast<AffineDimExpr>(axes.canonical(operand[dim]));
    return !axis || !axes.uses(result, axis.getPosition());
  };
  return llvm::all_of(members, [&](Operation *op) {
    auto contract = dyn_cast<ContractOp>(op);
    auto reduce = dyn_cast<ReduceOp>(op);
    auto known = passed.find(op);
    if ((!contract && !reduce) || known == passed.end())
      return true;
    return llvm::all_of(known->second, [&](const Passed &entry) {
      if (reduce)
        return llvm::all_of(reduce.getReducedDims(), [&](int64_t dim) {
          return sumsOver(entry.operands[0], entry.result, dim);
        });
      ContractOp::Labels labels = contract.getLabels();
      return llvm::all_of(llvm::enumerate(labels.lhs), [&](auto label) {
        return llvm::is_contained(labels.result, label.value()) ||
               sumsOver(entry.operands[0], entry.result, label.index());
      });
    });
  });
}

bool KernelGroup::owns(Operation *member) const {
  return members.contains(member) && isFinished(member->getResult(0)) &&
         isDerived(member->getResult(0));
}

SmallVector<Operation *> KernelGroup::membersBehindLeaves() const {
  SmallVector<Operation *> found;
  walkBehind(
      leaves.getArrayRef(),
      [&](Operation *op) { return members.contains(op) && isDerived(op->getResult(0)); },
      /*throughKernels=*/true,
      [&](Operation *op) {
        found.push_back(op);
        return WalkResult::advance();
      });
  return found;
}

SmallVector<Operation *> KernelGroup::getStreamedMembers() const {
  SmallVector<Operation *> result;
  if (keepsKeys()) { // what it sums, before and after it is rounded
    for (Operation *sum : joined)
      for (Value factor : sum->getOperands()) {
        if (!isOverSweptAxis(sum) || !sweptDim.count(factor))
          continue;
        Operation *op = factor.getDefiningOp();
        for (; op && members.contains(op); op = op->getOperand(0).getDefiningOp()) {
          result.push_back(op);
          if (!isa<arith::ExtFOp, arith::TruncFOp>(op) && !isView(op))
            break;
        }
      }
    return result;
  }
  for (Operation *op : members)
    if (!isFinished(op->getResult(0)) && isDerived(op->getResult(0)))
      result.push_back(op);
  return result;
}
