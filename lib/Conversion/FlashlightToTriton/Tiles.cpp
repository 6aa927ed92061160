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

#include "Tiles.h"

#include "flashlight/Triton/TritonDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

ArrayRef<int64_t> tiles::shapeOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

Type tiles::typeOf(ArrayRef<int64_t> shape, Type element) {
  return shape.empty() ? element : Type(RankedTensorType::get(shape, element));
}

Value tiles::constant(OpBuilder &builder, Location loc, Type type, int64_t value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr scalar = isa<FloatType>(element)
                         ? TypedAttr(builder.getFloatAttr(element, static_cast<double>(value)))
                         : TypedAttr(builder.getIntegerAttr(element, value));
  if (auto tile = dyn_cast<RankedTensorType>(type))
    scalar = DenseElementsAttr::get(tile, Attribute(scalar));
  return arith::ConstantOp::create(builder, loc, scalar);
}

Value tiles::splat(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  if (shape.empty())
    return value;
  return tt::SplatOp::create(builder, loc, RankedTensorType::get(shape, value.getType()), value);
}

Value tiles::broadcast(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> dims,
                       ArrayRef<int64_t> shape) {
  if (shapeOf(value).empty())
    return splat(builder, loc, value, shape);
  SmallVector<int64_t> expanded(shapeOf(value));
  Type element = getElementTypeOrSelf(value.getType());
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (llvm::is_contained(dims, i))
      continue;
    expanded.insert(expanded.begin() + i, 1);
    value = tt::ExpandDimsOp::create(builder, loc, RankedTensorType::get(expanded, element), value,
                                     static_cast<int32_t>(i));
  }
  if (ArrayRef(expanded) == shape)
    return value;
  return tt::BroadcastOp::create(builder, loc, RankedTensorType::get(shape, element), value);
}

Value tiles::transpose(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> order) {
  if (llvm::is_sorted(order))
    return value;
  SmallVector<int64_t> shape;
  SmallVector<int32_t> order32(order);
  for (int64_t dim : order)
    shape.push_back(shapeOf(value)[dim]);
  return tt::TransOp::create(builder, loc, typeOf(shape, getElementTypeOrSelf(value.getType())),
                             value, order32);
}

Value tiles::reshape(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  if (shapeOf(value) == shape)
    return value;
  Type element = getElementTypeOrSelf(value.getType());
  if (shapeOf(value).empty())
    return splat(builder, loc, value, shape);
  return tt::ReshapeOp::create(builder, loc, typeOf(shape, element), value);
}

Value tiles::cast(OpBuilder &builder, Location loc, Value value, Type element) {
  Type from = getElementTypeOrSelf(value.getType()), to = typeOf(shapeOf(value), element);
  if (from == element)
    return value;
  unsigned width = from.getIntOrFloatBitWidth();
  if (isa<FloatType>(element)) {
    if (!isa<FloatType>(from))
      return width == 1 ? Value(arith::UIToFPOp::create(builder, loc, to, value))
                        : Value(arith::SIToFPOp::create(builder, loc, to, value));
    if (width < element.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(builder, loc, to, value);
    return arith::TruncFOp::create(builder, loc, to, value);
  }
  if (width == 1)
    return arith::ExtUIOp::create(builder, loc, to, value);
  if (width < element.getIntOrFloatBitWidth())
    return arith::ExtSIOp::create(builder, loc, to, value);
  return arith::TruncIOp::create(builder, loc, to, value);
}
