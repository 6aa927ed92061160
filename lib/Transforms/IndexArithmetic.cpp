//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Integer tensors that stand in indices. Where one is arithmetic of iotas, its
// element at an index is an affine expression of that index:
//
//   iota[t] = t    (x + y)[t] = x[t] + y[t]    (x // c)[t] = x[t] floordiv c
//
// and a gather by it is a view. A maximum, a minimum or a selection is one of its
// sides where the extents of the axes decide which, and else no expression.
//
//===----------------------------------------------------------------------===//

#include "IndexSpace.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

/// The least or greatest value where dims start at 0 and `last` has their last positions. Not
/// MLIR's own function, which takes the remainder of the least value for the least remainder.
static std::optional<int64_t> boundOf(AffineExpr expr, ArrayRef<std::optional<int64_t>> last,
                                      bool upper) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return upper ? last[dim.getPosition()] : 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) // nothing is known of what is looked up
    return std::nullopt;
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  if (binary.getKind() == AffineExprKind::Add) {
    std::optional<int64_t> left = boundOf(lhs, last, upper), right = boundOf(rhs, last, upper);
    return left && right ? std::optional(*left + *right) : std::nullopt;
  }
  auto factor = dyn_cast<AffineConstantExpr>(rhs);
  if (!factor)
    return std::nullopt;
  int64_t by = factor.getValue();
  if (binary.getKind() == AffineExprKind::Mul) {
    std::optional<int64_t> bound = boundOf(lhs, last, by < 0 ? !upper : upper);
    return bound ? std::optional(*bound * by) : std::nullopt;
  }
  if (by <= 0)
    return std::nullopt;
  std::optional<int64_t> least = boundOf(lhs, last, false), greatest = boundOf(lhs, last, true);
  if (binary.getKind() == AffineExprKind::FloorDiv) {
    std::optional<int64_t> bound = upper ? greatest : least;
    return bound ? std::optional(llvm::divideFloorSigned(*bound, by)) : std::nullopt;
  }
  if (binary.getKind() != AffineExprKind::Mod)
    return std::nullopt;
  // Between two multiples the remainder grows with the value.
  if (least && greatest &&
      llvm::divideFloorSigned(*least, by) == llvm::divideFloorSigned(*greatest, by))
    return (upper ? *greatest : *least) - llvm::divideFloorSigned(*least, by) * by;
  return upper ? by - 1 : 0;
}

std::optional<int64_t> IndexSpace::bound(AffineExpr expr, bool upper) const {
  SmallVector<std::optional<int64_t>> last;
  for (const Variable &variable : variables)
    last.push_back(variable.extent.symbol ? std::nullopt
                                          : std::optional<int64_t>(variable.extent.size - 1));
  return boundOf(expr, last, upper);
}

/// The sum's terms that are multiples of `divisor`, divided by it, and the rest.
static std::pair<AffineExpr, AffineExpr> split(AffineExpr expr, int64_t divisor) {
  AffineExpr zero = getAffineConstantExpr(0, expr.getContext());
  if (auto sum = dyn_cast<AffineBinaryOpExpr>(expr); sum && sum.getKind() == AffineExprKind::Add) {
    auto left = split(sum.getLHS(), divisor), right = split(sum.getRHS(), divisor);
    return {left.first + right.first, left.second + right.second};
  }
  if (expr.isMultipleOf(divisor))
    return {expr.floorDiv(divisor), zero};
  return {zero, expr};
}

AffineExpr IndexSpace::simplified(AffineExpr expr) const {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr lhs = simplified(binary.getLHS()), rhs = simplified(binary.getRHS());
  auto divisor = dyn_cast<AffineConstantExpr>(rhs);
  bool divides = binary.getKind() == AffineExprKind::FloorDiv;
  if ((divides || binary.getKind() == AffineExprKind::Mod) && divisor && divisor.getValue() > 0) {
    int64_t by = divisor.getValue();
    auto [whole, rest] = split(lhs, by);
    std::optional<int64_t> low = bound(rest, false), high = bound(rest, true);
    if (low && high && *low >= 0 && *high < by)
      return divides ? whole : rest;
    return divides ? whole + rest.floorDiv(by) : rest % by;
  }
  return getAffineBinaryOpExpr(binary.getKind(), lhs, rhs);
}

static std::optional<int64_t> constantOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op))
      break;
    value = op->getOperand(0);
  }
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APInt>().getSExtValue();
}

