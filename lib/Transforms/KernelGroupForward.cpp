//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The forward extension of a kernel: other reductions of the values that it has,
// pointwise ops of finished rows, and what leaves it.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

/// True for a member whose value only the kernel has: scores, statistics and what follows from
/// them. Other members (masks made of indices, scaled inputs, norms of rows alone) are computed
/// once more by whoever else needs them, and that may be what the kernel reads.
bool KernelGroup::isDerived(Value value) const {
  Operation *op = value.getDefiningOp();
  return op && derived.contains(op);
}

/// Notes that a member is derived, if it is, and then the members that follow from it.
void KernelGroup::noteDerived(Operation *op) {
  SmallVector<Operation *> worklist{op};
  while (!worklist.empty()) {
    Operation *next = worklist.pop_back_val();
    ++neighbours.visits;
    bool sums = isa<ContractOp, ReduceOp>(next);
    if (!members.contains(next) || derived.contains(next) ||
        llvm::none_of(next->getOperands(), [&](Value operand) {
          return isDerived(operand) || (sums && !isFinished(operand));
        }))
      continue;
    derived.insert(next);
    if (sums && (!firstSum || next->isBeforeInBlock(firstSum)))
      firstSum = next;
    if (sums) // something may depend on it that depended on none before
      independent.clear();
    llvm::append_range(worklist, next->getUsers());
  }
}

/// Adds to the members that `need` has found.
void KernelGroup::addMember(Operation *op) {
  if (members.insert(op))
    noteDerived(op);
}

/// True for a value without the streamed axis.
bool KernelGroup::isFinished(Value value) const {
  auto known = demands.find(value);
  return known == demands.end() ||
         llvm::none_of(known->second, [&](const Index &index) { return axes.uses(index, stream); });
}

/// Visits the members that are `found` and that one of the values depends on, but nothing behind
/// them. What another group owns is its kernel's result, which depends on all that the kernel
/// reads.
void KernelGroup::walkBehind(ArrayRef<Value> values, llvm::function_ref<bool(Operation *)> found,
                             bool throughKernels,
                             llvm::function_ref<WalkResult(Operation *)> visit) const {
  // Nothing in front of the first of them depends on one, but for other kernels. What any kernel
  // computes for itself (constants, a mask) may stand far in front of that.
  Operation *first = nullptr;
  for (Operation *member : members)
    if ((!first || member->isBeforeInBlock(first)) && found(member))
      first = member;
  if (!first)
    return;
  if (throughKernels)
    first = neighbours.firstDependent(first, this);
  SmallVector<Value> worklist(values);
  DenseSet<Operation *> seen;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != block || op->isBeforeInBlock(first) || !seen.insert(op).second)
      continue;
    const KernelGroup *owner = neighbours.owner.lookup(op);
    if (throughKernels && owner && owner != this) {
      llvm::append_range(worklist, owner->leaves);
      continue;
    }
    if (!found(op))
      llvm::append_range(worklist, op->getOperands());
    else if (visit(op).wasInterrupted())
      return;
  }
}

/// True if one of the values depends on a member that is `found`.
bool KernelGroup::dependsOn(ArrayRef<Value> values, llvm::function_ref<bool(Operation *)> found,
                            bool throughKernels) const {
  bool any = false;
  walkBehind(values, found, throughKernels, [&](Operation *) {
    any = true;
    return WalkResult::interrupt();
  });
  return any;
}

