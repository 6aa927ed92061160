//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers and formats of the ops with named axes: kernel, read, stream, yield.
//
//===----------------------------------------------------------------------===//

#include "AssemblyFormats.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IntegerSet.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// Maps, printed with the names of the axes
//===----------------------------------------------------------------------===//

static void printAffine(llvm::raw_ostream &os, AffineExpr expr, ArrayRef<StringRef> names,
                        bool nested = false) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    os << names[dim.getPosition()];
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    expr.print(os);
    return;
  }
  StringRef spelling = expr.getKind() == AffineExprKind::Add        ? " + "
                       : expr.getKind() == AffineExprKind::Mul      ? " * "
                       : expr.getKind() == AffineExprKind::Mod      ? " mod "
                       : expr.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                                                                    : " ceildiv ";
  if (nested)
    os << "(";
  printAffine(os, binary.getLHS(), names, /*nested=*/true);
  os << spelling;
  printAffine(os, binary.getRHS(), names, /*nested=*/true);
  if (nested)
    os << ")";
}

static void printMap(OpAsmPrinter &printer, Operation *op, AffineMap map) {
  SmallVector<StringRef> names;
  std::vector<std::string> generated;
  auto kernel = op->getParentOfType<KernelOp>();
  for (unsigned i = 0; i < map.getNumDims(); ++i)
    generated.push_back("d" + std::to_string(i));
  for (unsigned i = 0; i < map.getNumDims(); ++i)
    names.push_back(kernel && i < kernel.getAxes().size()
                        ? cast<AxisAttr>(kernel.getAxes()[i]).getName().getValue()
                        : StringRef(generated[i]));
  printer << "affine_map<(";
  llvm::interleaveComma(names, printer);
  printer << ")";
  if (map.getNumSymbols()) {
    printer << "[";
    llvm::interleaveComma(llvm::seq<unsigned>(0, map.getNumSymbols()), printer,
                          [&](unsigned i) { printer << "s" << i; });
    printer << "]";
  }
  printer << " -> (";
  llvm::interleaveComma(map.getResults(), printer,
                        [&](AffineExpr expr) { printAffine(printer.getStream(), expr, names); });
  printer << ")>";
}

ParseResult flashlight::parseAxisMap(OpAsmParser &parser, AffineMapAttr &map) {
  return parser.parseAttribute(map);
}

void flashlight::printAxisMap(OpAsmPrinter &printer, Operation *op, AffineMapAttr map) {
  printMap(printer, op, map.getValue());
}

ParseResult flashlight::parseAxisMaps(OpAsmParser &parser, ArrayAttr &maps) {
  SmallVector<Attribute> parsed;
  auto one = [&]() -> ParseResult {
    AffineMapAttr map;
    if (parser.parseAttribute(map))
      return failure();
    parsed.push_back(map);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  maps = parser.getBuilder().getArrayAttr(parsed);
  return success();
}

void flashlight::printAxisMaps(OpAsmPrinter &printer, Operation *op, ArrayAttr maps) {
  printer << "[";
  llvm::interleaveComma(maps, printer, [&](Attribute map) {
    printMap(printer, op, cast<AffineMapAttr>(map).getValue());
  });
  printer << "]";
}

//===----------------------------------------------------------------------===//
// Bindings: `(%arg = %operand, ...) : (types)`, shared by kernel and stream
//===----------------------------------------------------------------------===//

static ParseResult parseBindings(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::Argument> &args,
                                 OperationState &result) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SMLoc loc = parser.getCurrentLocation();
  auto one = [&]() -> ParseResult {
    return failure(parser.parseArgument(args.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(operands.emplace_back()));
  };
  SmallVector<Type> types;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one) || parser.parseColon() ||
      parser.parseLParen())
    return failure();
  if (failed(parser.parseOptionalRParen())) {
    if (parser.parseTypeList(types) || parser.parseRParen())
      return failure();
  }
  if (parser.resolveOperands(operands, types, loc, result.operands))
    return failure();
  for (auto [arg, type] : llvm::zip(args, types))
    arg.type = type;
  return success();
}

static void printBindings(OpAsmPrinter &printer, Block &block, OperandRange operands) {
  printer << "(";
  llvm::interleaveComma(llvm::zip(block.getArguments(), operands), printer, [&](auto pair) {
    printer.printOperand(std::get<0>(pair));
    printer << " = ";
    printer.printOperand(std::get<1>(pair));
  });
  printer << ") : (";
  llvm::interleaveComma(operands.getTypes(), printer, [&](Type type) { printer << type; });
  printer << ")";
}

