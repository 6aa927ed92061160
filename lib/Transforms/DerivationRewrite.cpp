//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Derivation.h: the kernel, written again as sweeps.
//
//===----------------------------------------------------------------------===//

#include "Derivation.h"

#include "Algebra.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace flashlight;

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
  if (active)
    if (auto remaining = active->kept.find(op); remaining != active->kept.end()) {
      Value operand = inside(op->getOperand(remaining->second), sweep, memo);
      return memo[value] = broadcastTo(operand, value.getType(), op->getLoc());
    }
  if (carries.contains(op))
    return memo[value] = scanInside(cast<ScanOp>(op), sweep, memo);
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, inside(operand, sweep, memo));
  Operation *clone = builder.clone(*op, mapping);
  for (auto [from, to] : llvm::zip(op->getResults(), clone->getResults()))
    memo[from] = to;
  return memo[value];
}

/// A scan over the block goes on from what the blocks before it combined to.
Value Derivation::scanInside(ScanOp scan, unsigned sweep, Memo &memo) {
  IRMapping mapping;
  mapping.map(scan.getOperand(), inside(scan.getOperand(), sweep, memo));
  Location loc = scan.getLoc();
  Value block = builder.clone(*scan, mapping)->getResult(0);
  const Carry &carry = carries[scan];
  if (carry.lost)
    block =
        arith::AddFOp::create(builder, loc, broadcastTo(carry.lost, scan.getType(), loc), block);
  return combine(scan.getKind(), builder, loc, broadcastTo(carry.sum, scan.getType(), loc), block);
}

/// A sum that is carried from block to block has a second number for what its roundings lose:
/// otherwise the error would grow with the number of blocks, which that of eager's scans does not.
static bool losesDigits(ScanOp scan) {
  return scan.getKind() == ReduceKind::Sum && isa<FloatType>(elementTypeOf(scan.getResult()));
}

/// The carry after one more block, and what it has lost. (a + b) - (exactly a + b) is a number of
/// the same type; where the sum is infinite there is nothing to lose.
Derivation::Carry Derivation::carryOn(ScanOp scan, Value block) {
  Location loc = scan.getLoc();
  Carry before = carries[scan], after;
  after.sum = combine(scan.getKind(), builder, loc, before.sum, block);
  if (!before.lost)
    return after;
  auto difference = [&](Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b).getResult();
  };
  Value added = difference(after.sum, before.sum);
  Value ofCarry = difference(before.sum, difference(after.sum, added));
  Value ofBlock = difference(block, added);
  Value lost = arith::AddFOp::create(builder, loc, ofCarry, ofBlock);
  Value none = constant(lost.getType(), 0.0, loc);
  Value finite = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ORD, lost, lost);
  lost = arith::SelectOp::create(builder, loc, finite, lost, none);
  after.lost = arith::AddFOp::create(builder, loc, before.lost, lost);
  return after;
}

//===----------------------------------------------------------------------===//
// A sweep
//===----------------------------------------------------------------------===//

/// The type of what is carried along a scan: its own without the stream.
static RankedTensorType carryType(ScanOp scan) {
  SmallVector<int64_t> shape;
  SmallVector<StringAttr> names;
  auto type = cast<RankedTensorType>(scan.getType());
  for (auto [name, size] : llvm::zip(getAxes(scan.getResult()).getNames(), type.getShape()))
    if (name != scan.getAxisAttr()) {
      names.push_back(name);
      shape.push_back(size);
    }
  return RankedTensorType::get(shape, type.getElementType(),
                               AxesAttr::get(scan.getContext(), names));
}

