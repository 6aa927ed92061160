//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-derive-online: see Passes.td. Factorize finds the algebra; here the
// kernel is written again as sweeps. For a sum r with exponent terms T over
// running statistics, after each block
//
//   r_new = r_old * exp(T(new) - T(old)) + sum over the block of f(x, new)
//
// and where a running maximum is still -inf (a row masked so far), T is taken at 0
// instead, so that every intermediate is finite; a last factor exp(T(m) - T(ref(m)))
// gives such a row what eager gives it.
//
//===----------------------------------------------------------------------===//

#include "Factorize.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

namespace flashlight {
#define GEN_PASS_DEF_DERIVEONLINE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

class Derivation {
public:
  explicit Derivation(KernelOp kernel)
      : kernel(kernel), dependence(kernel), builder(kernel.getContext()) {}

  void plan();
  void rewrite();
  unsigned getNumSweeps() const { return numSweeps; }

private:
  using Memo = llvm::DenseMap<Value, Value>;

  bool isRunning(Operation *op, unsigned sweep) const {
    auto it = sweepOf.find(op);
    return it != sweepOf.end() && it->second == sweep;
  }
  bool movesIn(Value value, unsigned sweep) const {
    return llvm::any_of(dependence.statisticsOf(value),
                        [&](Operation *op) { return isRunning(op, sweep); });
  }
  Value outside(Value value);
  Value inside(Value value, unsigned sweep, Memo &memo);
  void emitSweep(unsigned sweep);
  Value emitUpdate(Operation *op, Value old, unsigned sweep, Memo &atNew, Memo &atOld);
  Value finish(Operation *op, Value state);
  Value exponentOf(ArrayRef<ExponentTerm> terms, llvm::function_ref<Value(Value)> at, Location loc);
  Value exponential(ArrayRef<ExponentTerm> terms, Value exponent, Location loc);
  bool mayBeUnset(ArrayRef<ExponentTerm> terms, unsigned sweep);
  bool mayBeInfinite(const ExponentTerm &term, unsigned sweep);
  Value isUnset(ArrayRef<ExponentTerm> terms, unsigned sweep, llvm::function_ref<Value(Value)> at,
                Type like, Location loc);
  Value guarded(Operation *statistic, Value value);
  void guardTerms(ArrayRef<ExponentTerm> terms, unsigned sweep, Memo &memo, Location loc);

  Value constant(Type like, double value, Location loc);
  Value constant(Type like, Attribute value, Location loc);
  Attribute identity(ReduceKind kind, Type elementType);
  Value combine(ReduceKind kind, Value a, Value b, Location loc);
  Value broadcastTo(Value value, Type like, Location loc);
  Value widen(Value value, Type elementType, Location loc);

  KernelOp kernel;
  StreamDependence dependence;
  OpBuilder builder;
  unsigned numSweeps = 0;
  llvm::DenseMap<Operation *, unsigned> sweepOf;
  llvm::DenseMap<Operation *, Factorization> factorizations;
  llvm::DenseSet<Value> guardedTerms; // terms that have been guarded already
  Memo finished;                      // old value -> new value, outside of sweeps
  Operation *beforeSweep = nullptr;   // where values that a sweep needs from outside go
};

} // namespace

static ReduceKind kindOf(Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  return reduce ? reduce.getKind() : ReduceKind::Sum;
}

static Type elementTypeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Which sweep computes which statistic
//===----------------------------------------------------------------------===//

