//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sum of products that was written out is a contraction:
//
//   sum_d (a[m, 1, d] * b[1, n, d])  =  contract a, b "md,nd->mn"
//
// if each factor lacks a dim that the other has; and further factors that are the
// same everywhere stand before the sum. A contraction of inputs that have the same
// dims is a sum of products. And |x| = x for an x that is an exponential:
// a sum of absolute values of them is the sum that a softmax has.
//
//===----------------------------------------------------------------------===//

#include "SimplifySums.h"

#include "ProgramUtils.h"

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace flashlight;

namespace {

/// A factor of a product, and which dims of the product its dims are; unit dims are left out.
struct Factor {
  Value value;
  SmallVector<int64_t> own, dims; // dims of the value, and those of the product

  bool has(int64_t dim) const { return llvm::is_contained(dims, dim); }
};

/// sum (a * b) -> contract a, b.
struct SumOfProducts : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  static Factor factorOf(Value value) {
    Factor factor{value, {}, {}};
    SmallVector<int64_t> dims =
        llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(value.getType()).getRank()));
    if (auto broadcast = value.getDefiningOp<BroadcastOp>()) {
      factor.value = broadcast.getOperand();
      dims = llvm::to_vector(*broadcast.getDims());
    }
    // A contraction widens its operands itself.
    if (auto widened = factor.value.getDefiningOp<arith::ExtFOp>())
      factor.value = widened.getIn();
    for (auto [i, dim] : llvm::enumerate(dims)) {
      if (cast<RankedTensorType>(factor.value.getType()).getDimSize(i) == 1)
        continue;
      factor.own.push_back(i);
      factor.dims.push_back(dim);
    }
    return factor;
  }

  /// The value with some of its dims, of which the others are unit dims.
  static Value withDims(Value value, ArrayRef<int64_t> dims, PatternRewriter &rewriter) {
    auto type = cast<RankedTensorType>(value.getType());
    if (static_cast<int64_t>(dims.size()) == type.getRank())
      return value;
    return ReshapeOp::create(rewriter, value.getLoc(), permuted(type, dims), value);
  }

  /// The factors of a product, of which those that are one number are `scales`.
  static void collect(Value value, SmallVectorImpl<Value> &factors,
                      SmallVectorImpl<Value> &scales) {
    if (auto product = value.getDefiningOp<arith::MulFOp>()) {
      collect(product.getLhs(), factors, scales);
      collect(product.getRhs(), factors, scales);
      return;
    }
    auto broadcast = value.getDefiningOp<BroadcastOp>();
    if (broadcast && cast<RankedTensorType>(broadcast.getOperand().getType()).getRank() == 0)
      scales.push_back(broadcast.getOperand());
    else
      factors.push_back(value);
  }

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto product = cast<RankedTensorType>(op.getOperand().getType());
    if (op.getKind() != ReduceKind::Sum || !isa<FloatType>(product.getElementType()))
      return rewriter.notifyMatchFailure(op, "no sum of floats");
    SmallVector<Value> values, scales;
    collect(op.getOperand(), values, scales);
    if (values.size() != 2)
      return rewriter.notifyMatchFailure(op, "not two factors");
    Factor a = factorOf(values[0]), b = factorOf(values[1]);
    auto lacks = [](const Factor &one, const Factor &other) {
      return llvm::any_of(other.dims, [&](int64_t dim) { return !one.has(dim); });
    };
    if (!lacks(a, b) || !lacks(b, a) || product.getRank() > 26)
      return rewriter.notifyMatchFailure(op, "one factor has all dims of the other");
    SmallVector<int64_t> reduced = op.getReducedDims(), shared, kept;
    for (int64_t dim = 0, position = 0; dim < product.getRank(); ++dim) {
      bool sums = llvm::is_contained(reduced, dim);
      if (sums && (!a.has(dim) || !b.has(dim)))
        return rewriter.notifyMatchFailure(op, "a factor is the same along a dim that is summed");
      if (!sums && (a.has(dim) || b.has(dim))) {
        kept.push_back(position);
        shared.push_back(dim);
      } else if (!sums && product.getDimSize(dim) != 1) {
        return rewriter.notifyMatchFailure(op, "a dim of the result that no factor has");
      }
      position += !sums;
    }
    auto letters = [](ArrayRef<int64_t> dims) {
      std::string text;
      for (int64_t dim : dims)
        text += static_cast<char>('a' + dim);
      return text;
    };
    std::string equation = letters(a.dims) + "," + letters(b.dims) + "->" + letters(shared);
    auto type = cast<RankedTensorType>(op.getType());
    Value sum = ContractOp::create(rewriter, op.getLoc(), permuted(type, kept),
                                   withDims(a.value, a.own, rewriter),
                                   withDims(b.value, b.own, rewriter), equation);
    if (sum.getType() != type)
      sum = ReshapeOp::create(rewriter, op.getLoc(), type, sum);
    for (Value scale : scales)
      sum = arith::MulFOp::create(rewriter, op.getLoc(), sum,
                                  BroadcastOp::create(rewriter, op.getLoc(), type, scale,
                                                      rewriter.getDenseI64ArrayAttr({})));
    if (Attribute node = op->getAttr(kNodeAttr))
      sum.getDefiningOp()->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, sum);
    return success();
  }
};

