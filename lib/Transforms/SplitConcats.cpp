//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-split-concats: see Passes.td. A concat travels towards its consumers
// as a list of parts, each at known positions of the split dim:
//
//   f(a ++ b, x)        = f(a, x[a's]) ++ f(b, x[b's])        pointwise and views
//   sum(a ++ b)         = sum(a) + sum(b)                     any reduction
//   contract(a ++ b, x) = contract(a, x[a's]) + contract(b, x[b's])
//   (a ++ b)[i:j]       = a[..] ++ b[..], often one part alone
//
// New ops are made on the way; they stay if the concat is gone in the end.
//
//===----------------------------------------------------------------------===//

#include "IndexSpace.h"
#include "ProgramUtils.h"

#include "flashlight/IR/Reductions.h"
#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight {
#define GEN_PASS_DEF_SPLITCONCATS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

#define DEBUG_TYPE "flashlight-split-concats"

using namespace mlir;
using namespace flashlight;

namespace {

/// Elements offset, offset + stride, ... of the split dim, as many as `value` has there. An offset
/// behind a dynamic part is not known: such ones are negative, and equal if they are one place.
struct Part {
  Value value;
  int64_t offset, stride;
  bool isKnown() const { return offset >= 0; }
};

struct Split {
  unsigned dim;
  SmallVector<Part> parts;
  bool free = false; // it went through a contraction that does not sum over it
};

/// Pushes one concat towards its consumers.
class Splitter {
public:
  explicit Splitter(ConcatOp concat) : concat(concat), builder(concat) {}

  /// Replaces the concat, or leaves the program as it was.
  LogicalResult run();

private:
  LogicalResult handle(Operation *op);
  LogicalResult handlePointwise(Operation *op);
  LogicalResult handleConcat(ConcatOp op);
  LogicalResult handleReshape(ReshapeOp op);
  LogicalResult handleSlice(SliceOp op);
  LogicalResult handleReduce(ReduceOp op);
  LogicalResult handleContract(ContractOp op);
  FailureOr<Value> sliceOf(Value value, unsigned dim, const Part &like, unsigned likeDim);
  Value product(ContractOp op, Value lhs, Value rhs, StringAttr dropped);
  Operation *cloneWith(Operation *op, ArrayRef<Value> operands, RankedTensorType type);
  template <typename OpTy, typename... Args> Value make(Location loc, Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    created.push_back(op);
    return op->getResult(0);
  }
  void replace(Operation *op, Value by);

  ConcatOp concat;
  OpBuilder builder;
  SmallVector<Operation *> created;
  llvm::DenseMap<Value, Split> splits;
  SmallVector<std::pair<Operation *, Value>> replacements;
  int64_t unknown = 0;
};

} // namespace


Operation *Splitter::cloneWith(Operation *op, ArrayRef<Value> operands, RankedTensorType type) {
  OperationState state(op->getLoc(), op->getName(), operands, type);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  created.push_back(builder.create(state));
  return created.back();
}

/// The elements of `value` that `like` has of the split dim, which is `value`'s dim `dim`.
FailureOr<Value> Splitter::sliceOf(Value value, unsigned dim, const Part &like, unsigned likeDim) {
  if (auto it = splits.find(value); it != splits.end() && it->second.dim == dim) {
    for (const Part &part : it->second.parts)
      if (part.offset == like.offset && part.stride == like.stride &&
          getExtent(tensorType(part.value), dim) == getExtent(tensorType(like.value), likeDim))
        return part.value;
    return failure();
  }
  if (splits.count(value))
    return failure();
  RankedTensorType type =
      withExtent(tensorType(value), dim, getExtent(tensorType(like.value), likeDim));
  Operation *op = value.getDefiningOp();
  DenseElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat() && type.hasStaticShape())
    return make<arith::ConstantOp>(value.getLoc(), splat.resizeSplat(RankedTensorType(type)));
  if (auto broadcast = dyn_cast_or_null<BroadcastOp>(op)) {
    // What is repeated along the dim is repeated less often.
    Value operand = broadcast.getOperand();
    for (auto [i, target] : llvm::enumerate(*broadcast.getDims()))
      if (target == dim && tensorType(operand).getDimSize(i) != 1) {
        FailureOr<Value> inner = sliceOf(operand, i, like, likeDim);
        if (failed(inner))
          return failure();
        operand = *inner;
        break;
      }
    return make<BroadcastOp>(value.getLoc(), type, operand, broadcast.getDimsAttr());
  }
  if (!like.isKnown())
    return failure();
  SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1);
  offsets[dim] = like.offset;
  strides[dim] = like.stride;
  return make<SliceOp>(value.getLoc(), type, value, builder.getDenseI64ArrayAttr(offsets),
                       builder.getDenseI64ArrayAttr(strides));
}

