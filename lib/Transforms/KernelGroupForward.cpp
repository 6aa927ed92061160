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
/// them. Other members (masks made of indices, scaled inputs) are computed once more by whoever
/// else needs them.
bool KernelGroup::isDerived(Value value) const {
  SmallVector<Value> worklist{value};
  DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !members.contains(op) || !seen.insert(next).second)
      continue;
    if (isa<ContractOp, ReduceOp>(op))
      return true;
    llvm::append_range(worklist, op->getOperands());
  }
  return false;
}

/// True for a value without the streamed axis.
bool KernelGroup::isFinished(Value value) const {
  return llvm::none_of(demands.lookup(value),
                       [&](const Index &index) { return axes.uses(index, stream); });
}

/// True if an op that one of the values depends on is `found`. What another group owns is its
/// kernel's result, which depends on all that the kernel reads.
bool KernelGroup::dependsOn(ArrayRef<Value> values, llvm::function_ref<bool(Operation *)> found,
                            bool throughKernels) const {
  // Without other kernels, whose operands may be computed later, nothing in front of the first
  // member depends on the group.
  Operation *first = nullptr;
  if (!throughKernels)
    for (Operation *member : members)
      if (!first || member->isBeforeInBlock(first))
        first = member;
  SmallVector<Value> worklist(values);
  DenseSet<Operation *> seen;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != block || (first && op->isBeforeInBlock(first)) ||
        !seen.insert(op).second)
      continue;
    const KernelGroup *owner = neighbours.owner.lookup(op);
    if (throughKernels && owner && owner != this) {
      llvm::append_range(worklist, owner->leaves);
      continue;
    }
    if (found(op))
      return true;
    llvm::append_range(worklist, op->getOperands());
  }
  return false;
}

bool KernelGroup::dependsOnMembers(Value value) const {
  return dependsOn(
      value, [&](Operation *op) { return members.contains(op) && isa<ContractOp, ReduceOp>(op); },
      /*throughKernels=*/true);
}

/// Collects the pointwise ops and views between `value` and the group. Fails at any other op that
/// depends on what only the kernel has.
bool KernelGroup::collectBetween(Value value, llvm::SmallSetVector<Operation *, 8> &between) const {
  Operation *op = value.getDefiningOp();
  if (!op || members.contains(op) || between.contains(op) || neighbours.stored.contains(op) ||
      !dependsOnMembers(value))
    return true;
  if (op->getBlock() != block || !(isElementwise(op) || isView(op) || isa<ScanOp>(op)))
    return false;
  between.insert(op);
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return collectBetween(operand, between); });
}

/// True if dim `dim` of a finished row is a value axis, or the heads of statistics alone: so few
/// numbers that a tile may hold those of all heads.
bool KernelGroup::isWholeDim(Value value, unsigned dim) {
  if (auto it = demands.find(value); it != demands.end()) {
    constexpr int64_t mostHeads = 64;
    auto dimExpr = dyn_cast<AffineDimExpr>(axes.canonical(it->second.front()[dim]));
    if (!dimExpr)
      return false;
    const IndexSpace::Variable &axis = axes[dimExpr.getPosition()];
    if (axis.role == AxisRole::Value)
      return true;
    bool values = false, rows = false;
    for (unsigned v = 0; v < axes.size(); ++v) {
      values |= axes[v].role == AxisRole::Value;
      rows |= axes.find(v) == v && v != dimExpr.getPosition() && axes[v].role == AxisRole::Row &&
              axes.uses(it->second.front(), v);
    }
    return !values && rows && !axis.extent.symbol && axis.extent.size <= mostHeads;
  }
  Operation *op = value.getDefiningOp();
  if (!op || !members.contains(op))
    return false;
  if (isView(op)) {
    FailureOr<unsigned> from = operandDim(op, dim);
    return succeeded(from) && isWholeDim(op->getOperand(0), *from);
  }
  return isElementwise(op) && llvm::any_of(op->getOperands(), [&](Value operand) {
           return isDerived(operand) && isWholeDim(operand, dim);
         });
}