/// contract a, b -> sum (a * b) where both factors are inputs and have the same dims: no element of
/// one meets several of the other, so it is no matrix product (a dot of two vectors).
struct ProductOfAlike : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool isInput(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!isView(op) && !isa<arith::ExtFOp, arith::TruncFOp>(op))
        return false;
      value = op->getOperand(0);
    }
    return true;
  }

  LogicalResult matchAndRewrite(ContractOp op, PatternRewriter &rewriter) const override {
    Type element = tensorType(op.getResult()).getElementType();
    if (!op.getEquation() || op.getInit() || !isa<FloatType>(element))
      return rewriter.notifyMatchFailure(op, "no contraction of floats at the program level");
    if (!isInput(op.getLhs()) || !isInput(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "a factor may be weights of the other");
    ContractOp::Labels labels = op.getLabels();
    auto positions = [](ArrayRef<StringAttr> of, ArrayRef<StringAttr> in) {
      return llvm::map_to_vector(
          of, [&](StringAttr label) -> int64_t { return llvm::find(in, label) - in.begin(); });
    };
    SmallVector<int64_t> order = positions(labels.lhs, labels.rhs), reduced;
    if (labels.lhs.size() != labels.rhs.size() ||
        llvm::is_contained(order, static_cast<int64_t>(labels.rhs.size())))
      return rewriter.notifyMatchFailure(op, "a factor has a dim that the other lacks");
    SmallVector<StringAttr> kept;
    for (auto [dim, label] : llvm::enumerate(labels.lhs))
      if (llvm::is_contained(labels.result, label))
        kept.push_back(label);
      else
        reduced.push_back(dim);
    if (reduced.empty())
      return rewriter.notifyMatchFailure(op, "sums over nothing");
    auto widened = [&](Value value) -> Value {
      if (tensorType(value).getElementType() == element)
        return value;
      return arith::ExtFOp::create(rewriter, op.getLoc(), tensorType(value).clone(element), value);
    };
    auto permute = [&](Value value, ArrayRef<int64_t> permutation) -> Value {
      if (llvm::is_sorted(permutation))
        return value;
      return TransposeOp::create(rewriter, op.getLoc(), permuted(tensorType(value), permutation),
                                 value, rewriter.getDenseI64ArrayAttr(permutation));
    };
    Value product = arith::MulFOp::create(rewriter, op.getLoc(), widened(op.getLhs()),
                                          permute(widened(op.getRhs()), order));
    SmallVector<int64_t> left = positions(kept, labels.lhs);
    Value sum = ReduceOp::create(rewriter, op.getLoc(), permuted(tensorType(product), left),
                                 ReduceKindAttr::get(op.getContext(), ReduceKind::Sum), product,
                                 rewriter.getDenseI64ArrayAttr(reduced));
    Value result = permute(sum, positions(labels.result, kept));
    if (Attribute node = op->getAttr(kNodeAttr))
      result.getDefiningOp()->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// slice (contract a, b) -> contract (slice a), (slice b) along dims that both factors have, where
/// nothing needs the whole: heads that are computed together and then subtracted.
struct SlicedHeads : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ContractOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getResult());
    if (!op.getEquation() || op.getInit() || isProjection(op) || op->use_empty() ||
        !type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no contraction of heads at the program level");
    ContractOp::Labels labels = op.getLabels();
    int64_t elements = 0;
    for (Operation *user : op->getUsers()) {
      auto slice = dyn_cast<SliceOp>(user);
      if (!slice || !tensorType(slice.getResult()).hasStaticShape())
        return rewriter.notifyMatchFailure(op, "something needs the whole");
      elements += tensorType(slice.getResult()).getNumElements();
      for (auto [dim, label] : llvm::enumerate(labels.result)) {
        bool shared =
            llvm::is_contained(labels.lhs, label) && llvm::is_contained(labels.rhs, label);
        bool whole = slice.getOffsets()[dim] == 0 && slice.getStrides()[dim] == 1 &&
                     tensorType(slice.getResult()).getDimSize(dim) == type.getDimSize(dim);
        if (!shared && !whole)
          return rewriter.notifyMatchFailure(op, "a dim of one factor is cut");
      }
    }
    if (elements > type.getNumElements())
      return rewriter.notifyMatchFailure(op, "parts would be computed twice");
    for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
      auto slice = cast<SliceOp>(user);
      rewriter.setInsertionPoint(slice);
      auto cut = [&](Value factor, ArrayRef<StringAttr> names) {
        RankedTensorType part = tensorType(factor);
        SmallVector<int64_t> offsets, strides;
        for (auto [dim, name] : llvm::enumerate(names)) {
          auto *at = llvm::find(labels.result, name);
          bool kept = at != labels.result.end();
          int64_t from = at - labels.result.begin();
          offsets.push_back(kept ? slice.getOffsets()[from] : 0);
          strides.push_back(kept ? slice.getStrides()[from] : 1);
          if (kept)
            part = withExtent(part, dim, getExtent(tensorType(slice.getResult()), from));
        }
        return SliceOp::create(rewriter, slice.getLoc(), part, factor,
                               rewriter.getDenseI64ArrayAttr(offsets),
                               rewriter.getDenseI64ArrayAttr(strides));
      };
      Value lhs = cut(op.getLhs(), labels.lhs), rhs = cut(op.getRhs(), labels.rhs);
      auto part = ContractOp::create(rewriter, op.getLoc(), slice.getResult().getType(), lhs, rhs,
                                     *op.getEquation());
      if (Attribute node = slice->getAttr(kNodeAttr))
        part->setAttr(kNodeAttr, node);
      rewriter.replaceOp(slice, part.getResult());
    }
    rewriter.eraseOp(op);
    return success();
  }
};

/// |exp(x)| -> exp(x).
struct AbsoluteOfPositive : OpRewritePattern<math::AbsFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::AbsFOp op, PatternRewriter &rewriter) const override {
    Operation *operand = op.getOperand().getDefiningOp();
    if (!isa_and_nonnull<math::ExpOp, math::Exp2Op, math::SqrtOp, math::AbsFOp>(operand))
      return rewriter.notifyMatchFailure(op, "the operand may be negative");
    rewriter.replaceOp(op, op.getOperand());
    return success();
  }
};

} // namespace

void flashlight::populateSimplifySumsPatterns(RewritePatternSet &patterns) {
  patterns.add<SumOfProducts, ProductOfAlike, SlicedHeads, AbsoluteOfPositive>(
      patterns.getContext());
}
