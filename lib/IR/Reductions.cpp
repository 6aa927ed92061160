//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Reductions.h. Maxima and minima propagate NaN, as PyTorch's do.
//
//===----------------------------------------------------------------------===//

#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace flashlight;

static arith::AtomicRMWKind operationOf(ReduceKind kind, Type elementType) {
  using Operation = arith::AtomicRMWKind;
  bool isFloat = isa<FloatType>(elementType);
  switch (kind) {
  case ReduceKind::Sum:
    return isFloat ? Operation::addf : Operation::addi;
  case ReduceKind::Prod:
    return isFloat ? Operation::mulf : Operation::muli;
  case ReduceKind::Max:
    return isFloat ? Operation::maximumf : Operation::maxs;
  case ReduceKind::Min:
    return isFloat ? Operation::minimumf : Operation::mins;
  case ReduceKind::Any:
    return Operation::ori;
  case ReduceKind::All:
    return Operation::andi;
  }
  llvm_unreachable("unknown reduction");
}

Value flashlight::combine(ReduceKind kind, OpBuilder &builder, Location loc, Value a, Value b) {
  return arith::getReductionOp(operationOf(kind, getElementTypeOrSelf(a)), builder, loc, a, b);
}

TypedAttr flashlight::identityOf(ReduceKind kind, Type elementType) {
  OpBuilder builder(elementType.getContext());
  return arith::getIdentityValueAttr(operationOf(kind, elementType), elementType, builder,
                                     builder.getUnknownLoc());
}
