//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Two sweeps over the block, from the last op to the first: the
// first from the sink alone finds what belongs together, the second from the
// group's final outputs names the axes. Going backwards, all uses of a value are
// known, with their indices, before the op that defines it is looked at.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The dim of `value` that the contraction sums over, if it is exactly one.
static FailureOr<unsigned> contractedDim(ContractOp op, bool left) {
  ContractOp::Labels labels = op.getLabels();
  FailureOr<unsigned> found = failure();
  for (auto [i, label] : llvm::enumerate(left ? labels.lhs : labels.rhs)) {
    if (llvm::is_contained(labels.result, label))
      continue;
    if (succeeded(found))
      return failure();
    found = i;
  }
  return found;
}

std::unique_ptr<KernelGroup> KernelGroup::build(ContractOp sink, std::string &reason) {
  auto refuse = [&](StringRef why) { // what one factor lacks does not hide what the other misses
    if (reason.empty())
      reason = why.str();
  };
  for (bool left : {true, false}) {
    FailureOr<unsigned> dim = contractedDim(sink, left);
    if (failed(dim)) {
      refuse("contracts more than one axis");
      continue;
    }
    std::unique_ptr<KernelGroup> group(new KernelGroup(sink));
    group->probabilities = left ? sink.getLhs() : sink.getRhs();
    group->findStreamedDims(*dim);
    group->fixedMembers.insert(sink);
    group->need(sink.getResult());
    if (!group->isComputed()) {
      refuse("neither factor is computed along the contracted axis");
      continue;
    }
    if (group->hasProjection()) {
      refuse("a contraction with a parameter is a projection");
      continue;
    }
    if (!group->fitsTiles()) {
      refuse("an axis that a tile must hold whole is dynamic or wider than 512");
      continue;
    }
    group->extendForward();
    group->findOutputs();
    SmallVector<Value> roots;
    for (Output &output : group->outputs)
      roots.push_back(output.value);
    group->need(roots);
    if (!group->fitsTiles()) { // an output that joined brought the axis along
      refuse("an axis that a tile must hold whole is dynamic or wider than 512");
      continue;
    }
    if (!group->isConsistent()) {
      refuse("one of its values is needed at two indices that cannot be told apart");
      continue;
    }
    auto cyclic =
        llvm::find_if(group->leaves, [&](Value leaf) { return group->dependsOnMembers(leaf); });
    if (cyclic != group->leaves.end()) {
      refuse("an op between two of its parts cannot be fused");
      continue;
    }
    return group;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The streamed axis through the program
//===----------------------------------------------------------------------===//

/// Follows dim `dim` of `probabilities` to every value that it comes from.
void KernelGroup::findStreamedDims(unsigned dim) {
  SmallVector<Value> worklist{probabilities};
  streamedDim[probabilities] = dim;
  auto push = [&](Value value, unsigned at) {
    if (streamedDim.try_emplace(value, at).second)
      worklist.push_back(value);
  };
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    unsigned at = streamedDim[value];
    // A statistic may be taken of another function of the same scores.
    for (Operation *user : value.getUsers())
      if (user->getBlock() == block && isElementwise(user))
        push(user->getResult(0), at);
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != block)
      continue;
    if (isElementwise(op)) {
      for (Value operand : op->getOperands())
        push(operand, at);
    } else if (isView(op)) {
      FailureOr<unsigned> from = operandDim(op, at);
      if (succeeded(from))
        push(op->getOperand(0), *from);
    } else if (auto contract = dyn_cast<ContractOp>(op)) {
      ContractOp::Labels labels = contract.getLabels();
      StringAttr label = labels.result[at];
      auto *left = llvm::find(labels.lhs, label), *right = llvm::find(labels.rhs, label);
      // Behind a score stand keys, whose positions may be the rows' as well: no statistic of the
      // kernel is taken of them.
      if (left != labels.lhs.end() && right != labels.rhs.end()) {
        push(contract.getLhs(), left - labels.lhs.begin());
        push(contract.getRhs(), right - labels.rhs.begin());
      }
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      unsigned from = at;
      for (int64_t reduced : reduce.getReducedDims())
        from += reduced <= static_cast<int64_t>(from);
      push(reduce.getOperand(), from);
    }
  }
}