//===----------------------------------------------------------------------===//
// KernelOp
//===----------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringAttr name, stream;
  SmallVector<Attribute> axes;
  auto axis = [&]() -> ParseResult {
    FailureOr<AxisAttr> parsed = AxisAttr::parseBody(parser);
    if (failed(parsed))
      return failure();
    axes.push_back(*parsed);
    return success();
  };
  if (parser.parseAttribute(name, "sym_name", result.attributes) || parser.parseKeyword("axes") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, axis) ||
      parser.parseKeyword("stream") || parser.parseAttribute(stream, "stream", result.attributes))
    return failure();
  result.addAttribute("axes", builder.getArrayAttr(axes));
  if (succeeded(parser.parseOptionalKeyword("schedule"))) {
    ScheduleAttr schedule;
    if (parser.parseAttribute(schedule, "schedule", result.attributes))
      return failure();
  }
  SmallVector<OpAsmParser::Argument> args;
  SmallVector<Type> types;
  if (parseBindings(parser, args, result) || parser.parseArrow() || parser.parseLParen() ||
      (failed(parser.parseOptionalRParen()) &&
       (parser.parseTypeList(types) || parser.parseRParen())) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseRegion(*result.addRegion(), args))
    return failure();
  result.addTypes(types);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << " " << getSymNameAttr() << " axes(";
  llvm::interleaveComma(getAxes().getAsRange<AxisAttr>(), printer,
                        [&](AxisAttr axis) { axis.printBody(printer.getStream()); });
  printer << ") stream " << getStreamAttr();
  if (getSchedule())
    printer << " schedule " << getScheduleAttr();
  printer << " ";
  printBindings(printer, getBlock(), getInputs());
  printer << " -> (";
  llvm::interleaveComma(getResultTypes(), printer, [&](Type type) { printer << type; });
  printer << ")";
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {"sym_name", "axes", "stream", "schedule"});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

AxisAttr KernelOp::getAxis(StringAttr name) {
  for (AxisAttr axis : getAxes().getAsRange<AxisAttr>())
    if (axis.getName() == name)
      return axis;
  return {};
}