/// What dim `dim` of a finished row is to the kernel, if it is one of its axes.
std::optional<AxisRole> KernelGroup::roleOf(Value value, unsigned dim) const {
  if (auto it = demands.find(value); it != demands.end()) {
    auto axis = dyn_cast<AffineDimExpr>(axes.canonical(it->second.front()[dim]));
    return axis ? std::optional(axes[axis.getPosition()].role) : std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  if (op && isView(op)) {
    FailureOr<unsigned> from = operandDim(op, dim);
    return succeeded(from) ? roleOf(op->getOperand(0), *from) : std::nullopt;
  }
  if (!op || !members.contains(op) || !isElementwise(op))
    return std::nullopt;
  for (Value operand : op->getOperands())
    if (std::optional<AxisRole> role = isDerived(operand) ? roleOf(operand, dim) : std::nullopt)
      return role;
  return std::nullopt;
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

/// Adds other reductions over the stream of the group's values, and pointwise ops of finished rows.
void KernelGroup::extendForward() {
  auto isMember = [&](Value value) {
    return value.getDefiningOp() && members.contains(value.getDefiningOp());
  };
  auto joinsRows = [&](Value value) { return isMember(value) && isDerived(value); };
  DenseSet<Value> streamed; // members that have the streamed axis
  for (Operation *op : members)
    if (!isFinished(op->getResult(0)))
      streamed.insert(op->getResult(0));

  for (Operation &op : *block) {
    if (members.contains(&op) || op.getNumResults() != 1 || neighbours.owner.lookup(&op) ||
        neighbours.stored.contains(&op))
      continue;
    if (isStreamReduction(&op)) {
      // What it reduces may be another function of the group's scores.
      llvm::SmallSetVector<Operation *, 8> between;
      bool joins = false;
      bool fits =
          llvm::all_of(op.getOperands(), [&](Value v) { return collectBetween(v, between); });
      for (Value operand : op.getOperands())
        joins |= streamed.contains(operand);
      for (Operation *inner : between)
        for (Value operand : inner->getOperands())
          joins |= streamed.contains(operand);
      if (!joins || !fits)
        continue;
      for (Operation *inner : between) {
        members.insert(inner);
        streamed.insert(inner->getResult(0));
      }
      members.insert(&op);
      continue;
    }
    if (auto reduce = dyn_cast<ReduceOp>(op)) { // a norm of finished rows
      SmallVector<int64_t> dims = reduce.getReducedDims();
      Value operand = reduce.getOperand();
      if (innerReductions && dims.size() == 1 && isMember(operand) && isDerived(operand) &&
          !streamed.contains(operand) && isWholeDim(operand, dims[0]))
        members.insert(&op);
      continue;
    }
    if (!isElementwise(&op))
      continue;
    SmallVector<Operation *> views;
    SmallVector<Value> others;
    bool joins = false, fits = true;
    int64_t largest = 0;
    for (Value operand : op.getOperands()) {
      Value base = operand;
      SmallVector<Operation *> chain;
      while (Operation *def = base.getDefiningOp()) {
        if (members.contains(def) || !isView(def) || !keepsRows(def))
          break;
        chain.push_back(def);
        base = def->getOperand(0);
      }
      if (joinsRows(base)) {
        fits &= !streamed.contains(base);
        joins = true;
        llvm::append_range(views, chain);
        auto type = tensorType(base);
        largest = std::max(largest, type.hasStaticShape() ? type.getNumElements() : INT64_MAX);
      } else {
        others.push_back(operand);
      }
    }
    auto type = tensorType(op.getResult(0));
    bool grows = type.hasStaticShape() && type.getNumElements() > largest;
    if (!joins || !fits || grows)
      continue;
    // What depends on the group in another way than by pointwise ops of rows, which may have been
    // smaller (a row's weight times a value row), cannot wait for it. Asked last: it is dear.
    auto isOfRows = [&](Operation *inner) {
      return (isElementwise(inner) || (isView(inner) && keepsRows(inner))) &&
             llvm::none_of(inner->getOperands(), [&](Value v) { return streamed.contains(v); });
    };
    llvm::SmallSetVector<Operation *, 8> between;
    if (!llvm::all_of(others, [&](Value v) { return collectBetween(v, between); }) ||
        !llvm::all_of(between, isOfRows))
      continue;
    members.insert(&op);
    members.insert(between.begin(), between.end());
    for (Operation *view : views)
      members.insert(view);
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
    if (!isFinished(value))
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
