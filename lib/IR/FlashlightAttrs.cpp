//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Assembly formats and verifiers of the dialect's attributes.
//
//===----------------------------------------------------------------------===//

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace flashlight;

#include "flashlight/IR/FlashlightEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "flashlight/IR/FlashlightAttrs.cpp.inc"

void FlashlightDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "flashlight/IR/FlashlightAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Names: `a`, or `"2*s0"` where it is no identifier
//===----------------------------------------------------------------------===//

static void printName(llvm::raw_ostream &os, StringRef name) {
  bool bare = !name.empty() && (llvm::isAlpha(name.front()) || name.front() == '_') &&
              llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  if (bare)
    os << name;
  else
    os << '"' << name << '"';
}

static FailureOr<StringAttr> parseName(AsmParser &parser) {
  std::string quoted;
  if (succeeded(parser.parseOptionalString(&quoted)))
    return StringAttr::get(parser.getContext(), quoted);
  StringRef bare;
  if (parser.parseKeyword(&bare))
    return failure();
  return StringAttr::get(parser.getContext(), bare);
}

static void printNames(AsmPrinter &printer, ArrayRef<StringAttr> names) {
  printer << "<";
  llvm::interleaveComma(names, printer,
                        [&](StringAttr name) { printName(printer.getStream(), name.getValue()); });
  printer << ">";
}

static FailureOr<SmallVector<StringAttr>> parseNames(AsmParser &parser) {
  SmallVector<StringAttr> names;
  auto one = [&]() -> ParseResult {
    FailureOr<StringAttr> name = parseName(parser);
    if (failed(name))
      return failure();
    names.push_back(*name);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, one))
    return failure();
  return names;
}

//===----------------------------------------------------------------------===//
// SymbolsAttr
//===----------------------------------------------------------------------===//

void SymbolsAttr::print(AsmPrinter &printer) const { printNames(printer, getNames()); }

Attribute SymbolsAttr::parse(AsmParser &parser, Type) {
  auto names = parseNames(parser);
  return failed(names) ? Attribute() : get(parser.getContext(), *names);
}

LogicalResult SymbolsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  int64_t dynamic = llvm::count_if(shape, ShapedType::isDynamic);
  if (dynamic != static_cast<int64_t>(getNames().size())) // symbols_c1
    return emitError() << "expected one symbol for every dynamic dim (" << dynamic << "), got "
                       << getNames().size();
  return success();
}

//===----------------------------------------------------------------------===//
// AxesAttr
//===----------------------------------------------------------------------===//

void AxesAttr::print(AsmPrinter &printer) const { printNames(printer, getNames()); }

Attribute AxesAttr::parse(AsmParser &parser, Type) {
  auto names = parseNames(parser);
  return failed(names) ? Attribute() : get(parser.getContext(), *names);
}

LogicalResult AxesAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != getNames().size()) // axes_c1
    return emitError() << "expected as many axes as dims (" << shape.size() << "), got "
                       << getNames().size();
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (StringAttr name : getNames())
    if (!seen.insert(name).second) // axes_c2
      return emitError() << "axis '" << name.getValue() << "' names two dims";
  return success();
}

int64_t AxesAttr::find(StringAttr axis) const {
  auto *it = llvm::find(getNames(), axis);
  return it == getNames().end() ? -1 : it - getNames().begin();
}

//===----------------------------------------------------------------------===//
// AxisAttr
//===----------------------------------------------------------------------===//

void AxisAttr::printBody(llvm::raw_ostream &os) const {
  printName(os, getName().getValue());
  os << " = ";
  if (isDynamic())
    printName(os, getSymbol().getValue());
  else
    os << getSize();
}

FailureOr<AxisAttr> AxisAttr::parseBody(AsmParser &parser) {
  FailureOr<StringAttr> name = parseName(parser);
  if (failed(name) || parser.parseEqual())
    return failure();
  int64_t size = ShapedType::kDynamic;
  StringAttr symbol;
  OptionalParseResult number = parser.parseOptionalInteger(size);
  if (number.has_value()) {
    if (failed(*number))
      return failure();
  } else {
    FailureOr<StringAttr> parsed = parseName(parser);
    if (failed(parsed))
      return failure();
    symbol = *parsed;
  }
  auto axis = parser.getChecked<AxisAttr>(parser.getContext(), *name, size, symbol);
  if (!axis)
    return failure();
  return axis;
}

