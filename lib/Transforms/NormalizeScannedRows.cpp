//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-normalize-shifts about sums that run along the rows of
// scores, of which a kernel has a block at a time. A running sum is linear, and so
// commutes with a contraction over another dim:
//
//   sum_n (sum_{m' <= m} p[m', n]) v[n] = sum_{m' <= m} (sum_n p[m', n] v[n])
//   sum_{m' <= m} (sum_d q[m', d] k[n, d]) = sum_d (sum_{m' <= m} q[m', d]) k[n, d]
//
// What is summed up then is as large as outputs or queries.
//
//===----------------------------------------------------------------------===//

#include "NormalizeShifts.h"

#include "ProgramUtils.h"
#include "RowDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

/// Follows what commutes with sums along `dim` backwards: roundings, signs, and factors or divisors
/// that are the same all along it. Collects the latter, the last first, with the operand's place.
static Value behindScales(Value value, int64_t dim,
                          SmallVectorImpl<std::pair<Operation *, unsigned>> &scales) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
      value = op->getOperand(0);
      continue;
    }
    std::optional<unsigned> at;
    if (isa<arith::NegFOp>(op))
      at = 0;
    else if (isa<arith::MulFOp, arith::DivFOp>(op) && isRepeatedAlong(op->getOperand(1), dim))
      at = 0;
    else if (isa<arith::MulFOp>(op) && isRepeatedAlong(op->getOperand(0), dim))
      at = 1;
    if (!at)
      break;
    scales.push_back({op, *at});
    value = op->getOperand(*at);
  }
  return value;
}

/// `value` in f32, which running sums of half types are computed in.
static Value widened(Value value, Type element, Location loc, OpBuilder &builder) {
  RankedTensorType type = tensorType(value);
  if (type.getElementType() == element)
    return value;
  return arith::ExtFOp::create(builder, loc, type.clone(element), value);
}

/// True if something behind pointwise ops and views of `value` reduces its dim `dim`: a kernel
/// streams along it, and carries the sum.
static bool isStreamed(Value value, unsigned dim) {
  SmallVector<std::pair<Value, unsigned>> worklist{{value, dim}};
  llvm::DenseSet<std::pair<Value, unsigned>> seen;
  while (!worklist.empty()) {
    auto [next, at] = worklist.pop_back_val();
    if (!seen.insert({next, at}).second)
      continue;
    for (Operation *user : next.getUsers()) {
      if (auto reduce = dyn_cast<ReduceOp>(user)) {
        if (llvm::is_contained(reduce.getReducedDims(), static_cast<int64_t>(at)))
          return true;
      } else if (auto contract = dyn_cast<ContractOp>(user)) {
        ContractOp::Labels labels = contract.getLabels();
        StringAttr label = (contract.getLhs() == next ? labels.lhs : labels.rhs)[at];
        if (!llvm::is_contained(labels.result, label))
          return true;
      } else if (isElementwise(user)) {
        worklist.push_back({user->getResult(0), at});
      } else if (isView(user)) {
        for (int64_t to = 0; to < tensorType(user->getResult(0)).getRank(); ++to)
          if (FailureOr<unsigned> from = operandDim(user, to); succeeded(from) && *from == at)
            worklist.push_back({user->getResult(0), to});
      }
    }
  }
  return false;
}

