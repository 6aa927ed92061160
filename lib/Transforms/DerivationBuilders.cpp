//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Derivation.h: the ops that a derivation is written in.
//
//===----------------------------------------------------------------------===//

#include "Derivation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

Value Derivation::constant(Type like, Attribute value, Location loc) {
  auto scalar = RankedTensorType::get({}, cast<RankedTensorType>(like).getElementType(),
                                      AxesAttr::get(builder.getContext(), {}));
  Value rankZero = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(scalar, value));
  return broadcastTo(rankZero, like, loc);
}

Value Derivation::constant(Type like, double value, Location loc) {
  return constant(like, builder.getFloatAttr(cast<RankedTensorType>(like).getElementType(), value),
                  loc);
}

Attribute Derivation::identity(ReduceKind kind, Type elementType) {
  return arith::getIdentityValueAttr(
      kind == ReduceKind::Sum
          ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::addf : arith::AtomicRMWKind::addi)
      : kind == ReduceKind::Prod
          ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::mulf : arith::AtomicRMWKind::muli)
      : kind == ReduceKind::Max ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::maximumf
                                                               : arith::AtomicRMWKind::maxs)
      : kind == ReduceKind::Min ? (isa<FloatType>(elementType) ? arith::AtomicRMWKind::minimumf
                                                               : arith::AtomicRMWKind::mins)
      : kind == ReduceKind::Any ? arith::AtomicRMWKind::ori
                                : arith::AtomicRMWKind::andi,
      elementType, builder, kernel.getLoc());
}

Value Derivation::combine(ReduceKind kind, Value a, Value b, Location loc) {
  bool isFloat = isa<FloatType>(elementTypeOf(a));
  switch (kind) {
  case ReduceKind::Sum:
    return isFloat ? arith::AddFOp::create(builder, loc, a, b).getResult()
                   : arith::AddIOp::create(builder, loc, a, b);
  case ReduceKind::Prod:
    return isFloat ? arith::MulFOp::create(builder, loc, a, b).getResult()
                   : arith::MulIOp::create(builder, loc, a, b);
  case ReduceKind::Max:
    return isFloat ? arith::MaximumFOp::create(builder, loc, a, b).getResult()
                   : arith::MaxSIOp::create(builder, loc, a, b);
  case ReduceKind::Min:
    return isFloat ? arith::MinimumFOp::create(builder, loc, a, b).getResult()
                   : arith::MinSIOp::create(builder, loc, a, b);
  case ReduceKind::Any:
    return arith::OrIOp::create(builder, loc, a, b);
  case ReduceKind::All:
    return arith::AndIOp::create(builder, loc, a, b);
  }
  llvm_unreachable("unknown reduction");
}

Value Derivation::broadcastTo(Value value, Type like, Location loc) {
  auto to = cast<RankedTensorType>(like);
  auto type = to.clone(elementTypeOf(value));
  return value.getType() == type
             ? value
             : BroadcastOp::create(builder, loc, type, value, nullptr).getResult();
}

Value Derivation::widen(Value value, Type elementType, Location loc) {
  Type from = elementTypeOf(value);
  if (from == elementType)
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(elementType);
  return from.getIntOrFloatBitWidth() < elementType.getIntOrFloatBitWidth()
             ? arith::ExtFOp::create(builder, loc, type, value).getResult()
             : arith::TruncFOp::create(builder, loc, type, value).getResult();
}
