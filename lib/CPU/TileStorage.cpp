//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a tile's buffer holds: half types as f32, booleans as bytes.
//
//===----------------------------------------------------------------------===//

#include "TileMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace flashlight;

Type flashlight::storedAs(Type type) {
  if (type.isF16() || type.isBF16())
    return Float32Type::get(type.getContext());
  if (type.isInteger(1))
    return IntegerType::get(type.getContext(), 8);
  return type;
}

MemRefType flashlight::bufferType(Type tile) {
  auto type = cast<RankedTensorType>(tile);
  return MemRefType::get(type.getShape(), storedAs(type.getElementType()));
}

/// `like` with another element type.
static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

Value flashlight::fromStored(OpBuilder &builder, Location loc, Value value, Type element) {
  Type stored = getElementTypeOrSelf(value.getType());
  if (stored == element)
    return value;
  if (isa<FloatType>(element))
    return arith::TruncFOp::create(builder, loc, withElement(value.getType(), element), value);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(value.getType()));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value, zero);
}

Value flashlight::toStored(OpBuilder &builder, Location loc, Value value) {
  Type element = getElementTypeOrSelf(value.getType()), stored = storedAs(element);
  if (stored == element)
    return value;
  Type type = withElement(value.getType(), stored);
  if (isa<FloatType>(element))
    return arith::ExtFOp::create(builder, loc, type, value);
  return arith::ExtUIOp::create(builder, loc, type, value);
}

TypedAttr flashlight::storedConstant(TypedAttr value) {
  Type type = storedAs(value.getType());
  if (type == value.getType())
    return value;
  if (auto floating = dyn_cast<FloatAttr>(value))
    return FloatAttr::get(type, floating.getValueAsDouble());
  return IntegerAttr::get(type, cast<IntegerAttr>(value).getValue().getZExtValue());
}
