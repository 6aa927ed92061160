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

#include "Algebra.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;
using namespace flashlight::algebra;

//===----------------------------------------------------------------------===//
// The tables
//===----------------------------------------------------------------------===//

// A law that holds only for some numbers (a product with h below zero turns a maximum round) has
// no row. Integer arithmetic wraps around: only booleans and floats have rows.
static constexpr Distribution kDistributions[] = {
    {ReduceKind::Sum, "arith.mulf", 0, {"sum(h * x)", "h * sum(x)"}},
    {ReduceKind::Sum, "arith.mulf", 1, {"sum(x * h)", "sum(x) * h"}},
    {ReduceKind::Sum, "arith.divf", 1, {"sum(x / h)", "sum(x) / h"}},
    {ReduceKind::Max, "arith.addf", 0, {"amax(h + x)", "h + amax(x)"}},
    {ReduceKind::Max, "arith.addf", 1, {"amax(x + h)", "amax(x) + h"}},
    {ReduceKind::Max, "arith.subf", 1, {"amax(x - h)", "amax(x) - h"}},
    {ReduceKind::Min, "arith.addf", 0, {"amin(h + x)", "h + amin(x)"}},
    {ReduceKind::Min, "arith.addf", 1, {"amin(x + h)", "amin(x) + h"}},
    {ReduceKind::Min, "arith.subf", 1, {"amin(x - h)", "amin(x) - h"}},
    {ReduceKind::Max, "arith.minimumf", 0, {"amax(minimum(h, x))", "minimum(h, amax(x))"}},
    {ReduceKind::Max, "arith.minimumf", 1, {"amax(minimum(x, h))", "minimum(amax(x), h)"}},
    {ReduceKind::Min, "arith.maximumf", 0, {"amin(maximum(h, x))", "maximum(h, amin(x))"}},
    {ReduceKind::Min, "arith.maximumf", 1, {"amin(maximum(x, h))", "maximum(amin(x), h)"}},
    {ReduceKind::Any, "arith.andi", 0, {"any(H & X)", "H & any(X)"}},
    {ReduceKind::Any, "arith.andi", 1, {"any(X & H)", "any(X) & H"}},
    {ReduceKind::All, "arith.ori", 0, {"all(H | X)", "H | all(X)"}},
    {ReduceKind::All, "arith.ori", 1, {"all(X | H)", "all(X) | H"}},
};

static constexpr Splitting kSplittings[] = {
    {ReduceKind::Sum, "arith.addf", {"sum(x + y)", "sum(x) + sum(y)"}},
    {ReduceKind::Sum, "arith.subf", {"sum(x - y)", "sum(x) - sum(y)"}},
    {ReduceKind::Prod, "arith.mulf", {"prod(x * y)", "prod(x) * prod(y)"}},
    {ReduceKind::Prod, "arith.divf", {"prod(x / y)", "prod(x) / prod(y)"}},
    {ReduceKind::Max, "arith.maximumf", {"amax(maximum(x, y))", "maximum(amax(x), amax(y))"}},
    {ReduceKind::Min, "arith.minimumf", {"amin(minimum(x, y))", "minimum(amin(x), amin(y))"}},
    {ReduceKind::Any, "arith.ori", {"any(X | Y)", "any(X) | any(Y)"}},
    {ReduceKind::All, "arith.andi", {"all(X & Y)", "all(X) & all(Y)"}},
};

static constexpr Linearity kLinearities[] = {
    {ReduceKind::Sum, "arith.negf", 0, false, {"sum(-(x * h))", "sum(-x) * h"}},
    {ReduceKind::Sum, "arith.mulf", 0, true, {"sum((x * h) * y)", "sum(x * y) * h"}},
    {ReduceKind::Sum, "arith.mulf", 1, true, {"sum(y * (x * h))", "sum(y * x) * h"}},
    {ReduceKind::Sum, "arith.divf", 0, false, {"sum((x * h) / y)", "sum(x / y) * h"}},
    {ReduceKind::Max, "arith.addf", 0, true, {"amax((x + h) + y)", "amax(x + y) + h"}},
    {ReduceKind::Max, "arith.addf", 1, true, {"amax(y + (x + h))", "amax(y + x) + h"}},
    {ReduceKind::Max, "arith.subf", 0, false, {"amax((x + h) - y)", "amax(x - y) + h"}},
    {ReduceKind::Min, "arith.addf", 0, true, {"amin((x + h) + y)", "amin(x + y) + h"}},
    {ReduceKind::Min, "arith.addf", 1, true, {"amin(y + (x + h))", "amin(y + x) + h"}},
    {ReduceKind::Min, "arith.subf", 0, false, {"amin((x + h) - y)", "amin(x - y) + h"}},
};

