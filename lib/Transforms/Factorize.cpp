//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. One recursion over factors, one over the sums in exponents. A
// rounding (extf, truncf) is the identity to the algebra: a factor moves through it
// at the price of one rounding, as in every FlashAttention.
//
//===----------------------------------------------------------------------===//

#include "Factorize.h"

#include "Algebra.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

namespace {

class Factorizer {
public:
  Factorizer(ReduceKind over, const StreamDependence &dependence,
             llvm::function_ref<bool(Operation *)> running, Factorization &result)
      : over(over), dependence(dependence), running(running), result(result) {}

  /// Takes operand `position` of `op` apart.
  LogicalResult operand(Operation *op, unsigned position) {
    path.push_back({op, position});
    LogicalResult taken = factor(op->getOperand(position));
    path.pop_back();
    return taken;
  }

private:
  LogicalResult factor(Value value);
  LogicalResult select(arith::SelectOp op);
  LogicalResult exponent(Value value, bool negative, SmallVector<Scale> scales, bool base2);
  LogicalResult homogeneous(Operation *op);
  Operation *matchedExtremum(Value condition) const;

  bool moves(Value value) const {
    return llvm::any_of(dependence.statisticsOf(value), [&](Operation *op) { return running(op); });
  }
  /// A function of finished or running statistics alone: the same for all keys.
  bool isRowFactor(Value value) const { return !dependence.isStreamed(stripBroadcast(value)); }
  LogicalResult block(Operation *op, const Twine &why) {
    result.blockedBy = why.str();
    result.blockingOp = op;
    result.path = path;
    return failure();
  }

  ReduceKind over;
  const StreamDependence &dependence;
  llvm::function_ref<bool(Operation *)> running;
  Factorization &result;
  SmallVector<std::pair<Operation *, unsigned>> path;
};

} // namespace

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

LogicalResult Factorizer::factor(Value value) {
  if (!moves(value))
    return success(); // g(x): nothing to do
  Operation *op = value.getDefiningOp();
  if (algebra::isTransparent(op))
    return operand(op, 0);
  if (auto choice = dyn_cast<arith::SelectOp>(op))
    return select(choice);
  if (algebra::findHomomorphism(over, op))
    return exponent(op->getOperand(0), /*negative=*/false, {}, isa<math::Exp2Op>(op));
  for (unsigned i : llvm::reverse(llvm::seq<unsigned>(0, op->getNumOperands()))) {
    Value one = op->getOperand(i);
    if (!algebra::findDistribution(over, op, i) || !isRowFactor(one) || !moves(one))
      continue;
    result.hoists.push_back({op, i, stripBroadcast(one)});
    result.kept[op] = 1 - i;
    return operand(op, 1 - i);
  }
  for (unsigned i : llvm::seq<unsigned>(0, op->getNumOperands())) {
    const algebra::Linearity *law = algebra::findLinearity(over, op, i);
    if (!law)
      continue;
    if (law->both)
      return failure(failed(operand(op, 0)) || failed(operand(op, 1)));
    for (unsigned other : llvm::seq<unsigned>(0, op->getNumOperands()))
      if (other != i && moves(op->getOperand(other)))
        return block(op, "a running statistic changes its other operand for every key");
    return operand(op, i);
  }
  return homogeneous(op);
}

static bool isSame(const ExponentTerm &a, const ExponentTerm &b) {
  return a.value == b.value && a.negative == b.negative && a.base2 == b.base2 &&
         llvm::equal(a.scales, b.scales, [](const Scale &x, const Scale &y) {
           return x.value == y.value && x.divides == y.divides;
         });
}

/// An op whose operands are all repaired by one positive factor, as exponentials are.
LogicalResult Factorizer::homogeneous(Operation *op) {
  auto refuse = [&] { return block(op, "no factor of it can be pulled out of the reduction"); };
  if (!algebra::findHomogeneity(over, op))
    return refuse();
  std::optional<Factorization> common;
  for (Value operand : op->getOperands()) {
    if (algebra::isIdentity(ReduceKind::Sum, operand)) // zero has any factor
      continue;
    Factorization one;
    Factorizer part(over, dependence, running, one);
    if (failed(part.factor(operand)) || !one.hoists.empty() || !one.matched.empty())
      return refuse();
    if (!common)
      common = one;
    else if (one.repairs.size() != common->repairs.size() ||
             !llvm::all_of(one.repairs, [&](const ExponentTerm &term) {
               return llvm::any_of(common->repairs,
                                   [&](const ExponentTerm &other) { return isSame(term, other); });
             }))
      return refuse();
  }
  if (common)
    llvm::append_range(result.repairs, common->repairs);
  return success();
}

