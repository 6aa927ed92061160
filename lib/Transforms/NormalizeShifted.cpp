//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-normalize-shifts about contractions. A shift commutes with
// them: along the contracted dim it moves to the other factor, along a dim of the
// result behind the contraction. So a convolution of weights, with taps w[a, b],
//
//   sum_n (sum_ab w[a,b] p[m+a, n+b]) v[n] = sum_a (sum_n p[m', n] sum_b w[a,b] v[n-b])[m' = m+a]
//
// is as many contractions of p as it has taps along the rows, of smoothed values; p is
// computed once, and never stored. Zeros stand where a shift leaves the tensor.
//
//===----------------------------------------------------------------------===//

#include "NormalizeShifts.h"

#include "Algebra.h"
#include "ProgramUtils.h"
#include "RowDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

namespace {

/// What element i of a term is, along one dim: element i + offset of its base within [begin, end),
/// else zero.
struct Window {
  int64_t offset = 0, begin = 0, end = std::numeric_limits<int32_t>::max();
  bool operator==(const Window &other) const {
    return offset == other.offset && begin == other.begin && end == other.end;
  }
};

/// A factor or divisor that is repeated along dims of the term.
struct Coefficient {
  BroadcastOp value;
  bool divides;
  bool operator==(const Coefficient &other) const {
    return value == other.value && divides == other.divides;
  }
};

/// One of the terms that a factor of a contraction is the sum of.
struct ShiftedTerm {
  Value base;
  SmallVector<Window> windows;
  bool negative = false;
  SmallVector<Coefficient> outer, inner; // to be applied to the result, to the other factor
};

using Letters = SmallVector<StringAttr>;

/// The factor of a contraction that is taken apart, and the other one.
struct Sides {
  Letters own, other, result;
  unsigned summed; // the own dim that is contracted
};

/// Takes a factor apart; fails where it is no sum of shifted terms.
class Terms {
public:
  explicit Terms(const Sides &sides) : sides(sides) {}

  LogicalResult collect(Value value, ShiftedTerm term);
  std::vector<ShiftedTerm> found;

private:
  LogicalResult product(Operation *op, ShiftedTerm term);
  bool addCoefficient(Value value, bool divides, ShiftedTerm &term) const;

  const Sides &sides;
};

} // namespace

static bool isZero(Value value) { return algebra::isIdentity(ReduceKind::Sum, value); }

/// True if a factor may be applied on the other side, or behind the contraction.
bool Terms::addCoefficient(Value value, bool divides, ShiftedTerm &term) const {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  // Behind a shift along a dim of its own it would have to be shifted, too.
  if (!broadcast)
    return false;
  bool inOther = true, inResult = true;
  for (auto [i, dim] : llvm::enumerate(*broadcast.getDims())) {
    if (tensorType(broadcast.getOperand()).getDimSize(i) == 1)
      continue;
    if (!(term.windows[dim] == Window()))
      return false;
    StringAttr letter = sides.own[dim];
    inOther &= llvm::is_contained(sides.other, letter);
    inResult &= llvm::is_contained(sides.result, letter);
  }
  if (!inOther && !inResult)
    return false;
  (inOther ? term.inner : term.outer).push_back({broadcast, divides});
  return true;
}

LogicalResult Terms::product(Operation *op, ShiftedTerm term) {
  for (unsigned i : {1u, 0u}) {
    bool divides = isa<arith::DivFOp>(op);
    if (divides && i == 0)
      continue;
    if (addCoefficient(op->getOperand(i), divides, term))
      return collect(op->getOperand(1 - i), term);
  }
  found.push_back(term); // a value like any other
  return success();
}