/// A reduction or contraction over exactly the streamed axis.
bool KernelGroup::isStreamReduction(Operation *op) const {
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    auto it = streamedDim.find(reduce.getOperand());
    SmallVector<int64_t> dims = reduce.getReducedDims();
    return it != streamedDim.end() && dims.size() == 1 && dims[0] == it->second;
  }
  if (auto contract = dyn_cast<ContractOp>(op)) {
    for (bool left : {true, false}) {
      auto it = streamedDim.find(left ? contract.getLhs() : contract.getRhs());
      FailureOr<unsigned> dim = contractedDim(contract, left);
      if (it != streamedDim.end() && succeeded(dim) && *dim == it->second)
        return true;
    }
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Backwards: indices, and what is absorbed
//===----------------------------------------------------------------------===//

void KernelGroup::demand(Value value, ArrayRef<AffineExpr> index) {
  SmallVector<Index> &indices = demands[value];
  for (Index &known : indices)
    if (axes.unify(known, index))
      return;
  indices.push_back(Index(index));
}

/// Starts over from `roots`: their dims are fresh axes, everything else follows.
void KernelGroup::need(ArrayRef<Value> roots) {
  axes = IndexSpace(context);
  members.clear();
  demands.clear();
  leaves.clear();
  stream = axes.create(getExtent(tensorType(probabilities), streamedDim.lookup(probabilities)),
                       AxisRole::Stream);
  for (auto [output, root] : llvm::enumerate(roots)) {
    Index index;
    for (int64_t i = 0; i < tensorType(root).getRank(); ++i)
      index.push_back(
          tensorType(root).getDimSize(i) == 1
              ? getAffineConstantExpr(0, context)
              : axes.dim(axes.create(getExtent(tensorType(root), i), AxisRole::Batch, output)));
    demand(root, index);
  }
  for (Operation &op : llvm::reverse(*block)) {
    bool needed = llvm::any_of(op.getResults(), [&](Value v) { return demands.count(v); });
    if (!needed)
      continue;
    if (absorb(&op))
      members.insert(&op);
    else
      for (Value result : op.getResults())
        if (demands.count(result))
          leaves.insert(result);
  }
  for (BlockArgument argument : block->getArguments())
    if (demands.count(argument))
      leaves.insert(argument);
  for (auto &[value, indices] : demands) {
    SmallVector<Index> unique;
    for (Index &index : indices)
      if (Index canonical = axes.canonical(index); !llvm::is_contained(unique, canonical))
        unique.push_back(canonical);
    indices = unique;
  }
}

/// Takes `op` into the kernel if the rules allow it, and demands its operands.
bool KernelGroup::absorb(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  SmallVector<Index> indices = demands[op->getResult(0)];
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (isa<IotaOp, SizeOp>(op))
    return true;
  if (isView(op)) {
    SmallVector<Index> mapped;
    for (Index &index : indices) {
      FailureOr<Index> at = indexOfOperand(op, axes.canonical(index));
      if (failed(at) || !axes.isTileable(*at))
        return false;
      mapped.push_back(*at);
    }
    for (Index &at : mapped)
      demand(op->getOperand(0), at);
    return true;
  }
  if (auto contract = dyn_cast<ContractOp>(op))
    return absorbContract(contract, indices);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return absorbReduce(reduce, indices);
  return isElementwise(op) && absorbPointwise(op, indices);
}

/// A contraction belongs to the kernel if it sums over the stream, or makes a score: a value with
/// the streamed axis that is neither a key (an inner axis) nor a value row (a value axis).
bool KernelGroup::absorbContract(ContractOp op, ArrayRef<Index> indices) {
  bool overStream = isStreamReduction(op);
  bool score = llvm::all_of(indices, [&](const Index &index) {
    return axes.uses(index, stream) && !axes.usesRole(index, AxisRole::Inner) &&
           !axes.usesRole(index, AxisRole::Value);
  });
  if (!overStream && !score)
    return false;
  ContractOp::Labels labels = op.getLabels();
  for (const Index &index : indices) {
    llvm::SmallDenseMap<StringAttr, AffineExpr> at;
    for (auto [label, expr] : llvm::zip(labels.result, index)) {
      at[label] = expr;
      // What an output axis is to the kernel shows at the contraction over the stream.
      auto dim = dyn_cast<AffineDimExpr>(axes.canonical(expr));
      if (!overStream || !dim || axes[dim.getPosition()].role != AxisRole::Batch)
        continue;
      bool left = llvm::is_contained(labels.lhs, label),
           right = llvm::is_contained(labels.rhs, label);
      if (left && right)
        continue;
      bool rows = left == (factorOfRows(op) == op.getLhs());
      axes[dim.getPosition()].role = rows ? AxisRole::Row : AxisRole::Value;
    }
    auto operandIndex = [&](Value operand, ArrayRef<StringAttr> names) {
      Index result;
      for (auto [i, name] : llvm::enumerate(names)) {
        if (!at.count(name)) {
          Extent extent = getExtent(tensorType(operand), i);
          at[name] = extent.size == 1 ? getAffineConstantExpr(0, context)
                     : overStream     ? axes.dim(stream)
                                      : axes.dim(axes.create(extent, AxisRole::Inner));
        }
        result.push_back(at[name]);
      }
      return result;
    };
    demand(op.getLhs(), operandIndex(op.getLhs(), labels.lhs));
    demand(op.getRhs(), operandIndex(op.getRhs(), labels.rhs));
  }
  return true;
}

/// The factor of a contraction over the stream that depends on the rows; the other one holds the
/// value rows.
Value KernelGroup::factorOfRows(ContractOp op) const {
  if (op.getLhs() == probabilities || op.getRhs() == probabilities)
    return probabilities;
  return streamedDim.count(op.getLhs()) ? op.getLhs() : op.getRhs();
}

bool KernelGroup::absorbReduce(ReduceOp op, ArrayRef<Index> indices) {
  if (!isStreamReduction(op))
    return false;
  SmallVector<int64_t> dims = op.getReducedDims();
  if (!(getExtent(tensorType(op.getOperand()), dims[0]) == axes[stream].extent) ||
      llvm::any_of(indices, [&](const Index &index) { return axes.uses(index, stream); }))
    return false; // another axis of the streamed one's origin
  for (const Index &index : indices) {
    Index operand(index);
    operand.insert(operand.begin() + dims[0], axes.dim(stream));
    demand(op.getOperand(), operand);
  }
  return true;
}

/// Ops that cost so little that a key or value row may pay for them once for every block of rows.
static bool isCheap(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::MulFOp, arith::AddFOp, arith::SubFOp,
             arith::NegFOp, arith::SIToFPOp, arith::CmpFOp, arith::CmpIOp, arith::SelectOp,
             arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ExtSIOp, arith::ExtUIOp,
             arith::TruncIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op);
}

