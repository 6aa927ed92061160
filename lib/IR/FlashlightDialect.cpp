//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registration of the dialect, and what its ops share.
//
//===----------------------------------------------------------------------===//

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace flashlight;

#include "flashlight/IR/FlashlightDialect.cpp.inc"

void FlashlightDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "flashlight/IR/FlashlightOps.cpp.inc"
      >();
}

Operation *FlashlightDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                                  Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

AxesAttr flashlight::getAxes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<AxesAttr>(tensor.getEncoding()) : AxesAttr();
}
