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

#include "ConcatSplitter.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

Operation *ConcatSplitter::cloneWith(Operation *op, ArrayRef<Value> operands,
                                     RankedTensorType type) {
  OperationState state(op->getLoc(), op->getName(), operands, type);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  created.push_back(builder.create(state));
  return created.back();
}

/// The elements of `value`, of whose dim `dim` the split dim is, that `like` has: `extent` ones.
FailureOr<Value> ConcatSplitter::sliceOf(Value value, unsigned dim, const Part &like,
                                         Extent extent) {
  if (auto it = splits.find(value); it != splits.end()) {
    if (it->second.dim != dim)
      return failure();
    for (const Part &part : it->second.parts) {
      bool same = part.offset == like.offset || (part.behind >= 0 && part.behind == like.behind);
      if (same && part.stride == like.stride && getExtent(tensorType(part.value), dim) == extent)
        return part.value;
    }
    return failure();
  }
  RankedTensorType type = withExtent(tensorType(value), dim, extent);
  Operation *op = value.getDefiningOp();
  DenseElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat() && type.hasStaticShape())
    return make<arith::ConstantOp>(value.getLoc(), splat.resizeSplat(RankedTensorType(type)));
  if (auto broadcast = dyn_cast_or_null<BroadcastOp>(op)) {
    // What is repeated along the dim is repeated less often.
    Value operand = broadcast.getOperand();
    for (auto [i, target] : llvm::enumerate(*broadcast.getDims()))
      if (target == dim && tensorType(operand).getDimSize(i) != 1) {
        FailureOr<Value> inner = sliceOf(operand, i, like, extent);
        if (failed(inner))
          return failure();
        operand = *inner;
        break;
      }
    return make<BroadcastOp>(value.getLoc(), type, operand, broadcast.getDimsAttr());
  }
  SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1);
  if (like.isKnown()) {
    offsets[dim] = like.offset;
    strides[dim] = like.stride;
  } else if (like.behind >= 0 && extent.size == 1) {
    offsets[dim] = like.behind; // from the end
    strides[dim] = -1;
  } else {
    return failure();
  }
  return make<SliceOp>(value.getLoc(), type, value, builder.getDenseI64ArrayAttr(offsets),
                       builder.getDenseI64ArrayAttr(strides));
}

void ConcatSplitter::replace(Operation *op, Value by) {
  if (Attribute node = op->getAttr(kNodeAttr))
    if (Operation *def = by.getDefiningOp(); def && llvm::is_contained(created, def))
      def->setAttr(kNodeAttr, node);
  replacements.push_back({op, by});
}

/// The operands of a concat, of which some may be split along its dim themselves.
FailureOr<ConcatSplitter::Split> ConcatSplitter::partsOf(ConcatOp op) {
  Split split{static_cast<unsigned>(op.getDim()), {}};
  int64_t offset = 0;
  for (Value operand : op.getOperands()) {
    if (auto it = splits.find(operand); it == splits.end()) {
      split.parts.push_back({operand, offset});
    } else {
      if (it->second.dim != split.dim)
        return failure();
      split.free |= it->second.free;
      split.projected |= it->second.projected;
      for (Part part : it->second.parts) {
        part.offset = offset < 0 || !part.isKnown() ? --unknown : offset + part.offset;
        split.parts.push_back(part);
      }
    }
    int64_t size = tensorType(operand).getDimSize(split.dim);
    offset = ShapedType::isDynamic(size) || offset < 0 ? --unknown : offset + size;
  }
  int64_t behind = 0;
  for (Part &part : llvm::reverse(split.parts)) {
    int64_t size = tensorType(part.value).getDimSize(split.dim);
    bool known = behind >= 0 && part.stride == 1 && ShapedType::isStatic(size);
    part.behind = known ? behind : -1;
    behind = known ? behind + size : -1;
  }
  return split;
}

/// True if the split dim is one part that is worth a sweep, and single elements.
bool ConcatSplitter::isOneSweep(const Split &split) {
  constexpr int64_t least = 16;
  unsigned swept = 0;
  for (const Part &part : split.parts) {
    int64_t size = tensorType(part.value).getDimSize(split.dim);
    if (size == 1)
      continue;
    if (ShapedType::isStatic(size) && size < least)
      return false;
    ++swept;
  }
  return swept == 1;
}

/// The same with single elements instead of short parts. Each is an op of its own for every op of
/// the program, so they are few.
FailureOr<ConcatSplitter::Split> ConcatSplitter::takenApart(const Split &split) {
  constexpr int64_t most = 8;
  int64_t singles = 0;
  Split result{split.dim, {}};
  for (const Part &part : split.parts) {
    int64_t size = tensorType(part.value).getDimSize(split.dim);
    if (size == 1 || ShapedType::isDynamic(size) || size > most) {
      result.parts.push_back(part);
      continue;
    }
    singles += size;
    for (int64_t i = 0; i < size; ++i) {
      FailureOr<Value> element = sliceOf(part.value, split.dim, Part{{}, i}, Extent{1, {}});
      if (failed(element))
        return failure();
      result.parts.push_back({*element, part.isKnown() ? part.offset + i : --unknown, 1,
                              part.behind < 0 ? -1 : part.behind + size - 1 - i});
    }
  }
  if (singles == 0 || singles > most || !isOneSweep(result))
    return failure();
  return result;
}

LogicalResult ConcatSplitter::run() {
  constexpr size_t maxParts = 8, maxOps = 2000;
  if (concat.getOperands().size() > maxParts)
    return failure();
  FailureOr<Split> split = partsOf(concat);
  if (apart)
    split = takenApart(*split);
  LogicalResult result = success(succeeded(split));
  if (succeeded(split))
    splits[concat.getResult()] = *split;
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
  if (sumsKeys)
    for (ContractOp single : singles)
      sumProducts(single);
  return success();
}

LogicalResult ConcatSplitter::handle(Operation *op) {
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

LogicalResult ConcatSplitter::handlePointwise(Operation *op) {
  Value first = *llvm::find_if(op->getOperands(), [&](Value v) { return splits.count(v); });
  Split split = splits[first];
  for (Value operand : op->getOperands())
    if (auto it = splits.find(operand); it != splits.end()) {
      split.free |= it->second.free;
      split.projected |= it->second.projected;
    }
  // What is computed once and sliced would be stored, or computed once a part.
  for (Value operand : op->getOperands())
    if (!splits.count(operand) && isDimOfScores(operand, split.dim))
      return failure();
  for (Part &part : split.parts) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> slice =
          sliceOf(operand, split.dim, part, getExtent(tensorType(part.value), split.dim));
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
