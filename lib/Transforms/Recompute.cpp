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

#include "Recompute.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace flashlight;

/// What an extent that is not known yet is taken for, and the rows of a program.
constexpr int64_t kAssumedExtent = 1024, kRowsOfBlock = 64;
/// Values behind an op that a decision looks at; what lies further back counts as memory.
constexpr unsigned kMostValues = 64;

static double elementsOf(Value value) {
  double count = 1;
  for (int64_t size : tensorType(value).getShape())
    count *= ShapedType::isDynamic(size) ? kAssumedExtent : size;
  return count;
}

static double bytesOf(Value value) {
  return elementsOf(value) *
         llvm::divideCeil(getElementTypeOrSelf(value.getType()).isIndex()
                              ? 64
                              : getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(),
                          8);
}

/// True for what a kernel could compute of keys: pointwise ops, and sums within one key.
static bool canCompute(Operation *op) {
  auto reduce = dyn_cast_or_null<ReduceOp>(op);
  return op && (isElementwise(op) || (reduce && reduce.getReducedDims().size() == 1));
}

/// True for what follows from numbers alone: PyTorch makes it in the first call only.
static bool needsNoInputs(Value value) {
  SmallVector<Value> worklist{value};
  DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    Operation *op = next.getDefiningOp();
    if (!op || seen.size() > kMostValues)
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

/// Operations for each element, and those of them that are exponentials and their kin.
static std::pair<double, double> operationsOf(Operation *op) {
  if (isa<math::TanhOp, math::PowFOp, math::ExpM1Op, math::Log1pOp, math::ErfOp, math::SinhOp,
          math::TanOp, math::AsinOp, math::AcosOp, math::AtanOp>(op))
    return {8, 2};
  if (isa<math::AbsFOp, math::AbsIOp, math::FloorOp, math::CeilOp, math::FmaOp, math::CopySignOp>(
          op))
    return {1, 0};
  bool special = isa<math::MathDialect>(op->getDialect()) || isa<arith::DivFOp>(op);
  return {1, special ? 1 : 0};
}

double Recompute::Cost::total() const {
  double sum = work;
  for (auto &[value, clocks] : reads)
    sum += clocks;
  return sum;
}

void Recompute::Cost::add(const Cost &other) {
  work += other.work;
  for (auto &[value, clocks] : other.reads) {
    double &known = reads[value];
    known = std::max(known, clocks);
  }
}

/// How many times programs have an element at `index`: once for every block of rows, and for every
/// element of a batch axis that the index lacks; of a table of distances for every pair.
double Recompute::repetitions(ArrayRef<AffineExpr> index) const {
  double rows = 1, others = 1;
  for (unsigned v = 0; v < axes.size(); ++v) {
    const IndexSpace::Variable &axis = axes[v];
    bool divides = axis.role == AxisRole::Batch || axis.role == AxisRole::Row;
    bool used = axes.uses(index, v);
    if (axes.find(v) != v || !divides || (used && axis.role == AxisRole::Batch))
      continue;
    (axis.role == AxisRole::Row && !used ? rows : others) *=
        axis.extent.symbol ? kAssumedExtent : axis.extent.size;
  }
  return others * std::ceil(rows / kRowsOfBlock);
}

/// Bytes that a node of the graph reads for `op`: behind it are ops of the same node.
double MakingCosts::bytesOfSources(Operation *op, DenseSet<Value> &seen) const {
  double bytes = 0;
  for (Value operand : op->getOperands()) {
    if (!seen.insert(operand).second || isGenerated(operand))
      continue;
    Operation *def = operand.getDefiningOp();
    bool inside = def && (isView(def) || (canCompute(def) && !def->hasAttr(kNodeAttr)));
    bytes += inside ? bytesOfSources(def, seen) : bytesOf(operand);
  }
  return bytes;
}

const MakingCosts::Step &MakingCosts::stepOf(Value value) {
  auto [it, isNew] = steps.try_emplace(value);
  Step &step = it->second;
  if (!isNew)
    return step;
  Operation *op = value.getDefiningOp();
  // What the program returns, or projects, it has in memory anyway.
  auto isThere = [&] {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      auto contract = dyn_cast<ContractOp>(user);
      return user->hasTrait<OpTrait::IsTerminator>() || (contract && isProjection(contract));
    });
  };
  step.isFree = !op || !(isView(op) || canCompute(op)) || needsNoInputs(value) || isThere();
  if (!step.isFree && !isView(op)) {
    DenseSet<Value> sources;
    step.clocks = target.launch * target.clock * 1e3 +
                  (bytesOf(value) + bytesOfSources(op, sources)) / target.farBytes;
  }
  return step;
}

/// Ops within a node of the graph are one of PyTorch's, but where the kernel's border cuts through
/// the node.
double MakingCosts::making(Value value, bool isCut, DenseSet<Value> &seen) {
  Operation *op = value.getDefiningOp();
  if (!op || seen.size() > kMostValues || !seen.insert(value).second)
    return 0;
  Step step = stepOf(value);
  if (step.isFree)
    return 0;
  double clocks = isCut || op->hasAttr(kNodeAttr) ? step.clocks : 0;
  for (Value operand : op->getOperands())
    clocks += making(operand, isCut && isView(op), seen);
  return clocks;
}

double MakingCosts::of(Value value) {
  auto [it, isNew] = known.try_emplace(value, 0);
  if (isNew) {
    DenseSet<Value> seen;
    it->second = making(value, /*isCut=*/true, seen);
  }
  return it->second;
}

Recompute::Cost Recompute::reading(Value value, ArrayRef<AffineExpr> index) {
  Cost cost;
  if (isGenerated(value))
    return cost;
  cost.work = makingCosts.of(value);
  cost.reads[value] =
      repetitions(index) * bytesOf(value) / (target.nearBytes * target.processors) * target.exposed;
  return cost;
}

Recompute::Cost Recompute::computing(Operation *op, ArrayRef<AffineExpr> index) {
  Cost cost;
  auto [operations, specials] = operationsOf(op);
  // A sum computes for each element of what it sums over.
  Value computed = isa<ReduceOp>(op) ? op->getOperand(0) : op->getResult(0);
  cost.work = repetitions(index) * elementsOf(computed) *
              (operations / target.pointwise + specials / target.specials) / target.processors *
              target.exposed;
  Index at(index);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    at.insert(at.begin() + reduce.getReducedDims()[0], getAffineConstantExpr(0, op->getContext()));
  for (Value operand : op->getOperands())
    cost.add(cheaper(operand, at));
  return cost;
}

Recompute::Cost Recompute::cheaper(Value value, ArrayRef<AffineExpr> index) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  if (op && isView(op) && known.size() < kMostValues)
    if (FailureOr<Index> at = indexOfOperand(op, index); succeeded(at))
      return known[value] = cheaper(op->getOperand(0), *at);
  Cost cost = reading(value, index);
  known[value] = cost;
  if (!canCompute(op) || known.size() >= kMostValues)
    return cost;
  if (Cost other = computing(op, index); other.total() <= cost.total())
    cost = std::move(other);
  return known[value] = cost;
}

bool Recompute::isWorth(Operation *op, ArrayRef<AffineExpr> index) {
  return computing(op, index).total() <= reading(op->getResult(0), index).total();
}
