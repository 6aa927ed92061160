//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. One recursion over products, one over the sums in exponents. A
// rounding (extf, truncf) is the identity to the algebra: a factor moves through it
// at the price of one rounding, as in every FlashAttention.
//
//===----------------------------------------------------------------------===//

#include "Factorize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// StreamDependence
//===----------------------------------------------------------------------===//

StreamDependence::StreamDependence(KernelOp kernel) : stream(kernel.getStreamAttr()) {
  for (Operation &op : kernel.getBlock()) {
    llvm::SmallSetVector<Operation *, 4> all;
    for (Value operand : op.getOperands())
      all.insert_range(statisticsOf(operand));
    bool reduces = isa<ReduceOp, ContractOp>(op) && !isStreamed(op.getResult(0)) &&
                   llvm::any_of(op.getOperands(), [&](Value v) { return isStreamed(v); });
    if (reduces) {
      statistics.push_back(&op);
      all.insert(&op);
    }
    for (Value result : op.getResults())
      depends[result] = all;
  }
}

bool StreamDependence::isStreamed(Value value) const {
  AxesAttr axes = getAxes(value);
  return axes && axes.contains(stream);
}

const llvm::SmallSetVector<Operation *, 4> &StreamDependence::statisticsOf(Value value) const {
  static const llvm::SmallSetVector<Operation *, 4> none;
  auto it = depends.find(value);
  return it == depends.end() ? none : it->second;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {

class Factorizer {
public:
  Factorizer(const StreamDependence &dependence, llvm::function_ref<bool(Operation *)> running,
             Factorization &result)
      : dependence(dependence), running(running), result(result) {}

  LogicalResult product(Value value);
  LogicalResult exponent(Value value, bool negative, SmallVector<Value> scales, bool base2);
  LogicalResult sum(Value value);

private:
  bool moves(Value value) const {
    return llvm::any_of(dependence.statisticsOf(value), [&](Operation *op) { return running(op); });
  }
  /// A function of finished or running statistics alone: the same for all keys.
  bool isRowFactor(Value value) const { return !dependence.isStreamed(stripBroadcast(value)); }
  static Value stripBroadcast(Value value) {
    while (auto broadcast = value.getDefiningOp<BroadcastOp>())
      value = broadcast.getOperand();
    return value;
  }
  LogicalResult block(Operation *op, const Twine &why) {
    result.blockedBy = why.str();
    result.blockingOp = op;
    return failure();
  }
  static bool isZero(Value value) {
    value = stripBroadcast(value);
    return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero());
  }
  static bool isNegativeInfinity(Value value) {
    return matchPattern(stripBroadcast(value), m_NegInfFloat());
  }

  const StreamDependence &dependence;
  llvm::function_ref<bool(Operation *)> running;
  Factorization &result;
};

} // namespace

LogicalResult Factorizer::product(Value value) {
  if (!moves(value))
    return success(); // g(x): nothing to do
  Operation *op = value.getDefiningOp();
  if (isa<BroadcastOp, arith::ExtFOp, arith::TruncFOp, arith::NegFOp>(op))
    return product(op->getOperand(0));
  if (isa<arith::MulFOp, arith::DivFOp>(op)) {
    for (unsigned i : {1u, 0u}) {
      Value factor = op->getOperand(i);
      bool divides = isa<arith::DivFOp>(op) && i == 1;
      if (!isRowFactor(factor) || !moves(factor) || (isa<arith::DivFOp>(op) && i == 0))
        continue;
      result.hoists.push_back({divides ? Hoist::Divide : Hoist::Multiply, stripBroadcast(factor)});
      result.kept[op] = 1 - i;
      return product(op->getOperand(1 - i));
    }
    if (isa<arith::DivFOp>(op)) {
      if (moves(op->getOperand(1)))
        return block(op, "divides by a value of every key that a running statistic changes");
      return product(op->getOperand(0));
    }
    return failure(failed(product(op->getOperand(0))) || failed(product(op->getOperand(1))));
  }
  if (isa<math::ExpOp, math::Exp2Op>(op))
    return exponent(op->getOperand(0), /*negative=*/false, {}, isa<math::Exp2Op>(op));
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    // select(c, f, 0) = [c] * f
    if (!isZero(select.getFalseValue()))
      return block(op, "chooses between two values that a running statistic changes");
    if (!moves(select.getCondition()))
      return product(select.getTrueValue());
    if (!isRowFactor(select.getCondition()))
      return block(op, "its condition compares keys with a running statistic");
    result.hoists.push_back({Hoist::Select, stripBroadcast(select.getCondition())});
    result.kept[op] = 1;
    return product(select.getTrueValue());
  }
  return block(op, "no factor of it can be pulled out of the sum");
}

