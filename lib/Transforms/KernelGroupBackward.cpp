//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The backward closure of a kernel's outputs: the index that each value is needed
// at, and which ops are absorbed for it. Contractions, reductions and scans:
// KernelGroupSums.cpp.
//
//===----------------------------------------------------------------------===//

#include "KernelGroup.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

/// Orders a heap: the op that stands last in the block is taken first.
static bool standsBefore(Operation *a, Operation *b) { return a->isBeforeInBlock(b); }

void KernelGroup::demand(Value value, ArrayRef<AffineExpr> index) {
  auto [it, isNew] = demands.try_emplace(value);
  if (Operation *op = value.getDefiningOp(); op && isNew && op->getBlock() == block) {
    pending.push_back(op);
    std::push_heap(pending.begin(), pending.end(), standsBefore);
  }
  axes.keepApart(index);
  SmallVector<Index> &indices = it->second;
  for (Index &known : indices)
    if (axes.unify(known, index))
      return;
  indices.push_back(Index(index));
}

/// Starts over from `roots`: their dims are fresh axes, everything else follows.
void KernelGroup::need(ArrayRef<Value> roots) {
  axes = IndexSpace(context);
  llvm::SmallPtrSet<Operation *, 32> seen;
  pending.clear();
  members.clear();
  demands.clear();
  leaves.clear();
  passed.clear();
  derived.clear();
  dependent.clear();
  independent.clear();
  waiting.clear();
  firstSum = nullptr;
  stream = axes.create(getExtent(tensorType(probabilities), streamedDim.lookup(probabilities)),
                       AxisRole::Stream);
  if (kept && kept->factor) // a tile has one element of it at a time
    swept = axes.create(getExtent(tensorType(kept->factor), kept->axis), AxisRole::Batch);
  for (auto [output, root] : llvm::enumerate(roots)) {
    Index index;
    // Of what has rows and keys, these are known.
    auto n = keepsKeys() ? streamedDim.find(root) : streamedDim.end();
    for (int64_t i = 0; i < tensorType(root).getRank(); ++i) {
      if (n != streamedDim.end() && n->second == i) {
        index.push_back(axes.dim(stream));
        continue;
      }
      bool isRow = n != streamedDim.end() && rowDims.isRow(root, n->second, i);
      // A dim that was merged of several is as many axes.
      AffineExpr expr = getAffineConstantExpr(0, context);
      llvm::DenseSet<std::pair<Value, unsigned>> seen;
      for (const Extent &extent : partsOf(root, i, seen)) {
        expr = expr * (extent.symbol ? 1 : extent.size);
        if (extent.symbol || extent.size != 1)
          expr =
              expr + axes.dim(axes.create(extent, isRow ? AxisRole::Row : AxisRole::Batch, output));
      }
      index.push_back(expr);
    }
    demand(root, index);
  }
  // From the last op to the first, so that all uses of a value are known before the op that defines
  // it is looked at; only ops that something needs, for a program may be much larger than a kernel.
  while (!pending.empty() && !isTooLarge()) {
    std::pop_heap(pending.begin(), pending.end(), standsBefore);
    Operation *op = pending.pop_back_val();
    ++neighbours.visits;
    if (!seen.insert(op).second) // needed by several of its results
      continue;
    if (absorb(op))
      members.insert(op);
    else
      for (Value result : op->getResults())
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
  for (Operation *op : llvm::reverse(members.getArrayRef())) // in the order of the block
    noteDerived(op);
}

/// The extents of the dims that dim `dim` of an output was merged of, outermost first: those of the
/// rows that it is computed of, between which and the output are pointwise ops and views.
SmallVector<Extent> KernelGroup::partsOf(Value value, unsigned dim,
                                         llvm::DenseSet<std::pair<Value, unsigned>> &seen) const {
  SmallVector<Extent> whole{getExtent(tensorType(value), dim)};
  Operation *op = value.getDefiningOp();
  if (!op || !fixedMembers.contains(op) || !seen.insert({value, dim}).second)
    return whole;
  if (isElementwise(op)) {
    for (Value operand : op->getOperands())
      if (SmallVector<Extent> parts = partsOf(operand, dim, seen); parts.size() > 1)
        return parts;
    return whole;
  }
  if (!isView(op) || isa<BroadcastOp>(op))
    return whole;
  if (FailureOr<unsigned> from = operandDim(op, dim); succeeded(from))
    return isa<SliceOp>(op) ? whole : partsOf(op->getOperand(0), *from, seen);
  auto reshape = dyn_cast<ReshapeOp>(op);
  FailureOr<SmallVector<ReshapeGroup>> groups = failure();
  if (reshape)
    groups = reshapeGroups(reshape);
  if (failed(groups))
    return whole;
  for (const ReshapeGroup &group : *groups) {
    if (group.resultBegin != dim || group.resultEnd != dim + 1)
      continue;
    SmallVector<Extent> parts;
    for (unsigned from = group.operandBegin; from < group.operandEnd; ++from)
      llvm::append_range(parts, partsOf(op->getOperand(0), from, seen));
    // Only the outermost extent may be unknown: the others are factors of the index.
    bool known =
        llvm::all_of(llvm::drop_begin(parts), [](const Extent &extent) { return !extent.symbol; });
    return known ? parts : whole;
  }
  return whole;
}

/// Takes `op` into the kernel if the rules allow it, and demands its operands.
bool KernelGroup::absorb(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  if (const KernelGroup *owner = neighbours.owner.lookup(op); owner && op != sink)
    return false;
  if (neighbours.stored.contains(op))
    return false;
  SmallVector<Index> indices = demands[op->getResult(0)];
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (isa<IotaOp, SizeOp>(op))
    return true;
  if (isView(op))
    return absorbView(op, indices);
  if (auto gather = dyn_cast<GatherOp>(op))
    return absorbGather(gather, indices);
  if (auto concat = dyn_cast<ConcatOp>(op))
    return absorbConcat(concat, indices);
  if (auto contract = dyn_cast<ContractOp>(op))
    return absorbContract(contract, indices);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return absorbReduce(reduce, indices);
  if (auto scan = dyn_cast<ScanOp>(op))
    return absorbScan(scan, indices);
  return isElementwise(op) && absorbPointwise(op, indices);
}

/// True for one dim of rows and keys that has fewer elements than there are pairs of them: a table
/// of relative positions is no larger than the keys.
bool KernelGroup::isOfDistances(AffineExpr expr) const {
  std::optional<int64_t> least = axes.bound(expr, false), most = axes.bound(expr, true);
  int64_t pairs = 1;
  for (unsigned v = 0; v < axes.size(); ++v) {
    const IndexSpace::Variable &axis = axes[v];
    if (axes.find(v) != v || !expr.isFunctionOfDim(v))
      continue;
    if (axis.extent.symbol)
      return false;
    if (axis.role == AxisRole::Row || axis.role == AxisRole::Stream)
      pairs *= axis.extent.size;
  }
  return least && most && *most - *least + 1 < pairs;
}

/// True if a value has an element for every pair of row and key.
bool KernelGroup::isOfPairs(ArrayRef<AffineExpr> index) const {
  for (auto [i, key] : llvm::enumerate(index))
    for (auto [j, row] : llvm::enumerate(index))
      if (axes.uses(key, stream) && axes.usesRole(row, AxisRole::Row) &&
          (i != j || !isOfDistances(axes.canonical(key))))
        return true;
  return false;
}

/// True for the index of a score: a value over the stream and the rows, which is S x S where it is
/// stored, whatever other axes it has. Where there are no rows (one query) it is what is neither a
/// key (an inner axis) nor a value row (a value axis).
bool KernelGroup::isScoreLike(ArrayRef<AffineExpr> index) const {
  return isOfPairs(index) ||
         (axes.uses(index, stream) &&
          llvm::none_of(ArrayRef{AxisRole::Row, AxisRole::Inner, AxisRole::Value},
                        [&](AxisRole role) { return axes.usesRole(index, role); }));
}

SmallVector<Index> KernelGroup::operandIndices(Operation *op, ArrayRef<AffineExpr> index) const {
  auto known = passed.find(op);
  assert(known != passed.end() && "a member that passes its indices on");
  const Passed *found = llvm::find_if(known->second, [&](const Passed &entry) {
    return axes.canonical(entry.result) == axes.canonical(index);
  });
  assert(found != known->second.end() && "an index that the member was needed at");
  return llvm::map_to_vector(found->operands,
                             [&](const Index &operand) { return axes.canonical(operand); });
}

bool KernelGroup::absorbView(Operation *op, ArrayRef<Index> indices) {
  SmallVector<Passed> mapped;
  for (const Index &known : indices) {
    Index index = axes.canonical(known);
    FailureOr<Index> at = indexOfOperand(op, index);
    if (failed(at))
      return false;
    for (AffineExpr &expr : *at)
      expr = axes.simplified(expr);
    // A reshape of memory is no copy; a reshape of what is looked up or counted would be one.
    if (axes.isTileable(index) && !axes.isTileable(*at) && !isLookedUp(op->getOperand(0)))
      return false;
    mapped.push_back({index, {*at}});
  }
  for (const Passed &entry : mapped)
    demand(op->getOperand(0), entry.operands[0]);
  passed[op] = mapped;
  return true;
}

/// True if a value is selected by index tensors, one of several parts, or made of iotas alone, seen
/// through casts.
bool KernelGroup::isLookedUp(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != block)
    return false;
  if (isa<GatherOp, IotaOp, arith::ConstantOp>(op) || neighbours.positions.count(op))
    return true;
  return (isView(op) || isElementwise(op)) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return isLookedUp(operand); });
}

