//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which contractions, reductions and scans a kernel absorbs, and what its axes are
// to it: that shows where they sum.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

/// True for a projection whose weights hold rows of the kernel (learned queries), or whose other
/// factor is computed from rows and keys (heads that are mixed): not for what is as large as scores
/// already, or has the keys alone.
bool KernelGroup::isProjectionOfScores(ContractOp op, ArrayRef<AffineExpr> index) {
  bool anyRows = false;
  for (unsigned v = 0; v < axes.size(); ++v)
    anyRows |= axes[v].role == AxisRole::Row;
  if (!anyRows) // one query, which may be learned
    return true;
  ContractOp::Labels labels = op.getLabels();
  // What parameters make of positions alone (distances) is a parameter, too; but of pairs, it is no
  // weights.
  auto uses = [&](auto holds) {
    return llvm::any_of(llvm::zip(labels.result, index), [&](auto each) {
      return llvm::is_contained(labels.lhs, std::get<0>(each)) && holds(std::get<1>(each));
    });
  };
  bool leftOfPairs = uses([&](AffineExpr expr) { return axes.uses(expr, stream); }) &&
                     uses([&](AffineExpr expr) { return axes.usesRole(expr, AxisRole::Row); });
  bool ofWeights = isParameter(op.getLhs()) && !(isParameter(op.getRhs()) && leftOfPairs);
  Value other = ofWeights ? op.getRhs() : op.getLhs();
  ArrayRef<StringAttr> names = ofWeights ? labels.rhs : labels.lhs;
  for (auto [label, expr] : llvm::zip(labels.result, index)) // not the features of a head
    if (!llvm::is_contained(names, label) && axes.usesRole(expr, AxisRole::Row) &&
        !axes.usesRole(expr, AxisRole::Inner) && !axes.usesRole(expr, AxisRole::Value))
      return true;
  for (auto [label, expr] : llvm::zip(labels.result, index))
    if (auto *n = llvm::find(names, label); n != names.end() && axes.uses(expr, stream))
      return rowDims.hasDataRows(other, n - names.begin());
  return false;
}

/// What a projection outside takes is in memory anyway, so that another projection of it (a bias of
/// the pairs that queries and keys are made of, too) is left to the GEMM library as well: the
/// values behind it are no scores of this kernel. True if there were such projections among the
/// members.
bool KernelGroup::leaveProjectionsOfStored() {
  auto isOutside = [&](Operation *user) {
    auto contract = dyn_cast<ContractOp>(user);
    return contract && isProjection(contract) && !members.contains(user);
  };
  unsigned before = leftOutside.size();
  for (Operation *op : members) {
    auto contract = dyn_cast<ContractOp>(op);
    if (!contract || op == sink || !isProjection(contract) || isStreamReduction(op))
      continue;
    Value stored = isParameter(contract.getLhs()) ? contract.getRhs() : contract.getLhs();
    while (isView(stored.getDefiningOp()))
      stored = stored.getDefiningOp()->getOperand(0);
    SmallVector<Value> worklist{stored};
    while (!worklist.empty())
      for (Operation *user : worklist.pop_back_val().getUsers()) {
        if (isOutside(user))
          leftOutside.insert(op);
        if (isView(user))
          worklist.push_back(user->getResult(0));
      }
  }
  return leftOutside.size() != before;
}

