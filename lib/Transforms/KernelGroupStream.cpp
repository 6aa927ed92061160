//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The streamed axis through the program: which dim of which value it is, and what is
// reduced over it.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

/// False for a slice that leaves out or moves positions of dim `dim`.
static bool isWholeAlong(Operation *view, unsigned dim) {
  auto slice = dyn_cast<SliceOp>(view);
  return !slice || (slice.getOffsets()[dim] == 0 && slice.getStrides()[dim] == 1 &&
                    getExtent(tensorType(slice.getOperand()), dim) ==
                        getExtent(tensorType(slice.getResult()), dim));
}

/// What other contractions weigh the sink's value rows with, and the dim of the keys in it: another
/// softmax whose result is subtracted.
SmallVector<std::pair<Value, unsigned>> KernelGroup::weightsOfSameValues() const {
  SmallVector<std::pair<Value, unsigned>> found;
  auto contract = dyn_cast<ContractOp>(sink);
  if (!contract)
    return found;
  bool left = contract.getLhs() == probabilities;
  Value rows = left ? contract.getRhs() : contract.getLhs();
  FailureOr<unsigned> dim = contractedDim(contract, !left);
  // The tensor that they are views of.
  while (isView(rows.getDefiningOp()) && succeeded(dim))
    if (dim = operandDim(rows.getDefiningOp(), *dim); succeeded(dim))
      rows = rows.getDefiningOp()->getOperand(0);
  if (failed(dim))
    return found;
  SmallVector<std::pair<Value, unsigned>> worklist{{rows, *dim}};
  while (!worklist.empty()) {
    auto [value, at] = worklist.pop_back_val();
    for (Operation *user : value.getUsers()) {
      if (user->getBlock() != block)
        continue;
      if (isView(user) && isWholeAlong(user, at))
        for (int64_t to = 0; to < tensorType(user->getResult(0)).getRank(); ++to)
          if (FailureOr<unsigned> from = operandDim(user, to); succeeded(from) && *from == at)
            worklist.push_back({user->getResult(0), to});
      if (auto other = dyn_cast<ContractOp>(user); other && other.getLhs() != other.getRhs()) {
        bool second = other.getRhs() == value;
        FailureOr<unsigned> mine = contractedDim(other, !second),
                            theirs = contractedDim(other, second);
        if (succeeded(mine) && *mine == at && succeeded(theirs))
          found.push_back({second ? other.getLhs() : other.getRhs(), *theirs});
      }
    }
  }
  return found;
}

/// Follows dims to every value that they come from, the nearest first: what rows and keys are both
/// made of has it in two dims.
void KernelGroup::followDims(ArrayRef<std::pair<Value, unsigned>> from, Dims &dims) {
  SmallVector<Value> worklist;
  auto push = [&](Value value, unsigned at) {
    if (dims.try_emplace(value, at).second)
      worklist.push_back(value);
  };
  for (auto [value, at] : from)
    push(value, at);
  for (unsigned next = 0; next < worklist.size(); ++next) {
    Value value = worklist[next];
    unsigned at = dims[value];
    ++neighbours.visits;
    // A statistic may be taken of another function of the same scores. What nothing was summed for
    // (a mask, positions) is used anywhere: `streamedDimOf` looks back from its users.
    for (Operation *user : value.getUsers()) {
      if (user->getBlock() != block || !rowDims.isSummed(value))
        break;
      if (isElementwise(user) || isa<ScanOp>(user))
        push(user->getResult(0), at);
      if (isView(user) && isWholeAlong(user, at))
        for (int64_t to = 0; to < tensorType(user->getResult(0)).getRank(); ++to)
          if (FailureOr<unsigned> from = operandDim(user, to); succeeded(from) && *from == at)
            push(user->getResult(0), to);
    }
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != block)
      continue;
    if (isElementwise(op) || isa<ScanOp>(op)) {
      for (Value operand : op->getOperands())
        push(operand, at);
    } else if (isView(op)) {
      FailureOr<unsigned> from = operandDim(op, at);
      if (succeeded(from))
        push(op->getOperand(0), *from);
    } else if (auto contract = dyn_cast<ContractOp>(op)) {
      ContractOp::Labels labels = contract.getLabels();
      StringAttr label = labels.result[at];
      auto *left = llvm::find(labels.lhs, label), *right = llvm::find(labels.rhs, label);
      // Behind a score stand keys, whose positions may be the rows' as well: no statistic of the
      // kernel is taken of them. Other scores may stand behind it, too (heads that are mixed).
      bool both = left != labels.lhs.end() && right != labels.rhs.end();
      if (left != labels.lhs.end() &&
          (both || rowDims.hasDataRows(contract.getLhs(), left - labels.lhs.begin())))
        push(contract.getLhs(), left - labels.lhs.begin());
      if (right != labels.rhs.end() &&
          (both || rowDims.hasDataRows(contract.getRhs(), right - labels.rhs.begin())))
        push(contract.getRhs(), right - labels.rhs.begin());
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      unsigned from = at;
      for (int64_t reduced : reduce.getReducedDims())
        from += reduced <= static_cast<int64_t>(from);
      push(reduce.getOperand(), from);
    }
  }
}

/// The dim of a value that is n, of another function of what has it, too (squares of keys).
std::optional<unsigned> KernelGroup::streamedDimOf(Value value, unsigned depth) const {
  if (auto it = streamedDim.find(value); it != streamedDim.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != block || depth == 0 || rowDims.isSummed(value))
    return std::nullopt;
  if (isElementwise(op))
    for (Value operand : op->getOperands())
      if (std::optional<unsigned> at = streamedDimOf(operand, depth - 1))
        return at;
  if (!isView(op))
    return std::nullopt;
  std::optional<unsigned> at = streamedDimOf(op->getOperand(0), depth - 1);
  if (at && isWholeAlong(op, *at))
    for (int64_t to = 0; to < tensorType(value).getRank(); ++to)
      if (FailureOr<unsigned> from = operandDim(op, to); succeeded(from) && *from == *at)
        return to;
  return std::nullopt;
}

/// A reduction or contraction over exactly the streamed axis.
bool KernelGroup::isStreamReduction(Operation *op) const {
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    SmallVector<int64_t> dims = reduce.getReducedDims();
    return dims.size() == 1 && streamedDimOf(reduce.getOperand()) == dims[0];
  }
  if (auto contract = dyn_cast<ContractOp>(op)) {
    for (bool left : {true, false}) {
      FailureOr<unsigned> dim = contractedDim(contract, left);
      if (succeeded(dim) && streamedDimOf(left ? contract.getLhs() : contract.getRhs()) == *dim)
        return true;
    }
  }
  return false;
}