/// True if a value depends on what the kernel sums: a walk as that of `walkBehind`, which remembers
/// what it has found.
bool KernelGroup::dependsOnMembers(Value value) {
  Operation *first = firstSum ? neighbours.firstDependent(firstSum, this) : nullptr;
  // An op, what it depends on, and how much of that has been looked at.
  struct Visit {
    Operation *op;
    SmallVector<Value> behind;
    unsigned next = 0;
  };
  SmallVector<Visit> path;
  DenseSet<Operation *> onPath;
  bool found = false, isCycle = false; // kernels that wait for each other
  auto enter = [&](Value next) {
    Operation *op = next.getDefiningOp();
    if (!op || !first || op->getBlock() != block || op->isBeforeInBlock(first))
      return;
    if (dependent.contains(op)) {
      found = true;
      return;
    }
    if (!independent.insert(op).second) { // until it is found to be none
      isCycle |= onPath.contains(op);
      return;
    }
    ++neighbours.visits;
    onPath.insert(op);
    const KernelGroup *owner = neighbours.owner.lookup(op);
    if (owner && owner != this)
      path.push_back({op, llvm::to_vector(owner->leaves)});
    else if (isa<ContractOp, ReduceOp>(op) && derived.contains(op))
      found = true, dependent.insert(op), independent.erase(op);
    else
      path.push_back({op, llvm::to_vector(op->getOperands())});
  };
  enter(value);
  while (!path.empty() && !found) {
    Visit &last = path.back();
    if (last.next == last.behind.size()) {
      onPath.erase(last.op);
      path.pop_back();
    } else {
      enter(last.behind[last.next++]);
    }
  }
  if (isCycle)
    independent.clear();
  if (found)
    for (Visit &visit : path) {
      dependent.insert(visit.op);
      independent.erase(visit.op);
    }
  return found;
}

/// Collects the pointwise ops and views between `value` and the group. Fails at any other op that
/// depends on what only the kernel has; what failed once always does, for the ops in front of one
/// that is looked at are members by then, or never.
bool KernelGroup::collectBetween(Value value, llvm::SmallSetVector<Operation *, 8> &between) {
  Operation *op = value.getDefiningOp();
  ++neighbours.visits;
  if (!op || members.contains(op) || between.contains(op) || neighbours.stored.contains(op) ||
      !dependsOnMembers(value))
    return true;
  if (waiting.contains(op))
    return false;
  if (op->getBlock() == block && (isElementwise(op) || isView(op) || isa<ScanOp>(op))) {
    between.insert(op);
    if (llvm::all_of(op->getOperands(),
                     [&](Value operand) { return collectBetween(operand, between); }))
      return true;
  }
  waiting.insert(op);
  return false;
}

/// The value that the kernel is known to need which dim `dim` of a finished row comes from, and its
/// dim there: seen through views and pointwise members.
std::optional<std::pair<Value, unsigned>> KernelGroup::sourceOf(Value value, unsigned dim) const {
  SmallVector<std::pair<Value, unsigned>> worklist{{value, dim}};
  DenseSet<std::pair<Value, unsigned>> seen;
  while (!worklist.empty()) {
    auto [next, at] = worklist.pop_back_val();
    if (demands.count(next))
      return std::pair(next, at);
    Operation *op = next.getDefiningOp();
    if (!op || !seen.insert({next, at}).second)
      continue;
    if (isView(op)) {
      if (FailureOr<unsigned> from = operandDim(op, at); succeeded(from))
        worklist.push_back({op->getOperand(0), *from});
    } else if (members.contains(op) && isElementwise(op)) {
      for (Value operand : llvm::reverse(llvm::to_vector(op->getOperands())))
        if (isDerived(operand))
          worklist.push_back({operand, at});
    }
  }
  return std::nullopt;
}

/// What dim `dim` of a finished row is to the kernel, if it is one of its axes.
std::optional<AxisRole> KernelGroup::roleOf(Value value, unsigned dim) const {
  auto source = sourceOf(value, dim);
  if (!source)
    return std::nullopt;
  AffineExpr at = axes.canonical(demands.lookup(source->first).front()[source->second]);
  auto axis = dyn_cast<AffineDimExpr>(at);
  return axis ? std::optional(axes[axis.getPosition()].role) : std::nullopt;
}

/// True if dim `dim` of a finished row is a value axis, or the heads of statistics alone: so few
/// numbers that a tile may hold those of all heads.
bool KernelGroup::isWholeDim(Value value, unsigned dim) const {
  constexpr int64_t mostHeads = 64;
  auto source = sourceOf(value, dim);
  if (!source)
    return false;
  Index index = demands.lookup(source->first).front();
  auto dimExpr = dyn_cast<AffineDimExpr>(axes.canonical(index[source->second]));
  if (!dimExpr)
    return false;
  const IndexSpace::Variable &axis = axes[dimExpr.getPosition()];
  if (axis.role == AxisRole::Value)
    return true;
  bool values = false, rows = false;
  for (unsigned v = 0; v < axes.size(); ++v) {
    values |= axes[v].role == AxisRole::Value;
    rows |= axes.find(v) == v && v != dimExpr.getPosition() && axes[v].role == AxisRole::Row &&
            axes.uses(index, v);
  }
  return !values && rows && !axis.extent.symbol && axis.extent.size <= mostHeads;
}