/// A contraction belongs to the kernel if it sums over the stream, or makes a score. Something that
/// is as large as scores already and projected by weights is left to a GEMM library.
bool KernelGroup::absorbContract(ContractOp op, ArrayRef<Index> indices) {
  // What is needed along the stream sums over another axis of the streamed one's origin.
  bool overStream =
      !keepsKeys() && isStreamReduction(op) &&
      llvm::none_of(indices, [&](const Index &index) { return axes.uses(index, stream); });
  bool score = llvm::all_of(indices, [&](const Index &index) { return isScoreLike(index); });
  if (!overStream && !score)
    return false;
  bool overSwept = isOverSweptAxis(op) && llvm::none_of(indices, [&](const Index &index) {
                     return axes.uses(index, *swept);
                   });
  // At a position of each pair's own, looked up or not, it is no matrix product any more.
  auto ofPairs = [&](AffineExpr expr) {
    return !overStream && axes.uses(expr, stream) && axes.usesRole(expr, AxisRole::Row);
  };
  if (llvm::any_of(indices, [&](const Index &index) {
        return isLookedUpForPairs(index) || llvm::any_of(axes.canonical(index), ofPairs);
      }))
    return false;
  if (!overStream && !overSwept && isProjection(op) &&
      (leftOutside.contains(op) || !isProjectionOfScores(op, indices.front())))
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
    auto indexOf = [&](Value operand, ArrayRef<StringAttr> names) {
      Index result;
      for (auto [i, name] : llvm::enumerate(names)) {
        if (!at.count(name)) {
          Extent extent = getExtent(tensorType(operand), i);
          at[name] = extent.size == 1 ? getAffineConstantExpr(0, context)
                     : overStream     ? axes.dim(stream)
                     : overSwept      ? axes.dim(*swept)
                                      : axes.dim(axes.create(extent, AxisRole::Inner));
        }
        result.push_back(at[name]);
      }
      return result;
    };
    Index lhs = indexOf(op.getLhs(), labels.lhs), rhs = indexOf(op.getRhs(), labels.rhs), all;
    for (auto [label, expr] : at)
      all.push_back(expr);
    axes.keepApart(all); // before the first factor, which may be known at another head, is unified
    demand(op.getLhs(), lhs);
    demand(op.getRhs(), rhs);
    passed[op].push_back({index, {lhs, rhs}});
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

/// True if `value` is made of scores, with keys along `dim`, that no kernel computes yet.
bool KernelGroup::isOfOtherScores(Value value, unsigned dim) {
  SmallVector<std::pair<Value, unsigned>> worklist{{value, dim}};
  llvm::DenseSet<std::pair<Value, unsigned>> seen;
  while (!worklist.empty()) {
    auto [next, at] = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || op->getBlock() != block || neighbours.owner.lookup(op) || isStreamReduction(op) ||
        !seen.insert({next, at}).second)
      continue;
    if (auto contract = dyn_cast<ContractOp>(op);
        contract && !isProjection(contract) && rowDims.hasDataRows(next, at))
      return true;
    if (isElementwise(op))
      for (Value operand : op->getOperands())
        worklist.push_back({operand, at});
    else if (isView(op))
      if (FailureOr<unsigned> from = operandDim(op, at); succeeded(from))
        worklist.push_back({op->getOperand(0), *from});
  }
  return false;
}

/// A reduction over axes that a tile holds whole: within rows or keys, as norms have, or within
/// scores (squared distances, heads that are mixed). Of keys it is computed for every block of
/// rows; that is possible only where it runs along what is read anyway. What reduces the scores of
/// other keys is left to their kernel, however few they are.
bool KernelGroup::absorbInnerReduce(ReduceOp op, ArrayRef<Index> indices) {
  constexpr int64_t widest = 512;
  SmallVector<int64_t> dims = op.getReducedDims();
  bool score = llvm::all_of(indices, [&](const Index &index) { return isOfPairs(index); });
  bool ofKeys = llvm::any_of(indices, [&](const Index &i) { return axes.uses(i, stream); });
  if (isGenerated(op.getOperand()) || (!score && (!innerReductions || dims.size() != 1)))
    return false;
  // Nor does one that keeps its keys take what another one keeps: a tile would hold all heads.
  if (score && keepsKeys() && keptBy(op, rowDims))
    return false;
  SmallVector<Extent> extents;
  for (int64_t dim : dims) {
    // A reduction of scores over their rows is a statistic of columns: of another kernel.
    if (auto it = streamedDim.find(op.getOperand()); it != streamedDim.end() && ofKeys)
      if (rowDims.isRow(op.getOperand(), it->second, dim))
        return false;
    if (!score && isOfOtherScores(op.getOperand(), dim))
      return false;
    Extent extent = getExtent(tensorType(op.getOperand()), dim);
    bool known = false;
    for (unsigned v = 0; v < axes.size(); ++v)
      known |= axes.find(v) == v && axes[v].extent == extent &&
               (axes[v].role == AxisRole::Inner || axes[v].role == AxisRole::Value);
    if (extent.symbol || extent.size > widest || (ofKeys && !known && !score))
      return false;
    extents.push_back(extent);
  }
  if (ofKeys && !score && !isWorthRecomputing(op, indices))
    return false;
  for (const Index &index : indices) {
    Index operand(index);
    for (auto [dim, extent] : llvm::zip(dims, extents)) {
      AffineExpr at = getAffineConstantExpr(0, context);
      if (extent.size != 1) {
        unsigned variable = axes.create(extent, AxisRole::Inner);
        axes[variable].scope = index;
        at = axes.dim(variable);
      }
      operand.insert(operand.begin() + dim, at);
    }
    demand(op.getOperand(), operand);
    passed[op].push_back({index, {operand}});
  }
  return true;
}

