//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "KernelForms.h"
#include "Derivation.h"
#include "SplitReduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;
using namespace flashlight;

LogicalResult flashlight::orientScans(KernelOp kernel) {
  SmallVector<ScanOp> forward, backward;
  for (ScanOp scan : kernel.getBlock().getOps<ScanOp>())
    if (scan.getAxisAttr() == kernel.getStreamAttr())
      (scan.getReverse() ? backward : forward).push_back(scan);
  if (forward.empty())
    return success();
  for (ScanOp scan : backward) {
    if (scan.getKind() != ReduceKind::Sum || !isa<FloatType>(elementTypeOf(scan.getOperand())))
      return scan.emitError() << "cannot run against the other scans along '"
                              << scan.getAxisAttr().getValue() << "' of its kernel";
    OpBuilder builder(scan);
    Location loc = scan.getLoc();
    SmallVector<StringAttr> names;
    SmallVector<int64_t> shape;
    auto type = cast<RankedTensorType>(scan.getType());
    for (auto [name, size] : llvm::zip(getAxes(scan.getResult()).getNames(), type.getShape()))
      if (name != scan.getAxisAttr())
        names.push_back(name), shape.push_back(size);
    auto rowType = RankedTensorType::get(shape, type.getElementType(),
                                         AxesAttr::get(builder.getContext(), names));
    Value all = ReduceOp::create(builder, loc, rowType, scan.getKindAttr(), scan.getOperand(),
                                 DenseI64ArrayAttr());
    Value wide = BroadcastOp::create(builder, loc, type, all, DenseI64ArrayAttr());
    Value upTo = ScanOp::create(builder, loc, type, scan.getKindAttr(), scan.getOperand(),
                                IntegerAttr(), scan.getAxisAttr(), UnitAttr(), UnitAttr());
    Value after = arith::SubFOp::create(builder, loc, wide, upTo);
    if (!scan.getExclusive())
      after = arith::AddFOp::create(builder, loc, after, scan.getOperand());
    scan.replaceAllUsesWith(after);
    scan.erase();
  }
  return success();
}

unsigned flashlight::countSweeps(KernelOp kernel) {
  Derivation derivation(kernel);
  derivation.plan();
  return derivation.getNumSweeps();
}

bool flashlight::splitBlocked(KernelOp kernel) {
  auto splitOne = [&] {
    Derivation derivation(kernel);
    derivation.plan();
    return llvm::any_of(derivation.getBlocked(), [](const Derivation::Blocked &blocked) {
      return succeeded(splitReduction(blocked.op, blocked.why));
    });
  };
  bool any = false;
  while (splitOne())
    any = true;
  return any;
}

CostEstimate flashlight::estimateDerived(KernelOp kernel, const Target &target) {
  OpBuilder builder(kernel);
  auto derived = cast<KernelOp>(builder.clone(*kernel));
  Derivation derivation(derived);
  derivation.plan();
  derivation.rewrite();
  // As it will be compiled: what two parts have in common is computed once.
  IRRewriter rewriter(derived);
  DominanceInfo dominance(derived);
  eliminateCommonSubExpressions(rewriter, dominance, derived);
  CostEstimate cost = estimate(derived, target);
  derived.erase();
  return cost;
}

CostEstimate flashlight::estimateBestForm(KernelOp kernel, const Target &target) {
  CostEstimate cost = estimateDerived(kernel, target);
  OpBuilder builder(kernel);
  auto split = cast<KernelOp>(builder.clone(*kernel));
  if (splitBlocked(split) && countSweeps(split) < countSweeps(kernel))
    if (CostEstimate fewer = estimateDerived(split, target); !isBetter(cost, fewer))
      cost = fewer;
  split.erase();
  return cost;
}
