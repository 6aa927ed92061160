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
// the probabilities, becomes a function of the first that way. And for shares
// p_n = e_n / sum e of e_n = exp(x_n - max x), which are in [0, 1] or no numbers:
//
//   p_n is no number where sum e is none        p_n = inf: never
//
//===----------------------------------------------------------------------===//

#include "SimplifyExtrema.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

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

/// Whether a share is no number, or infinite: e = exp(x - max x) is at most 1 and its sum at least,
/// unless some element is no number, or all are -inf; then the sum is none, and no share is.
struct SpecialShare : OpRewritePattern<arith::CmpFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::CmpFOp op, PatternRewriter &rewriter) const override {
    bool isNaN = op.getPredicate() == arith::CmpFPredicate::UNE && op.getLhs() == op.getRhs();
    APFloat number(0.0f);
    bool isInfinite = op.getPredicate() == arith::CmpFPredicate::OEQ &&
                      matchPattern(repeated(op.getRhs()), m_ConstantFloat(&number)) &&
                      number.isInfinity();
    if (!isNaN && !isInfinite)
      return rewriter.notifyMatchFailure(op, "asks for no special value");
    auto share = op.getLhs().getDefiningOp<arith::DivFOp>();
    auto total = share ? repeated(share.getRhs()).getDefiningOp<ReduceOp>() : ReduceOp();
    auto exponential = share ? share.getLhs().getDefiningOp<math::ExpOp>() : math::ExpOp();
    auto shifted = exponential ? exponential.getOperand().getDefiningOp<arith::SubFOp>() : nullptr;
    auto top = shifted ? repeated(shifted.getRhs()).getDefiningOp<ReduceOp>() : ReduceOp();
    if (!total || !top || total.getKind() != ReduceKind::Sum || top.getKind() != ReduceKind::Max ||
        total.getOperand() != share.getLhs() || top.getOperand() != shifted.getLhs() ||
        total.getReducedDims() != top.getReducedDims())
      return rewriter.notifyMatchFailure(op, "no share of exponentials less their maximum");
    auto reduced = cast<RankedTensorType>(total.getType());
    for (Value repeats : {share.getRhs(), shifted.getRhs()})
      if (!withoutDims(repeats, total.getReducedDims(), reduced, rewriter))
        return rewriter.notifyMatchFailure(op, "a statistic is not repeated along its dims");
    Value result;
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    if (isInfinite) {
      auto scalar = RankedTensorType::get({}, rewriter.getI1Type());
      Value never = arith::ConstantOp::create(rewriter, loc, DenseElementsAttr::get(scalar, false));
      result = BroadcastOp::create(rewriter, loc, type, never, rewriter.getDenseI64ArrayAttr({}));
    } else {
      SmallVector<int64_t> dims;
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (!llvm::is_contained(total.getReducedDims(), i))
          dims.push_back(i);
      Value none = arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::UNE,
                                         total.getResult(), total.getResult());
      result = BroadcastOp::create(rewriter, loc, type, none, rewriter.getDenseI64ArrayAttr(dims));
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// select(c, a, b), where c is the same everywhere and known.
struct KnownSelect : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::SelectOp op, PatternRewriter &rewriter) const override {
    DenseElementsAttr known;
    if (!matchPattern(repeated(op.getCondition()), m_Constant(&known)) || !known.isSplat())
      return rewriter.notifyMatchFailure(op, "condition is not known");
    Value chosen = known.getSplatValue<bool>() ? op.getTrueValue() : op.getFalseValue();
    if (Operation *def = chosen.getDefiningOp())
      if (Attribute node = op->getAttr(kNodeAttr); node && !def->hasAttr(kNodeAttr))
        def->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, chosen);
    return success();
  }
};

} // namespace

void flashlight::populateSimplifyExtremaPatterns(RewritePatternSet &patterns) {
  patterns.add<ShiftExtremum, ExtremumOfGrowing, SpecialShare, KnownSelect>(patterns.getContext());
}