/// True if an index has a lookup for every pair of row and key.
bool KernelGroup::isLookedUpForPairs(ArrayRef<AffineExpr> index) const {
  return llvm::any_of(axes.lookupsOf(axes.canonical(index)), [&](unsigned i) {
    ArrayRef<AffineExpr> at = axes.getLookups()[i].at;
    return axes.uses(at, stream) && axes.usesRole(at, AxisRole::Row);
  });
}

/// A gather is an index: of the scores' bias it saves a tensor as large as the scores, of key rows
/// (a table of pages) a copy of all keys. What it selects is read at every use, so a key of its own
/// for every pair of row and key (relative keys) would be read once a pair, and is not taken in.
bool KernelGroup::absorbGather(GatherOp op, ArrayRef<Index> indices) {
  SmallVector<Passed> mapped;
  for (const Index &known : indices) {
    Index index = axes.canonical(known);
    SmallVector<AffineExpr> selected;
    for (Value value : op.getIndices())
      selected.push_back(axes.lookup(value, index));
    Index at;
    for (AffineExpr expr : op.getMap().getResults())
      at.push_back(axes.simplified(expr.replaceDimsAndSymbols(index, selected)));
    bool wide = axes.usesRole(index, AxisRole::Inner) || axes.usesRole(index, AxisRole::Value);
    if (wide && isLookedUpForPairs(at))
      return false;
    mapped.push_back({index, {at}});
  }
  for (const Passed &entry : mapped) {
    const Index &at = entry.operands[0];
    for (unsigned i : axes.lookupsOf(at)) {
      IndexSpace::Lookup lookup = axes.getLookups()[i];
      demand(lookup.value, lookup.at);
    }
    demand(op.getSource(), at);
  }
  passed[op] = mapped;
  return true;
}

