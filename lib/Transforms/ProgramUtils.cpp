//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace flashlight;

bool flashlight::isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

bool flashlight::isGenerated(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isView(op))
    op = op->getOperand(0).getDefiningOp();
  return op && (isa<arith::ConstantOp, IotaOp, SizeOp>(op));
}

bool flashlight::isParameter(Value value) {
  // Weights may be normalised, merged, or scaled back from fewer bits first: a few ops.
  constexpr unsigned most = 64;
  SmallVector<Value> pending{value};
  llvm::SmallPtrSet<Operation *, 16> seen;
  bool found = false;
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    if (Operation *def = next.getDefiningOp()) {
      if (def->getNumRegions() != 0)
        return false;
      if (seen.insert(def).second)
        llvm::append_range(pending, def->getOperands());
      if (seen.size() > most)
        return false;
      continue;
    }
    auto argument = cast<BlockArgument>(next);
    auto func = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!func || !func.getArgAttr(argument.getArgNumber(), kParameterAttr))
      return false;
    found = true;
  }
  return found;
}

bool flashlight::isProjection(ContractOp op) {
  if (!isParameter(op.getLhs()) && !isParameter(op.getRhs()))
    return false;
  ContractOp::Labels labels = op.getLabels();
  return llvm::none_of(labels.lhs, [&](StringAttr label) {
    return llvm::is_contained(labels.rhs, label) && llvm::is_contained(labels.result, label);
  });
}

bool flashlight::isDimOfScores(Value value, unsigned dim) {
  SmallVector<std::pair<Value, unsigned>> worklist{{value, dim}};
  llvm::SmallDenseSet<std::pair<Value, unsigned>, 16> seen;
  while (!worklist.empty()) {
    auto [next, at] = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !seen.insert({next, at}).second)
      continue;
    if (isElementwise(op) || isa<ScanOp>(op)) {
      for (Value operand : op->getOperands())
        worklist.push_back({operand, at});
    } else if (isView(op)) {
      if (FailureOr<unsigned> from = operandDim(op, at); succeeded(from))
        worklist.push_back({op->getOperand(0), *from});
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      unsigned from = at;
      for (int64_t reduced : reduce.getReducedDims())
        from += reduced <= static_cast<int64_t>(from);
      worklist.push_back({reduce.getOperand(), from});
    } else if (auto contract = dyn_cast<ContractOp>(op)) {
      ContractOp::Labels labels = contract.getLabels();
      auto *left = llvm::find(labels.lhs, labels.result[at]);
      auto *right = llvm::find(labels.rhs, labels.result[at]);
      bool inLeft = left != labels.lhs.end(), inRight = right != labels.rhs.end();
      if (inLeft != inRight && !isProjection(contract))
        return true;
      if (inLeft)
        worklist.push_back({contract.getLhs(), left - labels.lhs.begin()});
      if (inRight)
        worklist.push_back({contract.getRhs(), right - labels.rhs.begin()});
    }
  }
  return false;
}

RankedTensorType flashlight::typeOf(ArrayRef<Extent> extents, RankedTensorType like) {
  SmallVector<int64_t> shape;
  SmallVector<StringAttr> symbols;
  for (const Extent &extent : extents) {
    shape.push_back(extent.size);
    if (extent.symbol)
      symbols.push_back(extent.symbol);
  }
  Attribute encoding;
  if (!symbols.empty())
    encoding = SymbolsAttr::get(like.getContext(), symbols);
  return RankedTensorType::get(shape, like.getElementType(), encoding);
}

RankedTensorType flashlight::withExtent(RankedTensorType type, unsigned dim, Extent extent) {
  SmallVector<Extent> extents;
  for (int64_t i = 0; i < type.getRank(); ++i)
    extents.push_back(i == dim ? extent : getExtent(type, i));
  return typeOf(extents, type);
}

RankedTensorType flashlight::permuted(RankedTensorType type, ArrayRef<int64_t> dims) {
  SmallVector<Extent> extents;
  for (int64_t dim : dims)
    extents.push_back(getExtent(type, dim));
  return typeOf(extents, type);
}