/// The terms of an exponent: those that move become repairs, the rest stays.
LogicalResult Factorizer::exponent(Value value, bool negative, SmallVector<Value> scales,
                                   bool base2) {
  if (!moves(value))
    return success();
  if (!dependence.isStreamed(stripBroadcast(value))) {
    result.repairs.push_back({stripBroadcast(value), negative, scales, base2});
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (isa<BroadcastOp, arith::ExtFOp, arith::TruncFOp>(op))
    return exponent(op->getOperand(0), negative, scales, base2);
  if (isa<arith::NegFOp>(op))
    return exponent(op->getOperand(0), !negative, scales, base2);
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return failure(
        failed(exponent(op->getOperand(0), negative, scales, base2)) ||
        failed(exponent(op->getOperand(1), negative != isa<arith::SubFOp>(op), scales, base2)));
  if (isa<arith::MulFOp>(op)) {
    for (unsigned i : {0u, 1u}) {
      Value factor = op->getOperand(i);
      if (moves(factor) || dependence.isStreamed(stripBroadcast(factor)))
        continue;
      scales.push_back(stripBroadcast(factor));
      return exponent(op->getOperand(1 - i), negative, scales, base2);
    }
  }
  if (auto select = dyn_cast<arith::SelectOp>(op))
    if (!negative && isNegativeInfinity(select.getFalseValue()) && !moves(select.getCondition()))
      return exponent(select.getTrueValue(), negative, scales,
                      base2); // exp(-inf) = 0 times any factor
  return block(op, "the exponent is no sum of a key's part and a statistic's part");
}

LogicalResult Factorizer::sum(Value value) {
  if (!moves(value))
    return success();
  Operation *op = value.getDefiningOp();
  if (isa<BroadcastOp, arith::ExtFOp, arith::TruncFOp>(op))
    return sum(op->getOperand(0));
  if (isa<arith::AddFOp, arith::SubFOp>(op)) {
    for (unsigned i : {1u, 0u}) {
      Value term = op->getOperand(i);
      if (!isRowFactor(term) || !moves(term) || (isa<arith::SubFOp>(op) && i == 0))
        continue;
      result.hoists.push_back(
          {isa<arith::SubFOp>(op) ? Hoist::Subtract : Hoist::Add, stripBroadcast(term)});
      result.kept[op] = 1 - i;
      return sum(op->getOperand(1 - i));
    }
  }
  return block(op, "no term of it can be pulled out of the extremum");
}

LogicalResult flashlight::factorizeSum(ValueRange factors, const StreamDependence &dependence,
                                       llvm::function_ref<bool(Operation *)> running,
                                       Factorization &result) {
  Factorizer factorizer(dependence, running, result);
  for (Value factor : factors)
    if (failed(factorizer.product(factor)))
      return failure();
  return success();
}

LogicalResult flashlight::factorizeExtremum(Value operand, const StreamDependence &dependence,
                                            llvm::function_ref<bool(Operation *)> running,
                                            Factorization &result) {
  return Factorizer(dependence, running, result).sum(operand);
}
