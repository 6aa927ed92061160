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

#include "ConcatJoiner.h"
#include "ProgramUtils.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

/// The one number that all elements are, if they are.
static Attribute splatOf(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return {};
  return elements.getSplatValue<Attribute>();
}

Value ConcatJoiner::cloneWith(Operation *op, ArrayRef<Value> operands, RankedTensorType type) {
  OperationState state(op->getLoc(), op->getName(), operands, type);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return builder.create(state)->getResult(0);
}

Extent ConcatJoiner::total(ArrayRef<Value> parts, unsigned dim) const {
  int64_t size = 0;
  for (Value part : parts)
    size += tensorType(part).getDimSize(dim);
  return Extent{size, {}};
}

FailureOr<Value> ConcatJoiner::run() {
  unsigned dim = concat.getDim();
  bool all = llvm::all_of(concat.getOperands(), [&](Value part) {
    return !tensorType(part).isDynamicDim(dim) && isDimOfScores(part, dim);
  });
  if (!all || concat.getOperands().size() < 2)
    return failure();
  return join(llvm::to_vector(concat.getOperands()), dim);
}

FailureOr<Value> ConcatJoiner::join(ArrayRef<Value> parts, unsigned dim) {
  Operation *first = parts.front().getDefiningOp();
  auto all = [&](auto holds) {
    return first && llvm::all_of(parts, [&](Value part) {
             Operation *op = part.getDefiningOp();
             return op && op->getName() == first->getName() && holds(op);
           });
  };
  // The same view of every part.
  if (isa_and_nonnull<TransposeOp, BroadcastOp>(first) && all([&](Operation *op) {
        return op->getPropertiesAsAttribute() == first->getPropertiesAsAttribute();
      }))
    if (FailureOr<unsigned> from = operandDim(first, dim); succeeded(from)) {
      Parts operands;
      for (Value part : parts)
        operands.push_back(part.getDefiningOp()->getOperand(0));
      FailureOr<Value> operand = join(operands, *from);
      if (failed(operand))
        return failure();
      return cloneWith(first, *operand,
                       withExtent(tensorType(parts.front()), dim, total(parts, dim)));
    }
  if (llvm::none_of(parts, [&](Value part) { return isDimOfScores(part, dim); }))
    return joinStored(parts, dim);
  if (isa_and_nonnull<ContractOp>(first) && all([](Operation *) { return true; }))
    return joinContracts(parts, dim);
  return joinPointwise(parts, dim);
}

/// Parts that are no scores: masks, keys. What is the same along the dim stays so.
FailureOr<Value> ConcatJoiner::joinStored(ArrayRef<Value> parts, unsigned dim) {
  RankedTensorType type = withExtent(tensorType(parts.front()), dim, total(parts, dim));
  Location loc = concat.getLoc();
  Attribute splat = splatOf(parts.front());
  if (splat && llvm::all_of(parts, [&](Value part) { return splatOf(part) == splat; }))
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(cast<ShapedType>(type), splat))
        .getResult();
  auto broadcast = parts.front().getDefiningOp<BroadcastOp>();
  auto isRepeated = [&](BroadcastOp op) {
    auto *at = llvm::find(*op.getDims(), static_cast<int64_t>(dim));
    return at == op.getDims()->end() ||
           tensorType(op.getOperand()).getDimSize(at - op.getDims()->begin()) == 1;
  };
  if (broadcast && isRepeated(broadcast) && llvm::all_of(parts, [&](Value part) {
        auto op = part.getDefiningOp<BroadcastOp>();
        return op && op.getOperand() == broadcast.getOperand() &&
               op.getDims() == broadcast.getDims();
      }))
    return cloneWith(broadcast, broadcast.getOperand(), type);
  if (FailureOr<Value> slice = joinSlices(parts, dim, builder); succeeded(slice))
    return slice;
  if (!copies)
    return failure();
  return ConcatOp::create(builder, loc, type, parts, builder.getI64IntegerAttr(dim)).getResult();
}

