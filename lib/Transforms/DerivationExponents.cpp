//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Derivation.h: what a running result is corrected by, and the guards that keep it
// finite.
//
//===----------------------------------------------------------------------===//

#include "Derivation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace flashlight;

/// A program that computes in base 2 is corrected in base 2: no rounded ln 2 comes in.
static bool allBase2(ArrayRef<ExponentTerm> terms) {
  return llvm::all_of(terms, [](const ExponentTerm &term) { return term.base2; });
}

Value Derivation::exponential(ArrayRef<ExponentTerm> terms, Value exponent, Location loc) {
  if (allBase2(terms))
    return math::Exp2Op::create(builder, loc, exponent);
  return math::ExpOp::create(builder, loc, exponent);
}

/// By how much the terms differ `at` from what they are at `less`, in sum, each with its sign and
/// scales; for `exponential` to be raised. Term by term: a large maximum would swallow a logarithm
/// that it is added to.
Value Derivation::exponentOf(ArrayRef<ExponentTerm> terms, ValueAt at, ValueAt less, Location loc) {
  // All axes that some term has.
  SmallVector<StringAttr> names;
  SmallVector<int64_t> shape;
  auto addAxes = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    for (auto [name, size] : llvm::zip(getAxes(value).getNames(), type.getShape()))
      if (!llvm::is_contained(names, name))
        names.push_back(name), shape.push_back(size);
  };
  SmallVector<std::pair<Value, Value>> values;
  for (const ExponentTerm &term : terms) {
    Value value = at(term.value);
    values.push_back({value, less(term.value)});
    addAxes(value);
    for (const Scale &scale : term.scales)
      addAxes(scale.value);
  }
  // The kernel's order of axes.
  SmallVector<StringAttr> ordered;
  SmallVector<int64_t> orderedShape;
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>())
    if (auto *it = llvm::find(names, axis.getName()); it != names.end()) {
      ordered.push_back(axis.getName());
      orderedShape.push_back(shape[it - names.begin()]);
    }
  // Statistics have at least f32; a program in f64 keeps its precision.
  Type element = builder.getF32Type();
  for (auto [value, other] : values)
    if (elementTypeOf(value).isF64())
      element = builder.getF64Type();
  auto type =
      RankedTensorType::get(orderedShape, element, AxesAttr::get(builder.getContext(), ordered));
  Value sum;
  for (auto [term, pair] : llvm::zip(terms, values)) {
    Value from = widen(pair.second, element, loc);
    Value part = arith::SubFOp::create(builder, loc, widen(pair.first, element, loc), from);
    part = broadcastTo(part, type, loc);
    for (const Scale &scale : llvm::reverse(term.scales)) { // the innermost first
      Value by = broadcastTo(widen(outside(scale.value), element, loc), type, loc);
      part = scale.divides ? arith::DivFOp::create(builder, loc, part, by).getResult()
                           : arith::MulFOp::create(builder, loc, part, by);
    }
    if (term.base2 && !allBase2(terms)) // 2^x = e^(x ln 2)
      part = arith::MulFOp::create(builder, loc, part, constant(type, 0.69314718055994531, loc));
    if (term.negative)
      part = arith::NegFOp::create(builder, loc, part);
    sum = sum ? arith::AddFOp::create(builder, loc, sum, part).getResult() : part;
  }
  return sum;
}

/// A term that is computed from a running sum, as a logarithm of it is: infinite while that is
/// zero.
bool Derivation::mayBeInfinite(const ExponentTerm &term, unsigned sweep) {
  return !sweepOf.contains(term.value.getDefiningOp()) &&
         llvm::any_of(dependence.statisticsOf(term.value), [&](Operation *statistic) {
           return isRunning(statistic, sweep) && kindOf(statistic) == ReduceKind::Sum;
         });
}

bool Derivation::mayBeUnset(ArrayRef<ExponentTerm> terms, unsigned sweep) {
  return llvm::any_of(terms, [&](const ExponentTerm &term) {
    return mayBeInfinite(term, sweep) ||
           llvm::any_of(dependence.statisticsOf(term.value), [&](Operation *statistic) {
             return isRunning(statistic, sweep) && isExtremum(statistic);
           });
  });
}

/// Whether an extremum in the terms is still at its identity, or a logarithm at that of its sum;
/// booleans of the shape of `like`.
Value Derivation::isUnset(ArrayRef<ExponentTerm> terms, unsigned sweep, ValueAt at, Type like,
                          Location loc) {
  auto type = cast<RankedTensorType>(like).clone(builder.getI1Type());
  Value any;
  auto add = [&](Value value, Value unset) {
    Value is = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value, unset);
    is = broadcastTo(is, type, loc);
    any = any ? arith::OrIOp::create(builder, loc, any, is).getResult() : is;
  };
  llvm::SmallSetVector<Operation *, 4> extrema;
  for (const ExponentTerm &term : terms) {
    for (Operation *statistic : dependence.statisticsOf(term.value))
      if (isRunning(statistic, sweep) && isExtremum(statistic))
        extrema.insert(statistic);
    if (mayBeInfinite(term, sweep)) {
      Value value = at(term.value);
      add(value, constant(value.getType(), -std::numeric_limits<double>::infinity(), loc));
    }
  }
  for (Operation *statistic : extrema) {
    Value value = at(statistic->getResult(0));
    add(value, constant(value.getType(), identityOf(kindOf(statistic), elementTypeOf(value)), loc));
  }
  return any;
}

/// What a logarithm of a running sum is taken for inside of exponents: 0 while the sum is zero.
void Derivation::guardTerms(ArrayRef<ExponentTerm> terms, unsigned sweep, Memo &memo,
                            Location loc) {
  for (const ExponentTerm &term : terms) {
    if (!mayBeInfinite(term, sweep) || guardedTerms.contains(memo.lookup(term.value)))
      continue;
    Value value = inside(term.value, sweep, memo);
    Value unset = constant(value.getType(), -std::numeric_limits<double>::infinity(), loc);
    Value is = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value, unset);
    memo[term.value] =
        arith::SelectOp::create(builder, loc, is, constant(value.getType(), 0.0, loc), value);
    guardedTerms.insert(memo[term.value]);
  }
}

/// What a running extremum is taken for inside of exponents: 0 while it is unset.
Value Derivation::guarded(Operation *statistic, Value value) {
  ReduceKind kind = kindOf(statistic);
  if ((kind != ReduceKind::Max && kind != ReduceKind::Min) || !isa<FloatType>(elementTypeOf(value)))
    return value;
  bool inExponent = llvm::any_of(factorizations, [&](auto &entry) {
    return llvm::any_of(entry.second.repairs, [&](const ExponentTerm &term) {
      return dependence.statisticsOf(term.value).contains(statistic);
    });
  });
  if (!inExponent)
    return value;
  Location loc = statistic->getLoc();
  Value unset = constant(value.getType(), identityOf(kind, elementTypeOf(value)), loc);
  Value is = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value, unset);
  return arith::SelectOp::create(builder, loc, is, constant(value.getType(), 0.0, loc), value);
}
