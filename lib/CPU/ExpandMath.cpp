//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-expand-math: see Passes.td, and MathFunctions.h for the arithmetic.
//
//===----------------------------------------------------------------------===//

#include "MathFunctions.h"
#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_EXPANDMATH
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// An op on f32, or vectors of it, by one of the expansions.
template <typename Op> struct Expand : OpRewritePattern<Op> {
  Expand(MLIRContext *context, Expansion expansion)
      : OpRewritePattern<Op>(context), expansion(expansion) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Arithmetic a(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, expansion(a, op.getOperand()));
    return success();
  }

  Expansion expansion;
};

/// sin or cos on vectors of f32; vectors with an element beyond the range of the expansion are left
/// to the C library.
template <typename Op> struct ExpandSine : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32() || type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not on a vector of f32");
    Location loc = op.getLoc();
    Arithmetic a(rewriter, loc, type);
    Value x = op.getOperand();
    Value large = a.compare(arith::CmpFPredicate::OGE, a.size(x), a.number(2251799813685248.0));
    Value any = vector::ReductionOp::create(rewriter, loc, vector::CombiningKind::OR, large);
    bool cosine = std::is_same_v<Op, math::CosOp>;
    Value near = expandSine(a, x, cosine);
    auto choice = scf::IfOp::create(rewriter, loc, TypeRange{type}, any, /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getDimSize(0); ++i)
      elements.push_back(Op::create(rewriter, loc, vector::ExtractOp::create(rewriter, loc, x, i)));
    Value far = vector::FromElementsOp::create(rewriter, loc, type, elements);
    scf::YieldOp::create(rewriter, loc, far);
    rewriter.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(rewriter, loc, near);
    rewriter.replaceOp(op, choice.getResults());
    return success();
  }
};

struct ExpandPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    if (!isa<VectorType>(op.getType()) || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on a vector of f32");
    Arithmetic a(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, expandPower(a, op.getLhs(), op.getRhs()));
    return success();
  }
};

/// Functions of half types are computed in f32 and rounded.
struct ThroughF32 : RewritePattern {
  ThroughF32(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "not a function");
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    if (!element.isF16() && !element.isBF16())
      return rewriter.notifyMatchFailure(op, "not of a half type");
    auto wide = [&](Type type) -> Type {
      auto vector = dyn_cast<VectorType>(type);
      return vector ? Type(VectorType::get(vector.getShape(), rewriter.getF32Type()))
                    : Type(rewriter.getF32Type());
    };
    OperationState state(op->getLoc(), op->getName());
    for (Value operand : op->getOperands())
      state.addOperands(getElementTypeOrSelf(operand.getType()) == element
                            ? Value(arith::ExtFOp::create(rewriter, op->getLoc(),
                                                          wide(operand.getType()), operand))
                            : operand);
    state.addTypes(wide(type));
    state.addAttributes(op->getAttrDictionary().getValue());
    Value result = rewriter.create(state)->getResult(0);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, result);
    return success();
  }
};

/// Functions that only the C library has: one call per element.
struct OnElements : RewritePattern {
  OnElements(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || op->getNumResults() != 1 ||
        isa<math::FmaOp, math::AbsFOp, math::AbsIOp, math::CeilOp, math::FloorOp, math::RoundOp,
            math::RoundEvenOp, math::TruncOp, math::SqrtOp, math::RsqrtOp, math::CopySignOp>(op))
      return rewriter.notifyMatchFailure(op, "has a vector instruction");
    auto type = dyn_cast<VectorType>(op->getResult(0).getType());
    if (!type || type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not on a vector");
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getDimSize(0); ++i) {
      OperationState state(op->getLoc(), op->getName());
      for (Value operand : op->getOperands())
        state.addOperands(Value(vector::ExtractOp::create(rewriter, op->getLoc(), operand, i)));
      state.addTypes(type.getElementType());
      state.addAttributes(op->getAttrDictionary().getValue());
      elements.push_back(rewriter.create(state)->getResult(0));
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type, elements);
    return success();
  }
};

struct ExpandMath : flashlight::impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // Two rounds: what has an expansion must not be taken apart.
    RewritePatternSet expansions(context);
    expansions.add<ThroughF32>(context);
    expansions.add<Expand<math::ExpOp>>(context, &expandExp);
    expansions.add<Expand<math::Exp2Op>>(context, &expandExp2);
    expansions.add<Expand<math::ExpM1Op>>(context, &expandExpm1);
    expansions.add<Expand<math::LogOp>>(context, &expandLog);
    expansions.add<Expand<math::Log2Op>>(context, &expandLog2);
    expansions.add<Expand<math::Log1pOp>>(context, &expandLog1p);
    expansions.add<Expand<math::TanhOp>>(context, &expandTanh);
    expansions.add<Expand<math::ErfOp>>(context, &expandErf);
    expansions.add<ExpandSine<math::SinOp>, ExpandSine<math::CosOp>, ExpandPower>(context);
    RewritePatternSet calls(context);
    calls.add<OnElements>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(expansions))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(calls))))
      signalPassFailure();
  }
};

} // namespace