FailureOr<Value> flashlight::joinSlices(ArrayRef<Value> parts, unsigned dim, OpBuilder &builder) {
  if (auto transpose = parts.front().getDefiningOp<TransposeOp>()) {
    SmallVector<Value> sources;
    for (Value part : parts) {
      auto other = part.getDefiningOp<TransposeOp>();
      if (!other || other.getPermutation() != transpose.getPermutation())
        return failure();
      sources.push_back(other.getOperand());
    }
    FailureOr<Value> source = joinSlices(sources, transpose.getPermutation()[dim], builder);
    if (failed(source))
      return failure();
    return TransposeOp::create(builder, transpose.getLoc(),
                               permuted(tensorType(*source), transpose.getPermutation()), *source,
                               transpose.getPermutationAttr())
        .getResult();
  }
  auto first = parts.front().getDefiningOp<SliceOp>();
  if (!first)
    return failure();
  int64_t end = first.getOffsets()[dim];
  for (Value part : parts) {
    auto slice = part.getDefiningOp<SliceOp>();
    if (!slice || slice.getOperand() != first.getOperand() ||
        slice.getStrides() != first.getStrides() || slice.getStrides()[dim] != 1 ||
        slice.getOffsets()[dim] != end || tensorType(part).isDynamicDim(dim))
      return failure();
    for (auto [i, pair] : llvm::enumerate(llvm::zip(slice.getOffsets(), first.getOffsets())))
      if (i != dim && std::get<0>(pair) != std::get<1>(pair))
        return failure();
    end += tensorType(part).getDimSize(dim);
  }
  Extent extent{end - first.getOffsets()[dim], {}};
  return SliceOp::create(builder, first.getLoc(),
                         withExtent(tensorType(first.getResult()), dim, extent), first.getOperand(),
                         first.getOffsetsAttr(), first.getStridesAttr())
      .getResult();
}

FailureOr<Value> ConcatJoiner::joinContracts(ArrayRef<Value> parts, unsigned dim) {
  auto first = parts.front().getDefiningOp<ContractOp>();
  ContractOp::Labels labels = first.getLabels();
  StringAttr label = labels.result[dim];
  bool left = llvm::is_contained(labels.lhs, label), right = llvm::is_contained(labels.rhs, label);
  if (left == right)
    return failure();
  Value shared = left ? first.getRhs() : first.getLhs();
  Parts factors;
  for (Value part : parts) {
    auto op = part.getDefiningOp<ContractOp>();
    if (op.getEquation() != first.getEquation() || isProjection(op) ||
        (left ? op.getRhs() : op.getLhs()) != shared)
      return failure();
    factors.push_back(left ? op.getLhs() : op.getRhs());
    if (tensorType(factors.back()).getElementType() != tensorType(factors.front()).getElementType())
      return failure();
  }
  ArrayRef<StringAttr> names = left ? labels.lhs : labels.rhs;
  FailureOr<Value> factor = join(factors, llvm::find(names, label) - names.begin());
  if (failed(factor))
    return failure();
  Value lhs = left ? *factor : shared, rhs = left ? shared : *factor;
  return cloneWith(first, {lhs, rhs},
                   withExtent(tensorType(parts.front()), dim, total(parts, dim)));
}

/// For each operand of `op` its parts. A part that is no such op is one with neutral operands.
FailureOr<SmallVector<ConcatJoiner::Parts>>
ConcatJoiner::operandsOf(Operation *op, ArrayRef<Value> parts, unsigned dim) {
  auto computed = [&](Operation *other) {
    unsigned count = 0, at = 0;
    for (auto [i, operand] : llvm::enumerate(other->getOperands()))
      if (isDimOfScores(operand, dim))
        ++count, at = i;
    return count == 1 ? std::optional(at) : std::nullopt;
  };
  auto like = [&](Value scalar, Value part, Attribute value) -> Value {
    auto type = tensorType(part).clone(cast<RankedTensorType>(scalar.getType()).getElementType());
    return arith::ConstantOp::create(builder, part.getLoc(),
                                     DenseElementsAttr::get(cast<ShapedType>(type), value));
  };
  std::optional<unsigned> own = computed(op);
  SmallVector<Parts> operands(op->getNumOperands());
  for (Value part : parts) {
    Operation *other = part.getDefiningOp();
    bool alike = other && other->getName() == op->getName() &&
                 other->getPropertiesAsAttribute() == op->getPropertiesAsAttribute() &&
                 computed(other) == own;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (alike) {
        operands[i].push_back(other->getOperand(i));
        continue;
      }
      if (own && i == *own) {
        operands[i].push_back(part);
        continue;
      }
      Type element = tensorType(operand).getElementType();
      Attribute neutral;
      if (!own)
        return failure();
      if (isa<arith::AddFOp>(op) || (isa<arith::SubFOp>(op) && i == 1))
        neutral = builder.getFloatAttr(element, 0.0);
      else if (isa<arith::MulFOp>(op) || (isa<arith::DivFOp>(op) && i == 1))
        neutral = builder.getFloatAttr(element, 1.0);
      else if (isa<arith::SelectOp>(op) && i == 0 && *own > 0)
        neutral = builder.getBoolAttr(*own == 1);
      else if (isa<arith::SelectOp>(op) && *own > 0) // never chosen
        neutral = splatOf(operand) ? splatOf(operand) : builder.getZeroAttr(element);
      if (!neutral || !tensorType(part).hasStaticShape())
        return failure();
      operands[i].push_back(like(operand, part, neutral));
    }
  }
  return operands;
}