bool KernelGroup::absorbPointwise(Operation *op, ArrayRef<Index> indices) {
  bool streamedOperand = llvm::any_of(indices, [&](const Index &index) {
    return axes.uses(index, stream) &&
           (axes.usesRole(index, AxisRole::Inner) || axes.usesRole(index, AxisRole::Value));
  });
  if (streamedOperand && !fixedMembers.contains(op)) {
    int64_t data = llvm::count_if(op->getOperands(), [](Value v) { return !isGenerated(v); });
    if (!isCheap(op) || data > 1)
      return false;
  }
  for (const Index &index : indices)
    for (Value operand : op->getOperands())
      demand(operand, index);
  return true;
}

/// True if the sink's factor is worth not storing: some member besides the sink sums over the
/// stream, or makes scores.
bool KernelGroup::isComputed() const {
  return llvm::any_of(members,
                      [&](Operation *op) { return op != sink && isa<ContractOp, ReduceOp>(op); });
}

/// Projections, norms before them and feed-forward layers have the form of attention too, but their
/// keys or values are weights that all rows share: a GEMM library reuses those better than a
/// row-blocked kernel could. A parameter among the rows (learned queries, a mixing of heads) or a
/// bias is no such thing, and weights of their own for every head are keys like any others.
bool KernelGroup::hasProjection() const {
  return llvm::any_of(members, [&](Operation *op) {
    auto contract = dyn_cast<ContractOp>(op);
    return contract && isProjection(contract) &&
           llvm::any_of(contract->getOperands(), [&](Value factor) {
             return isParameter(factor) &&
                    llvm::any_of(demands.lookup(factor),
                                 [&](const Index &index) { return axes.uses(index, stream); });
           });
  });
}