/// True if what is reduced apart from the stream is held whole by a tile: an axis that programs
/// divide among themselves is not.
bool KernelGroup::reducesWholeAxes() {
  for (unsigned v = 0; v < axes.size(); ++v) {
    AxisRole role = axes[v].role;
    // `scope` is the variable's own, not that of what it was unified with.
    if (axes.isBound(v) && role != AxisRole::Inner && role != AxisRole::Value)
      return false;
  }
  return true;
}

bool KernelGroup::absorbReduce(ReduceOp op, ArrayRef<Index> indices) {
  bool overSwept = isOverSweptAxis(op);
  if (!overSwept && !isStreamReduction(op))
    return absorbInnerReduce(op, indices);
  // Where keys are kept, their statistics are another kernel's.
  if (!overSwept && keepsKeys())
    return false;
  unsigned axis = overSwept ? *swept : stream;
  SmallVector<int64_t> dims = op.getReducedDims();
  if (!(getExtent(tensorType(op.getOperand()), dims[0]) == axes[axis].extent) ||
      llvm::any_of(indices, [&](const Index &index) { return axes.uses(index, axis); }))
    return false; // another axis of the streamed one's origin
  streamReductions.insert(op);
  for (const Index &index : indices) {
    Index operand(index);
    operand.insert(operand.begin() + dims[0], axes.dim(axis));
    if (!overSwept)
      nameRows(op, operand);
    demand(op.getOperand(), operand);
    passed[op].push_back({index, {operand}});
  }
  return true;
}

/// What an axis of a reduced value is to the kernel shows where its scores are made.
void KernelGroup::nameRows(ReduceOp op, ArrayRef<AffineExpr> index) {
  unsigned n = op.getReducedDims()[0];
  for (auto [at, expr] : llvm::enumerate(index)) {
    auto dim = dyn_cast<AffineDimExpr>(axes.canonical(expr));
    if (at != n && dim && axes[dim.getPosition()].role == AxisRole::Batch &&
        rowDims.isRow(op.getOperand(), n, at))
      axes[dim.getPosition()].role = AxisRole::Row;
  }
}

FailureOr<bool> KernelGroup::runsAgainstStream(ScanOp op, AffineExpr at) const {
  AffineExpr n = axes.dim(stream);
  if (axes.canonical(at) == n)
    return op.getReverse();
  int64_t size = tensorType(op.getResult()).getDimSize(op.getScannedDim());
  if (ShapedType::isStatic(size) && axes.canonical(at) == n * -1 + (size - 1))
    return !op.getReverse();
  return failure();
}

/// True if `value`, needed at `index`, is computed from keys of dim `n` and the kernel's rows.
bool KernelGroup::isOfRows(Value value, unsigned n, ArrayRef<AffineExpr> index) {
  if (rowDims.hasDataRows(value, n))
    return true;
  for (auto [at, expr] : llvm::enumerate(index))
    if (axes.usesRole(expr, AxisRole::Row) && rowDims.isRow(value, n, at))
      return true;
  return false;
}

/// A scan of scores along the stream: carried from block to block. A scan of keys alone is computed
/// once, before the kernel.
bool KernelGroup::absorbScan(ScanOp op, ArrayRef<Index> indices) {
  unsigned dim = op.getScannedDim();
  if (keepsKeys() || !isOfRows(op.getOperand(), dim, indices.front()) ||
      !(getExtent(tensorType(op.getResult()), dim) == axes[stream].extent))
    return false;
  for (const Index &index : indices)
    for (auto [at, expr] : llvm::enumerate(index))
      if (at == dim ? failed(runsAgainstStream(op, expr)) : axes.uses(expr, stream))
        return false;
  for (const Index &index : indices)
    demand(op.getOperand(), index);
  return true;
}
