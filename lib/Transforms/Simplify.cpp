//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-simplify: see Passes.td. Views fold by the ops' own folders; here
// are the roundings. For x : f32, extf(truncf(x)) = x up to one rounding to the
// half type, which eager makes after every op and a fused kernel need not.
//
//===----------------------------------------------------------------------===//

#include "flashlight/IR/FlashlightDialect.h"
#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_SIMPLIFY
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// extf(view(truncf(x))) -> view(x): a view moves elements and computes nothing.
struct DropRounding : OpRewritePattern<arith::ExtFOp> {
  DropRounding(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    auto narrow = op.getIn().getDefiningOp<arith::TruncFOp>();
    if (!narrow)
      return rewriter.notifyMatchFailure(op, "operand is not a rounding");
    if (narrow.getIn().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "widens to another type than was rounded");
    rewriter.replaceOp(op, narrow.getIn());
    ++count;
    return success();
  }

  Pass::Statistic &count;
};

struct Simplify : flashlight::impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropRounding>(&getContext(), numCasts);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
