//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers of the tt exit dialect, and the form of `tt.func`.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Triton/TritonDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace flashlight::tt;

#define GET_OP_CLASSES
#include "flashlight/Triton/TritonOps.cpp.inc"

static RankedTensorType tileOf(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// FuncOp
//===----------------------------------------------------------------------===//

void FuncOp::build(OpBuilder &builder, OperationState &state, StringRef name, FunctionType type,
                   ArrayRef<DictionaryAttr> argAttrs) {
  state.addAttribute(SymbolTable::getSymbolAttrName(), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(type));
  state.addAttribute(getSymVisibilityAttrName(state.name), builder.getStringAttr("public"));
  state.addAttribute("noinline", builder.getBoolAttr(false));
  if (!argAttrs.empty())
    call_interface_impl::addArgAndResultAttrs(builder, state, argAttrs, {},
                                              getArgAttrsAttrName(state.name),
                                              getResAttrsAttrName(state.name));
  state.addRegion();
}

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(inputs, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

LogicalResult FuncOp::verify() {
  if (!getResultTypes().empty()) // func_c1
    return emitOpError() << "expected a kernel without results, got " << getFunctionType();
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

LogicalResult MakeRangeOp::verify() {
  int64_t extent = static_cast<int64_t>(getEnd()) - getStart();
  if (tileOf(getResult()).getRank() != 1 ||
      tileOf(getResult()).getDimSize(0) != extent) // make_range_c1
    return emitOpError() << "expected a tile of " << extent << " elements, got "
                         << getResult().getType();
  return success();
}

LogicalResult SplatOp::verify() {
  if (tileOf(getResult()).getElementType() != getSrc().getType()) // splat_c1
    return emitOpError() << "expected a tile of " << getSrc().getType() << ", got "
                         << getResult().getType();
  return success();
}

LogicalResult ExpandDimsOp::verify() {
  SmallVector<int64_t> shape(tileOf(getSrc()).getShape());
  int64_t axis = getAxis();
  if (axis < 0 || axis > static_cast<int64_t>(shape.size())) // expand_dims_c1
    return emitOpError() << "expected an axis from 0 to " << shape.size() << ", got " << axis;
  shape.insert(shape.begin() + axis, 1);
  RankedTensorType expected = tileOf(getSrc()).clone(shape);
  if (getResult().getType() != expected) // expand_dims_c1
    return emitOpError() << "expected the result to be " << expected << ", got "
                         << getResult().getType();
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = tileOf(getSrc()), to = tileOf(getResult());
  if (from.getRank() != to.getRank() ||
      from.getElementType() != to.getElementType()) // broadcast_c1
    return emitOpError() << "expected one rank and element type, got " << from << " and " << to;
  for (auto [i, extents] : llvm::enumerate(llvm::zip(from.getShape(), to.getShape())))
    if (std::get<0>(extents) != std::get<1>(extents) && std::get<0>(extents) != 1) // broadcast_c2
      return emitOpError() << "expected extent 1 or " << std::get<1>(extents) << " of dim " << i
                           << ", got " << std::get<0>(extents);
  return success();
}

LogicalResult TransOp::verify() {
  RankedTensorType from = tileOf(getSrc()), to = tileOf(getResult());
  SmallVector<int64_t> shape;
  SmallVector<bool> seen(from.getRank(), false);
  for (int32_t dim : getOrder()) {
    if (dim < 0 || dim >= from.getRank() || seen[dim]) // trans_c1
      return emitOpError() << "expected a permutation of " << from.getRank() << " dims, got ["
                           << getOrder() << "]";
    seen[dim] = true;
    shape.push_back(from.getDimSize(dim));
  }
  if (to.getShape() != ArrayRef(shape) || to.getElementType() != from.getElementType()) // trans_c2
    return emitOpError() << "expected the result to be " << from.clone(shape) << ", got " << to;
  return success();
}

LogicalResult BitcastOp::verify() {
  auto from = dyn_cast<RankedTensorType>(getSrc().getType());
  auto to = dyn_cast<RankedTensorType>(getType());
  if (!from != !to || (from && from.getShape() != to.getShape())) // bitcast_c1
    return emitOpError() << "expected one shape, got " << getSrc().getType() << " and "
                         << getType();
  Type element = getElementTypeOrSelf(getSrc().getType());
  if (!element.isIntOrFloat() || !getElementTypeOrSelf(getType()).isIntOrFloat() ||
      element.getIntOrFloatBitWidth() !=
          getElementTypeOrSelf(getType()).getIntOrFloatBitWidth()) // bitcast_c2
    return emitOpError() << "expected elements of one width, got " << getSrc().getType() << " and "
                         << getType();
  return success();
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType from = tileOf(getSrc()), to = tileOf(getResult());
  if (from.getNumElements() != to.getNumElements() ||
      from.getElementType() != to.getElementType()) // reshape_c1
    return emitOpError() << "expected as many elements of one type, got " << from << " and " << to;
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

LogicalResult AddPtrOp::verify() {
  auto pointers = dyn_cast<RankedTensorType>(getPtr().getType());
  auto offsets = dyn_cast<RankedTensorType>(getOffset().getType());
  if (!pointers != !offsets || (pointers && pointers.getShape() != offsets.getShape())) // addptr_c1
    return emitOpError() << "expected an offset of the pointer's shape, got "
                         << getOffset().getType() << " for " << getPtr().getType();
  return success();
}

LogicalResult LoadOp::verify() {
  if (getOther() && !getMask()) // load_c1
    return emitOpError() << "expected a mask beside what masked elements become";
  return success();
}

//===----------------------------------------------------------------------===//
// Combining elements
//===----------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  RankedTensorType a = tileOf(getA()), b = tileOf(getB()), c = tileOf(getC());
  if (a.getRank() != 2 || b.getRank() != 2 || c.getRank() != 2 ||
      a.getDimSize(1) != b.getDimSize(0) || a.getDimSize(0) != c.getDimSize(0) ||
      b.getDimSize(1) != c.getDimSize(1)) // dot_c1
    return emitOpError() << "expected [m, k] by [k, n] into [m, n], got " << a << " by " << b
                         << " into " << c;
  unsigned width = a.getElementType().getIntOrFloatBitWidth();
  if (a.getElementType() != b.getElementType() ||
      (width != 8 && width != 16 && width != 32)) // dot_c2
    return emitOpError() << "expected factors of one type of 8, 16 or 32 bits, got "
                         << a.getElementType() << " and " << b.getElementType();
  if (a.getDimSize(1) < 16) // dot_c3
    return emitOpError() << "expected at least 16 products a sum, got " << a.getDimSize(1);
  return success();
}

/// True for a region that makes one tuple of elements of two.
static bool combinesTwo(Region &region, ArrayRef<Type> elements) {
  Block &block = region.front();
  Operation *last = block.getTerminator();
  SmallVector<Type> both(elements);
  llvm::append_range(both, elements);
  return block.getArgumentTypes() == TypeRange(both) && isa<ReduceReturnOp, ScanReturnOp>(last) &&
         last->getOperandTypes() == TypeRange(elements);
}

LogicalResult ReduceOp::verifyRegions() {
  RankedTensorType from = tileOf(getSrc());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank()) // reduce_c1
    return emitOpError() << "expected an axis below " << from.getRank() << ", got " << axis;
  SmallVector<int64_t> shape(from.getShape());
  shape.erase(shape.begin() + axis);
  Type element = from.getElementType();
  Type expected = shape.empty() ? element : Type(from.clone(shape));
  if (getResult().getType() != expected) // reduce_c2
    return emitOpError() << "expected the result to be " << expected << ", got "
                         << getResult().getType();
  if (!combinesTwo(getCombine(), element)) // reduce_c3
    return emitOpError() << "expected a region that takes two " << element << " and returns one";
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  if (getSrcs().empty())
    return emitOpError() << "expected an operand";
  RankedTensorType type = tileOf(getSrcs().front());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= type.getRank()) // scan_c1
    return emitOpError() << "expected an axis below " << type.getRank() << ", got " << axis;
  SmallVector<Type> elements;
  for (Value operand : getSrcs()) {
    elements.push_back(tileOf(operand).getElementType());
    if (tileOf(operand).getShape() != type.getShape()) // scan_c1
      return emitOpError() << "expected operands of one shape, got " << type << " and "
                           << operand.getType();
  }
  if (getResultTypes() != getSrcs().getTypes()) // scan_c2
    return emitOpError() << "expected the results to be " << getSrcs().getTypes() << ", got "
                         << getResultTypes();
  if (!combinesTwo(getCombine(), elements)) // scan_c3
    return emitOpError() << "expected a region that takes two of " << elements
                         << " and returns one of each";
  return success();
}
