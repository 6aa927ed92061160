//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-normalize-shifts about scans. For S_n = x_0 (+) ... (+) x_n,
// E_n the same without x_n, and T all of x:
//
//   the last S_n                         T
//   T - S                                E from the other end; T - E: S from the other end
//   E + x                                S
//   the scan of the same x everywhere    (n + 1) x
//
//===----------------------------------------------------------------------===//

#include "NormalizeShifts.h"

#include "Infinities.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

/// True if two values are computed alike, a few ops deep.
static bool isSame(Value a, Value b, unsigned depth = 4) {
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  if (!depth || !x || !y || x->getNumResults() != 1 || y->getNumResults() != 1)
    return false;
  return OperationEquivalence::isEquivalentTo(
      x, y, [&](Value one, Value other) { return success(isSame(one, other, depth - 1)); },
      /*markEquivalent=*/nullptr,
      OperationEquivalence::IgnoreLocations | OperationEquivalence::IgnoreDiscardableAttrs);
}

/// The value behind a rounding that was widened again.
static Value behindRounding(Value value) {
  if (auto wide = value.getDefiningOp<arith::ExtFOp>())
    if (auto narrow = wide.getIn().getDefiningOp<arith::TruncFOp>())
      if (narrow.getIn().getType() == value.getType())
        return narrow.getIn();
  return value;
}

/// What a value is through views, and the index there of its element at d0, d1, ...
static std::pair<Value, Index> behindViews(Value value) {
  Index index;
  for (int64_t i = 0; i < tensorType(value).getRank(); ++i)
    index.push_back(getAffineDimExpr(i, value.getContext()));
  while (Operation *op = behindRounding(value).getDefiningOp()) {
    value = behindRounding(value);
    if (!isView(op))
      break;
    FailureOr<Index> at = indexOfOperand(op, index);
    if (failed(at))
      break;
    index = *at;
    value = op->getOperand(0);
  }
  return {value, index};
}

/// True if `value` is the sum of all of `x` along `dim`, repeated along it.
static bool isTotal(Value value, Value x, int64_t dim) {
  auto [reduced, index] = behindViews(value);
  auto reduce = reduced.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != ReduceKind::Sum ||
      reduce.getReducedDims() != SmallVector<int64_t>{dim} || !isSame(reduce.getOperand(), x))
    return false;
  for (auto [i, expr] : llvm::enumerate(index)) {
    int64_t from = static_cast<int64_t>(i) + (static_cast<int64_t>(i) >= dim);
    bool unit = tensorType(reduced).getDimSize(i) == 1;
    if (expr != getAffineDimExpr(from, value.getContext()) && !unit)
      return false;
  }
  return true;
}

bool flashlight::isRepeatedAlong(Value value, int64_t dim) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    auto *at = llvm::find(*broadcast.getDims(), dim);
    if (at == broadcast.getDims()->end())
      return true;
    int64_t from = at - broadcast.getDims()->begin();
    return tensorType(op->getOperand(0)).getDimSize(from) == 1 ||
           isRepeatedAlong(op->getOperand(0), from);
  }
  if (isa<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(cast<arith::ConstantOp>(op).getValue());
  return isElementwise(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
           return isRepeatedAlong(operand, dim);
         });
}

namespace {

/// The last element of a scan is the reduction.
struct LastOfScan : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto scan = op.getOperand().getDefiningOp<ScanOp>();
    if (!scan || scan.getExclusive())
      return rewriter.notifyMatchFailure(op, "no slice of a scan");
    int64_t dim = scan.getScannedDim();
    auto type = tensorType(scan.getResult());
    int64_t last = scan.getReverse() ? 0 : type.getDimSize(dim) - 1;
    bool isLast = tensorType(op.getResult()).getDimSize(dim) == 1 &&
                  (scan.getReverse() || !type.isDynamicDim(dim)) && op.getOffsets()[dim] == last &&
                  op.getStrides()[dim] > 0;
    if (!isLast)
      return rewriter.notifyMatchFailure(op, "not the last element");
    SmallVector<int64_t> kept, offsets(op.getOffsets()), strides(op.getStrides());
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (i != dim)
        kept.push_back(i);
    Value total = ReduceOp::create(rewriter, op.getLoc(), permuted(type, kept), scan.getKindAttr(),
                                   scan.getOperand(), rewriter.getDenseI64ArrayAttr(dim));
    total = ReshapeOp::create(rewriter, op.getLoc(), withExtent(type, dim, Extent{1, {}}), total);
    offsets[dim] = 0;
    strides[dim] = 1;
    total = SliceOp::create(rewriter, op.getLoc(), op.getType(), total, offsets, strides);
    replaceNamed(op, total, rewriter);
    return success();
  }
};