/// A statistic joins the sweep of those it depends on if it can be corrected when they move;
/// otherwise it waits for their final values, in the next sweep.
void Derivation::plan() {
  for (Operation *op : dependence.getStatistics()) {
    unsigned sweep = 0;
    for (Value operand : op->getOperands())
      for (Operation *earlier : dependence.statisticsOf(operand))
        sweep = std::max(sweep, sweepOf[earlier]);
    auto running = [&](Operation *other) { return isRunning(other, sweep); };
    Factorization found;
    ReduceKind kind = kindOf(op);
    LogicalResult derived = success();
    bool moves = llvm::any_of(op->getOperands(), [&](Value v) { return movesIn(v, sweep); });
    if (moves) {
      if (kind == ReduceKind::Sum)
        derived = factorizeSum(op->getOperands(), dependence, running, found);
      else if (kind == ReduceKind::Max || kind == ReduceKind::Min)
        derived = factorizeExtremum(op->getOperand(0), dependence, running, found);
      else
        derived = failure();
    }
    if (failed(derived)) {
      InFlightDiagnostic remark = op->emitRemark()
                                  << "takes another sweep over '" << kernel.getStream()
                                  << "': it depends on statistics of the same sweep";
      if (found.blockingOp)
        remark.attachNote(found.blockingOp->getLoc()) << found.blockedBy;
      found = Factorization();
      ++sweep;
    }
    sweepOf[op] = sweep;
    factorizations[op] = std::move(found);
    numSweeps = std::max(numSweeps, sweep + 1);
  }
}

//===----------------------------------------------------------------------===//
// Values outside and inside of a sweep
//===----------------------------------------------------------------------===//

/// A value without the stream, from finished statistics.
Value Derivation::outside(Value value) {
  auto it = finished.find(value);
  if (it != finished.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  if (!op) // a block argument
    return value;
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(outside(operand));
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  OpBuilder::InsertionGuard guard(builder);
  if (beforeSweep)
    builder.setInsertionPoint(beforeSweep);
  Operation *clone = builder.clone(*op, mapping);
  for (auto [from, to] : llvm::zip(op->getResults(), clone->getResults()))
    finished[from] = to;
  return finished[value];
}

/// A value in the body of sweep `sweep`; `memo` starts with what running statistics are taken for.
Value Derivation::inside(Value value, unsigned sweep, Memo &memo) {
  auto it = memo.find(value);
  if (it != memo.end())
    return it->second;
  if (!dependence.isStreamed(value) && !movesIn(value, sweep))
    return outside(value);
  Operation *op = value.getDefiningOp();
  for (auto &[statistic, factorization] : factorizations)
    if (sweepOf[statistic] == sweep)
      if (auto kept = factorization.kept.find(op); kept != factorization.kept.end()) {
        Value operand = inside(op->getOperand(kept->second), sweep, memo);
        return memo[value] = broadcastTo(operand, value.getType(), op->getLoc());
      }
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, inside(operand, sweep, memo));
  Operation *clone = builder.clone(*op, mapping);
  for (auto [from, to] : llvm::zip(op->getResults(), clone->getResults()))
    memo[from] = to;
  return memo[value];
}

//===----------------------------------------------------------------------===//
// A sweep
//===----------------------------------------------------------------------===//

void Derivation::emitSweep(unsigned sweep) {
  SmallVector<Operation *> statistics;
  for (Operation *op : dependence.getStatistics())
    if (sweepOf[op] == sweep)
      statistics.push_back(op);

  SmallVector<Value> inits;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (Operation *op : statistics) {
    Type type = op->getResult(0).getType();
    inits.push_back(
        constant(type, identity(kindOf(op), elementTypeOf(op->getResult(0))), op->getLoc()));
    types.push_back(type);
    locations.push_back(op->getLoc());
  }
  auto stream = StreamOp::create(builder, builder.getFusedLoc(locations), types,
                                 kernel.getStreamAttr(), ArrayAttr(), ArrayAttr(), inits);
  beforeSweep = stream;
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *body = builder.createBlock(&stream.getBody(), {}, types, locations);
    Memo atNew, atOld;
    for (auto [op, argument] : llvm::zip(statistics, body->getArguments()))
      atOld[op->getResult(0)] = argument;
    SmallVector<Value> updated;
    for (auto [op, argument] : llvm::zip(statistics, body->getArguments())) {
      Value value = emitUpdate(op, argument, sweep, atNew, atOld);
      updated.push_back(value);
      atNew[op->getResult(0)] = guarded(op, value);
    }
    YieldOp::create(builder, stream.getLoc(), updated);
  }
  beforeSweep = nullptr;
  builder.setInsertionPointAfter(stream);
  for (auto [op, state] : llvm::zip(statistics, stream.getResults()))
    finished[op->getResult(0)] = finish(op, state);
}

