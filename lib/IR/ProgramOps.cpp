//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers, folders and formats of the ops that whole programs are made of.
// A check that a constraint of the op's description names carries its label.
//
//===----------------------------------------------------------------------===//

#include "AssemblyFormats.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace flashlight;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Two extents that may be equal: a dynamic one is equal to anything here; the
/// importer's symbols say more, and forming kernels uses them.
static bool mayBeEqual(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

static std::string extentName(int64_t extent) {
  return ShapedType::isDynamic(extent) ? "?" : std::to_string(extent);
}

/// "dims" (an attribute) and axes (an encoding) say the same thing: exactly one of them is there.
static LogicalResult verifyNamedOnce(Operation *op, Value operand, bool hasAttribute,
                                     StringRef attribute) {
  if (static_cast<bool>(getAxes(operand)) == hasAttribute)
    return op->emitOpError() << "expected '" << attribute << "' "
                             << (hasAttribute ? "to be absent on operands with axes"
                                              : "on operands without axes");
  return success();
}

//===----------------------------------------------------------------------===//
// ContractOp
//===----------------------------------------------------------------------===//

void ContractOp::build(OpBuilder &builder, OperationState &state, Type type, Value lhs, Value rhs,
                       StringRef equation) {
  build(builder, state, type, lhs, rhs, /*init=*/Value(),
        equation.empty() ? StringAttr() : builder.getStringAttr(equation));
}

ParseResult flashlight::parseContractTypes(OpAsmParser &parser,
                                           std::optional<OpAsmParser::UnresolvedOperand> init,
                                           Type &lhs, Type &rhs, Type &initType, Type &result) {
  if (parser.parseType(lhs) || parser.parseComma() || parser.parseType(rhs) ||
      parser.parseArrow() || parser.parseType(result))
    return failure();
  initType = init ? result : Type(); // contract_c5: the format has one type for both
  return success();
}

void flashlight::printContractTypes(OpAsmPrinter &printer, ContractOp, Value, Type lhs, Type rhs,
                                    Type, Type result) {
  printer << lhs << ", " << rhs << " -> " << result;
}

ContractOp::Labels ContractOp::getLabels() {
  Labels labels;
  if (std::optional<StringRef> equation = getEquation()) {
    auto split = [&](StringRef term, SmallVector<StringAttr> &into) {
      for (char letter : term)
        into.push_back(StringAttr::get(getContext(), StringRef(&letter, 1)));
    };
    auto [operands, result] = equation->split("->");
    auto [lhs, rhs] = operands.split(",");
    split(lhs, labels.lhs);
    split(rhs, labels.rhs);
    split(result, labels.result);
    return labels;
  }
  auto names = [](Value value, SmallVector<StringAttr> &into) {
    if (AxesAttr axes = getAxes(value))
      into.assign(axes.getNames().begin(), axes.getNames().end());
  };
  names(getLhs(), labels.lhs);
  names(getRhs(), labels.rhs);
  names(getResult(), labels.result);
  return labels;
}

LogicalResult ContractOp::verify() {
  bool named = getAxes(getLhs()) || getAxes(getRhs()) || getAxes(getResult());
  if (named == getEquation().has_value()) // contract_c1
    return emitOpError() << "expected "
                         << (named ? "no equation on operands with axes"
                                   : "an equation on operands without axes");
  if (getEquation() && (getEquation()->count("->") != 1 || getEquation()->count(',') != 1))
    return emitOpError() << "expected an equation like \"mk,kn->mn\", got \"" << *getEquation()
                         << '"'; // contract_c1
  if (std::optional<StringRef> equation = getEquation())
    for (char letter : *equation)
      if (!llvm::isAlpha(letter) && letter != ',' && letter != '-' && letter != '>') // contract_c1
        return emitOpError() << "expected letters in the equation, got '" << Twine(letter) << "'";
  Labels labels = getLabels();
  llvm::SmallDenseMap<StringAttr, std::pair<int64_t, StringRef>> extents;
  auto check = [&](Value value, ArrayRef<StringAttr> names, StringRef role) -> LogicalResult {
    RankedTensorType type = tensorType(value);
    if (static_cast<int64_t>(names.size()) != type.getRank()) // contract_c1
      return emitOpError() << "expected " << type.getRank() << " letters for the " << role
                           << ", got " << names.size();
    llvm::SmallDenseSet<StringAttr> seen;
    for (auto [name, extent] : llvm::zip(names, type.getShape())) {
      if (!seen.insert(name).second) // contract_c1
        return emitOpError() << "'" << name.getValue() << "' names two dims of the " << role;
      auto [it, isNew] = extents.try_emplace(name, extent, role);
      if (isNew && role == "result") // contract_c1, contract_c3
        return emitOpError() << "axis '" << name.getValue() << "' of the result is in no operand";
      if (!mayBeEqual(it->second.first, extent)) // contract_c2
        return emitOpError() << "expected axis '" << name.getValue() << "' of the " << role << " ("
                             << extentName(extent) << ") to equal that of the " << it->second.second
                             << " (" << extentName(it->second.first) << ")";
    }
    return success();
  };
  if (failed(check(getLhs(), labels.lhs, "left operand")) ||
      failed(check(getRhs(), labels.rhs, "right operand")) ||
      failed(check(getResult(), labels.result, "result")))
    return failure();
  Type into = tensorType(getResult()).getElementType();
  for (Value operand : {getLhs(), getRhs()}) {
    Type from = tensorType(operand).getElementType();
    bool sameKind = (isa<FloatType>(from) && isa<FloatType>(into)) ||
                    (isa<IntegerType>(from) && isa<IntegerType>(into));
    if (from != into &&
        !(sameKind && from.getIntOrFloatBitWidth() < into.getIntOrFloatBitWidth())) // contract_c4
      return emitOpError() << "expected operands of the result's element type (" << into
                           << ") or a narrower one of its kind, got " << from;
  }
  if (getInit() && getInit().getType() != getType()) // contract_c5
    return emitOpError() << "expected 'into' to have the result's type " << getType() << ", got "
                         << getInit().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// ReduceOp
//===----------------------------------------------------------------------===//

SmallVector<int64_t> ReduceOp::getReducedDims() {
  if (std::optional<ArrayRef<int64_t>> dims = getDims())
    return SmallVector<int64_t>(*dims);
  SmallVector<int64_t> dims;
  AxesAttr operand = getAxes(getOperand()), result = getAxes(getResult());
  for (auto [i, axis] : llvm::enumerate(operand.getNames()))
    if (!result || !result.contains(axis))
      dims.push_back(i);
  return dims;
}

LogicalResult ReduceOp::verify() {
  if (failed(verifyNamedOnce(*this, getOperand(), getDims().has_value(), "dims"))) // reduce_c1
    return failure();
  RankedTensorType operand = tensorType(getOperand()), result = tensorType(getResult());
  bool boolean = getKind() == ReduceKind::Any || getKind() == ReduceKind::All;
  if (operand.getElementType().isInteger(1) != boolean) // reduce_c3
    return emitOpError() << "expected " << (boolean ? "i1" : "numbers") << " for '"
                         << stringifyReduceKind(getKind()) << "', got " << operand.getElementType();
  if (operand.getElementType() != result.getElementType())
    return emitOpError() << "expected the result to have element type " // reduce_c4
                         << operand.getElementType() << ", got " << result.getElementType();
  SmallVector<int64_t> dims = getReducedDims();
  for (auto [i, dim] : llvm::enumerate(dims))
    if (dim < 0 || dim >= operand.getRank() || (i > 0 && dim <= dims[i - 1])) // reduce_c1
      return emitOpError() << "expected ascending dims of a rank " << operand.getRank()
                           << " operand, got " << dim;
  SmallVector<int64_t> shape;
  SmallVector<StringAttr> names;
  for (int64_t i = 0; i < operand.getRank(); ++i) {
    if (llvm::is_contained(dims, i))
      continue;
    shape.push_back(operand.getDimSize(i));
    if (AxesAttr axes = getAxes(getOperand()))
      names.push_back(axes.getNames()[i]);
  }
  AxesAttr resultAxes = getAxes(getResult());
  if (!llvm::equal(shape, result.getShape()) ||
      (resultAxes && !llvm::equal(names, resultAxes.getNames()))) // reduce_c2
    return emitOpError() << "expected the result to have the operand's other dims, in order, got "
                         << result;
  return success();
}

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
// IotaOp, SizeOp
//===----------------------------------------------------------------------===//

LogicalResult IotaOp::verify() {
  if (tensorType(getResult()).getRank() != 1) // iota_c1
    return emitOpError() << "expected one dim, got " << getType();
  if (!tensorType(getResult()).getElementType().isInteger()) // iota_c2
    return emitOpError() << "expected integer elements, got " << getType();
  return success();
}

LogicalResult SizeOp::verify() {
  if (tensorType(getResult()).getRank() != 0 ||
      !tensorType(getResult()).getElementType().isInteger(64)) // size_c1
    return emitOpError() << "expected tensor<i64>, got " << getType();
  return success();
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
// ConcatOp, GatherOp, ScanOp
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

LogicalResult GatherOp::verify() {
  RankedTensorType source = tensorType(getSource()), result = tensorType(getResult());
  for (Value index : getIndices()) {
    RankedTensorType type = tensorType(index);
    bool same = type.getRank() == result.getRank() &&
                llvm::all_of(llvm::zip(type.getShape(), result.getShape()), [](auto pair) {
                  return mayBeEqual(std::get<0>(pair), std::get<1>(pair));
                });
    if (!same || !type.getElementType().isInteger()) // gather_c1
      return emitOpError() << "expected integer indices of the result's shape " << result
                           << ", got " << type;
  }
  AffineMap map = getMap();
  if (map.getNumDims() != result.getRank() || map.getNumSymbols() != getIndices().size() ||
      map.getNumResults() != source.getRank()) // gather_c2
    return emitOpError() << "expected a map from " << result.getRank() << " dims and "
                         << getIndices().size() << " symbols to " << source.getRank()
                         << " dims, got " << getMapAttr();
  if (source.getElementType() != result.getElementType()) // gather_c3
    return emitOpError() << "expected element type " << source.getElementType() << ", got "
                         << result.getElementType();
  return success();
}

int64_t ScanOp::getScannedDim() {
  if (std::optional<uint64_t> dim = getDim())
    return *dim;
  return flashlight::getAxes(getOperand()).find(getAxisAttr());
}

LogicalResult ScanOp::verify() {
  AxesAttr axes = flashlight::getAxes(getOperand());
  if (getDim().has_value() == static_cast<bool>(axes) || // scan_c1
      getAxis().has_value() != static_cast<bool>(axes))
    return emitOpError() << "expected '" << (axes ? "along" : "dim") << "' on an operand "
                         << (axes ? "with" : "without") << " axes";
  int64_t rank = tensorType(getOperand()).getRank();
  if (axes ? !axes.contains(getAxisAttr())
           : static_cast<int64_t>(*getDim()) < 0 ||
                 static_cast<int64_t>(*getDim()) >= rank) { // scan_c1
    InFlightDiagnostic diag = emitOpError() << "expected ";
    if (axes)
      return diag << "an axis of " << axes << ", got '" << *getAxis() << "'";
    return diag << "a dim below " << rank << ", got " << *getDim();
  }
  if (getKind() == ReduceKind::Any || getKind() == ReduceKind::All) // scan_c2
    return emitOpError() << "expected an arithmetic kind, got '" << stringifyReduceKind(getKind())
                         << "'";
  return success();
}