FailureOr<Value> ConcatJoiner::joinPointwise(ArrayRef<Value> parts, unsigned dim) {
  // The part that most is done to comes first: the others are as they are after that.
  auto depth = [&](Value value) {
    unsigned count = 0;
    for (Operation *op = value.getDefiningOp(); op && isElementwise(op); ++count) {
      auto operands = op->getOperands();
      auto next = llvm::find_if(operands, [&](Value v) { return isDimOfScores(v, dim); });
      op = next == operands.end() ? nullptr : (*next).getDefiningOp();
    }
    return count;
  };
  Value deepest = *llvm::max_element(parts, [&](Value a, Value b) { return depth(a) < depth(b); });
  Operation *op = deepest.getDefiningOp();
  if (!op || !isElementwise(op))
    return failure();
  FailureOr<SmallVector<Parts>> operands = operandsOf(op, parts, dim);
  if (failed(operands))
    return failure();
  SmallVector<Value> joined;
  for (const Parts &of : *operands) {
    FailureOr<Value> operand = join(of, dim);
    if (failed(operand))
      return failure();
    joined.push_back(*operand);
  }
  return cloneWith(op, joined, withExtent(tensorType(deepest), dim, total(parts, dim)));
}

//===----------------------------------------------------------------------===//
// Sums of contractions of parts
//===----------------------------------------------------------------------===//

namespace {

/// contract(source[.., begin:end, ..], other), or with the factors exchanged.
struct Piece {
  ContractOp op;
  Value source, other;
  unsigned dim, otherDim;
  bool left;
  int64_t begin, end;
};

} // namespace

static FailureOr<Piece> pieceOf(Value value) {
  while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto op = value.getDefiningOp<ContractOp>();
  if (!op)
    return failure();
  ContractOp::Labels labels = op.getLabels();
  for (bool left : {true, false}) {
    auto slice = (left ? op.getLhs() : op.getRhs()).getDefiningOp<SliceOp>();
    ArrayRef<StringAttr> names = left ? labels.lhs : labels.rhs,
                         others = left ? labels.rhs : labels.lhs;
    if (!slice || llvm::any_of(slice.getStrides(), [](int64_t stride) { return stride != 1; }))
      continue;
    auto from = tensorType(slice.getOperand()), to = tensorType(slice.getResult());
    if (!from.hasStaticShape())
      continue;
    std::optional<unsigned> dim;
    bool one = true;
    for (int64_t i = 0; i < from.getRank(); ++i)
      if (from.getDimSize(i) != to.getDimSize(i)) {
        one &= !dim;
        dim = i;
      }
    if (!dim || !one || llvm::is_contained(labels.result, names[*dim]))
      continue;
    auto *at = llvm::find(others, names[*dim]);
    if (at == others.end() || !isDimOfScores(slice.getOperand(), *dim))
      continue;
    int64_t begin = slice.getOffsets()[*dim];
    return Piece{op,
                 slice.getOperand(),
                 left ? op.getRhs() : op.getLhs(),
                 *dim,
                 static_cast<unsigned>(at - others.begin()),
                 left,
                 begin,
                 begin + to.getDimSize(*dim)};
  }
  return failure();
}

FailureOr<Value> flashlight::joinSum(arith::AddFOp op) {
  FailureOr<Piece> first = pieceOf(op.getLhs()), second = pieceOf(op.getRhs());
  if (failed(first) || failed(second))
    return failure();
  if (first->begin > second->begin)
    std::swap(first, second);
  if (first->source != second->source || first->dim != second->dim || first->left != second->left ||
      first->end != second->begin || first->op.getEquation() != second->op.getEquation() ||
      first->op.getType() != second->op.getType() || first->op.getType() != op.getType() ||
      tensorType(first->other).getElementType() != tensorType(second->other).getElementType())
    return failure();
  OpBuilder builder(op);
  Location loc = op.getLoc();
  RankedTensorType of = tensorType(first->source), with = tensorType(first->other);
  Extent extent{second->end - first->begin, {}};
  SmallVector<int64_t> offsets(of.getRank(), 0), strides(of.getRank(), 1);
  offsets[first->dim] = first->begin;
  Value part = first->source;
  if (extent.size != of.getDimSize(first->dim))
    part = SliceOp::create(builder, loc, withExtent(of, first->dim, extent), part,
                           builder.getDenseI64ArrayAttr(offsets),
                           builder.getDenseI64ArrayAttr(strides));
  Value other = ConcatOp::create(builder, loc, withExtent(with, first->otherDim, extent),
                                 ValueRange{first->other, second->other},
                                 builder.getI64IntegerAttr(first->otherDim));
  return ContractOp::create(builder, loc, op.getType(), first->left ? part : other,
                            first->left ? other : part, *first->op.getEquation())
      .getResult();
}
