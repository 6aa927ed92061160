//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-simplify about gathers. A sum over a dim that a selection
// does not concern is a selection of sums:
//
//   sum_d q[m,d] table[i[m,n], d] = (sum_d q[m,d] table[t,d])[t = i[m,n]]
//
// With a key of its own for every pair of row and position (relative keys) the left
// side is no matrix product and reads S x S x D elements; the right side is one, with
// as many columns as the table has rows, and reads an element a pair.
//
//===----------------------------------------------------------------------===//

#include "SimplifyGathers.h"

#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

namespace {

using Letters = SmallVector<StringAttr>;

/// A factor of a contraction that is selected from `source`.
struct Selected {
  GatherOp gather;
  Letters letters;                      // of the gather's dims
  SmallVector<Value> positions;         // the index tensors, as they were before being repeated
  SmallVector<Letters> positionLetters; // of their dims
};

std::string joined(ArrayRef<StringAttr> letters) {
  std::string text;
  for (StringAttr letter : letters)
    text += letter.getValue();
  return text;
}

/// contract(x, gather(y)) -> gather(contract(x, y)), where the factors share a dim that the
/// selection depends on, and the product is no larger than the result.
struct ContractOfGather : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  /// `value` as a selection, seen through transposes.
  static FailureOr<Selected> selected(Value value, Letters letters) {
    while (auto transpose = value.getDefiningOp<TransposeOp>()) {
      Letters before(letters.size());
      for (auto [i, dim] : llvm::enumerate(transpose.getPermutation()))
        before[dim] = letters[i];
      letters = before;
      value = transpose.getOperand();
    }
    Selected result{value.getDefiningOp<GatherOp>(), letters, {}, {}};
    if (!result.gather)
      return failure();
    for (Value index : result.gather.getIndices()) {
      Letters of = letters;
      if (auto broadcast = index.getDefiningOp<BroadcastOp>()) {
        of.clear();
        ArrayRef<int64_t> dims = *broadcast.getDims();
        for (int64_t dim : dims)
          of.push_back(letters[dim]);
        index = broadcast.getOperand();
      }
      result.positions.push_back(index);
      result.positionLetters.push_back(of);
    }
    return result;
  }

  /// The letters of the source's dims: those of the result, and new ones for what is selected.
  static FailureOr<Letters> sourceLetters(Selected &factor, ArrayRef<StringAttr> fresh) {
    Letters result;
    for (AffineExpr expr : factor.gather.getMap().getResults()) {
      StringAttr letter;
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        letter = factor.letters[dim.getPosition()];
      else if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
        letter = fresh[symbol.getPosition()];
      if (!letter || llvm::is_contained(result, letter))
        return failure();
      result.push_back(letter);
    }
    return result;
  }