static constexpr Homomorphism kHomomorphisms[] = {
    {ReduceKind::Sum, "math.exp", {"sum(y * exp(x + h))", "sum(y * exp(x + r)) * exp(h - r)"}},
    {ReduceKind::Sum, "math.exp2", {"sum(y * exp2(x + h))", "sum(y * exp2(x + r)) * exp2(h - r)"}},
};

static constexpr Homogeneity kHomogeneities[] = {
    {ReduceKind::Sum, "arith.addf", {"exp(h) * x + exp(h) * y", "exp(h) * (x + y)"}},
    {ReduceKind::Sum, "arith.subf", {"exp(h) * x - exp(h) * y", "exp(h) * (x - y)"}},
    {ReduceKind::Sum,
     "arith.maximumf",
     {"maximum(exp(h) * x, exp(h) * y)", "exp(h) * maximum(x, y)"}},
    {ReduceKind::Sum,
     "arith.minimumf",
     {"minimum(exp(h) * x, exp(h) * y)", "exp(h) * minimum(x, y)"}},
    {ReduceKind::Sum, "math.absf", {"abs(exp(h) * x)", "exp(h) * abs(x)"}},
    {ReduceKind::Sum, "arith.cmpf", {"exp(h) * x < exp(h) * y", "x < y"}},
};

//===----------------------------------------------------------------------===//
// Looking up
//===----------------------------------------------------------------------===//

ArrayRef<Distribution> algebra::distributions() { return kDistributions; }
ArrayRef<Splitting> algebra::splittings() { return kSplittings; }
ArrayRef<Linearity> algebra::linearities() { return kLinearities; }
ArrayRef<Homomorphism> algebra::homomorphisms() { return kHomomorphisms; }
ArrayRef<Homogeneity> algebra::homogeneities() { return kHomogeneities; }

template <typename Row, typename Matches>
static const Row *find(ArrayRef<Row> table, ReduceKind over, Operation *op, Matches matches) {
  for (const Row &row : table)
    if (row.over == over && op->getName().getStringRef() == row.op && matches(row))
      return &row;
  return nullptr;
}

const Distribution *algebra::findDistribution(ReduceKind over, Operation *op, unsigned position) {
  return find(distributions(), over, op,
              [&](const Distribution &row) { return row.position == position; });
}

const Splitting *algebra::findSplitting(ReduceKind over, Operation *op) {
  return find(splittings(), over, op, [](const Splitting &) { return true; });
}

const Linearity *algebra::findLinearity(ReduceKind over, Operation *op, unsigned position) {
  return find(linearities(), over, op,
              [&](const Linearity &row) { return row.position == position; });
}

const Homomorphism *algebra::findHomomorphism(ReduceKind over, Operation *op) {
  return find(homomorphisms(), over, op, [](const Homomorphism &) { return true; });
}

const Homogeneity *algebra::findHomogeneity(ReduceKind over, Operation *op) {
  return find(homogeneities(), over, op, [](const Homogeneity &) { return true; });
}

bool algebra::isTransparent(Operation *op) {
  return isa<BroadcastOp, arith::ExtFOp, arith::TruncFOp>(op);
}

bool algebra::isIdentity(ReduceKind over, Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return false;
  auto splat = dyn_cast<SplatElementsAttr>(constant);
  if (!splat)
    return false;
  if (auto type = dyn_cast<FloatType>(splat.getElementType())) {
    APFloat number = splat.getSplatValue<APFloat>();
    switch (over) {
    case ReduceKind::Sum:
      return number.isZero();
    case ReduceKind::Prod:
      return number.isExactlyValue(1.0);
    case ReduceKind::Max:
      return number.isInfinity() && number.isNegative();
    case ReduceKind::Min:
      return number.isInfinity() && !number.isNegative();
    default:
      return false;
    }
  }
  APInt number = splat.getSplatValue<APInt>();
  switch (over) {
  case ReduceKind::Sum:
  case ReduceKind::Any:
    return number.isZero();
  case ReduceKind::Prod:
    return number.isOne();
  case ReduceKind::All:
    return !number.isZero();
  case ReduceKind::Max:
    return number.isMinSignedValue();
  case ReduceKind::Min:
    return number.isMaxSignedValue();
  }
  llvm_unreachable("unknown reduction");
}
