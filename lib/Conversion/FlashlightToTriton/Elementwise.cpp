//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Constants and pointwise ops. They are the same ops in Triton's IR; what changes is
// the types (no index, no tile without dims), and that integers are computed in 32
// bits where their ranges allow it: 64-bit integers cost a GPU two instructions or more.
//
//===----------------------------------------------------------------------===//

#include "Converter.h"
#include "Tiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace flashlight;

/// Math functions that Triton lowers. Of `arith` it lowers all but a float's negation.
static bool isKnownToTriton(Operation *op) {
  if (isa<arith::ArithDialect>(op->getDialect()))
    return !isa<arith::NegFOp, arith::ScalingExtFOp, arith::ScalingTruncFOp>(op);
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CosOp, math::ErfOp, math::ExpOp,
             math::Exp2Op, math::FloorOp, math::FmaOp, math::LogOp, math::Log2Op, math::RsqrtOp,
             math::SinOp, math::SqrtOp>(op);
}

LogicalResult KernelConverter::convertConstant(Operation *op) {
  auto constant = cast<arith::ConstantOp>(op);
  Attribute value = constant.getValue();
  Type type = convertType(constant.getType());
  if (auto elements = dyn_cast<DenseElementsAttr>(value)) {
    if (!elements.isSplat())
      return op->emitOpError() << "expected one value in all elements of a tile, got "
                               << constant.getType();
    value = elements.getSplatValue<Attribute>();
  }
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    Type element = isNarrow(constant) ? builder.getI32Type() : getElementTypeOrSelf(type);
    map[constant] =
        tiles::constant(builder, op->getLoc(), tiles::typeOf(tiles::shapeOf(constant), element),
                        integer.getValue().getSExtValue());
    return success();
  }
  auto scalar = cast<TypedAttr>(value);
  if (auto tile = dyn_cast<RankedTensorType>(type))
    scalar = DenseElementsAttr::get(tile, Attribute(scalar));
  map[constant] = arith::ConstantOp::create(builder, op->getLoc(), scalar);
  return success();
}

/// Casts between integers that are one value of the map, or a cast from or to it.
bool KernelConverter::convertCast(Operation *op) {
  if (isa<tensor::ExtractOp, tensor::FromElementsOp>(op) &&
      tiles::shapeOf(op->getResult(0)).empty() && op->getNumOperands() == 1) {
    map[op->getResult(0)] = get(op->getOperand(0)); // a tile without dims is its element
    return true;
  }
  if (!isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp,
           arith::TruncIOp>(op))
    return false;
  Value from = op->getOperand(0), to = op->getResult(0);
  Type fromElement = getElementTypeOrSelf(from.getType());
  Type toElement = getElementTypeOrSelf(convertType(to.getType()));
  Value value = get(from);
  bool isUnsigned = isa<arith::IndexCastUIOp, arith::ExtUIOp>(op);
  if (isNarrow(to))
    toElement = builder.getI32Type();
  unsigned fromWidth = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  if (isUnsigned && toElement.getIntOrFloatBitWidth() > fromWidth && !fromElement.isInteger(1) &&
      !ranges.get(from).isNonNegative()) {
    map[to] = arith::ExtUIOp::create(builder, op->getLoc(),
                                     tiles::typeOf(tiles::shapeOf(value), toElement), value);
    return true;
  }
  if (!isUnsigned && fromElement.isInteger(1) && !toElement.isInteger(1)) {
    map[to] = arith::ExtSIOp::create(builder, op->getLoc(),
                                     tiles::typeOf(tiles::shapeOf(value), toElement), value);
    return true;
  }
  map[to] = tiles::cast(builder, op->getLoc(), value, toElement);
  return true;
}

/// Whether the result and all operands fit in 32 bits, so that computing on them wraps nowhere.
bool KernelConverter::canCompute32(Operation *op) {
  auto isLong = [](Value value) {
    Type element = getElementTypeOrSelf(value.getType());
    return element.isIndex() || element.isInteger(64);
  };
  bool isSigned =
      isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivSIOp, arith::CeilDivSIOp,
          arith::FloorDivSIOp, arith::RemSIOp, arith::MinSIOp, arith::MaxSIOp, arith::SelectOp,
          arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::SIToFPOp, math::AbsIOp>(op);
  // Sign extension keeps the order of unsigned numbers too.
  isSigned |= isa<arith::CmpIOp>(op);
  bool isUnsigned = isa<arith::DivUIOp, arith::CeilDivUIOp, arith::RemUIOp, arith::MinUIOp,
                        arith::MaxUIOp, arith::UIToFPOp>(op);
  if (!isSigned && !isUnsigned)
    return false;
  bool any = false;
  for (Value operand : op->getOperands()) {
    if (!isLong(operand))
      continue;
    any = true;
    if (!isNarrow(operand) || (isUnsigned && !ranges.get(operand).isNonNegative()))
      return false;
  }
  return any && (!isLong(op->getResult(0)) || isNarrow(op->getResult(0)));
}

LogicalResult KernelConverter::convertElementwise(Operation *op) {
  if (isa<arith::ConstantOp>(op))
    return convertConstant(op);
  if (convertCast(op))
    return success();
  if (isa<arith::BitcastOp>(op)) {
    Value value = getWide(op->getOperand(0));
    map[op->getResult(0)] = tt::BitcastOp::create(builder, op->getLoc(),
                                                  convertType(op->getResult(0).getType()), value);
    return success();
  }
  if (!isKnownToTriton(op) || op->getNumResults() != 1 || op->getNumRegions() != 0)
    return op->emitOpError() << "has no form in Triton";

  bool narrow = canCompute32(op);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(narrow && isNarrow(operand) ? getNarrow(operand) : getWide(operand));
  Type type = convertType(op->getResult(0).getType());
  if (narrow && isNarrow(op->getResult(0)))
    type = tiles::typeOf(tiles::shapeOf(op->getResult(0)), builder.getI32Type());

  Operation *copy = builder.insert(op->cloneWithoutRegions());
  copy->setOperands(operands);
  copy->getResult(0).setType(type);
  copy->setDiscardableAttrs(DictionaryAttr::get(builder.getContext()));
  map[op->getResult(0)] = copy->getResult(0);
  return success();
}
