//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See CostModel.h: estimates as text and attributes, and which of two is to be preferred.
//
//===----------------------------------------------------------------------===//

#include "CostModel.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace flashlight;

int64_t Tiling::getTile(StringAttr axis) const {
  for (AxisAttr tile : tiles)
    if (tile.getName() == axis)
      return tile.getSize();
  return 1;
}

std::string Tiling::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      tiles, os, [&](AxisAttr tile) { os << tile.getName().getValue() << " = " << tile.getSize(); },
      ", ");
  os << "; " << warps << " warps, " << stages << " stages";
  return text;
}

DictionaryAttr CostEstimate::toAttr(MLIRContext *context) const {
  Builder builder(context);
  NamedAttrList list;
  auto number = [&](StringRef name, double value) {
    list.append(name, builder.getI64IntegerAttr(static_cast<int64_t>(value + 0.5)));
  };
  list.append("tiles", builder.getStringAttr(tiling.str()));
  list.append("microseconds", builder.getF64FloatAttr(std::round(time * 10) / 10));
  number("registers", registers);
  number("accumulators", accumulators);
  number("shared", shared);
  number("sweeps", sweeps);
  number("programs", programs);
  number("flops", flops);
  number("recomputed", recomputed);
  number("exps", specials);
  number("pointwise", pointwise);
  number("bytes", farBytes);
  number("loaded", nearBytes);
  if (!feasible)
    list.append("reason", builder.getStringAttr(reason));
  return list.getDictionary(context);
}

bool flashlight::isBetter(const CostEstimate &a, const CostEstimate &b) {
  if (a.feasible != b.feasible)
    return a.feasible;
  if (!a.feasible && a.registers != b.registers)
    return a.registers < b.registers;
  if (!a.feasible && a.workingSet != b.workingSet)
    return a.workingSet < b.workingSet;
  return a.time < b.time;
}