/// The statistic after one more block.
Value Derivation::emitUpdate(Operation *op, Value old, unsigned sweep, Memo &atNew, Memo &atOld) {
  Location loc = op->getLoc();
  const Factorization &factorization = factorizations[op];
  if (!factorization.repairs.empty()) {
    guardTerms(factorization.repairs, sweep, atNew, loc);
    Value after =
        exponentOf(factorization.repairs, [&](Value v) { return inside(v, sweep, atNew); }, loc);
    Value before =
        exponentOf(factorization.repairs, [&](Value v) { return inside(v, sweep, atOld); }, loc);
    Value moved = arith::SubFOp::create(builder, loc, after, before);
    Value correction = exponential(factorization.repairs, moved, loc);
    // Nothing but zeros has been summed while a maximum was unset: any finite factor will do.
    if (mayBeUnset(factorization.repairs, sweep)) {
      Value unset = isUnset(
          factorization.repairs, sweep, [&](Value v) { return inside(v, sweep, atOld); },
          correction.getType(), loc);
      correction = arith::SelectOp::create(builder, loc, unset,
                                           constant(correction.getType(), 1.0, loc), correction);
    }
    correction = broadcastTo(widen(correction, elementTypeOf(old), loc), old.getType(), loc);
    old = arith::MulFOp::create(builder, loc, old, correction);
  }
  if (auto contract = dyn_cast<ContractOp>(op)) {
    Value lhs = inside(contract.getLhs(), sweep, atNew),
          rhs = inside(contract.getRhs(), sweep, atNew);
    return ContractOp::create(builder, loc, op->getResult(0).getType(), lhs, rhs, old,
                              StringAttr());
  }
  auto reduce = cast<ReduceOp>(op);
  Value operand = inside(reduce.getOperand(), sweep, atNew);
  Value block =
      ReduceOp::create(builder, loc, reduce.getType(), reduce.getKindAttr(), operand, nullptr);
  return combine(reduce.getKind(), old, block, loc);
}

/// From the state after the last block to the value that the program computes.
Value Derivation::finish(Operation *op, Value state) {
  Location loc = op->getLoc();
  const Factorization &factorization = factorizations[op];
  unsigned sweep = sweepOf[op];
  auto finalOf = [&](Operation *statistic) { return finished[statistic->getResult(0)]; };
  if (!factorization.repairs.empty()) {
    if (mayBeUnset(factorization.repairs, sweep)) {
      Memo atReference;
      for (const ExponentTerm &term : factorization.repairs)
        for (Operation *statistic : dependence.statisticsOf(term.value))
          if (isRunning(statistic, sweep))
            atReference[statistic->getResult(0)] = guarded(statistic, finalOf(statistic));
      guardTerms(factorization.repairs, sweep, atReference, loc);
      Value final = exponentOf(factorization.repairs, [&](Value v) { return outside(v); }, loc);
      Value reference = exponentOf(
          factorization.repairs, [&](Value v) { return inside(v, sweep, atReference); }, loc);
      Value moved = arith::SubFOp::create(builder, loc, final, reference);
      Value factor = exponential(factorization.repairs, moved, loc);
      Value unset = isUnset(
          factorization.repairs, sweep, [&](Value v) { return outside(v); }, factor.getType(), loc);
      factor = arith::SelectOp::create(builder, loc, unset, factor,
                                       constant(factor.getType(), 1.0, loc));
      factor = broadcastTo(widen(factor, elementTypeOf(state), loc), state.getType(), loc);
      state = arith::MulFOp::create(builder, loc, state, factor);
    }
  }
  // The innermost factor first, as the program applies them.
  for (const Hoist &hoist : llvm::reverse(factorization.hoists)) {
    Value value = outside(hoist.value);
    if (hoist.kind == Hoist::Select) {
      Value condition = broadcastTo(
          value, cast<RankedTensorType>(state.getType()).clone(builder.getI1Type()), loc);
      state = arith::SelectOp::create(builder, loc, condition, state,
                                      constant(state.getType(), 0.0, loc));
      continue;
    }
    value = broadcastTo(widen(value, elementTypeOf(state), loc), state.getType(), loc);
    switch (hoist.kind) {
    case Hoist::Multiply:
      state = arith::MulFOp::create(builder, loc, state, value);
      break;
    case Hoist::Divide:
      state = arith::DivFOp::create(builder, loc, state, value);
      break;
    case Hoist::Add:
      state = arith::AddFOp::create(builder, loc, state, value);
      break;
    case Hoist::Subtract:
      state = arith::SubFOp::create(builder, loc, state, value);
      break;
    case Hoist::Select:
      break;
    }
  }
  return state;
}

