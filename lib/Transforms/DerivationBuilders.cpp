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
