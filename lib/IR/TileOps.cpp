//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers of the ops on tiles.
//
//===----------------------------------------------------------------------===//

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;
using namespace flashlight;

/// A linear form: a sum of constant * dim, without a constant term.
static bool isLinear(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() == 0;
  if (isa<AffineDimExpr, AffineSymbolExpr>(expr))
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (expr.getKind() == AffineExprKind::Add)
    return isLinear(binary.getLHS()) && isLinear(binary.getRHS());
  return expr.getKind() == AffineExprKind::Mul &&
         isa<AffineDimExpr, AffineSymbolExpr>(binary.getLHS()) &&
         isa<AffineConstantExpr>(binary.getRHS());
}

/// What loads and stores share: c1 to c4 of their descriptions.
static LogicalResult verifyAccess(Operation *op, Value memory, ValueRange offsets,
                                  ValueRange limits, AffineMap map, ArrayRef<int64_t> limited,
                                  Type tileType, unsigned symbols) {
  auto type = cast<MemRefType>(memory.getType());
  auto shape = cast<RankedTensorType>(tileType);
  if (static_cast<int64_t>(offsets.size()) != type.getRank() ||
      map.getNumResults() != type.getRank() || map.getNumDims() != shape.getRank() ||
      map.getNumSymbols() != symbols) // access_c1
    return op->emitOpError() << "expected " << type.getRank() << " offsets and a map from "
                             << shape.getRank() << " to " << type.getRank() << " dims, got "
                             << offsets.size() << " offsets and " << AffineMapAttr::get(map);
  if (limits.size() != limited.size()) // access_c2
    return op->emitOpError() << "expected one limit for every limited dim (" << limited.size()
                             << "), got " << limits.size();
  for (auto [i, dim] : llvm::enumerate(limited))
    if (dim < 0 || dim >= shape.getRank() || (i > 0 && dim <= limited[i - 1])) // access_c2
      return op->emitOpError() << "expected ascending limited dims of a rank " << shape.getRank()
                               << " tile, got " << dim;
  if (type.getElementType() != shape.getElementType()) // access_c3
    return op->emitOpError() << "expected a tile of " << type.getElementType() << ", got " << shape;
  if (!llvm::all_of(map.getResults(), isLinear)) // access_c4
    return op->emitOpError() << "expected a linear map, got " << AffineMapAttr::get(map);
  return success();
}

LogicalResult LoadOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  for (Value index : getIndices()) {
    auto own = cast<RankedTensorType>(index.getType());
    bool fits = own.getRank() == type.getRank() &&
                llvm::all_of(llvm::zip(own.getShape(), type.getShape()), [](auto sizes) {
                  return std::get<0>(sizes) == std::get<1>(sizes) || std::get<0>(sizes) == 1;
                });
    if (!fits || !own.getElementType().isInteger()) // access_c5
      return emitOpError() << "expected integer index tiles of the shape of " << type << ", got "
                           << own;
  }
  return verifyAccess(*this, getSource(), getOffsets(), getLimits(), getMap(), getLimited(),
                      getType(), getIndices().size());
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getTarget(), getOffsets(), getLimits(), getMap(), getLimited(),
                      getValue().getType(), 0);
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernelAttr());
  if (!kernel || !kernel->hasAttr(kGridAttr)) // launch_c1
    return emitOpError() << "expected " << getKernelAttr() << " to be a function with a grid";
  size_t symbolArgs = 0;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    symbolArgs += kernel.getArgAttr(i, kSymbolAttr) ? 1 : 0;
  size_t expected = getInputs().size() + getNumResults() + symbolArgs;
  if (kernel.getNumArguments() != expected) { // launch_c2
    InFlightDiagnostic diag = emitOpError() << "expected the kernel to have " << expected
                                            << " arguments, got " << kernel.getNumArguments();
    diag.attachNote(kernel.getLoc()) << "the kernel";
    return diag;
  }
  return success();
}