LogicalResult Terms::collect(Value value, ShiftedTerm term) {
  constexpr unsigned most = 64;
  if (found.size() >= most)
    return failure();
  term.base = value;
  Operation *op = value.getDefiningOp();
  if (!op) {
    found.push_back(term);
    return success();
  }
  if (isa<arith::AddFOp, arith::SubFOp>(op)) {
    ShiftedTerm second = term;
    second.negative ^= isa<arith::SubFOp>(op);
    return success(succeeded(collect(op->getOperand(0), term)) &&
                   succeeded(collect(op->getOperand(1), second)));
  }
  if (isa<arith::NegFOp>(op)) {
    term.negative = !term.negative;
    return collect(op->getOperand(0), term);
  }
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) // the identity to the algebra
    return collect(op->getOperand(0), term);
  if (isa<arith::MulFOp, arith::DivFOp>(op))
    return product(op, term);
  if (auto slice = dyn_cast<SliceOp>(op)) {
    for (auto [window, offset, stride] :
         llvm::zip(term.windows, slice.getOffsets(), slice.getStrides())) {
      if (stride != 1)
        return failure();
      // Elements of the operand from here on; a cut is no zero, and needs no bound.
      window.offset += offset;
      if (!(window.begin == 0 && window.end == Window().end))
        window.begin += offset, window.end += offset;
    }
    return collect(slice.getOperand(), term);
  }
  if (auto concat = dyn_cast<ConcatOp>(op)) {
    unsigned dim = concat.getDim();
    Value inner;
    int64_t before = 0;
    for (Value operand : concat.getOperands()) {
      if (!isZero(operand)) {
        if (inner)
          return failure();
        inner = operand;
      } else if (!inner) {
        if (tensorType(operand).isDynamicDim(dim))
          return failure();
        before += tensorType(operand).getDimSize(dim);
      }
    }
    if (!inner || tensorType(inner).isDynamicDim(dim))
      return failure();
    Window &window = term.windows[dim];
    bool bounded = !(window.begin == 0 && window.end == Window().end);
    window.offset -= before;
    window.begin = bounded ? std::max<int64_t>(window.begin - before, 0) : 0;
    int64_t size = tensorType(inner).getDimSize(dim);
    window.end = bounded ? std::min(window.end - before, size) : size;
    return collect(inner, term);
  }
  found.push_back(term);
  return success();
}

/// Elements `from` and further of `value` along `dim`, in all `extent`; zero where they are outside
/// of [begin, end) of the result.
static Value place(Value value, unsigned dim, int64_t from, int64_t extent, int64_t begin,
                   int64_t end, OpBuilder &builder) {
  auto type = tensorType(value);
  Location loc = value.getLoc();
  begin = std::max({begin, -from, int64_t(0)});
  end = std::min({end, type.getDimSize(dim) - from, extent});
  auto zeros = [&](int64_t size) {
    return numberLike(0, withExtent(type, dim, Extent{size, {}}), loc, builder);
  };
  if (begin >= end)
    return zeros(extent);
  SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1);
  offsets[dim] = begin + from;
  if (end - begin != type.getDimSize(dim))
    value = SliceOp::create(builder, loc, withExtent(type, dim, Extent{end - begin, {}}), value,
                            offsets, strides);
  SmallVector<Value> parts;
  if (begin > 0)
    parts.push_back(zeros(begin));
  parts.push_back(value);
  if (end < extent)
    parts.push_back(zeros(extent - end));
  if (parts.size() == 1)
    return value;
  return ConcatOp::create(builder, loc, withExtent(type, dim, Extent{extent, {}}), parts,
                          builder.getI64IntegerAttr(dim));
}

namespace {

/// contract(sum of shifted terms, v) -> sum of shifted contract(term, shifted v).
struct ContractOfShifted : OpRewritePattern<ContractOp> {
  ContractOfShifted(MLIRContext *context) : OpRewritePattern(context) {}

  LogicalResult matchAndRewrite(ContractOp op, PatternRewriter &rewriter) const override {
    for (bool left : {true, false})
      if (succeeded(rewriteSide(op, left, rewriter)))
        return success();
    return failure();
  }

