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

#include "PartialJoiner.h"

#include "Algebra.h"
#include "ConcatJoiner.h"
#include "Infinities.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace flashlight;

static bool isCast(Operation *op) { return isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(op); }

static Value behindCasts(Value value) {
  while (isCast(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

/// The dim that a contraction sums over, in one factor; fails where it is not one of both.
static FailureOr<unsigned> summedDim(ContractOp op, bool left) {
  ContractOp::Labels labels = op.getLabels();
  ArrayRef<StringAttr> own = left ? labels.lhs : labels.rhs, other = left ? labels.rhs : labels.lhs;
  std::optional<unsigned> dim;
  for (auto [i, label] : llvm::enumerate(own)) {
    if (llvm::is_contained(labels.result, label))
      continue;
    if (dim || !llvm::is_contained(other, label))
      return failure();
    dim = i;
  }
  if (!dim)
    return failure();
  return *dim;
}

//===----------------------------------------------------------------------===//
// Rescalings
//===----------------------------------------------------------------------===//

LogicalResult PartialJoiner::collect(Value value, SmallVector<Rescaling, 4> rescalings) {
  constexpr unsigned most = 256;
  bool sums = isa<arith::AddFOp>(root);
  value = behindCasts(value);
  if (algebra::isIdentity(sums ? ReduceKind::Sum : ReduceKind::Max, value))
    return success();
  Operation *op = value.getDefiningOp();
  if (!op || terms.size() >= most)
    return failure();
  if (op->getName() == root->getName())
    return success(succeeded(collect(op->getOperand(0), rescalings)) &&
                   succeeded(collect(op->getOperand(1), rescalings)));
  if (sums && isa<arith::MulFOp>(op)) {
    for (unsigned i : {1u, 0u}) {
      Value factor = op->getOperand(i);
      while (isa_and_nonnull<ReshapeOp, BroadcastOp>(factor.getDefiningOp()) ||
             isCast(factor.getDefiningOp()))
        factor = factor.getDefiningOp()->getOperand(0);
      auto exponential = factor.getDefiningOp<math::ExpOp>();
      auto exponent =
          exponential ? exponential.getOperand().getDefiningOp<arith::SubFOp>() : nullptr;
      if (!exponent)
        continue;
      rescalings.push_back({exponent.getLhs(), exponent.getRhs()});
      return collect(op->getOperand(1 - i), rescalings);
    }
    return failure();
  }
  Operation *inner = op;
  while (isa_and_nonnull<ReshapeOp>(inner))
    inner = inner->getOperand(0).getDefiningOp();
  auto reduce = dyn_cast_or_null<ReduceOp>(inner);
  bool reduces = reduce && reduce.getReducedDims().size() == 1 &&
                 reduce.getKind() == (sums ? ReduceKind::Sum : ReduceKind::Max);
  auto contract = sums ? dyn_cast<ContractOp>(op) : ContractOp();
  if (reduces || (contract && contract.getEquation() && !contract.getInit())) {
    terms.push_back({reduces ? inner : op, value, rescalings});
    return success();
  }
  if (sums)
    return failure();
  others.push_back(value);
  return success();
}

/// exp(s - r) of a summand with the reference that the rescalings move r to.
FailureOr<Value> PartialJoiner::rescaled(Value summand, ArrayRef<Rescaling> rescalings) {
  if (rescalings.empty())
    return summand;
  auto exponential = behindCasts(summand).getDefiningOp<math::ExpOp>();
  auto exponent = exponential ? exponential.getOperand().getDefiningOp<arith::SubFOp>() : nullptr;
  // In a row that has nothing but -inf so far the program computes NaN, and all keys would not.
  if (!exponent || infinitiesOf(exponent.getLhs()).any())
    return failure();
  Value reference = rescalings.back().from;
  SmallVector<Operation *> views;
  for (Value at = exponent.getRhs(); at != reference; at = at.getDefiningOp()->getOperand(0)) {
    if (!isa_and_nonnull<ReshapeOp, BroadcastOp>(at.getDefiningOp()))
      return failure();
    views.push_back(at.getDefiningOp());
  }
  for (const Rescaling &each : llvm::reverse(rescalings)) {
    if (each.from != reference || each.to.getType() != reference.getType())
      return failure();
    reference = each.to;
  }
  for (Operation *view : llvm::reverse(views)) {
    // The last part has a view like it, and what is the same for all parts must be one value.
    auto alike = llvm::find_if(reference.getUsers(), [&](Operation *other) {
      return other->getName() == view->getName() && other->isBeforeInBlock(root) &&
             other->getResult(0).getType() == view->getResult(0).getType() &&
             other->getPropertiesAsAttribute() == view->getPropertiesAsAttribute();
    });
    if (alike != reference.getUsers().end()) {
      reference = alike->getResult(0);
      continue;
    }
    OperationState state(view->getLoc(), view->getName(), reference, view->getResult(0).getType());
    state.propertiesAttr = view->getPropertiesAsAttribute();
    reference = builder.create(state)->getResult(0);
  }
  Location loc = exponential.getLoc();
  Value value = arith::SubFOp::create(builder, loc, exponent.getLhs(), reference);
  value = math::ExpOp::create(builder, loc, value);
  if (value.getType() != summand.getType())
    value = arith::TruncFOp::create(builder, loc, summand.getType(), value);
  return value;
}

//===----------------------------------------------------------------------===//
// Joining
//===----------------------------------------------------------------------===//

static FailureOr<Value> joined(ArrayRef<Value> parts, unsigned dim, OpBuilder &builder) {
  int64_t size = 0;
  for (Value part : parts) {
    if (tensorType(part).isDynamicDim(dim) ||
        tensorType(part).getRank() != tensorType(parts.front()).getRank())
      return failure();
    size += tensorType(part).getDimSize(dim);
  }
  RankedTensorType type = withExtent(tensorType(parts.front()), dim, Extent{size, {}});
  if (llvm::any_of(parts, [&](Value part) {
        return withExtent(tensorType(part), dim, Extent{size, {}}) != type;
      }))
    return failure();
  auto concat = ConcatOp::create(builder, parts.front().getLoc(), type, parts,
                                 builder.getI64IntegerAttr(dim));
  FailureOr<Value> value = ConcatJoiner(concat, /*copies=*/false).run();
  concat.erase();
  return value;
}

FailureOr<Value> PartialJoiner::joinReductions() {
  auto first = cast<ReduceOp>(terms.front().op);
  unsigned dim = first.getReducedDims()[0];
  SmallVector<Value> parts;
  for (const Term &term : terms) {
    auto op = dyn_cast<ReduceOp>(term.op);
    if (!op || op.getReducedDims() != first.getReducedDims() || op.getType() != first.getType() ||
        term.seen.getType() != terms.front().seen.getType() || !isDimOfScores(op.getOperand(), dim))
      return failure();
    FailureOr<Value> part = rescaled(op.getOperand(), term.rescalings);
    if (failed(part))
      return failure();
    parts.push_back(*part);
  }
  FailureOr<Value> whole = joined(parts, dim, builder);
  if (failed(whole))
    return failure();
  Value value = ReduceOp::create(builder, first.getLoc(), first.getType(), first.getKindAttr(),
                                 *whole, first.getDimsAttr());
  if (value.getType() != terms.front().seen.getType())
    value = ReshapeOp::create(builder, first.getLoc(), terms.front().seen.getType(), value);
  return value;
}

FailureOr<Value> PartialJoiner::joinContractions() {
  auto first = cast<ContractOp>(terms.front().op);
  for (bool left : {true, false}) {
    FailureOr<unsigned> dim = summedDim(first, left), otherDim = summedDim(first, !left);
    if (failed(dim) || failed(otherDim) ||
        !isDimOfScores(left ? first.getLhs() : first.getRhs(), *dim))
      continue;
    SmallVector<Value> parts, rows;
    bool fits = true;
    for (const Term &term : terms) {
      auto op = dyn_cast<ContractOp>(term.op);
      fits &= op && op.getEquation() == first.getEquation() && op.getType() == first.getType();
      FailureOr<Value> part = failure();
      if (fits)
        part = rescaled(left ? op.getLhs() : op.getRhs(), term.rescalings);
      if (!(fits &= succeeded(part)))
        break;
      parts.push_back(*part);
      rows.push_back(left ? op.getRhs() : op.getLhs());
    }
    if (!fits)
      continue;
    FailureOr<Value> whole = joined(parts, *dim, builder),
                     all = joinSlices(rows, *otherDim, builder);
    if (failed(whole) || failed(all))
      continue;
    return ContractOp::create(builder, first.getLoc(), first.getType(), left ? *whole : *all,
                              left ? *all : *whole, *first.getEquation())
        .getResult();
  }
  return failure();
}

FailureOr<Value> PartialJoiner::run() {
  if (failed(collect(root->getResult(0), {})) || terms.size() < 2)
    return failure();
  FailureOr<Value> value =
      isa<ContractOp>(terms.front().op) ? joinContractions() : joinReductions();
  if (failed(value))
    return failure();
  // A value of half precision was rounded after each part.
  if (value->getType() != root->getResult(0).getType())
    return failure();
  for (Value other : others) {
    if (other.getType() != value->getType())
      return failure();
    value = arith::MaximumFOp::create(builder, root->getLoc(), other, *value).getResult();
  }
  return value;
}