LogicalResult KernelOp::verify() {
  llvm::SmallDenseSet<StringAttr> names;
  for (AxisAttr axis : getAxes().getAsRange<AxisAttr>())
    if (!names.insert(axis.getName()).second) // kernel_c1
      return emitOpError() << "declares axis '" << axis.getName().getValue() << "' twice";
  if (!names.contains(getStreamAttr())) // kernel_c1
    return emitOpError() << "streams an axis '" << getStream() << "' that it does not declare";
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  if (getBlock().getArgumentTypes() != getInputs().getTypes()) // kernel_c2
    return emitOpError() << "expected block arguments of the operands' types";
  WalkResult walked = getBody().walk([&](Operation *op) {
    for (Value value : op->getResults()) {
      AxesAttr axes = flashlight::getAxes(value);
      if (!axes)
        continue;
      for (auto [name, extent] :
           llvm::zip(axes.getNames(), cast<RankedTensorType>(value.getType()).getShape())) {
        AxisAttr declared = getAxis(name);
        if (!declared || declared.getSize() != extent) { // kernel_c3
          InFlightDiagnostic diag =
              op->emitOpError() << "has axis '" << name.getValue() << "' with extent "
                                << (ShapedType::isDynamic(extent) ? "?" : std::to_string(extent));
          diag.attachNote(getLoc()) << "the kernel declares " << getAxes();
          return WalkResult::interrupt();
        }
      }
    }
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  auto yield = dyn_cast<YieldOp>(getBlock().getTerminator());
  size_t maps = yield && yield.getMaps() ? yield.getMaps()->size() : 0;
  if (!yield || yield.getOperands().size() != getNumResults() ||
      maps != getNumResults()) // kernel_c4
    return emitOpError() << "expected its terminator to yield one value and one map for each of "
                         << getNumResults() << " results";
  if (!yield.getMaps())
    return success();
  for (auto [map, value, result] : llvm::zip(yield.getMaps()->getAsValueRange<AffineMapAttr>(),
                                             yield.getOperands(), getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    if (map.getNumDims() != getAxes().size() || map.getNumResults() != type.getRank() ||
        map.getNumSymbols() != 0) // kernel_c4
      return yield.emitOpError() << "expected maps from " << getAxes().size()
                                 << " axes to the dims of " << type;
    auto yielded = dyn_cast<RankedTensorType>(value.getType());
    if (!yielded || yielded.getElementType() != type.getElementType()) // kernel_c5
      return yield.emitOpError() << "expected a tensor of " << type.getElementType() << ", got "
                                 << value.getType();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ReadOp
//===----------------------------------------------------------------------===//

LogicalResult ReadOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (!kernel)
    return emitOpError() << "expected to stand in a 'flashlight.kernel'"; // read_c4
  auto source = cast<RankedTensorType>(getSource().getType());
  auto result = cast<RankedTensorType>(getType());
  AffineMap map = getMap();
  if (map.getNumDims() != kernel.getAxes().size() || map.getNumResults() != source.getRank() ||
      map.getNumSymbols() != getIndices().size()) // read_c1
    return emitOpError() << "expected a map from " << kernel.getAxes().size() << " axes and "
                         << getIndices().size() << " indices to " << source.getRank()
                         << " dims, got " << getMapAttr();
  auto indexed = [&](StringAttr axis) {
    return llvm::any_of(getIndices(), [&](Value index) {
      AxesAttr axes = flashlight::getAxes(index);
      return axes && axes.contains(axis);
    });
  };
  SmallVector<StringAttr> used;
  for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>()))
    if (map.isFunctionOfDim(i) || indexed(axis.getName()))
      used.push_back(axis.getName());
  AxesAttr axes = flashlight::getAxes(getResult());
  if (!axes ? !used.empty() || result.getRank() != 0
            : !llvm::equal(used, axes.getNames())) // read_c2
    return emitOpError() << "expected the result to have the axes that the map uses, in the "
                            "kernel's order, got "
                         << result;
  if (source.getElementType() != result.getElementType()) // read_c3
    return emitOpError() << "expected element type " << source.getElementType() << ", got "
                         << result.getElementType();
  for (Value index : getIndices())
    if (!cast<RankedTensorType>(index.getType()).getElementType().isInteger()) // read_c3
      return emitOpError() << "expected integer indices, got " << index.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// StreamOp
//===----------------------------------------------------------------------===//

ParseResult StreamOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr axis;
  SmallVector<OpAsmParser::Argument> args;
  if (parser.parseAttribute(axis, "axis", result.attributes) ||
      parseBindings(parser, args, result) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseRegion(*result.addRegion(), args))
    return failure();
  for (const OpAsmParser::Argument &arg : args)
    result.addTypes(arg.type);
  Region &merge = *result.addRegion();
  if (failed(parser.parseOptionalKeyword("merge")))
    return success();
  SmallVector<OpAsmParser::Argument> states;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseArgumentList(states, AsmParser::Delimiter::Paren))
    return failure();
  if (states.size() != 2 * args.size()) // stream_c5
    return parser.emitError(loc) << "expected two states of " << args.size()
                                 << " values each to merge, got " << states.size() << " values";
  for (auto [i, state] : llvm::enumerate(states))
    state.type = args[i % args.size()].type;
  return parser.parseRegion(merge, states);
}

void StreamOp::print(OpAsmPrinter &printer) {
  printer << " " << getAxisAttr() << " ";
  printBindings(printer, getBody().front(), getInits());
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {"axis"});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  if (getMerge().empty())
    return;
  printer << " merge (";
  llvm::interleaveComma(getMerge().getArguments(), printer,
                        [&](Value state) { printer.printOperand(state); });
  printer << ") ";
  printer.printRegion(getMerge(), /*printEntryBlockArgs=*/false);
}

LogicalResult StreamOp::verifyRegions() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInits().getTypes() ||
      getResultTypes() != getInits().getTypes() ||
      block.getTerminator()->getOperandTypes() != getInits().getTypes()) // stream_c1
    return emitOpError() << "expected one type for each init, block argument, yielded value and "
                            "result";
  auto kernel = (*this)->getParentOfType<KernelOp>();
  size_t symbols = getKeepSymbols() ? getKeepSymbols()->size() : 0;
  if (getKeep())
    for (Attribute attribute : *getKeep()) {
      auto set = dyn_cast<IntegerSetAttr>(attribute);
      if (!set || !kernel || set.getValue().getNumDims() != kernel.getAxes().size() ||
          set.getValue().getNumSymbols() != symbols) // stream_c4
        return emitOpError() << "expected 'keep' to have sets over the kernel's axes and "
                             << symbols << " symbols, got " << attribute;
    }
  for (Value init : getInits())
    if (AxesAttr axes = getAxes(init); axes && axes.contains(getAxisAttr())) // stream_c2
      return emitOpError() << "expected a state without the streamed axis '" << getAxis()
                           << "', got " << init.getType();
  if (auto yield = dyn_cast<YieldOp>(block.getTerminator()); !yield || yield.getMaps()) // stream_c3
    return emitOpError() << "expected its terminator to be a 'flashlight.yield' without maps";
  if (getMerge().empty())
    return success();
  SmallVector<Type> twice(getInits().getTypes());
  llvm::append_range(twice, getInits().getTypes());
  if (getMerge().getArgumentTypes() != TypeRange(twice) ||
      getMerge().front().getTerminator()->getOperandTypes() != getInits().getTypes()) // stream_c5
    return emitOpError() << "expected 'merge' to take two states and to yield one";
  return success();
}