  /// Terms that differ in nothing but shifts along the contracted dim: one contraction.
  struct Group {
    ShiftedTerm like;
    std::vector<ShiftedTerm> terms;
  };

  LogicalResult rewriteSide(ContractOp op, bool left, PatternRewriter &rewriter) const {
    ContractOp::Labels labels = op.getLabels();
    Sides sides{left ? labels.lhs : labels.rhs, left ? labels.rhs : labels.lhs, labels.result, 0};
    Value factor = left ? op.getLhs() : op.getRhs(), other = left ? op.getRhs() : op.getLhs();
    SmallVector<unsigned> summed;
    for (auto [i, letter] : llvm::enumerate(sides.own))
      if (!llvm::is_contained(sides.result, letter))
        summed.push_back(i);
    if (summed.size() != 1 || !llvm::is_contained(sides.other, sides.own[summed.front()]))
      return rewriter.notifyMatchFailure(op, "does not contract one shared dim");
    sides.summed = summed.front();

    Terms terms(sides);
    ShiftedTerm whole;
    whole.windows.resize(sides.own.size());
    if (failed(terms.collect(factor, whole)))
      return rewriter.notifyMatchFailure(op, "no sum of shifted terms");
    RowDims rowDims;
    std::vector<Group> groups;
    bool shifts = false;
    for (const ShiftedTerm &term : terms.found) {
      if (!rowDims.hasRows(term.base, sides.summed))
        return rewriter.notifyMatchFailure(op, "a term is no larger than what it is made of");
      for (auto [i, window] : llvm::enumerate(term.windows)) {
        if (window == Window())
          continue;
        shifts = true;
        bool shared = i != sides.summed && llvm::is_contained(sides.other, sides.own[i]);
        if (shared || tensorType(term.base).isDynamicDim(i) || tensorType(factor).isDynamicDim(i))
          return rewriter.notifyMatchFailure(op, "a shift along a batch dim or a dynamic one");
      }
      auto group = llvm::find_if(groups, [&](const Group &group) {
        bool alike = group.like.base == term.base && group.like.outer == term.outer;
        for (unsigned i = 0; i < sides.own.size(); ++i)
          alike &= i == sides.summed || group.like.windows[i] == term.windows[i];
        return alike;
      });
      if (group == groups.end())
        group = groups.insert(groups.end(), Group{term, {}});
      group->terms.push_back(term);
    }
    constexpr unsigned mostContractions = 6;
    if (!shifts || groups.size() > mostContractions)
      return rewriter.notifyMatchFailure(op, "no shift, or too many along rows");

    Value sum;
    for (const Group &group : groups) {
      Value part = contraction(op, left, sides, group, other, rewriter);
      sum = sum ? arith::AddFOp::create(rewriter, op.getLoc(), sum, part).getResult() : part;
    }
    replaceNamed(op, sum, rewriter);
    return success();
  }

  /// The coefficients times `value`, whose dims have `letters`.
  static Value scaled(Value value, ArrayRef<Coefficient> coefficients, ArrayRef<StringAttr> own,
                      ArrayRef<StringAttr> letters, PatternRewriter &rewriter) {
    auto type = tensorType(value);
    for (const Coefficient &each : coefficients) {
      BroadcastOp broadcast = each.value;
      Location loc = broadcast.getLoc();
      Value factor = broadcast.getOperand();
      SmallVector<int64_t> kept, to;
      for (auto [i, dim] : llvm::enumerate(*broadcast.getDims()))
        if (tensorType(factor).getDimSize(i) != 1) {
          kept.push_back(i);
          to.push_back(llvm::find(letters, own[dim]) - letters.begin());
        }
      if (static_cast<int64_t>(kept.size()) < tensorType(factor).getRank())
        factor = ReshapeOp::create(rewriter, loc, permuted(tensorType(factor), kept), factor);
      auto order = llvm::to_vector(llvm::seq<int64_t>(0, to.size()));
      llvm::sort(order, [&](int64_t a, int64_t b) { return to[a] < to[b]; });
      if (!llvm::is_sorted(to))
        factor =
            TransposeOp::create(rewriter, loc, permuted(tensorType(factor), order), factor, order);
      llvm::sort(to);
      Type element = type.getElementType();
      if (tensorType(factor).getElementType() != element) {
        auto wide = cast<RankedTensorType>(tensorType(factor).clone(element));
        factor = arith::ExtFOp::create(rewriter, loc, wide, factor);
      }
      factor = BroadcastOp::create(rewriter, loc, type, factor, rewriter.getDenseI64ArrayAttr(to));
      value = each.divides ? arith::DivFOp::create(rewriter, loc, value, factor).getResult()
                           : arith::MulFOp::create(rewriter, loc, value, factor).getResult();
    }
    return value;
  }