/// A tile holds the inner and value axes whole: they must be known and must fit.
bool KernelGroup::fitsTiles() {
  constexpr int64_t widest = 512;
  for (unsigned v = 0; v < axes.size(); ++v) {
    bool whole = axes[v].role == AxisRole::Inner || axes[v].role == AxisRole::Value;
    if (axes.find(v) == v && whole && (axes[v].extent.symbol || axes[v].extent.size > widest))
      return false;
  }
  return true;
}

/// True if both factors of every contraction are known at the indices of its result. They are not
/// where two axes of the group became one after the contraction had been looked at.
bool KernelGroup::isConsistent() const {
  using Positions = llvm::SmallDenseMap<StringAttr, AffineExpr>;
  auto isKnown = [&](Value operand, ArrayRef<StringAttr> names, Positions &at) {
    auto known = demands.find(operand);
    if (known == demands.end())
      return false;
    for (const Index &index : known->second) {
      bool matches = llvm::all_of(llvm::zip(names, index), [&](auto pair) {
        auto it = at.find(std::get<0>(pair));
        return it == at.end() || axes.canonical(it->second) == std::get<1>(pair);
      });
      if (!matches)
        continue;
      for (auto [name, expr] : llvm::zip(names, index))
        at.try_emplace(name, expr);
      return true;
    }
    return false;
  };
  for (Operation *op : members) {
    auto contract = dyn_cast<ContractOp>(op);
    auto known = demands.find(op->getResult(0));
    if (!contract || known == demands.end())
      continue;
    ContractOp::Labels labels = contract.getLabels();
    for (const Index &index : known->second) {
      Positions at;
      for (auto [name, expr] : llvm::zip(labels.result, index))
        at[name] = expr;
      if (!isKnown(contract.getLhs(), labels.lhs, at) ||
          !isKnown(contract.getRhs(), labels.rhs, at))
        return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Forwards
//===----------------------------------------------------------------------===//

/// True for a member whose value only the kernel has: scores, statistics and what follows from
/// them. Other members (masks made of indices, scaled inputs) are computed once more by whoever
/// else needs them.
bool KernelGroup::isDerived(Value value) const {
  SmallVector<Value> worklist{value};
  DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !members.contains(op) || !seen.insert(next).second)
      continue;
    if (isa<ContractOp, ReduceOp>(op))
      return true;
    llvm::append_range(worklist, op->getOperands());
  }
  return false;
}

bool KernelGroup::dependsOnMembers(Value value) const {
  SmallVector<Value> worklist{value};
  DenseSet<Operation *> seen;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != block || !seen.insert(op).second)
      continue;
    if (members.contains(op) && isa<ContractOp, ReduceOp>(op))
      return true;
    llvm::append_range(worklist, op->getOperands());
  }
  return false;
}

/// Collects the pointwise ops and views between `value` and the group. Fails at any other op that
/// depends on what only the kernel has.
bool KernelGroup::collectBetween(Value value, llvm::SmallSetVector<Operation *, 8> &between) const {
  Operation *op = value.getDefiningOp();
  if (!op || members.contains(op) || between.contains(op) || !dependsOnMembers(value))
    return true;
  if (op->getBlock() != block || (!isElementwise(op) && !isView(op)))
    return false;
  between.insert(op);
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return collectBetween(operand, between); });
}