void Splitter::replace(Operation *op, Value by) {
  if (Attribute node = op->getAttr(kNodeAttr))
    if (Operation *def = by.getDefiningOp(); def && llvm::is_contained(created, def))
      def->setAttr(kNodeAttr, node);
  replacements.push_back({op, by});
}

LogicalResult Splitter::run() {
  constexpr size_t maxParts = 8, maxOps = 2000;
  if (concat.getOperands().size() > maxParts)
    return failure();
  Split split{static_cast<unsigned>(concat.getDim()), {}};
  int64_t offset = 0;
  for (Value operand : concat.getOperands()) {
    split.parts.push_back({operand, offset, 1});
    int64_t size = tensorType(operand).getDimSize(split.dim);
    offset = ShapedType::isDynamic(size) || offset < 0 ? --unknown : offset + size;
  }
  splits[concat.getResult()] = split;

  LogicalResult result = success();
  for (Operation *op = concat->getNextNode(); op && succeeded(result); op = op->getNextNode()) {
    if (llvm::none_of(op->getOperands(), [&](Value v) { return splits.count(v); }))
      continue;
    builder.setInsertionPoint(op);
    result = handle(op);
    if (created.size() > maxOps)
      result = failure();
  }
  if (failed(result) || replacements.empty()) {
    for (Operation *op : llvm::reverse(created))
      op->erase();
    return failure();
  }
  for (auto [op, value] : replacements)
    op->getResult(0).replaceAllUsesWith(value);
  return success();
}

LogicalResult Splitter::handle(Operation *op) {
  if (isElementwise(op))
    return handlePointwise(op);
  if (auto other = dyn_cast<ConcatOp>(op))
    return handleConcat(other);
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return handleReshape(reshape);
  if (auto slice = dyn_cast<SliceOp>(op))
    return handleSlice(slice);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return handleReduce(reduce);
  if (auto contract = dyn_cast<ContractOp>(op))
    return handleContract(contract);
  if (!isa<BroadcastOp, TransposeOp, ScanOp>(op))
    return failure(); // it wants the whole tensor
  Split split = splits[op->getOperand(0)];
  unsigned dim = split.dim;
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    split.dim = (*broadcast.getDims())[dim];
  if (auto transpose = dyn_cast<TransposeOp>(op))
    split.dim = llvm::find(transpose.getPermutation(), dim) - transpose.getPermutation().begin();
  if (auto scan = dyn_cast<ScanOp>(op); scan && scan.getDim() == static_cast<int64_t>(dim))
    return failure(); // a part needs the total of those before it
  for (Part &part : split.parts) {
    RankedTensorType type =
        withExtent(tensorType(op->getResult(0)), split.dim, getExtent(tensorType(part.value), dim));
    part.value = cloneWith(op, {part.value}, type)->getResult(0);
  }
  splits[op->getResult(0)] = split;
  return success();
}

LogicalResult Splitter::handlePointwise(Operation *op) {
  Value first = *llvm::find_if(op->getOperands(), [&](Value v) { return splits.count(v); });
  Split split = splits[first];
  for (Value operand : op->getOperands())
    if (auto it = splits.find(operand); it != splits.end())
      split.free |= it->second.free;
  for (Part &part : split.parts) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> slice = sliceOf(operand, split.dim, part, split.dim);
      if (failed(slice))
        return failure();
      operands.push_back(*slice);
    }
    RankedTensorType type = withExtent(tensorType(op->getResult(0)), split.dim,
                                       getExtent(tensorType(part.value), split.dim));
    part.value = cloneWith(op, operands, type)->getResult(0);
  }
  splits[op->getResult(0)] = split;
  return success();
}

