//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers and folders of the ops that move values without computing.
// A check that a constraint of the op's description names carries its label.
//
//===----------------------------------------------------------------------===//

#include "OpChecks.h"

#include "flashlight/IR/FlashlightDialect.h"

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// BroadcastOp
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType operand = tensorType(getOperand()), result = tensorType(getResult());
  if (operand.getElementType() != result.getElementType()) // broadcast_c4
    return emitOpError() << "expected the result to have element type " << operand.getElementType()
                         << ", got " << result.getElementType();
  if (AxesAttr to = getAxes(getResult())) {
    if (getDims()) // broadcast_c1
      return emitOpError() << "expected 'dims' to be absent on operands with axes";
    AxesAttr from = getAxes(getOperand());
    for (int64_t i = 0; i < operand.getRank(); ++i) {
      StringAttr axis = from ? from.getNames()[i] : StringAttr();
      int64_t at = axis ? to.find(axis) : -1;
      if (at < 0) // broadcast_c3
        return emitOpError() << "expected axis '" << (axis ? axis.getValue() : "?")
                             << "' of the operand in the result";
      if (!mayBeEqual(operand.getDimSize(i), result.getDimSize(at))) // broadcast_c2
        return emitOpError() << "expected axis '" << axis.getValue() << "' of the operand ("
                             << extentName(operand.getDimSize(i)) << ") to equal the result's ("
                             << extentName(result.getDimSize(at)) << ")";
    }
    return success();
  }
  std::optional<ArrayRef<int64_t>> dims = getDims();
  if (!dims || static_cast<int64_t>(dims->size()) != operand.getRank()) // broadcast_c1
    return emitOpError() << "expected one entry of 'dims' for every dim of the operand ("
                         << operand.getRank() << ")";
  for (auto [i, dim] : llvm::enumerate(*dims)) {
    if (dim < 0 || dim >= result.getRank() || (i > 0 && dim <= (*dims)[i - 1])) // broadcast_c1
      return emitOpError() << "expected ascending dims of a rank " << result.getRank()
                           << " result, got " << dim;
    int64_t from = operand.getDimSize(i), to = result.getDimSize(dim);
    if (from != 1 && !mayBeEqual(from, to)) // broadcast_c2
      return emitOpError() << "expected dim " << i << " of the operand (" << extentName(from)
                           << ") to equal dim " << dim << " of the result (" << extentName(to)
                           << ")";
  }
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getOperand().getType() == getType() ? getOperand() : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::verify() {
  RankedTensorType operand = tensorType(getOperand()), result = tensorType(getResult());
  SmallVector<int64_t> sorted(getPermutation());
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, operand.getRank()))) // transpose_c1
    return emitOpError() << "expected a permutation of " << operand.getRank() << " dims";
  SmallVector<int64_t> shape;
  for (int64_t dim : getPermutation())
    shape.push_back(operand.getDimSize(dim));
  if (!llvm::equal(shape, result.getShape()) ||
      operand.getElementType() != result.getElementType()) // transpose_c2
    return emitOpError() << "expected a result of the permuted shape, got " << result;
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(0, getPermutation().size())))
    return getOperand();
  auto inner = getOperand().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t dim : getPermutation())
    composed.push_back(inner.getPermutation()[dim]);
  getOperandMutable().assign(inner.getOperand());
  setPermutation(composed);
  return getResult();
}

//===----------------------------------------------------------------------===//
// ReshapeOp, SliceOp
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  RankedTensorType operand = tensorType(getOperand()), result = tensorType(getResult());
  if (operand.hasStaticShape() && result.hasStaticShape() &&
      operand.getNumElements() != result.getNumElements()) // reshape_c1
    return emitOpError() << "expected " << operand.getNumElements() << " elements, got "
                         << result.getNumElements();
  if (operand.getElementType() != result.getElementType()) // reshape_c2
    return emitOpError() << "expected element type " << operand.getElementType() << ", got "
                         << result.getElementType();
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType() && getType().hasStaticShape())
    return getOperand();
  if (auto inner = getOperand().getDefiningOp<ReshapeOp>()) {
    getOperandMutable().assign(inner.getOperand());
    return getResult();
  }
  return {};
}

LogicalResult SliceOp::verify() {
  RankedTensorType operand = tensorType(getOperand()), result = tensorType(getResult());
  int64_t rank = operand.getRank();
  if (result.getRank() != rank || operand.getElementType() != result.getElementType()) // slice_c3
    return emitOpError() << "expected a result of rank " << rank << " and element type "
                         << operand.getElementType() << ", got " << result;
  if (static_cast<int64_t>(getOffsets().size()) != rank ||
      static_cast<int64_t>(getStrides().size()) != rank) // slice_c1
    return emitOpError() << "expected " << rank << " offsets and strides, got "
                         << getOffsets().size() << " and " << getStrides().size();
  for (int64_t i = 0; i < rank; ++i) {
    int64_t offset = getOffsets()[i], stride = getStrides()[i];
    if (offset < 0 || stride == 0) // slice_c1
      return emitOpError() << "expected an offset of at least 0 and a stride that is not 0 in dim "
                           << i << ", got " << offset << " and " << stride;
    int64_t extent = operand.getDimSize(i), size = result.getDimSize(i);
    int64_t last = offset + (size - 1) * std::abs(stride); // from the end that it starts at
    if (!ShapedType::isDynamic(extent) && !ShapedType::isDynamic(size) && size > 0 &&
        last >= extent) // slice_c2
      return emitOpError() << "expected dim " << i << " of the box to end within " << extent
                           << ", got element " << last;
  }
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  // A box with offset 0 and stride 1 of a static tensor's own shape is the tensor.
  bool whole = getOperand().getType() == getType() && getType().hasStaticShape() &&
               llvm::all_of(getStrides(), [](int64_t stride) { return stride > 0; });
  return whole ? getOperand() : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// ConcatOp
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::verify() {
  RankedTensorType result = tensorType(getResult());
  int64_t dim = getDim(), sum = 0;
  if (getOperands().empty() || dim < 0 || dim >= result.getRank()) // concat_c1
    return emitOpError() << "expected operands and a dim below " << result.getRank() << ", got "
                         << getOperands().size() << " operands and dim " << dim;
  for (Value value : getOperands()) {
    RankedTensorType operand = tensorType(value);
    if (operand.getRank() != result.getRank() ||
        operand.getElementType() != result.getElementType()) // concat_c2
      return emitOpError() << "expected operands like the result " << result << ", got " << operand;
    for (int64_t i = 0; i < result.getRank(); ++i)
      if (i != dim && !mayBeEqual(operand.getDimSize(i), result.getDimSize(i))) // concat_c2
        return emitOpError() << "expected dim " << i << " of every operand to be "
                             << extentName(result.getDimSize(i)) << ", got "
                             << extentName(operand.getDimSize(i));
    if (ShapedType::isDynamic(operand.getDimSize(dim)))
      sum = ShapedType::kDynamic;
    else if (!ShapedType::isDynamic(sum))
      sum += operand.getDimSize(dim);
  }
  if (!mayBeEqual(sum, result.getDimSize(dim))) // concat_c3
    return emitOpError() << "expected dim " << dim << " of the result to be " << sum << ", got "
                         << result.getDimSize(dim);
  return success();
}
