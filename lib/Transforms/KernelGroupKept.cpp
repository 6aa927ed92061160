//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels that keep their keys: they write an element for every pair of row and key,
// `p[m, n]` itself or a sum of it over another axis (heads: `sum_h p[h, m, n]`).
// Programs divide rows and keys among themselves. What sums over the keys (the maximum
// and the sum of a row) is read from the kernel that owns it, so that what is summed
// is never in memory.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

/// What a sink keeps, if that has rows and keys: the value itself, or all of the factor that it
/// sums but one axis. An axis that has rows itself is summed by a kernel that streams over it,
/// unless the others are longer.
std::optional<KernelGroup::Kept> KernelGroup::keptBy(Operation *sink, RowDims &rowDims) {
  if (isElementwise(sink)) {
    std::optional<RowDims::Pair> pair = rowDims.findPair(sink->getResult(0));
    return pair ? std::optional(Kept{pair->key, Value(), 0}) : std::nullopt;
  }
  auto keptOf = [&](Value factor, int64_t axis) -> std::optional<Kept> {
    std::optional<RowDims::Pair> pair = rowDims.findPair(factor, axis);
    return pair ? std::optional(Kept{pair->key, factor, static_cast<unsigned>(axis)})
                : std::nullopt;
  };
  if (auto reduce = dyn_cast<ReduceOp>(sink)) {
    SmallVector<int64_t> dims = reduce.getReducedDims();
    if (dims.size() != 1)
      return std::nullopt;
    std::optional<Kept> kept = keptOf(reduce.getOperand(), dims[0]);
    if (kept && kept->n > dims[0])
      --kept->n;
    return kept;
  }
  auto contract = cast<ContractOp>(sink);
  ContractOp::Labels labels = contract.getLabels();
  for (bool left : {true, false}) {
    ArrayRef<StringAttr> names = left ? labels.lhs : labels.rhs;
    FailureOr<unsigned> axis = contractedDim(contract, left);
    // All that the other factor does is to weigh.
    if (failed(axis) || labels.result.size() + 1 != names.size() ||
        !llvm::all_of(labels.result,
                      [&](StringAttr label) { return llvm::is_contained(names, label); }))
      continue;
    std::optional<Kept> kept = keptOf(left ? contract.getLhs() : contract.getRhs(), *axis);
    if (!kept)
      continue;
    kept->n = llvm::find(labels.result, names[kept->n]) - labels.result.begin();
    return kept;
  }
  return std::nullopt;
}

std::unique_ptr<KernelGroup> KernelGroup::buildKept(Operation *sink, Kept kept,
                                                    const KernelNeighbours &neighbours,
                                                    std::string &reason) {
  std::unique_ptr<KernelGroup> group(new KernelGroup(sink, neighbours));
  group->kept = kept;
  group->probabilities = sink->getResult(0);
  group->followDims({{group->probabilities, kept.n}}, group->streamedDim);
  if (kept.factor)
    group->followDims({{kept.factor, kept.axis}}, group->sweptDim);
  bool tooLarge = false;
  if (!group->finishes(reason, tooLarge))
    return nullptr;
  return group;
}

/// A sum over the axis that the sink sums over, of values that have it.
bool KernelGroup::isOverSweptAxis(Operation *op) const {
  if (!swept)
    return false;
  auto isSwept = [&](Value factor, int64_t dim) {
    auto it = sweptDim.find(factor);
    return it != sweptDim.end() && it->second == dim && streamedDim.count(factor) &&
           getExtent(tensorType(factor), dim) == axes[*swept].extent;
  };
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    SmallVector<int64_t> dims = reduce.getReducedDims();
    return dims.size() == 1 && isSwept(reduce.getOperand(), dims[0]);
  }
  auto contract = dyn_cast<ContractOp>(op);
  return contract && llvm::any_of(ArrayRef{true, false}, [&](bool left) {
           FailureOr<unsigned> dim = contractedDim(contract, left);
           Value factor = left ? contract.getLhs() : contract.getRhs();
           return succeeded(dim) && isSwept(factor, *dim) &&
                  tensorType(op->getResult(0)).getRank() + 1 == tensorType(factor).getRank();
         });
}

/// True for a view that has an element more than once.
static bool repeats(Operation *view) {
  RankedTensorType type = tensorType(view->getResult(0));
  return isa<BroadcastOp>(view) &&
         llvm::any_of(llvm::seq<unsigned>(0, type.getRank()), [&](unsigned dim) {
           return type.getDimSize(dim) != 1 && failed(operandDim(view, dim));
         });
}

/// Takes in another sum over the same axis, or a pointwise op of what is written and of what does
/// not wait for that.
bool KernelGroup::joinKept(Operation *op, DenseSet<Value> &streamed) {
  bool joins = false;
  if (isOverSweptAxis(op)) {
    joins = joinReduction(op, streamed);
  } else if (isElementwise(op)) {
    llvm::SmallSetVector<Operation *, 4> views;
    auto isJoined = [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      SmallVector<Operation *> chain;
      for (; isView(def) && keepsRows(def) && !repeats(def);
           def = def->getOperand(0).getDefiningOp())
        chain.push_back(def);
      if (!joined.contains(def))
        return false;
      views.insert(chain.begin(), chain.end());
      return true;
    };
    joins = llvm::any_of(op->getOperands(), isJoined) &&
            llvm::all_of(op->getOperands(), [&](Value operand) {
              return isJoined(operand) || !dependsOnMembers(operand);
            });
    if (joins) {
      llvm::for_each(views, [&](Operation *view) { addMember(view); });
      addMember(op);
    }
  }
  if (!joins)
    return false;
  joined.insert(op);
  for (Value operand : op->getOperands()) {
    auto it = streamedDim.find(operand);
    if (it == streamedDim.end())
      continue;
    unsigned n = it->second;
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      n -= reduce.getReducedDims()[0] < static_cast<int64_t>(n);
    } else if (auto contract = dyn_cast<ContractOp>(op)) {
      ContractOp::Labels labels = contract.getLabels();
      StringAttr label = (operand == contract.getLhs() ? labels.lhs : labels.rhs)[n];
      auto *at = llvm::find(labels.result, label);
      if (at == labels.result.end())
        continue;
      n = at - labels.result.begin();
    }
    followDims({{op->getResult(0), n}}, streamedDim);
  }
  return true;
}