  static Value contraction(ContractOp op, bool left, const Sides &sides, const Group &group,
                           Value other, PatternRewriter &rewriter) {
    Location loc = op.getLoc();
    auto resultType = tensorType(op.getResult());
    Type wide = resultType.getElementType(), narrow = tensorType(other).getElementType();
    unsigned n = llvm::find(sides.other, sides.own[sides.summed]) - sides.other.begin();
    Value base = group.like.base, weights;
    for (const ShiftedTerm &term : group.terms) {
      const Window &window = term.windows[sides.summed];
      Value value = other;
      bool computes = group.terms.size() > 1 || !term.inner.empty() || term.negative;
      if (computes && narrow != wide)
        value = arith::ExtFOp::create(rewriter, loc, tensorType(value).clone(wide), value);
      value = scaled(value, term.inner, sides.own, sides.other, rewriter);
      if (!(window == Window()))
        value = place(value, n, -window.offset, tensorType(base).getDimSize(sides.summed),
                      window.begin, window.end, rewriter);
      if (!weights)
        weights = term.negative ? arith::NegFOp::create(rewriter, loc, value).getResult() : value;
      else
        weights = term.negative ? arith::SubFOp::create(rewriter, loc, weights, value).getResult()
                                : arith::AddFOp::create(rewriter, loc, weights, value).getResult();
    }
    // Both factors as narrow as they were.
    auto rounded = [&](Value value, Type element) -> Value {
      auto type = tensorType(value);
      if (type.getElementTypeBitWidth() <= element.getIntOrFloatBitWidth())
        return value;
      return arith::TruncFOp::create(rewriter, loc, type.clone(element), value);
    };
    weights = rounded(weights, narrow);
    base = rounded(base, tensorType(left ? op.getLhs() : op.getRhs()).getElementType());
    SmallVector<Extent> extents;
    for (auto [i, letter] : llvm::enumerate(sides.result)) {
      auto *at = llvm::find(sides.own, letter);
      extents.push_back(at == sides.own.end()
                            ? getExtent(resultType, i)
                            : getExtent(tensorType(base), at - sides.own.begin()));
    }
    Value result =
        ContractOp::create(rewriter, loc, typeOf(extents, resultType), left ? base : weights,
                           left ? weights : base, op.getEquation().value_or(""));
    for (auto [i, letter] : llvm::enumerate(sides.result)) {
      auto *at = llvm::find(sides.own, letter);
      if (at == sides.own.end())
        continue;
      const Window &window = group.like.windows[at - sides.own.begin()];
      if (!(window == Window()))
        result = place(result, i, window.offset, resultType.getDimSize(i),
                       window.begin - window.offset, window.end - window.offset, rewriter);
    }
    return scaled(result, group.like.outer, sides.own, sides.result, rewriter);
  }
};

} // namespace

void flashlight::populateNormalizeShiftedPatterns(RewritePatternSet &patterns) {
  patterns.add<ContractOfShifted>(patterns.getContext());
}