namespace {

/// contract(scan p, v) -> scan contract(p, v), where the scan runs along a dim that p alone has.
struct ContractOfScan : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ContractOp op, PatternRewriter &rewriter) const override {
    ContractOp::Labels labels = op.getLabels();
    if (!op.getEquation() || op.getInit() ||
        !isa<FloatType>(tensorType(op.getResult()).getElementType()))
      return rewriter.notifyMatchFailure(op, "no contraction of floats at the program level");
    RowDims rowDims;
    for (bool left : {true, false}) {
      ArrayRef<StringAttr> own = left ? labels.lhs : labels.rhs,
                           other = left ? labels.rhs : labels.lhs;
      Value factor = left ? op.getLhs() : op.getRhs();
      while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(factor.getDefiningOp()))
        factor = factor.getDefiningOp()->getOperand(0);
      auto scan = factor.getDefiningOp<ScanOp>();
      if (!scan || scan.getKind() != ReduceKind::Sum)
        continue;
      StringAttr label = own[scan.getScannedDim()];
      auto *to = llvm::find(labels.result, label);
      bool ofScores = llvm::any_of(llvm::enumerate(own), [&](auto each) {
        return !llvm::is_contained(labels.result, each.value()) &&
               rowDims.hasRows(scan.getOperand(), each.index());
      });
      if (to == labels.result.end() || llvm::is_contained(other, label) || !ofScores)
        continue;
      Value base = scan.getOperand();
      Type narrow = tensorType(left ? op.getLhs() : op.getRhs()).getElementType();
      if (tensorType(base).getElementType() != narrow)
        base = arith::TruncFOp::create(rewriter, op.getLoc(), tensorType(base).clone(narrow), base);
      Value sums =
          ContractOp::create(rewriter, op.getLoc(), op.getType(), left ? base : op.getLhs(),
                             left ? op.getRhs() : base, *op.getEquation());
      auto flag = [&](bool set) { return set ? rewriter.getUnitAttr() : UnitAttr(); };
      Value result =
          ScanOp::create(rewriter, op.getLoc(), op.getType(), scan.getKindAttr(), sums,
                         rewriter.getI64IntegerAttr(to - labels.result.begin()), StringAttr(),
                         flag(scan.getReverse()), flag(scan.getExclusive()));
      replaceNamed(op, result, rewriter);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no factor is summed up along a dim of its own");
  }
};

/// scan contract(q, k) -> contract(scan q, k), where the scan runs along a dim that q alone has,
/// and no stream will.
struct ScanOfContract : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const override {
    int64_t dim = op.getScannedDim();
    Type element = tensorType(op.getResult()).getElementType();
    if (op.getKind() != ReduceKind::Sum || !isa<FloatType>(element))
      return rewriter.notifyMatchFailure(op, "no running sum of floats");
    SmallVector<std::pair<Operation *, unsigned>> scales;
    auto contract = behindScales(op.getOperand(), dim, scales).getDefiningOp<ContractOp>();
    if (!contract || !contract.getEquation() || contract.getInit() || isProjection(contract))
      return rewriter.notifyMatchFailure(op, "sums up no contraction");
    ContractOp::Labels labels = contract.getLabels();
    StringAttr label = labels.result[dim];
    bool left = llvm::is_contained(labels.lhs, label);
    if (left == llvm::is_contained(labels.rhs, label) || !isDimOfScores(op.getResult(), dim) ||
        isStreamed(op.getResult(), dim))
      return rewriter.notifyMatchFailure(op, "no scores along their rows");
    RowDims rowDims;
    Value ownRows = left ? contract.getLhs() : contract.getRhs();
    for (auto [i, each] : llvm::enumerate(left ? labels.lhs : labels.rhs))
      if (!llvm::is_contained(labels.result, each) && rowDims.hasRows(ownRows, i))
        return rewriter.notifyMatchFailure(op, "sums up outputs");
    Location loc = op.getLoc();
    Value lhs = widened(contract.getLhs(), element, loc, rewriter),
          rhs = widened(contract.getRhs(), element, loc, rewriter);
    Value &rows = left ? lhs : rhs;
    ArrayRef<StringAttr> names = left ? labels.lhs : labels.rhs;
    auto flag = [&](bool set) { return set ? rewriter.getUnitAttr() : UnitAttr(); };
    rows = ScanOp::create(rewriter, loc, rows.getType(), op.getKindAttr(), rows,
                          rewriter.getI64IntegerAttr(llvm::find(names, label) - names.begin()),
                          StringAttr(), flag(op.getReverse()), flag(op.getExclusive()));
    Value value =
        ContractOp::create(rewriter, loc, op.getType(), lhs, rhs, *contract.getEquation());
    for (auto [scale, at] : llvm::reverse(scales)) {
      SmallVector<Value> operands;
      for (Value operand : scale->getOperands())
        operands.push_back(
            operand == scale->getOperand(at) ? value : widened(operand, element, loc, rewriter));
      OperationState state(scale->getLoc(), scale->getName(), operands, op.getType());
      state.propertiesAttr = scale->getPropertiesAsAttribute();
      value = rewriter.create(state)->getResult(0);
    }
    replaceNamed(op, value, rewriter);
    return success();
  }
};

} // namespace

void flashlight::populateNormalizeScannedRowsPatterns(RewritePatternSet &patterns) {
  patterns.add<ContractOfScan, ScanOfContract>(patterns.getContext());
}