/// A comparison that holds, or fails, everywhere.
std::optional<bool> IndexSpace::decide(Value condition, ArrayRef<AffineExpr> at) const {
  Index index(at);
  while (Operation *op = condition.getDefiningOp()) {
    if (!isView(op))
      break;
    FailureOr<Index> mapped = indexOfOperand(op, index);
    if (failed(mapped))
      return std::nullopt;
    index = *mapped;
    condition = op->getOperand(0);
  }
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare)
    return std::nullopt;
  AffineExpr left = affine(compare.getLhs(), index), right = affine(compare.getRhs(), index);
  if (!left || !right)
    return std::nullopt;
  std::optional<int64_t> least = bound(left - right, false), greatest = bound(left - right, true);
  auto holds = [](bool always, bool never) {
    return always ? std::optional(true) : never ? std::optional(false) : std::nullopt;
  };
  auto below = [&](int64_t limit) { return greatest && *greatest < limit; };
  auto from = [&](int64_t limit) { return least && *least >= limit; };
  switch (compare.getPredicate()) {
  case arith::CmpIPredicate::slt:
    return holds(below(0), from(0));
  case arith::CmpIPredicate::sle:
    return holds(below(1), from(1));
  case arith::CmpIPredicate::sgt:
    return holds(from(1), below(1));
  case arith::CmpIPredicate::sge:
    return holds(from(0), below(0));
  default:
    return std::nullopt;
  }
}

AffineExpr IndexSpace::affineOp(Operation *op, ArrayRef<AffineExpr> at) const {
  auto operand = [&](unsigned i) { return affine(op->getOperand(i), at); };
  auto isNatural = [&](AffineExpr expr) {
    std::optional<int64_t> least = bound(expr, false);
    return least && *least >= 0;
  };
  if (isa<arith::ExtSIOp, arith::TruncIOp>(op)) // positions fit any type that holds them
    return operand(0);
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    std::optional<bool> holds = decide(select.getCondition(), at);
    return holds ? operand(*holds ? 1 : 2) : AffineExpr();
  }
  if (op->getNumOperands() != 2)
    return {};
  AffineExpr left = operand(0), right = operand(1);
  if (!left || !right)
    return {};
  auto divisor = dyn_cast<AffineConstantExpr>(right);
  bool divides = divisor && divisor.getValue() > 0;
  if (isa<arith::AddIOp>(op))
    return left + right;
  if (isa<arith::SubIOp>(op))
    return left - right;
  if (isa<arith::MulIOp>(op))
    return isa<AffineConstantExpr>(left) || divisor ? left * right : AffineExpr();
  if (isa<arith::FloorDivSIOp>(op) || (isa<arith::DivSIOp, arith::DivUIOp>(op) && isNatural(left)))
    return divides ? left.floorDiv(right) : AffineExpr();
  if (isa<arith::RemSIOp, arith::RemUIOp>(op) && isNatural(left))
    return divides ? left % right : AffineExpr();
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op)) {
    bool max = isa<arith::MaxSIOp>(op);
    if (isNatural(left - right))
      return max ? left : right;
    if (isNatural(right - left))
      return max ? right : left;
  }
  return {};
}

/// The element of an integer tensor as an affine expression, or none.
AffineExpr IndexSpace::affine(Value value, ArrayRef<AffineExpr> at) const {
  Operation *op = value.getDefiningOp();
  if (!op || !tensorType(value).getElementType().isInteger() ||
      tensorType(value).getElementType().isInteger(1))
    return {};
  if (isa<IotaOp>(op))
    return at[0];
  if (std::optional<int64_t> constant = constantOf(value))
    return getAffineConstantExpr(*constant, context);
  if (isView(op)) {
    FailureOr<Index> mapped = indexOfOperand(op, at);
    if (failed(mapped))
      return {};
    for (AffineExpr &expr : *mapped)
      expr = simplified(expr);
    return affine(op->getOperand(0), *mapped);
  }
  AffineExpr expr = isElementwise(op) ? affineOp(op, at) : AffineExpr();
  if (!expr)
    return {};
  // What does not fit the type wraps: no expression.
  unsigned width = tensorType(value).getElementTypeBitWidth();
  std::optional<int64_t> low = bound(expr, false), high = bound(expr, true);
  bool fits = width >= 64 || (low && high && *low >= -(int64_t(1) << (width - 1)) &&
                              *high < (int64_t(1) << (width - 1)));
  return fits ? simplified(expr) : AffineExpr();
}

AffineExpr IndexSpace::lookup(Value value, ArrayRef<AffineExpr> at) {
  Index index = canonical(at);
  if (AffineExpr expr = affine(value, index); expr && isTileable(expr))
    return expr;
  // Without views in front, the same element is the same lookup.
  while (isView(value.getDefiningOp())) {
    FailureOr<Index> mapped = indexOfOperand(value.getDefiningOp(), index);
    if (failed(mapped))
      break;
    for (AffineExpr &expr : *mapped)
      expr = simplified(expr);
    if (isTileable(index) && !isTileable(*mapped))
      break; // a reshape of memory is no copy
    index = *mapped;
    value = value.getDefiningOp()->getOperand(0);
  }
  lookups.push_back({value, index});
  return canonical(getAffineSymbolExpr(lookups.size() - 1, context));
}
