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
  return isRow(value, n, row, /*learned=*/!hasDataRows(value, n));
}

bool RowDims::hasRows(Value value, unsigned n) { return has(value, n, /*learned=*/true); }

bool RowDims::hasDataRows(Value value, unsigned n) { return has(value, n, /*learned=*/false); }

bool RowDims::has(Value value, unsigned n, bool learned) {
  for (int64_t row = 0; row < tensorType(value).getRank(); ++row)
    if (tensorType(value).getDimSize(row) != 1 && isRow(value, n, row, learned))
      return true;
  return false;
}

std::optional<RowDims::Pair> RowDims::findPair(Value value, ArrayRef<int64_t> summed) {
  RankedTensorType type = tensorType(value);
  auto extentOf = [&](int64_t dim) {
    return type.isDynamicDim(dim) ? INT64_MAX : type.getDimSize(dim);
  };
  auto mayBe = [&](int64_t dim) { return extentOf(dim) != 1 && !llvm::is_contained(summed, dim); };
  std::optional<Pair> pair;
  for (int64_t key = type.getRank(); key-- > 0 && !pair;)
    for (int64_t row = 0; mayBe(key) && row < type.getRank(); ++row)
      if (mayBe(row) && isRow(value, key, row) && (!pair || extentOf(row) > extentOf(pair->row)))
        pair = Pair{static_cast<unsigned>(key), static_cast<unsigned>(row)};
  if (!pair || llvm::none_of(summed, [&](int64_t dim) { return hasRows(value, dim); }))
    return pair;
  int64_t size = 1;
  for (int64_t dim : summed)
    if (type.isDynamicDim(dim))
      return std::nullopt;
    else
      size *= type.getDimSize(dim);
  return size <= extentOf(pair->key) && size <= extentOf(pair->row) ? pair : std::nullopt;
}

bool RowDims::isRow(Value value, unsigned n, unsigned row, bool learned) {
  if (n == row)
    return false;
  std::tuple key(value.getAsOpaquePointer(), n, row, learned);
  auto [it, isNew] = known.try_emplace(key, false);
  if (!isNew)
    return it->second;
  bool result = compute(value, n, row, learned);
  return known[key] = result;
}

bool RowDims::compute(Value value, unsigned n, unsigned row, bool learned) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isElementwise(op))
    return llvm::any_of(op->getOperands(),
                        [&](Value operand) { return isRow(operand, n, row, learned); });
  if (isView(op)) {
    FailureOr<unsigned> fromN = operandDim(op, n), fromRow = operandDim(op, row);
    return succeeded(fromN) && succeeded(fromRow) &&
           isRow(op->getOperand(0), *fromN, *fromRow, learned);
  }
  if (auto scan = dyn_cast<ScanOp>(op))
    return isRow(scan.getOperand(), n, row, learned);
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
      return side.n && side.row && isRow(operand, *side.n, *side.row, learned);
    };
    bool apart = (left.n && !left.row && right.row && !right.n) ||
                 (right.n && !right.row && left.row && !left.n);
    if (apart && isProjection(contract)) // keys that are weights are none
      apart = learned && isParameter(left.row ? contract.getLhs() : contract.getRhs());
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
    return isRow(operand, before(n), before(row), learned) ||
           llvm::any_of(dims, [&](int64_t reduced) {
             return separatesFactors(operand, before(n), before(row), reduced);
           });
  }
  return false;
}

bool RowDims::isPositional(Value value) {
  auto [it, isNew] = positional.try_emplace(value, false);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result = isGenerated(value) ||
                (op && (isElementwise(op) || isView(op)) &&
                 llvm::all_of(op->getOperands(), [&](Value each) { return isPositional(each); }));
  return positional[value] = result;
}

bool RowDims::isSummed(Value value) {
  auto [it, isNew] = summed.try_emplace(value, false);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result =
      op && (isa<ContractOp, ReduceOp>(op) ||
             ((isElementwise(op) || isView(op) || isa<ScanOp>(op)) &&
              llvm::any_of(op->getOperands(), [&](Value each) { return isSummed(each); })));
  return summed[value] = result;
}

/// True if `value`, pointwise in what follows, has a factor with the reduced dim and the row but
/// without n, and one with the reduced dim and n but without the row.
bool RowDims::separatesFactors(Value value, unsigned n, unsigned row, unsigned reduced) {
  Factors found = factorsOf(value, n, row, reduced);
  return found.ofRows && found.ofKeys;
}

RowDims::Factors RowDims::factorsOf(Value value, int n, int row, unsigned reduced) {
  auto [it, isNew] = factors.try_emplace({value.getAsOpaquePointer(), n, row, reduced});
  if (!isNew || isGenerated(value))
    return it->second;
  Factors &found = it->second; // which no other entry moves
  if ((row < 0) != (n < 0) && !isPositional(value))
    (row < 0 ? found.ofKeys : found.ofRows) = true;
  Operation *op = value.getDefiningOp();
  if (!op)
    return found;
  auto add = [&](const Factors &other) {
    found.ofRows |= other.ofRows;
    found.ofKeys |= other.ofKeys;
  };
  if (isElementwise(op)) {
    for (Value operand : op->getOperands())
      add(factorsOf(operand, n, row, reduced));
  } else if (isView(op)) {
    auto through = [&](int dim) {
      FailureOr<unsigned> at = dim < 0 ? FailureOr<unsigned>(failure()) : operandDim(op, dim);
      return succeeded(at) ? static_cast<int>(*at) : -1;
    };
    if (FailureOr<unsigned> from = operandDim(op, reduced); succeeded(from))
      add(factorsOf(op->getOperand(0), through(n), through(row), *from));
  }
  return found;
}
