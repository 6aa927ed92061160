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
#include "OpChecks.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace flashlight;

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
// GatherOp, ScanOp
//===----------------------------------------------------------------------===//

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