  LogicalResult rewriteSide(ContractOp op, bool left, PatternRewriter &rewriter) const {
    ContractOp::Labels labels = op.getLabels();
    FailureOr<Selected> factor =
        selected(left ? op.getLhs() : op.getRhs(), left ? labels.lhs : labels.rhs);
    if (failed(factor))
      return rewriter.notifyMatchFailure(op, "factor is no selection");
    Value other = left ? op.getRhs() : op.getLhs();
    Letters otherLetters = left ? labels.rhs : labels.lhs;
    bool pairs = false;
    for (const Letters &letters : factor->positionLetters)
      for (StringAttr letter : letters) {
        if (!llvm::is_contained(labels.result, letter))
          return rewriter.notifyMatchFailure(op, "selection depends on a contracted dim");
        pairs |= llvm::is_contained(otherLetters, letter);
      }
    if (!pairs)
      return rewriter.notifyMatchFailure(op, "factors are selected apart: a matrix product");

    Letters fresh;
    for (char letter = 'a'; letter <= 'z' && fresh.size() < factor->positions.size(); ++letter) {
      auto name = rewriter.getStringAttr(StringRef(&letter, 1));
      if (!llvm::is_contained(labels.lhs, name) && !llvm::is_contained(labels.rhs, name))
        fresh.push_back(name);
    }
    FailureOr<Letters> source = sourceLetters(*factor, fresh);
    if (failed(source) || fresh.size() < factor->positions.size())
      return rewriter.notifyMatchFailure(op, "selection is no plain one");
    for (StringAttr letter : left ? labels.lhs : labels.rhs)
      if (!llvm::is_contained(labels.result, letter) && !llvm::is_contained(*source, letter))
        return rewriter.notifyMatchFailure(op, "a contracted dim is not the source's");

    Letters product;
    auto inProduct = [&](StringAttr letter) {
      return llvm::is_contained(*source, letter) || llvm::is_contained(otherLetters, letter);
    };
    llvm::copy_if(labels.result, std::back_inserter(product), inProduct);
    llvm::append_range(product, fresh);
    SmallVector<Extent> extents;
    auto sourceType = tensorType(factor->gather.getSource()), otherType = tensorType(other);
    for (StringAttr letter : product) {
      auto *at = llvm::find(*source, letter);
      extents.push_back(
          at != source->end()
              ? getExtent(sourceType, at - source->begin())
              : getExtent(otherType, llvm::find(otherLetters, letter) - otherLetters.begin()));
    }
    auto resultType = tensorType(op.getResult());
    RankedTensorType type = typeOf(extents, resultType);
    int64_t columns = 1, repeated = 1; // what tells product and result apart
    for (auto [letter, extent] : llvm::zip(product, extents))
      if (llvm::is_contained(fresh, letter))
        columns = extent.symbol ? std::numeric_limits<int32_t>::max() : columns * extent.size;
    for (auto [i, letter] : llvm::enumerate(labels.result))
      if (!inProduct(letter))
        repeated = resultType.isDynamicDim(i) ? std::numeric_limits<int32_t>::max()
                                              : repeated * resultType.getDimSize(i);
    if (columns > repeated)
      return rewriter.notifyMatchFailure(op, "product would be larger than the result");

    Value first = left ? factor->gather.getSource() : other,
          second = left ? other : factor->gather.getSource();
    std::string equation = joined(left ? *source : otherLetters) + "," +
                           joined(left ? otherLetters : *source) + "->" + joined(product);
    Value whole = ContractOp::create(rewriter, op.getLoc(), type, first, second, equation);
    SmallVector<Value> indices;
    for (auto [position, letters] : llvm::zip(factor->positions, factor->positionLetters)) {
      SmallVector<int64_t> dims;
      for (StringAttr letter : letters)
        dims.push_back(llvm::find(labels.result, letter) - labels.result.begin());
      // A broadcast's dims ascend.
      auto order = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
      llvm::sort(order, [&](int64_t a, int64_t b) { return dims[a] < dims[b]; });
      if (!llvm::is_sorted(dims))
        position = TransposeOp::create(rewriter, op.getLoc(), permuted(tensorType(position), order),
                                       position, order);
      llvm::sort(dims);
      auto indexType = RankedTensorType::get(
          resultType.getShape(), tensorType(position).getElementType(), resultType.getEncoding());
      indices.push_back(BroadcastOp::create(rewriter, op.getLoc(), indexType, position,
                                            rewriter.getDenseI64ArrayAttr(dims)));
    }
    SmallVector<AffineExpr> at;
    for (StringAttr letter : product) {
      auto *symbol = llvm::find(fresh, letter);
      at.push_back(symbol != fresh.end()
                       ? rewriter.getAffineSymbolExpr(symbol - fresh.begin())
                       : rewriter.getAffineDimExpr(llvm::find(labels.result, letter) -
                                                   labels.result.begin()));
    }
    auto map = AffineMap::get(labels.result.size(), fresh.size(), at, op.getContext());
    auto gather = GatherOp::create(rewriter, op.getLoc(), resultType, whole, indices, map);
    if (Attribute node = op->getAttr(kNodeAttr))
      gather->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, gather);
    return success();
  }

  LogicalResult matchAndRewrite(ContractOp op, PatternRewriter &rewriter) const override {
    for (bool left : {true, false})
      if (succeeded(rewriteSide(op, left, rewriter)))
        return success();
    return failure();
  }
};

} // namespace

void flashlight::populateSimplifyGathersPatterns(RewritePatternSet &patterns) {
  patterns.add<ContractOfGather>(patterns.getContext());
}
