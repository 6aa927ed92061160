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

#include "RowDims.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

bool RowDims::isRow(Value value, unsigned n, unsigned row) {
  if (n == row)
    return false;
  auto [it, isNew] = known.try_emplace({value.getAsOpaquePointer(), n, row}, false);
  if (!isNew)
    return it->second;
  bool result = compute(value, n, row);
  return known[{value.getAsOpaquePointer(), n, row}] = result;
}

bool RowDims::hasRows(Value value, unsigned n) {
  for (int64_t row = 0; row < tensorType(value).getRank(); ++row)
    if (tensorType(value).getDimSize(row) != 1 && isRow(value, n, row))
      return true;
  return false;
}

bool RowDims::compute(Value value, unsigned n, unsigned row) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isElementwise(op))
    return llvm::any_of(op->getOperands(), [&](Value operand) { return isRow(operand, n, row); });
  if (isView(op)) {
    FailureOr<unsigned> fromN = operandDim(op, n), fromRow = operandDim(op, row);
    return succeeded(fromN) && succeeded(fromRow) && isRow(op->getOperand(0), *fromN, *fromRow);
  }
  if (auto scan = dyn_cast<ScanOp>(op))
    return isRow(scan.getOperand(), n, row);
  if (auto contract = dyn_cast<ContractOp>(op)) {
    ContractOp::Labels labels = contract.getLabels();
    struct Side {
      std::optional<unsigned> n, row;
    };
    auto find = [&](ArrayRef<StringAttr> names) {
      Side side;
      for (auto [i, name] : llvm::enumerate(names)) {
        if (name == labels.result[n])
          side.n = i;
        if (name == labels.result[row])
          side.row = i;
      }
      return side;
    };
    Side left = find(labels.lhs), right = find(labels.rhs);
    auto within = [&](Side side, Value operand) {
      return side.n && side.row && isRow(operand, *side.n, *side.row);
    };
    bool apart = (left.n && !left.row && right.row && !right.n) ||
                 (right.n && !right.row && left.row && !left.n);
    return apart || within(left, contract.getLhs()) || within(right, contract.getRhs());
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    SmallVector<int64_t> dims = reduce.getReducedDims();
    auto before = [&](unsigned dim) { // the reduction
      for (int64_t reduced : dims)
        dim += reduced <= static_cast<int64_t>(dim);
      return dim;
    };
    Value operand = reduce.getOperand();
    return isRow(operand, before(n), before(row)) || llvm::any_of(dims, [&](int64_t reduced) {
             return separatesFactors(operand, before(n), before(row), reduced);
           });
  }
  return false;
}

/// True if `value` is computed from positions and constants alone (a causal mask): every element
/// can be made anywhere, so it is no factor that rows or keys bring along.
static bool isPositional(Value value) {
  SmallVector<Value> worklist{value};
  llvm::SmallDenseSet<Value, 16> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second || isGenerated(next))
      continue;
    Operation *op = next.getDefiningOp();
    if (!op || (!isElementwise(op) && !isView(op)))
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

/// True if `value`, pointwise in what follows, has a factor with the reduced dim and the row but
/// without n, and one with the reduced dim and n but without the row.
bool RowDims::separatesFactors(Value value, unsigned n, unsigned row, unsigned reduced) {
  using Dim = std::optional<unsigned>;
  struct Item {
    Value value;
    Dim n, row;
    unsigned reduced;
  };
  SmallVector<Item> worklist{{value, n, row, reduced}};
  llvm::SmallDenseSet<Value, 16> seen;
  bool ofRows = false, ofKeys = false;
  while (!worklist.empty() && !(ofRows && ofKeys)) {
    Item item = worklist.pop_back_val();
    if (!seen.insert(item.value).second || isGenerated(item.value))
      continue;
    if (item.row.has_value() != item.n.has_value() && !isPositional(item.value))
      (item.row ? ofRows : ofKeys) = true;
    Operation *op = item.value.getDefiningOp();
    if (!op)
      continue;
    if (isElementwise(op)) {
      for (Value operand : op->getOperands())
        worklist.push_back({operand, item.n, item.row, item.reduced});
    } else if (isView(op)) {
      FailureOr<unsigned> from = operandDim(op, item.reduced);
      if (failed(from))
        continue;
      auto through = [&](Dim dim) -> Dim {
        if (dim)
          if (FailureOr<unsigned> at = operandDim(op, *dim); succeeded(at))
            return *at;
        return std::nullopt;
      };
      worklist.push_back({op->getOperand(0), through(item.n), through(item.row), *from});
    }
  }
  return ofRows && ofKeys;
}