/// Adds other reductions over the stream of the group's values, and pointwise ops of finished rows.
void KernelGroup::extendForward() {
  auto isMember = [&](Value value) {
    return value.getDefiningOp() && members.contains(value.getDefiningOp());
  };
  auto joinsRows = [&](Value value) { return isMember(value) && isDerived(value); };
  auto isFinished = [&](Value value) {
    return llvm::none_of(demands.lookup(value),
                         [&](const Index &index) { return axes.uses(index, stream); });
  };
  DenseSet<Value> streamed; // members that have the streamed axis
  for (Operation *op : members)
    if (!isFinished(op->getResult(0)))
      streamed.insert(op->getResult(0));

  for (Operation &op : *block) {
    if (members.contains(&op) || op.getNumResults() != 1)
      continue;
    if (isStreamReduction(&op)) {
      // What it reduces may be another function of the group's scores.
      llvm::SmallSetVector<Operation *, 8> between;
      bool joins = false;
      bool fits =
          llvm::all_of(op.getOperands(), [&](Value v) { return collectBetween(v, between); });
      for (Value operand : op.getOperands())
        joins |= streamed.contains(operand);
      for (Operation *inner : between)
        for (Value operand : inner->getOperands())
          joins |= streamed.contains(operand);
      if (!joins || !fits)
        continue;
      for (Operation *inner : between) {
        members.insert(inner);
        streamed.insert(inner->getResult(0));
      }
      members.insert(&op);
      continue;
    }
    if (!isElementwise(&op))
      continue;
    // Look through views that keep the rows' dims apart.
    SmallVector<Operation *> views;
    bool joins = false, fits = true;
    int64_t largest = 0;
    for (Value operand : op.getOperands()) {
      Value base = operand;
      SmallVector<Operation *> chain;
      while (Operation *def = base.getDefiningOp()) {
        if (members.contains(def) || !isView(def) || isa<SliceOp>(def))
          break;
        if (isa<ReshapeOp>(def) &&
            failed(indexOfResult(def, axes.canonical(Index(tensorType(def->getOperand(0)).getRank(),
                                                           getAffineConstantExpr(0, context))))))
          break;
        chain.push_back(def);
        base = def->getOperand(0);
      }
      if (joinsRows(base)) {
        fits &= !streamed.contains(base);
        joins = true;
        llvm::append_range(views, chain);
        bool merges = llvm::any_of(chain, [](Operation *def) {
          return isa<ReshapeOp>(def) && llvm::count_if(tensorType(def->getResult(0)).getShape(),
                                                       [](int64_t s) { return s != 1; }) <
                                            llvm::count_if(
                                                tensorType(def->getOperand(0)).getShape(),
                                                [](int64_t s) { return s != 1; });
        });
        fits &= !merges;
        auto type = tensorType(base);
        largest = std::max(largest, type.hasStaticShape() ? type.getNumElements() : INT64_MAX);
      } else {
        fits &= !dependsOnMembers(operand);
      }
    }
    auto type = tensorType(op.getResult(0));
    bool grows = type.hasStaticShape() && type.getNumElements() > largest;
    if (!joins || !fits || grows)
      continue;
    members.insert(&op);
    for (Operation *view : views)
      members.insert(view);
  }
  fixedMembers.insert(members.begin(), members.end());
}

/// Members' values that something outside needs, after the views that become memory layout.
void KernelGroup::findOutputs() {
  SmallVector<Operation *> ordered(members.begin(), members.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : llvm::reverse(ordered)) {
    Value value = op->getResult(0);
    bool used =
        llvm::any_of(value.getUsers(), [&](Operation *user) { return !members.contains(user); });
    if (!used)
      continue;
    // So are values along the streamed axis: a program that returns its scores has them in memory
    // anyway, computed outside; the kernel does not wait for them.
    bool streamed = llvm::any_of(demands.lookup(value),
                                 [&](const Index &index) { return axes.uses(index, stream); });
    if (streamed)
      continue;
    if (!isDerived(value))
      continue;
    Output output{value, value, {}};
    while (output.final.hasOneUse()) {
      Operation *user = *output.final.getUsers().begin();
      bool layout = isView(user) && user->getBlock() == block &&
                    succeeded(indexOfResult(user, Index(tensorType(user->getOperand(0)).getRank(),
                                                        getAffineConstantExpr(0, context))));
      if (!layout)
        break;
      output.final = user->getResult(0);
    }
    outputs.push_back(output);
  }
}