/// A program that computes in base 2 is corrected in base 2: no rounded ln 2 comes in.
static bool allBase2(ArrayRef<ExponentTerm> terms) {
  return llvm::all_of(terms, [](const ExponentTerm &term) { return term.base2; });
}

Value Derivation::exponential(ArrayRef<ExponentTerm> terms, Value exponent, Location loc) {
  if (allBase2(terms))
    return math::Exp2Op::create(builder, loc, exponent);
  return math::ExpOp::create(builder, loc, exponent);
}

/// The sum of the terms, each with its sign and scales; for `exponential` to be raised.
Value Derivation::exponentOf(ArrayRef<ExponentTerm> terms, llvm::function_ref<Value(Value)> at,
                             Location loc) {
  // All axes that some term has.
  SmallVector<StringAttr> names;
  SmallVector<int64_t> shape;
  auto addAxes = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    for (auto [name, size] : llvm::zip(getAxes(value).getNames(), type.getShape()))
      if (!llvm::is_contained(names, name))
        names.push_back(name), shape.push_back(size);
  };
  SmallVector<Value> values;
  for (const ExponentTerm &term : terms) {
    values.push_back(at(term.value));
    addAxes(values.back());
    for (Value scale : term.scales)
      addAxes(scale);
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
  for (Value value : values)
    if (elementTypeOf(value).isF64())
      element = builder.getF64Type();
  auto type =
      RankedTensorType::get(orderedShape, element, AxesAttr::get(builder.getContext(), ordered));
  Value sum;
  for (auto [term, value] : llvm::zip(terms, values)) {
    Value part = broadcastTo(widen(value, element, loc), type, loc);
    for (Value scale : term.scales)
      part = arith::MulFOp::create(builder, loc, part,
                                   broadcastTo(widen(outside(scale), element, loc), type, loc));
    if (term.base2 && !allBase2(terms)) // 2^x = e^(x ln 2)
      part = arith::MulFOp::create(builder, loc, part, constant(type, 0.69314718055994531, loc));
    if (term.negative)
      part = arith::NegFOp::create(builder, loc, part);
    sum = sum ? arith::AddFOp::create(builder, loc, sum, part).getResult() : part;
  }
  return sum;
}

static bool isExtremum(Operation *op) {
  return kindOf(op) == ReduceKind::Max || kindOf(op) == ReduceKind::Min;
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
Value Derivation::isUnset(ArrayRef<ExponentTerm> terms, unsigned sweep,
                          llvm::function_ref<Value(Value)> at, Type like, Location loc) {
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
    add(value, constant(value.getType(), identity(kindOf(statistic), elementTypeOf(value)), loc));
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
  Value unset = constant(value.getType(), identity(kind, elementTypeOf(value)), loc);
  Value is = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value, unset);
  return arith::SelectOp::create(builder, loc, is, constant(value.getType(), 0.0, loc), value);
}

//===----------------------------------------------------------------------===//
// Small builders
//===----------------------------------------------------------------------===//

Value Derivation::constant(Type like, Attribute value, Location loc) {
  auto scalar = RankedTensorType::get({}, cast<RankedTensorType>(like).getElementType(),
                                      AxesAttr::get(builder.getContext(), {}));
  Value rankZero = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(scalar, value));
  return broadcastTo(rankZero, like, loc);
}

