//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. An extremum of what is shifted by a row's value is the row's
// extremum, shifted; one of what grows with x is what belongs to the extremum of x:
//
//   max_n (s_n - r) = (max_n s_n) - r        max_n (r - s_n) = r - min_n s_n
//   max_n exp(x_n) = exp(max_n x_n)          max_n (e_n / sum e) = (max_n e_n) / sum e
//
// the latter for e that are exponentials. All of them hold exactly, because rounding
// is monotone. A second maximum of scores that a first one was subtracted from, or of
// the probabilities, becomes a function of the first that way.
//
//===----------------------------------------------------------------------===//

#include "SimplifyExtrema.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace flashlight;

/// `value` without the reduced dims, if it is repeated along them.
static Value withoutDims(Value value, ArrayRef<int64_t> reduced, RankedTensorType type,
                         PatternRewriter &rewriter) {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast)
    return {};
  auto from = cast<RankedTensorType>(broadcast.getOperand().getType());
  SmallVector<int64_t> kept, dims;
  for (auto [i, dim] : llvm::enumerate(*broadcast.getDims())) {
    if (!llvm::is_contained(reduced, dim)) {
      kept.push_back(i);
      dims.push_back(dim - llvm::count_if(reduced, [&, dim = dim](int64_t r) { return r < dim; }));
    } else if (from.getDimSize(i) != 1) {
      return {};
    }
  }
  Value operand = broadcast.getOperand();
  if (static_cast<int64_t>(kept.size()) < from.getRank())
    operand = ReshapeOp::create(rewriter, value.getLoc(), permuted(from, kept), operand);
  return BroadcastOp::create(rewriter, value.getLoc(), type, operand,
                             rewriter.getDenseI64ArrayAttr(dims));
}

/// What a value is repeated from, through views that only repeat or add dims of one element.
static Value repeated(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    bool adds = isa<ReshapeOp>(op) &&
                llvm::equal(llvm::make_filter_range(tensorType(op->getOperand(0)).getShape(),
                                                    [](int64_t size) { return size != 1; }),
                            llvm::make_filter_range(tensorType(op->getResult(0)).getShape(),
                                                    [](int64_t size) { return size != 1; }));
    if (!adds && !isa<BroadcastOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

namespace {

/// max, min over dims of x +- r, where r is the same all along them -> (max, min of x) +- r.
struct ShiftExtremum : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    bool max = op.getKind() == ReduceKind::Max;
    if (!max && op.getKind() != ReduceKind::Min)
      return rewriter.notifyMatchFailure(op, "no extremum");
    Operation *shift = op.getOperand().getDefiningOp();
    if (!isa_and_nonnull<arith::AddFOp, arith::SubFOp>(shift))
      return rewriter.notifyMatchFailure(op, "operand is no sum or difference");
    SmallVector<int64_t> dims = op.getReducedDims();
    auto type = cast<RankedTensorType>(op.getType());
    for (unsigned i : {1u, 0u}) {
      Value row = withoutDims(shift->getOperand(i), dims, type, rewriter);
      if (!row)
        continue;
      bool negated = isa<arith::SubFOp>(shift) && i == 0; // r - x
      ReduceKind kind = max != negated ? ReduceKind::Max : ReduceKind::Min;
      Value x =
          ReduceOp::create(rewriter, op.getLoc(), type, ReduceKindAttr::get(op.getContext(), kind),
                           shift->getOperand(1 - i), op.getDimsAttr());
      Operation *result;
      if (isa<arith::AddFOp>(shift))
        result = arith::AddFOp::create(rewriter, op.getLoc(), x, row);
      else
        result = arith::SubFOp::create(rewriter, op.getLoc(), negated ? row : x, negated ? x : row);
      if (Attribute node = op->getAttr(kNodeAttr))
        result->setAttr(kNodeAttr, node);
      rewriter.replaceOp(op, result);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "neither side is the same along the reduced dims");
  }
};

/// max, min over dims of f(x) -> f(max, min of x), for an f that grows: exponentials, and these
/// over their own sum.
struct ExtremumOfGrowing : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    if (op.getKind() != ReduceKind::Max && op.getKind() != ReduceKind::Min)
      return rewriter.notifyMatchFailure(op, "no extremum");
    Operation *function = op.getOperand().getDefiningOp();
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<Value> others;
    if (auto share = dyn_cast_or_null<arith::DivFOp>(function)) {
      auto total = repeated(share.getRhs()).getDefiningOp<ReduceOp>();
      Operation *exponential = share.getLhs().getDefiningOp();
      if (!total || total.getKind() != ReduceKind::Sum || total.getOperand() != share.getLhs() ||
          total.getReducedDims() != op.getReducedDims() ||
          !isa_and_nonnull<math::ExpOp, math::Exp2Op>(exponential))
        return rewriter.notifyMatchFailure(op, "no share of a sum of exponentials");
      others.push_back(withoutDims(share.getRhs(), op.getReducedDims(), type, rewriter));
      if (!others.front())
        return rewriter.notifyMatchFailure(op, "the sum is not repeated along the reduced dims");
    } else if (!isa_and_nonnull<math::ExpOp, math::Exp2Op>(function)) {
      return rewriter.notifyMatchFailure(op, "does not grow with one operand");
    }
    SmallVector<Value> operands{ReduceOp::create(rewriter, op.getLoc(), type, op.getKindAttr(),
                                                 function->getOperand(0), op.getDimsAttr())};
    llvm::append_range(operands, others);
    OperationState state(function->getLoc(), function->getName(), operands, type);
    state.propertiesAttr = function->getPropertiesAsAttribute();
    Operation *result = rewriter.create(state);
    if (Attribute node = op->getAttr(kNodeAttr))
      result->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void flashlight::populateSimplifyExtremaPatterns(RewritePatternSet &patterns) {
  patterns.add<ShiftExtremum, ExtremumOfGrowing>(patterns.getContext());
}
