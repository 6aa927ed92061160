//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A split dim through contractions and reductions, which combine its parts or keep it.
//
//===----------------------------------------------------------------------===//

#include "ConcatSplitter.h"
#include "ProgramUtils.h"

#include "flashlight/IR/Reductions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

LogicalResult ConcatSplitter::handleReduce(ReduceOp op) {
  Split split = splits[op.getOperand()];
  SmallVector<int64_t> dims = op.getReducedDims();
  bool combines = llvm::is_contained(dims, static_cast<int64_t>(split.dim));
  if (combines && split.free) {
    if (split.projected || !isOneSweep(split))
      return failure(); // a sweep a part
    sumsKeys = true;
  }
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

/// A factor of a contraction over `target` dims, without its dim `dropped`, if any, of one element.
Value ConcatSplitter::spread(Value factor, ArrayRef<StringAttr> names, StringAttr dropped,
                             ArrayRef<StringAttr> target, RankedTensorType type) {
  SmallVector<std::pair<int64_t, unsigned>> order; // dim of the target, dim of the factor
  for (auto [i, name] : llvm::enumerate(names))
    if (name != dropped)
      order.push_back({llvm::find(target, name) - target.begin(), i});
  llvm::sort(order);
  SmallVector<int64_t> permutation, dims;
  for (auto [to, from] : order) {
    permutation.push_back(from);
    dims.push_back(to);
  }
  if (order.size() < names.size())
    permutation.push_back(llvm::find(names, dropped) - names.begin());
  Location loc = factor.getLoc();
  Value value = make<TransposeOp>(loc, permuted(tensorType(factor), permutation), factor,
                                  builder.getDenseI64ArrayAttr(permutation));
  if (order.size() < names.size())
    value = make<ReshapeOp>(
        loc, permuted(tensorType(value), llvm::to_vector(llvm::seq<int64_t>(order.size()))), value);
  RankedTensorType narrow = tensorType(value);
  if (narrow.getElementType() != type.getElementType())
    value = make<arith::ExtFOp>(loc, narrow.clone(type.getElementType()), value);
  return make<BroadcastOp>(loc, type, value, builder.getDenseI64ArrayAttr(dims));
}

/// The product of factors whose only contracted dim has one element: nothing is summed.
Value ConcatSplitter::product(ContractOp op, Value lhs, Value rhs, StringAttr dropped) {
  ContractOp::Labels labels = op.getLabels();
  RankedTensorType type = tensorType(op.getResult());
  Value left = spread(lhs, labels.lhs, dropped, labels.result, type),
        right = spread(rhs, labels.rhs, dropped, labels.result, type);
  if (isa<FloatType>(type.getElementType()))
    return make<arith::MulFOp>(op.getLoc(), left, right);
  return make<arith::MulIOp>(op.getLoc(), left, right);
}

/// Scores of one key are no matrix product: a kernel sums them for its rows as it computes a norm.
void ConcatSplitter::sumProducts(ContractOp op) {
  builder.setInsertionPoint(op);
  ContractOp::Labels labels = op.getLabels();
  RankedTensorType type = tensorType(op.getResult());
  SmallVector<StringAttr> all(labels.result);
  SmallVector<Extent> extents;
  SmallVector<int64_t> summed;
  for (int64_t i = 0; i < type.getRank(); ++i)
    extents.push_back(getExtent(type, i));
  for (bool left : {true, false})
    for (auto [i, name] : llvm::enumerate(left ? labels.lhs : labels.rhs))
      if (!llvm::is_contained(all, name)) {
        summed.push_back(all.size());
        all.push_back(name);
        extents.push_back(getExtent(tensorType(left ? op.getLhs() : op.getRhs()), i));
      }
  RankedTensorType whole = typeOf(extents, type);
  Value left = spread(op.getLhs(), labels.lhs, {}, all, whole),
        right = spread(op.getRhs(), labels.rhs, {}, all, whole);
  Value products = make<arith::MulFOp>(op.getLoc(), left, right);
  Value sum =
      make<ReduceOp>(op.getLoc(), type, ReduceKindAttr::get(op.getContext(), ReduceKind::Sum),
                     products, builder.getDenseI64ArrayAttr(summed));
  op.replaceAllUsesWith(sum);
  op.erase();
}

LogicalResult ConcatSplitter::handleContract(ContractOp op) {
  ContractOp::Labels labels = op.getLabels();
  bool left = splits.count(op.getLhs());
  Split split = splits[left ? op.getLhs() : op.getRhs()];
  unsigned dim = split.dim;
  StringAttr label = left ? labels.lhs[dim] : labels.rhs[dim];
  bool sums = !llvm::is_contained(labels.result, label);
  bool projects = isProjection(op);
  if (sums && split.free) {
    if (split.projected || !isOneSweep(split))
      return failure(); // a sweep a part
    sumsKeys = true;
  }
  Value other = left ? op.getRhs() : op.getLhs();
  ArrayRef<StringAttr> otherNames = left ? labels.rhs : labels.lhs;
  if (sums && projects)
    return failure();
  // Values in parts cut whole scores: again a sweep a part.
  if (auto *at = llvm::find(otherNames, label); sums && !splits.count(other) &&
                                                at != otherNames.end() &&
                                                isDimOfScores(other, at - otherNames.begin()))
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
    split.projected |= projects;
    split.dim = llvm::find(labels.result, label) - labels.result.begin();
  }
  Value all;
  for (Part &part : split.parts) {
    Extent extent = getExtent(tensorType(part.value), dim);
    auto factor = [&](Value operand, ArrayRef<StringAttr> names) -> FailureOr<Value> {
      auto *at = llvm::find(names, label);
      if (at == names.end())
        return splits.count(operand) ? FailureOr<Value>() : FailureOr<Value>(operand);
      return sliceOf(operand, at - names.begin(), part, extent);
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
    if (!sums) {
      auto contract = part.value.getDefiningOp<ContractOp>();
      if (!shared && extent.size == 1 && isa<FloatType>(type.getElementType()))
        singles.push_back(contract);
      continue;
    }
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