/// A concat of concats along one dim is one with more parts.
LogicalResult Splitter::handleConcat(ConcatOp op) {
  Split split{static_cast<unsigned>(op.getDim()), {}};
  int64_t offset = 0;
  for (Value operand : op.getOperands()) {
    int64_t size = tensorType(operand).getDimSize(split.dim);
    auto it = splits.find(operand);
    if (it == splits.end()) {
      split.parts.push_back({operand, offset, 1});
    } else {
      if (it->second.dim != split.dim)
        return failure();
      split.free |= it->second.free;
      for (Part part : it->second.parts) {
        part.offset = offset < 0 || !part.isKnown() ? --unknown : offset + part.offset;
        split.parts.push_back(part);
      }
    }
    offset = ShapedType::isDynamic(size) || offset < 0 ? --unknown : offset + size;
  }
  splits[op.getResult()] = split;
  return success();
}

/// The dim may be kept, merged with others (as the outermost: longer parts; as the innermost, one
/// element a part: strided ones), or taken apart again in the same ways.
LogicalResult Splitter::handleReshape(ReshapeOp op) {
  Split split = splits[op.getOperand()];
  auto from = tensorType(op.getOperand()), to = tensorType(op.getResult());
  FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(op);
  if (failed(groups))
    return failure();
  const ReshapeGroup *group = llvm::find_if(*groups, [&](const ReshapeGroup &g) {
    return g.operandBegin <= split.dim && split.dim < g.operandEnd;
  });
  unsigned dim = split.dim, operandDims = group->operandEnd - group->operandBegin,
           resultDims = group->resultEnd - group->resultBegin;
  auto product = [](ArrayRef<int64_t> sizes) {
    int64_t all = 1;
    for (int64_t size : sizes)
      all = ShapedType::isDynamic(size) || all < 0 ? -1 : all * size;
    return all;
  };
  SmallVector<Extent> extents;
  if (operandDims == 1 && resultDims == 1) {
    split.dim = group->resultBegin;
    for (Part &part : split.parts)
      extents.push_back(getExtent(tensorType(part.value), dim));
  } else if (resultDims == 1) {
    int64_t outer = product(from.getShape().slice(group->operandBegin, dim - group->operandBegin)),
            inner = product(from.getShape().slice(dim + 1, group->operandEnd - dim - 1));
    split.dim = group->resultBegin;
    for (Part &part : split.parts) {
      int64_t size = tensorType(part.value).getDimSize(dim);
      if (!part.isKnown() || part.stride != 1 || ShapedType::isDynamic(size) || inner < 0)
        return failure();
      if (outer == 1) {
        part.offset *= inner;
        extents.push_back(Extent{size * inner, {}});
      } else if (inner == 1 && size == 1) {
        part.stride = from.getDimSize(dim);
        Extent extent = getExtent(from, group->operandBegin);
        if (dim - group->operandBegin != 1)
          extent = Extent{outer, {}};
        if (extent.size < 0 && !extent.symbol)
          return failure();
        extents.push_back(extent);
      } else {
        return failure();
      }
    }
  } else if (operandDims == 1) {
    auto sizes = to.getShape().slice(group->resultBegin, resultDims);
    int64_t inner = product(sizes.drop_front());
    bool strided = resultDims == 2 && split.parts.front().stride == sizes.back();
    split.dim = strided ? group->resultBegin + 1 : group->resultBegin;
    for (Part &part : split.parts) {
      int64_t size = tensorType(part.value).getDimSize(dim);
      if (!part.isKnown() || ShapedType::isDynamic(size) || inner < 0)
        return failure();
      if (strided && part.stride == sizes.back() && part.offset < sizes.back() &&
          size == sizes.front()) {
        part.stride = 1;
        extents.push_back(Extent{1, {}});
      } else if (!strided && part.stride == 1 && part.offset % inner == 0 && size % inner == 0) {
        part.offset /= inner;
        extents.push_back(Extent{size / inner, {}});
      } else {
        return failure();
      }
    }
  } else {
    return failure();
  }
  for (auto [part, extent] : llvm::zip(split.parts, extents))
    part.value = cloneWith(op, {part.value}, withExtent(to, split.dim, extent))->getResult(0);
  splits[op.getResult()] = split;
  return success();
}