/// A scan of what is the same all along: a multiple that grows with the position.
struct ScanOfRepeated : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const override {
    int64_t dim = op.getScannedDim();
    auto type = tensorType(op.getResult());
    if (op.getKind() == ReduceKind::Prod || op.getExclusive() ||
        !isRepeatedAlong(op.getOperand(), dim))
      return rewriter.notifyMatchFailure(op, "no sum or extremum of what is repeated");
    Location loc = op.getLoc();
    if (op.getKind() != ReduceKind::Sum) {
      rewriter.replaceOp(op, op.getOperand());
      return success();
    }
    if (op.getReverse() && type.isDynamicDim(dim))
      return rewriter.notifyMatchFailure(op, "the last position is not known");
    Value count = positionsAlong(dim, type, loc, rewriter);
    if (op.getReverse())
      count = arith::SubIOp::create(
          rewriter, loc, numberLike(type.getDimSize(dim), tensorType(count), loc, rewriter), count);
    else
      count = arith::AddIOp::create(rewriter, loc, count,
                                    numberLike(1, tensorType(count), loc, rewriter));
    Type element = type.getElementType();
    Value value;
    if (isa<FloatType>(element)) {
      count = arith::SIToFPOp::create(rewriter, loc, type, count);
      value = arith::MulFOp::create(rewriter, loc, op.getOperand(), count);
    } else {
      if (element.getIntOrFloatBitWidth() < 64)
        count = arith::TruncIOp::create(rewriter, loc, type, count);
      Value one = op.getOperand();
      while (Operation *from = one.getDefiningOp()) {
        if (!isa<BroadcastOp, ReshapeOp, arith::ExtUIOp>(from))
          break;
        one = from->getOperand(0);
      }
      DenseElementsAttr known;
      bool isOne = matchPattern(one, m_Constant(&known)) && known.isSplat() &&
                   known.getSplatValue<APInt>().isOne();
      value = isOne ? count : Value(arith::MulIOp::create(rewriter, loc, op.getOperand(), count));
    }
    replaceNamed(op, value, rewriter);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// From the other end
//===----------------------------------------------------------------------===//

struct Term {
  Value value;
  bool negative;
};

/// Sums of a scan with the total of what it scans, or with that itself, are other scans.
template <typename Op> struct ScanInSum : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  static void collect(Value value, bool negative, SmallVectorImpl<Term> &terms) {
    Value exact = behindRounding(value);
    Operation *op = exact.getDefiningOp();
    if (terms.size() < 8 && isa_and_nonnull<arith::AddFOp, arith::AddIOp>(op)) {
      collect(op->getOperand(0), negative, terms);
      collect(op->getOperand(1), negative, terms);
    } else if (terms.size() < 8 && isa_and_nonnull<arith::SubFOp, arith::SubIOp>(op)) {
      collect(op->getOperand(0), negative, terms);
      collect(op->getOperand(1), !negative, terms);
    } else {
      terms.push_back({exact, negative});
    }
  }

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto type = tensorType(op.getResult());
    SmallVector<Term> terms;
    collect(op.getResult(), false, terms);
    for (Term &each : terms) {
      auto scan = each.value.template getDefiningOp<ScanOp>();
      if (!scan || scan.getKind() != ReduceKind::Sum)
        continue;
      Value x = scan.getOperand();
      int64_t dim = scan.getScannedDim();
      bool reverse = scan.getReverse(), exclusive = scan.getExclusive();
      auto *total = llvm::find_if(terms, [&](const Term &term) {
        return term.negative != each.negative && isTotal(term.value, x, dim);
      });
      // From there on, inf - inf is NaN: sums from the other end are not.
      bool turns = total != terms.end() && !infinitiesOf(x).any();
      bool negative = each.negative != turns;
      if (turns)
        reverse = !reverse, exclusive = !exclusive;
      auto *itself = llvm::find_if(terms, [&](const Term &term) {
        return term.negative == (negative == exclusive) && isSame(term.value, behindRounding(x));
      });
      bool takes = itself != terms.end() && (exclusive || turns);
      if (!turns && !takes)
        continue;
      Value sum = scanLike(scan, x, reverse, exclusive != takes, rewriter);
      SmallVector<Term> rest{{sum, negative}};
      for (Term &term : terms)
        if (&term != &each && !(turns && &term == total) && !(takes && &term == itself))
          rest.push_back(term);
      replaceNamed(op, sumOf(rest, type, op.getLoc(), rewriter), rewriter);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no scan with its total or its operand");
  }

  static Value sumOf(ArrayRef<Term> terms, RankedTensorType type, Location loc,
                     OpBuilder &builder) {
    // A positive one first, if there is any.
    SmallVector<Term> ordered(terms);
    std::stable_partition(ordered.begin(), ordered.end(),
                          [](const Term &term) { return !term.negative; });
    bool floats = isa<FloatType>(type.getElementType());
    Value sum = ordered.front().negative ? numberLike(0, type, loc, builder) : Value();
    for (const Term &term : ordered) {
      if (!sum)
        sum = term.value;
      else if (floats)
        sum = term.negative ? Value(arith::SubFOp::create(builder, loc, sum, term.value))
                            : Value(arith::AddFOp::create(builder, loc, sum, term.value));
      else
        sum = term.negative ? Value(arith::SubIOp::create(builder, loc, sum, term.value))
                            : Value(arith::AddIOp::create(builder, loc, sum, term.value));
    }
    return sum;
  }
};

} // namespace

void flashlight::populateNormalizeScansPatterns(RewritePatternSet &patterns) {
  patterns.add<LastOfScan, ScanOfRepeated, ScanInSum<arith::AddFOp>, ScanInSum<arith::SubFOp>,
               ScanInSum<arith::AddIOp>, ScanInSum<arith::SubIOp>>(patterns.getContext());
}