/// What follows from keys alone is computed again for every block of rows, if that costs less.
bool KernelGroup::isWorthRecomputing(Operation *op, ArrayRef<Index> indices) const {
  return fixedMembers.contains(op) || llvm::all_of(indices, [&](const Index &index) {
           return Recompute(axes, neighbours.target, neighbours.makingCosts).isWorth(op, index);
         });
}

/// Ops that cost so little that an index may be looked up for them at every use.
static bool isCheap(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::MulFOp, arith::AddFOp, arith::SubFOp,
             arith::DivFOp, arith::NegFOp, arith::SIToFPOp, arith::CmpFOp, arith::CmpIOp,
             arith::SelectOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ExtSIOp,
             arith::ExtUIOp, arith::TruncIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op);
}

bool KernelGroup::absorbPointwise(Operation *op, ArrayRef<Index> indices) {
  // Where an index is looked up, an element may be computed many times: as of keys and value rows,
  // only what is cheap.
  bool lookedUp = llvm::any_of(
      indices, [&](const Index &index) { return !axes.lookupsOf(axes.canonical(index)).empty(); });
  if (lookedUp && (!isCheap(op) || llvm::count_if(op->getOperands(), [](Value operand) {
                                     return !isGenerated(operand);
                                   }) > 1))
    return false;
  // Positions by distance are computed wherever they are needed.
  bool positions = tensorType(op->getResult(0)).getElementType().isInteger();
  bool streamedOperand = llvm::any_of(indices, [&](const Index &index) {
    return axes.uses(index, stream) && !isScoreLike(index) &&
           (!positions || !axes.usesRole(index, AxisRole::Row));
  });
  if (streamedOperand && !isWorthRecomputing(op, indices))
    return false;
  for (const Index &index : indices)
    for (Value operand : op->getOperands())
      demand(operand, index);
  return true;
}