LogicalResult Splitter::handleSlice(SliceOp op) {
  Split split = splits[op.getOperand()], result{split.dim, {}, split.free};
  unsigned dim = split.dim;
  auto to = tensorType(op.getResult());
  int64_t offset = op.getOffsets()[dim], stride = op.getStrides()[dim];
  Extent wanted = getExtent(to, dim);
  bool whole = offset == 0 && stride == 1 && wanted == getExtent(tensorType(op.getOperand()), dim);
  // The part's elements [begin, begin + extent), and the slice's own of the other dims.
  auto sliced = [&](const Part &part, int64_t begin, Extent extent) {
    SmallVector<int64_t> offsets(op.getOffsets()), strides(op.getStrides());
    offsets[dim] = begin;
    strides[dim] = 1;
    RankedTensorType type = withExtent(to, dim, extent);
    return make<SliceOp>(op.getLoc(), type, part.value, builder.getDenseI64ArrayAttr(offsets),
                         builder.getDenseI64ArrayAttr(strides));
  };
  for (const Part &part : split.parts) {
    Extent extent = getExtent(tensorType(part.value), dim);
    if (whole) {
      result.parts.push_back({sliced(part, 0, extent), part.offset, part.stride});
      continue;
    }
    if (part.offset == offset && part.stride == stride && extent == wanted) {
      replace(op, sliced(part, 0, extent));
      return success();
    }
  }
  if (!whole) {
    if (stride != 1 || wanted.symbol)
      return failure();
    for (const Part &part : split.parts) {
      Extent extent = getExtent(tensorType(part.value), dim);
      if (!part.isKnown() || part.stride != 1 || extent.symbol)
        return failure();
      int64_t begin = std::max(offset, part.offset),
              end = std::min(offset + wanted.size, part.offset + extent.size);
      if (begin < end)
        result.parts.push_back(
            {sliced(part, begin - part.offset, Extent{end - begin, {}}), begin - offset, 1});
    }
    if (result.parts.size() == 1) {
      replace(op, result.parts.front().value);
      return success();
    }
  }
  splits[op.getResult()] = result;
  return success();
}

LogicalResult Splitter::handleReduce(ReduceOp op) {
  Split split = splits[op.getOperand()];
  SmallVector<int64_t> dims = op.getReducedDims();
  bool combines = llvm::is_contained(dims, static_cast<int64_t>(split.dim));
  if (combines && split.free)
    return failure();
  unsigned dim = split.dim;
  if (!combines)
    split.dim -= llvm::count_if(dims, [&](int64_t d) { return d < static_cast<int64_t>(dim); });
  Value all;
  for (Part &part : split.parts) {
    Extent extent = getExtent(tensorType(part.value), dim);
    RankedTensorType type = combines ? tensorType(op.getResult())
                                     : withExtent(tensorType(op.getResult()), split.dim, extent);
    bool single = combines && extent.size == 1 && dims.size() == 1;
    part.value = single ? make<ReshapeOp>(op.getLoc(), type, part.value)
                        : cloneWith(op, {part.value}, type)->getResult(0);
    if (!combines)
      continue;
    all = all ? combine(op.getKind(), builder, op.getLoc(), all, part.value) : part.value;
    if (all != part.value)
      created.push_back(all.getDefiningOp());
  }
  if (combines)
    replace(op, all);
  else
    splits[op.getResult()] = split;
  return success();
}