/// True if finished rows are looked at through a view with a linear index: one that permutes and
/// merges dims. A dim may be split if programs divide it among themselves: rows of a tile may not.
bool KernelGroup::keepsRows(Operation *view) const {
  auto reshape = dyn_cast<ReshapeOp>(view);
  if (!reshape)
    return isa<BroadcastOp, TransposeOp>(view);
  FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(reshape);
  if (failed(groups))
    return false;
  ArrayRef<int64_t> result = tensorType(reshape.getResult()).getShape();
  return llvm::all_of(*groups, [&](const ReshapeGroup &group) {
    auto dims = result.slice(group.resultBegin, group.resultEnd - group.resultBegin);
    if (llvm::count_if(dims, [](int64_t size) { return size != 1; }) <= 1)
      return true;
    return group.operandEnd == group.operandBegin + 1 &&
           roleOf(reshape.getOperand(), group.operandBegin) == AxisRole::Batch;
  });
}

/// Another reduction over the stream, of what may be another function of the group's scores.
bool KernelGroup::joinReduction(Operation *op, DenseSet<Value> &streamed) {
  llvm::SmallSetVector<Operation *, 8> between;
  bool fits = llvm::all_of(op->getOperands(), [&](Value v) { return collectBetween(v, between); });
  // Of the same keys alone it would be another attention, with rows and states of its own.
  auto isStreamed = [&](Value operand) { return streamed.contains(operand) && isDerived(operand); };
  bool joins =
      llvm::any_of(op->getOperands(), isStreamed) || llvm::any_of(between, [&](Operation *inner) {
        return llvm::any_of(inner->getOperands(), isStreamed);
      });
  if (!joins || !fits)
    return false;
  for (Operation *inner : between) {
    addMember(inner);
    streamed.insert(inner->getResult(0));
  }
  addMember(op);
  return true;
}

/// A pointwise op of finished rows, seen through views.
bool KernelGroup::joinRows(Operation *op, const DenseSet<Value> &streamed) {
  SmallVector<Operation *> views;
  SmallVector<Value> others;
  bool joins = false, fits = true;
  int64_t largest = 0;
  for (Value operand : op->getOperands()) {
    Value base = operand;
    SmallVector<Operation *> chain;
    while (Operation *def = base.getDefiningOp()) {
      if (members.contains(def) || !isView(def) || !keepsRows(def))
        break;
      chain.push_back(def);
      base = def->getOperand(0);
    }
    if (Operation *def = base.getDefiningOp(); def && members.contains(def) && isDerived(base)) {
      fits &= !streamed.contains(base);
      joins = true;
      llvm::append_range(views, chain);
      auto type = tensorType(base);
      largest = std::max(largest, type.hasStaticShape() ? type.getNumElements() : INT64_MAX);
    } else {
      others.push_back(operand);
    }
  }
  auto type = tensorType(op->getResult(0));
  bool grows = type.hasStaticShape() && type.getNumElements() > largest;
  if (!joins || !fits || grows)
    return false;
  // What depends on the group in another way than by pointwise ops of rows, which may have been
  // smaller (a row's weight times a value row), cannot wait for it. Asked last: it is dear.
  auto isAlsoFinished = [&](Operation *inner) {
    return (isElementwise(inner) || (isView(inner) && keepsRows(inner))) &&
           llvm::none_of(inner->getOperands(), [&](Value v) { return streamed.contains(v); });
  };
  llvm::SmallSetVector<Operation *, 8> between;
  if (!llvm::all_of(others, [&](Value v) { return collectBetween(v, between); }) ||
      !llvm::all_of(between, isAlsoFinished))
    return false;
  llvm::for_each(views, [&](Operation *view) { addMember(view); });
  llvm::for_each(between, [&](Operation *inner) { addMember(inner); });
  addMember(op);
  return true;
}