LogicalResult AxisAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr name,
                               int64_t size, StringAttr symbol) {
  if (!symbol && size < 0) // axis_c1
    return emitError() << "expected axis '" << name.getValue() << "' to have an extent of at least "
                       << "0 or a symbol, got " << size;
  return success();
}

void AxisAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printBody(printer.getStream());
  printer << ">";
}

Attribute AxisAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<AxisAttr> axis = parseBody(parser);
  return failed(axis) || parser.parseGreater() ? Attribute() : *axis;
}

//===----------------------------------------------------------------------===//
// GridAxisAttr
//===----------------------------------------------------------------------===//

void GridAxisAttr::print(AsmPrinter &printer) const {
  printer << "<";
  getAxis().printBody(printer.getStream());
  printer << " by " << getTile() << ">";
}

Attribute GridAxisAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<AxisAttr> axis = AxisAttr::parseBody(parser);
  int64_t tile = 0;
  if (failed(axis) || parser.parseKeyword("by") || parser.parseInteger(tile) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<GridAxisAttr>(parser.getContext(), *axis, tile);
}

LogicalResult GridAxisAttr::verify(function_ref<InFlightDiagnostic()> emitError, AxisAttr axis,
                                   int64_t tile) {
  if (tile < 1) // grid_axis_c1
    return emitError() << "expected a tile of at least 1 along '" << axis.getName().getValue()
                       << "', got " << tile;
  return success();
}

//===----------------------------------------------------------------------===//
// ScheduleAttr
//===----------------------------------------------------------------------===//

void ScheduleAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printName(printer.getStream(), getTarget().getValue());
  printer << ", tiles(";
  llvm::interleaveComma(getTiles(), printer,
                        [&](AxisAttr tile) { tile.printBody(printer.getStream()); });
  printer << "), warps = " << getWarps() << ", stages = " << getStages() << ">";
}

Attribute ScheduleAttr::parse(AsmParser &parser, Type) {
  SmallVector<AxisAttr> tiles;
  auto one = [&]() -> ParseResult {
    FailureOr<AxisAttr> tile = AxisAttr::parseBody(parser);
    if (failed(tile))
      return failure();
    tiles.push_back(*tile);
    return success();
  };
  int64_t warps = 0, stages = 0;
  if (parser.parseLess())
    return {};
  FailureOr<StringAttr> target = parseName(parser);
  if (failed(target) || parser.parseComma() || parser.parseKeyword("tiles") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one) || parser.parseComma() ||
      parser.parseKeyword("warps") || parser.parseEqual() || parser.parseInteger(warps) ||
      parser.parseComma() || parser.parseKeyword("stages") || parser.parseEqual() ||
      parser.parseInteger(stages) || parser.parseGreater())
    return {};
  return parser.getChecked<ScheduleAttr>(parser.getContext(), *target, tiles, warps, stages);
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr,
                                   ArrayRef<AxisAttr> tiles, int64_t warps, int64_t stages) {
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (AxisAttr tile : tiles) {
    StringRef name = tile.getName().getValue();
    if (tile.isDynamic() || tile.getSize() < 1) // schedule_c1
      return emitError() << "expected a static tile of at least 1 along '" << name << "', got "
                         << tile;
    if (!seen.insert(tile.getName()).second) // schedule_c1
      return emitError() << "tiles axis '" << name << "' twice";
  }
  if (warps < 1 || stages < 1) // schedule_c2
    return emitError() << "expected at least 1 warp and 1 stage, got " << warps << " and "
                       << stages;
  return success();
}

int64_t ScheduleAttr::getTile(StringAttr axis) const {
  for (AxisAttr tile : getTiles())
    if (tile.getName() == axis)
      return tile.getSize();
  return 1;
}