void Derivation::emitSweep(unsigned sweep) {
  SmallVector<Operation *> state; // statistics, then scans, then what these lose
  StreamDependence::Operations scans;
  for (Operation *op : dependence.getStatistics())
    if (sweepOf[op] == sweep) {
      state.push_back(op);
      for (Value operand : op->getOperands())
        scans.insert_range(dependence.scansOf(operand));
    }
  unsigned count = state.size();
  state.append(scans.begin(), scans.end());
  llvm::copy_if(scans, std::back_inserter(state),
                [](Operation *scan) { return losesDigits(cast<ScanOp>(scan)); });

  SmallVector<Value> inits;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (Operation *op : state) {
    auto scan = dyn_cast<ScanOp>(op);
    Type type = scan ? carryType(scan) : op->getResult(0).getType();
    inits.push_back(
        constant(type, identityOf(kindOf(op), elementTypeOf(op->getResult(0))), op->getLoc()));
    types.push_back(type);
    locations.push_back(op->getLoc());
  }
  bool reverse =
      llvm::any_of(scans, [](Operation *scan) { return cast<ScanOp>(scan).getReverse(); });
  auto stream = StreamOp::create(builder, builder.getFusedLoc(locations), types,
                                 kernel.getStreamAttr(), ArrayAttr(), ArrayAttr(), reverse, inits);
  ArrayRef<Operation *> statistics = ArrayRef(state).take_front(count);
  beforeSweep = stream;
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *body = builder.createBlock(&stream.getBody(), {}, types, locations);
    Memo atNew, atOld;
    unguarded.clear();
    for (auto [op, argument] : llvm::zip(statistics, body->getArguments()))
      atOld[op->getResult(0)] = argument;
    auto arguments = body->getArguments().drop_front(count);
    for (auto [scan, argument] : llvm::zip(scans, arguments))
      carries[scan] = {argument, Value()};
    for (auto [op, argument] : llvm::zip(llvm::drop_begin(state, count + scans.size()),
                                         arguments.drop_front(scans.size())))
      carries[op].lost = argument;
    SmallVector<Value> updated;
    for (auto [op, argument] : llvm::zip(statistics, body->getArguments())) {
      Value value = emitUpdate(op, argument, sweep, atNew, atOld);
      updated.push_back(value);
      unguarded[op->getResult(0)] = value;
      atNew[op->getResult(0)] = guarded(op, value);
    }
    SmallVector<Value> lost;
    for (Operation *op : scans) {
      auto scan = cast<ScanOp>(op);
      Value block = ReduceOp::create(builder, scan.getLoc(), carryType(scan), scan.getKindAttr(),
                                     inside(scan.getOperand(), sweep, atNew), DenseI64ArrayAttr());
      Carry after = carryOn(scan, block);
      updated.push_back(after.sum);
      if (after.lost)
        lost.push_back(after.lost);
    }
    llvm::append_range(updated, lost);
    YieldOp::create(builder, stream.getLoc(), updated);
    carries.clear();
    if (scans.empty()) // what follows a range depends on what a scan carries into it
      emitMerge(stream, statistics, sweep);
  }
  beforeSweep = nullptr;
  builder.setInsertionPointAfter(stream);
  for (auto [op, value] : llvm::zip(statistics, stream.getResults()))
    finished[op->getResult(0)] = finish(op, value);
}

/// Two ranges that were swept apart become one.
void Derivation::emitMerge(StreamOp stream, ArrayRef<Operation *> statistics, unsigned sweep) {
  SmallVector<Type> types(stream.getResultTypes());
  llvm::append_range(types, stream.getResultTypes());
  SmallVector<Location> locations(types.size(), stream.getLoc());
  Block *body = builder.createBlock(&stream.getMerge(), {}, types, locations);
  auto left = body->getArguments().take_front(statistics.size());
  auto right = body->getArguments().drop_front(statistics.size());
  Memo atLeft, atRight, atNew;
  unguarded.clear();
  for (auto [op, a, b] : llvm::zip(statistics, left, right)) {
    atLeft[op->getResult(0)] = a;
    atRight[op->getResult(0)] = b;
  }
  SmallVector<Value> merged;
  for (auto [op, a, b] : llvm::zip(statistics, left, right)) {
    Value one = corrected(op, a, sweep, atNew, atLeft);
    Value other = corrected(op, b, sweep, atNew, atRight);
    Value value = combine(kindOf(op), builder, op->getLoc(), one, other);
    merged.push_back(value);
    unguarded[op->getResult(0)] = value;
    atNew[op->getResult(0)] = guarded(op, value);
  }
  YieldOp::create(builder, stream.getLoc(), merged);
}

/// The state of a statistic, moved from what others were at `atOld` to what they are at `atNew`.
Value Derivation::corrected(Operation *op, Value state, unsigned sweep, Memo &atNew, Memo &atOld) {
  Location loc = op->getLoc();
  const Factorization &factorization = factorizations[op];
  if (!factorization.repairs.empty()) {
    guardTerms(factorization.repairs, sweep, atNew, loc);
    Value moved = exponentOf(
        factorization.repairs, [&](Value v) { return inside(v, sweep, atNew); },
        [&](Value v) { return inside(v, sweep, atOld); }, loc);
    Value correction = exponential(factorization.repairs, moved, loc);
    // Nothing but zeros has been summed while a maximum was unset: any finite factor will do.
    if (mayBeUnset(factorization.repairs, sweep)) {
      Value unset = isUnset(
          factorization.repairs, sweep, [&](Value v) { return inside(v, sweep, atOld); },
          correction.getType(), loc);
      correction = arith::SelectOp::create(builder, loc, unset,
                                           constant(correction.getType(), 1.0, loc), correction);
    }
    correction = broadcastTo(widen(correction, elementTypeOf(state), loc), state.getType(), loc);
    state = arith::MulFOp::create(builder, loc, state, correction);
  }
  // No key is at an extremum that has moved since, unless both are NaN.
  for (Operation *extremum : factorization.matched) {
    Value before = atOld[extremum->getResult(0)], after = unguarded[extremum->getResult(0)];
    Value same;
    if (isa<FloatType>(elementTypeOf(before))) {
      same = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, before, after);
      Value isNaN = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, before, before);
      same = arith::OrIOp::create(builder, loc, same, isNaN);
    } else {
      same = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, before, after);
    }
    Value none = constant(state.getType(), identityOf(kindOf(op), elementTypeOf(state)), loc);
    state =
        arith::SelectOp::create(builder, loc, broadcastTo(same, state.getType(), loc), state, none);
  }
  return state;
}