/// Adds other reductions over the stream of the group's values, and pointwise ops of finished rows.
void KernelGroup::extendForward() {
  DenseSet<Value> streamed; // members that have the axis that is swept
  for (Operation *op : members)
    if (llvm::any_of(demands.lookup(op->getResult(0)),
                     [&](const Index &index) { return axes.uses(index, getSweptAxis()); }))
      streamed.insert(op->getResult(0));
  if (keepsKeys()) {
    // What stands before the sink may be written, too, if it follows another sum (a mean, before
    // the variance).
    SmallVector<Operation *> ordered(members.begin(), members.end());
    llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : ordered)
      if (!streamed.contains(op->getResult(0)) &&
          (isOverSweptAxis(op) || llvm::any_of(op->getOperands(), [&](Value value) {
             return joined.contains(value.getDefiningOp());
           })))
        joined.insert(op);
    joined.insert(sink);
  }
  // What the group's own values reach through pointwise ops and views, in the order of the block: a
  // program may be much larger than a kernel. Every attention may use one mask, and behind what
  // waits for other ops nothing joins.
  auto standsAfter = [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); };
  SmallVector<Operation *> reached;
  DenseSet<Operation *> known;
  auto reach = [&](Operation *op) {
    for (Operation *user : op->getUsers())
      if (user->getBlock() == block && known.insert(user).second) {
        reached.push_back(user);
        std::push_heap(reached.begin(), reached.end(), standsAfter);
      }
  };
  for (Operation *op : derived)
    reach(op);
  auto waits = [&](Operation *op) {
    llvm::SmallSetVector<Operation *, 8> between;
    return !collectBetween(op->getResult(0), between);
  };
  while (!reached.empty() && !isTooLarge()) {
    std::pop_heap(reached.begin(), reached.end(), standsAfter);
    Operation *op = reached.pop_back_val();
    ++neighbours.visits;
    bool joins = members.contains(op);
    if (!joins && op->getNumResults() == 1 && !neighbours.owner.lookup(op) &&
        !neighbours.stored.contains(op)) {
      if (keepsKeys()) {
        joins = kept->factor && joinKept(op, streamed);
      } else if (isStreamReduction(op)) {
        joins = joinReduction(op, streamed);
      } else if (auto reduce = dyn_cast<ReduceOp>(op)) { // a norm of finished rows
        Value operand = reduce.getOperand();
        Operation *def = operand.getDefiningOp();
        joins = innerReductions && reduce.getReducedDims().size() == 1 && def &&
                members.contains(def) && isDerived(operand) && !streamed.contains(operand) &&
                isWholeDim(operand, reduce.getReducedDims()[0]);
        if (joins)
          addMember(op);
      } else if (isElementwise(op)) {
        joins = joinRows(op, streamed);
      }
    }
    if (joins || ((isElementwise(op) || isView(op) || isa<ScanOp>(op)) && !waits(op)))
      reach(op);
  }
  fixedMembers.insert(members.begin(), members.end());
}

/// Members' values that something outside needs, after the views that become memory layout.
void KernelGroup::findOutputs() {
  SmallVector<Operation *> ordered(members.begin(), members.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : llvm::reverse(ordered)) {
    Value value = op->getResult(0);
    bool used =
        neighbours.wanted.contains(value) ||
        llvm::any_of(value.getUsers(), [&](Operation *user) { return !members.contains(user); });
    if (!used)
      continue;
    // So are values along the streamed axis: a program that returns its scores has them in memory
    // anyway, computed outside; the kernel does not wait for them.
    if (keepsKeys() ? !joined.contains(op) : !isFinished(value))
      continue;
    if (!isDerived(value))
      continue;
    Output output{value, value, {}};
    while (output.final.hasOneUse() && !neighbours.wanted.contains(output.final)) {
      Operation *user = *output.final.getUsers().begin();
      bool layout = isView(user) && user->getBlock() == block &&
                    succeeded(indexOfResult(user, Index(tensorType(user->getOperand(0)).getRank(),
                                                        getAffineConstantExpr(0, context))));
      if (!layout)
        break;
      output.final = user->getResult(0);
    }
    outputs.push_back(output);
  }
}