Value Derivation::constant(Type like, double value, Location loc) {
  return constant(like, builder.getFloatAttr(cast<RankedTensorType>(like).getElementType(), value),
                  loc);
}

Attribute Derivation::identity(ReduceKind kind, Type elementType) {
  return arith::getIdentityValueAttr(
      kind == ReduceKind::Sum
          ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::addf : arith::AtomicRMWKind::addi)
      : kind == ReduceKind::Prod
          ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::mulf : arith::AtomicRMWKind::muli)
      : kind == ReduceKind::Max ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::maximumf
                                                               : arith::AtomicRMWKind::maxs)
      : kind == ReduceKind::Min ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::minimumf
                                                               : arith::AtomicRMWKind::mins)
      : kind == ReduceKind::Any ? arith::AtomicRMWKind::ori
                                : arith::AtomicRMWKind::andi,
      elementType, builder, kernel.getLoc());
}

Value Derivation::combine(ReduceKind kind, Value a, Value b, Location loc) {
  bool isFloat = isa<FloatType>(elementTypeOf(a));
  switch (kind) {
  case ReduceKind::Sum:
    return isFloat ? arith::AddFOp::create(builder, loc, a, b).getResult()
                   : arith::AddIOp::create(builder, loc, a, b);
  case ReduceKind::Prod:
    return isFloat ? arith::MulFOp::create(builder, loc, a, b).getResult()
                   : arith::MulIOp::create(builder, loc, a, b);
  case ReduceKind::Max:
    return isFloat ? arith::MaximumFOp::create(builder, loc, a, b).getResult()
                   : arith::MaxSIOp::create(builder, loc, a, b);
  case ReduceKind::Min:
    return isFloat ? arith::MinimumFOp::create(builder, loc, a, b).getResult()
                   : arith::MinSIOp::create(builder, loc, a, b);
  case ReduceKind::Any:
    return arith::OrIOp::create(builder, loc, a, b);
  case ReduceKind::All:
    return arith::AndIOp::create(builder, loc, a, b);
  }
  llvm_unreachable("unknown reduction");
}

Value Derivation::broadcastTo(Value value, Type like, Location loc) {
  auto to = cast<RankedTensorType>(like);
  auto type = to.clone(elementTypeOf(value));
  return value.getType() == type
             ? value
             : BroadcastOp::create(builder, loc, type, value, nullptr).getResult();
}

Value Derivation::widen(Value value, Type elementType, Location loc) {
  Type from = elementTypeOf(value);
  if (from == elementType)
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(elementType);
  return from.getIntOrFloatBitWidth() < elementType.getIntOrFloatBitWidth()
             ? arith::ExtFOp::create(builder, loc, type, value).getResult()
             : arith::TruncFOp::create(builder, loc, type, value).getResult();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void Derivation::rewrite() {
  Block &block = kernel.getBlock();
  SmallVector<Operation *> old;
  for (Operation &op : block.without_terminator())
    old.push_back(&op);
  Operation *terminator = block.getTerminator();
  builder.setInsertionPoint(terminator);
  for (unsigned sweep = 0; sweep < numSweeps; ++sweep) {
    emitSweep(sweep);
    builder.setInsertionPoint(terminator);
  }
  for (OpOperand &operand : terminator->getOpOperands())
    operand.set(outside(operand.get()));
  for (Operation *op : llvm::reverse(old))
    op->erase();
}

namespace {

struct DeriveOnline : flashlight::impl::DeriveOnlineBase<DeriveOnline> {
  void runOnOperation() override {
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) {
      if (kernel.getBlock().getOps<StreamOp>().empty())
        kernels.push_back(kernel);
    });
    for (KernelOp kernel : kernels) {
      Derivation derivation(kernel);
      derivation.plan();
      derivation.rewrite();
      numSweeps += derivation.getNumSweeps();
    }
  }
};

} // namespace