/// select(c, f, e) with the reduction's identity e is f where c holds, and nothing elsewhere.
LogicalResult Factorizer::select(arith::SelectOp op) {
  unsigned identity = algebra::isIdentity(over, op.getFalseValue())  ? 2
                      : algebra::isIdentity(over, op.getTrueValue()) ? 1
                                                                     : 0;
  if (!identity)
    return block(op, "chooses between two values that a running statistic changes");
  unsigned other = 3 - identity;
  // A comparison that a common factor leaves as it is. Not one that asks for NaN, which the factor
  // is in rows without keys.
  auto compare = stripBroadcast(op.getCondition()).getDefiningOp<arith::CmpFOp>();
  Factorization ofCondition;
  bool asksForNaN = compare && (compare.getLhs() == compare.getRhs() ||
                                compare.getPredicate() >= arith::CmpFPredicate::ORD);
  bool stays = compare && !asksForNaN && dependence.isStreamed(compare) &&
               succeeded(Factorizer(over, dependence, running, ofCondition).homogeneous(compare));
  if (stays || !moves(op.getCondition()))
    return operand(op, other);
  if (isRowFactor(op.getCondition())) {
    result.hoists.push_back({op, identity, stripBroadcast(op.getCondition())});
    result.kept[op] = other;
    return operand(op, other);
  }
  if (Operation *extremum = matchedExtremum(op.getCondition());
      extremum && identity == 2 && !moves(op->getOperand(other))) {
    result.matched.push_back(extremum);
    return success();
  }
  return block(op, "its condition compares keys with a running statistic");
}

/// The running extremum of x, if the condition is `x == extremum`, perhaps and something, perhaps
/// or `x != x` (which holds for the NaN that an extremum of NaN is).
Operation *Factorizer::matchedExtremum(Value condition) const {
  Operation *op = stripBroadcast(condition).getDefiningOp();
  if (!op)
    return nullptr;
  if (isa<arith::AndIOp>(op)) {
    for (unsigned i : {0u, 1u})
      if (!moves(op->getOperand(1 - i)))
        return matchedExtremum(op->getOperand(i));
    return nullptr;
  }
  auto isNaNOf = [](Value value, Value x) {
    auto compare = stripBroadcast(value).getDefiningOp<arith::CmpFOp>();
    return compare && compare.getPredicate() == arith::CmpFPredicate::UNE &&
           compare.getLhs() == compare.getRhs() && compare.getLhs() == x;
  };
  if (isa<arith::OrIOp>(op)) {
    for (unsigned i : {0u, 1u})
      if (Operation *extremum = matchedExtremum(op->getOperand(i)))
        return isNaNOf(op->getOperand(1 - i), extremum->getOperand(0)) ? extremum : nullptr;
    return nullptr;
  }
  auto floats = dyn_cast<arith::CmpFOp>(op);
  auto integers = dyn_cast<arith::CmpIOp>(op);
  if (!(floats && floats.getPredicate() == arith::CmpFPredicate::OEQ) &&
      !(integers && integers.getPredicate() == arith::CmpIPredicate::eq))
    return nullptr;
  for (unsigned i : {0u, 1u}) {
    Operation *extremum = stripBroadcast(op->getOperand(i)).getDefiningOp();
    if (extremum && running(extremum) && isa<ReduceOp>(extremum) && isExtremum(extremum) &&
        extremum->getOperand(0) == op->getOperand(1 - i))
      return extremum;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Exponents
//===----------------------------------------------------------------------===//

/// The terms of an exponent: those that move become repairs, the rest stays.
LogicalResult Factorizer::exponent(Value value, bool negative, SmallVector<Scale> scales,
                                   bool base2) {
  if (!moves(value))
    return success();
  if (auto negated = stripBroadcast(value).getDefiningOp<arith::NegFOp>())
    return exponent(negated.getOperand(), !negative, scales, base2);
  if (!dependence.isStreamed(stripBroadcast(value))) {
    result.repairs.push_back({stripBroadcast(value), negative, scales, base2});
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (algebra::isTransparent(op))
    return exponent(op->getOperand(0), negative, scales, base2);
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return failure(
        failed(exponent(op->getOperand(0), negative, scales, base2)) ||
        failed(exponent(op->getOperand(1), negative != isa<arith::SubFOp>(op), scales, base2)));
  if (isa<arith::MulFOp, arith::DivFOp>(op)) {
    bool divides = isa<arith::DivFOp>(op);
    for (unsigned i : {1u, 0u}) {
      Value factor = op->getOperand(i);
      if (moves(factor) || dependence.isStreamed(stripBroadcast(factor)) || (divides && i == 0))
        continue;
      scales.push_back({stripBroadcast(factor), divides});
      return exponent(op->getOperand(1 - i), negative, scales, base2);
    }
  }
  if (auto select = dyn_cast<arith::SelectOp>(op))
    if (!negative && !moves(select.getCondition()) &&
        algebra::isIdentity(ReduceKind::Max, select.getFalseValue()))
      return exponent(select.getTrueValue(), negative, scales,
                      base2); // exp(-inf) = 0 times any factor
  return block(op, "the exponent is no sum of a key's part and a statistic's part");
}

LogicalResult flashlight::factorize(Operation *op, const StreamDependence &dependence,
                                    llvm::function_ref<bool(Operation *)> running,
                                    Factorization &result) {
  Factorizer factorizer(kindOf(op), dependence, running, result);
  for (unsigned i : llvm::seq<unsigned>(0, op->getNumOperands()))
    if (failed(factorizer.operand(op, i)))
      return failure();
  return success();
}