/// The product of factors whose only contracted dim has one element: nothing is summed.
Value Splitter::product(ContractOp op, Value lhs, Value rhs, StringAttr dropped) {
  ContractOp::Labels labels = op.getLabels();
  auto result = tensorType(op.getResult());
  auto spread = [&](Value factor, ArrayRef<StringAttr> names) {
    SmallVector<std::pair<int64_t, unsigned>> order; // dim of the result, dim of the factor
    for (auto [i, name] : llvm::enumerate(names))
      if (name != dropped)
        order.push_back({llvm::find(labels.result, name) - labels.result.begin(), i});
    llvm::sort(order);
    SmallVector<int64_t> permutation, dims;
    for (auto [target, source] : order) {
      permutation.push_back(source);
      dims.push_back(target);
    }
    if (order.size() < names.size())
      permutation.push_back(llvm::find(names, dropped) - names.begin());
    Location loc = op.getLoc();
    Value value = make<TransposeOp>(loc, permuted(tensorType(factor), permutation), factor,
                                    builder.getDenseI64ArrayAttr(permutation));
    RankedTensorType type =
        permuted(tensorType(value), llvm::to_vector(llvm::seq<int64_t>(order.size())));
    if (order.size() < names.size())
      value = make<ReshapeOp>(loc, type, value);
    if (type.getElementType() != result.getElementType())
      value = make<arith::ExtFOp>(loc, type.clone(result.getElementType()), value);
    return make<BroadcastOp>(loc, result, value, builder.getDenseI64ArrayAttr(dims));
  };
  Value left = spread(lhs, labels.lhs), right = spread(rhs, labels.rhs);
  if (isa<FloatType>(result.getElementType()))
    return make<arith::MulFOp>(op.getLoc(), left, right);
  return make<arith::MulIOp>(op.getLoc(), left, right);
}

LogicalResult Splitter::handleContract(ContractOp op) {
  ContractOp::Labels labels = op.getLabels();
  bool left = splits.count(op.getLhs());
  Split split = splits[left ? op.getLhs() : op.getRhs()];
  unsigned dim = split.dim;
  StringAttr label = left ? labels.lhs[dim] : labels.rhs[dim];
  bool sums = !llvm::is_contained(labels.result, label);
  if (sums && (split.free || isProjection(op)))
    return failure();
  bool shared = llvm::is_contained(labels.lhs, label) && llvm::is_contained(labels.rhs, label);
  bool alone = llvm::count_if(labels.lhs,
                              [&](StringAttr name) {
                                return !llvm::is_contained(labels.result, name);
                              }) == 1 &&
               llvm::all_of(labels.rhs, [&](StringAttr name) {
                 return name == label || llvm::is_contained(labels.result, name);
               });
  if (!sums) {
    split.free |= !shared;
    split.dim = llvm::find(labels.result, label) - labels.result.begin();
  }
  Value all;
  for (Part &part : split.parts) {
    Extent extent = getExtent(tensorType(part.value), dim);
    auto factor = [&](Value operand, ArrayRef<StringAttr> names) -> FailureOr<Value> {
      auto *at = llvm::find(names, label);
      if (at == names.end())
        return splits.count(operand) ? FailureOr<Value>() : FailureOr<Value>(operand);
      return sliceOf(operand, at - names.begin(), part, dim);
    };
    FailureOr<Value> lhs = factor(op.getLhs(), labels.lhs), rhs = factor(op.getRhs(), labels.rhs);
    if (failed(lhs) || failed(rhs))
      return failure();
    RankedTensorType type = sums ? tensorType(op.getResult())
                                 : withExtent(tensorType(op.getResult()), split.dim, extent);
    bool single = sums && shared && alone && extent.size == 1 &&
                  (isa<FloatType>(type.getElementType()) ||
                   tensorType(*lhs).getElementType() == type.getElementType());
    part.value =
        single ? product(op, *lhs, *rhs, label) : cloneWith(op, {*lhs, *rhs}, type)->getResult(0);
    if (!sums)
      continue;
    all = all ? combine(ReduceKind::Sum, builder, op.getLoc(), all, part.value) : part.value;
    if (all != part.value)
      created.push_back(all.getDefiningOp());
  }
  if (sums)
    replace(op, all);
  else
    splits[op.getResult()] = split;
  return success();
}

namespace {

struct SplitConcats : flashlight::impl::SplitConcatsBase<SplitConcats> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    // A concat that is no user of another yet is one after it: those nearest to the end go first.
    for (ConcatOp concat : llvm::to_vector(block.getOps<ConcatOp>())) {
      if (concat->use_empty() || failed(Splitter(concat).run()))
        continue;
      ++numConcats;
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (&op != concat && !isa<ConcatOp>(op) && isOpTriviallyDead(&op))
          op.erase();
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