/// The statistic after one more block.
Value Derivation::emitUpdate(Operation *op, Value old, unsigned sweep, Memo &atNew, Memo &atOld) {
  Location loc = op->getLoc();
  old = corrected(op, old, sweep, atNew, atOld);
  // A value of its own for every statistic: without the factors that leave this one.
  // Exponents take an unset extremum for 0, comparisons take it as it is.
  Memo memo = factorizations[op].matched.empty() ? atNew : unguarded;
  SmallVector<Value> operands;
  active = &factorizations[op];
  for (Value operand : op->getOperands())
    operands.push_back(inside(operand, sweep, memo));
  active = nullptr;
  if (isa<ContractOp>(op))
    return ContractOp::create(builder, loc, op->getResult(0).getType(), operands[0], operands[1],
                              old, StringAttr());
  auto reduce = cast<ReduceOp>(op);
  Value operand = operands[0];
  Value block =
      ReduceOp::create(builder, loc, reduce.getType(), reduce.getKindAttr(), operand, nullptr);
  return combine(reduce.getKind(), builder, loc, old, block);
}

/// From the state after the last block to the value that the program computes.
Value Derivation::finish(Operation *op, Value state) {
  Location loc = op->getLoc();
  const Factorization &factorization = factorizations[op];
  unsigned sweep = sweepOf[op];
  auto finalOf = [&](Operation *statistic) { return finished[statistic->getResult(0)]; };
  if (!factorization.repairs.empty() && mayBeUnset(factorization.repairs, sweep)) {
    Memo atReference;
    for (const ExponentTerm &term : factorization.repairs)
      for (Operation *statistic : dependence.statisticsOf(term.value))
        if (isRunning(statistic, sweep))
          atReference[statistic->getResult(0)] = guarded(statistic, finalOf(statistic));
    guardTerms(factorization.repairs, sweep, atReference, loc);
    Value moved = exponentOf(
        factorization.repairs, [&](Value v) { return outside(v); },
        [&](Value v) { return inside(v, sweep, atReference); }, loc);
    Value factor = exponential(factorization.repairs, moved, loc);
    Value unset = isUnset(
        factorization.repairs, sweep, [&](Value v) { return outside(v); }, factor.getType(), loc);
    factor =
        arith::SelectOp::create(builder, loc, unset, factor, constant(factor.getType(), 1.0, loc));
    factor = broadcastTo(widen(factor, elementTypeOf(state), loc), state.getType(), loc);
    state = arith::MulFOp::create(builder, loc, state, factor);
  }
  // The innermost factor first, as the program applies them.
  for (const Hoist &hoist : llvm::reverse(factorization.hoists))
    state = apply(hoist, kindOf(op), state, loc);
  return state;
}

Value Derivation::apply(const Hoist &hoist, ReduceKind kind, Value state, Location loc) {
  Value value = outside(hoist.value);
  if (isa<arith::SelectOp>(hoist.op)) {
    Value condition = broadcastTo(value, state.getType(), loc);
    Value none = constant(state.getType(), identityOf(kind, elementTypeOf(state)), loc);
    bool whereTrue = hoist.position == 2;
    return arith::SelectOp::create(builder, loc, condition, whereTrue ? state : none,
                                   whereTrue ? none : state);
  }
  value = broadcastTo(widen(value, elementTypeOf(state), loc), state.getType(), loc);
  SmallVector<Value> operands{state, value};
  if (hoist.position == 0)
    std::swap(operands[0], operands[1]);
  OperationState again(loc, hoist.op->getName(), operands, state.getType());
  again.propertiesAttr = hoist.op->getPropertiesAsAttribute();
  return builder.create(again)->getResult(0);
}

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
