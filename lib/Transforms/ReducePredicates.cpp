//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-reduce-predicates: see Passes.td. A comparison with a constant is
// monotone in its operand, so it moves out of the reduction:
//
//   any_n (x_n > c)  =  (max_n x_n) > c        all_n (x_n > c)  =  (min_n x_n) > c
//
// With NaN: `max` and `min` propagate it, so the left sides must treat a NaN as the
// right sides do: `any` needs an unordered predicate (true on NaN), `all` an ordered one.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_REDUCEPREDICATES
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;
using Predicate = arith::CmpFPredicate;

static Value stripBroadcast(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  return value;
}

/// Which extremum decides `any` of the predicate; for `all` of it, the other one. Fails where the
/// predicate is not monotone.
static FailureOr<ReduceKind> decidingExtremum(Predicate predicate, Value bound) {
  switch (predicate) {
  case Predicate::UGT:
  case Predicate::UGE:
  case Predicate::OGT:
  case Predicate::OGE:
    return ReduceKind::Max;
  case Predicate::ULT:
  case Predicate::ULE:
  case Predicate::OLT:
  case Predicate::OLE:
    return ReduceKind::Min;
  case Predicate::UNE: // x != -inf is x > -inf, x != inf is x < inf
    if (matchPattern(bound, m_NegInfFloat()))
      return ReduceKind::Max;
    if (matchPattern(bound, m_PosInfFloat()))
      return ReduceKind::Min;
    return failure();
  case Predicate::OEQ: // x == -inf is x <= -inf, x == inf is x >= inf
    if (matchPattern(bound, m_NegInfFloat()))
      return ReduceKind::Min;
    if (matchPattern(bound, m_PosInfFloat()))
      return ReduceKind::Max;
    return failure();
  default:
    return failure();
  }
}

static bool isUnordered(Predicate predicate) {
  return predicate == Predicate::UGT || predicate == Predicate::UGE ||
         predicate == Predicate::ULT || predicate == Predicate::ULE || predicate == Predicate::UNE;
}

namespace {

struct MovePredicateOut : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    bool any = op.getKind() == ReduceKind::Any;
    if ((!any && op.getKind() != ReduceKind::All) || !getAxes(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "no any or all over axes");
    Value condition = op.getOperand();
    bool inverted = false;
    // not p, spelled p xor true
    while (auto flip = condition.getDefiningOp<arith::XOrIOp>()) {
      if (!matchPattern(stripBroadcast(flip.getRhs()), m_One()))
        break;
      inverted = !inverted;
      condition = flip.getLhs();
    }
    auto compare = condition.getDefiningOp<arith::CmpFOp>();
    if (!compare)
      return rewriter.notifyMatchFailure(op, "reduces no comparison");
    Value bound = stripBroadcast(compare.getRhs());
    if (!matchPattern(bound, m_Constant()))
      return rewriter.notifyMatchFailure(op, "compares with no constant");
    Predicate predicate = compare.getPredicate();
    if (inverted)
      predicate = invert(predicate);
    FailureOr<ReduceKind> extremum = decidingExtremum(predicate, bound);
    if (failed(extremum) || isUnordered(predicate) != any)
      return rewriter.notifyMatchFailure(op, "the predicate is not monotone, or differs on NaN");
    ReduceKind kind = *extremum;
    if (!any)
      kind = kind == ReduceKind::Max ? ReduceKind::Min : ReduceKind::Max;

    auto resultType = cast<RankedTensorType>(op.getType());
    auto type =
        resultType.clone(cast<RankedTensorType>(compare.getLhs().getType()).getElementType());
    Value reduced = ReduceOp::create(rewriter, op.getLoc(), type, kind, compare.getLhs(), nullptr);
    Value wide = BroadcastOp::create(rewriter, op.getLoc(), type, bound, nullptr);
    rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, predicate, reduced, wide);
    return success();
  }

  static Predicate invert(Predicate predicate) {
    switch (predicate) {
    case Predicate::OEQ:
      return Predicate::UNE;
    case Predicate::UNE:
      return Predicate::OEQ;
    case Predicate::OGT:
      return Predicate::ULE;
    case Predicate::OGE:
      return Predicate::ULT;
    case Predicate::OLT:
      return Predicate::UGE;
    case Predicate::OLE:
      return Predicate::UGT;
    case Predicate::UGT:
      return Predicate::OLE;
    case Predicate::UGE:
      return Predicate::OLT;
    case Predicate::ULT:
      return Predicate::OGE;
    case Predicate::ULE:
      return Predicate::OGT;
    default:
      return Predicate::AlwaysFalse; // not monotone: refused above
    }
  }
};

struct ReducePredicates : flashlight::impl::ReducePredicatesBase<ReducePredicates> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MovePredicateOut>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
