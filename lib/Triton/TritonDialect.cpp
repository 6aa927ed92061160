//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registration and types of the tt exit dialect.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Triton/TritonDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight::tt;

#include "flashlight/Triton/TritonDialect.cpp.inc"
#include "flashlight/Triton/TritonEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "flashlight/Triton/TritonTypes.cpp.inc"

void TritonDialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "flashlight/Triton/TritonOps.cpp.inc"
      >();
}

void TritonDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "flashlight/Triton/TritonTypes.cpp.inc"
      >();
}

LogicalResult PointerType::verify(function_ref<InFlightDiagnostic()> emitError, Type pointee) {
  if (isa<FloatType>(pointee))
    return success();
  auto integer = dyn_cast<IntegerType>(pointee);
  if (!integer || integer.getWidth() < 8 || integer.getWidth() > 64) // ptr_c1
    return emitError() << "expected a pointer to a float or an integer of 8 to 64 bits, got "
                       << pointee;
  return success();
}

Type flashlight::tt::getPointeeType(Type type) {
  if (auto tile = dyn_cast<RankedTensorType>(type)) {
    auto pointer = dyn_cast<PointerType>(tile.getElementType());
    return pointer ? tile.clone(pointer.getPointee()) : Type();
  }
  auto pointer = dyn_cast<PointerType>(type);
  return pointer ? pointer.getPointee() : Type();
}

Type flashlight::tt::getMaskType(Type type) {
  Type i1 = IntegerType::get(type.getContext(), 1);
  if (auto tile = dyn_cast<RankedTensorType>(type))
    return tile.clone(i1);
  return i1;
}

LogicalResult flashlight::tt::verifyTileSizes(Operation *op) {
  auto check = [&](Type type) -> LogicalResult {
    auto tile = dyn_cast<RankedTensorType>(type);
    if (!tile)
      return success();
    int64_t elements = 1;
    for (int64_t extent : tile.getShape()) {
      if (!llvm::isPowerOf2_64(extent)) // t1
        return op->emitOpError() << "expected extents that are powers of two, got " << type;
      elements *= extent;
      if (elements > kMaxTileElements) // t1
        return op->emitOpError() << "expected at most " << kMaxTileElements << " elements, got "
                                 << type;
    }
    return success();
  };
  for (Type type : op->getOperandTypes())
    if (failed(check(type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(check(type)))
      return failure();
  return success();
}
