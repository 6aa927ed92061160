//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "KernelCut.h"
#include "AxisRoles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace flashlight;

SmallVector<Operation *> flashlight::wideStatistics(KernelOp kernel,
                                                    const StreamDependence &dependence) {
  AxisRoles roles = findAxisRoles(kernel);
  SmallVector<Operation *> wide;
  for (Operation *op : dependence.getStatistics())
    if (llvm::any_of(getAxes(op->getResult(0)).getNames(),
                     [&](StringAttr axis) { return roles.values.contains(axis); }))
      wide.push_back(op);
  return wide;
}

namespace {

/// A result of a kernel that is being written.
struct Output {
  Value value;   // of the old kernel
  AffineMap map; // over the old kernel's axes
  Type type;     //
  StringAttr node;
};

/// Where a value of the old kernel is read from.
struct Source {
  Value memory;
  AffineMap map; // over the old kernel's axes
};
using Given = llvm::MapVector<Value, Source>;

class Cutter {
public:
  Cutter(KernelOp kernel, const StreamDependence &dependence, ArrayRef<Operation *> wide,
         bool readRows)
      : kernel(kernel), dependence(dependence), wide(wide.begin(), wide.end()), readRows(readRows),
        builder(kernel) {
    for (Operation *op : wide)
      firsts.insert_range(dependence.statisticsOf(op->getResult(0)));
  }

  KernelCut cut();

private:
  bool isFirst(Value value);
  bool isWide(Value value);
  Given findHandedOn(ArrayRef<Output> outputs);
  Output toMemory(Value value);
  KernelOp extract(ArrayRef<Output> outputs, const Given &given);

  KernelOp kernel;
  const StreamDependence &dependence;
  StreamDependence::Operations wide, firsts; // of the first kernel
  bool readRows;
  OpBuilder builder;
};

} // namespace

/// True for a finished value that the first kernel can compute: it has all its statistics.
bool Cutter::isFirst(Value value) {
  const StreamDependence::Operations &statistics = dependence.statisticsOf(value);
  return !dependence.isStreamed(value) && !statistics.empty() &&
         llvm::all_of(statistics, [&](Operation *op) { return firsts.contains(op); });
}

bool Cutter::isWide(Value value) {
  return llvm::any_of(dependence.statisticsOf(value),
                      [&](Operation *op) { return wide.contains(op); });
}

/// The values of the first kernel that the second meets first on its way back from its results.
/// What only repeats or widens them is done after they are read.
Given Cutter::findHandedOn(ArrayRef<Output> outputs) {
  Given given;
  llvm::SmallPtrSet<Value, 32> seen;
  SmallVector<Value> stack;
  for (const Output &output : llvm::reverse(outputs))
    stack.push_back(output.value);
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      continue;
    if (isFirst(value) && (readRows || isWide(value)) && !isa<BroadcastOp, arith::ExtFOp>(op))
      given.insert({value, Source()});
    else
      llvm::append_range(stack, llvm::reverse(op->getOperands()));
  }
  return given;
}

/// The value as a tensor in memory, in the order of its axes.
Output Cutter::toMemory(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<AffineExpr> at;
  SmallVector<StringAttr> symbols;
  for (StringAttr name : getAxes(value).getNames())
    for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>()))
      if (axis.getName() == name) {
        at.push_back(builder.getAffineDimExpr(i));
        if (axis.isDynamic())
          symbols.push_back(axis.getSymbol());
      }
  Attribute encoding;
  if (!symbols.empty())
    encoding = SymbolsAttr::get(builder.getContext(), symbols);
  return {value, AffineMap::get(kernel.getAxes().size(), 0, at, builder.getContext()),
          RankedTensorType::get(type.getShape(), type.getElementType(), encoding),
          builder.getStringAttr("")};
}

/// What leads to the outputs, as a kernel of its own with the axes that it needs.
KernelOp Cutter::extract(ArrayRef<Output> outputs, const Given &given) {
  llvm::SmallPtrSet<Operation *, 32> needed;
  llvm::SmallPtrSet<Value, 8> memory;
  llvm::SmallPtrSet<StringAttr, 8> used;
  used.insert(kernel.getStreamAttr());
  SmallVector<Value> stack;
  for (const Output &output : outputs) {
    stack.push_back(output.value);
    for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>()))
      if (output.map.isFunctionOfDim(i))
        used.insert(axis.getName());
  }
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (AxesAttr axes = getAxes(value))
      used.insert(axes.getNames().begin(), axes.getNames().end());
    Operation *op = given.contains(value) ? nullptr : value.getDefiningOp();
    if (isa<BlockArgument>(value))
      memory.insert(value);
    else if (op && needed.insert(op).second)
      llvm::append_range(stack, op->getOperands());
  }

  SmallVector<Attribute> axes;
  SmallVector<AffineExpr> dims;
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    bool kept = used.contains(axis.getName());
    dims.push_back(kept ? builder.getAffineDimExpr(axes.size()) : builder.getAffineConstantExpr(0));
    if (kept)
      axes.push_back(axis);
  }
  auto renamed = [&](AffineMap map) {
    return map.replaceDimsAndSymbols(dims, {}, axes.size(), map.getNumSymbols());
  };

  SmallVector<Location> locations;
  for (Operation &op : kernel.getBlock())
    if (needed.contains(&op))
      locations.push_back(op.getLoc());
  SmallVector<Value> inputs;
  SmallVector<Type> types;
  SmallVector<Attribute> nodes;
  for (BlockArgument argument : kernel.getBlock().getArguments())
    if (memory.contains(argument))
      inputs.push_back(kernel.getInputs()[argument.getArgNumber()]);
  for (auto &[value, source] : given)
    inputs.push_back(source.memory);
  for (const Output &output : outputs) {
    types.push_back(output.type);
    nodes.push_back(output.node);
  }
  auto part =
      KernelOp::create(builder, builder.getFusedLoc(locations), types, kernel.getSymNameAttr(),
                       builder.getArrayAttr(axes), kernel.getStreamAttr(), inputs, ScheduleAttr());
  for (NamedAttribute attr : kernel->getDiscardableAttrs())
    part->setDiscardableAttr(attr.getName(), attr.getValue());
  part->setAttr(kNodesAttr, builder.getArrayAttr(nodes));

  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&part.getBody());
  IRMapping mapping;
  for (BlockArgument argument : kernel.getBlock().getArguments())
    if (memory.contains(argument))
      mapping.map(argument, body->addArgument(argument.getType(), argument.getLoc()));
  for (auto &[value, source] : given) {
    Value argument = body->addArgument(source.memory.getType(), value.getLoc());
    mapping.map(value, ReadOp::create(builder, value.getLoc(), value.getType(), argument,
                                      renamed(source.map)));
  }
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (!needed.contains(&op))
      continue;
    Operation *clone = builder.clone(op, mapping);
    if (auto read = dyn_cast<ReadOp>(clone))
      read.setMap(renamed(read.getMap()));
  }
  SmallVector<Value> yielded;
  SmallVector<AffineMap> maps;
  for (const Output &output : outputs) {
    yielded.push_back(mapping.lookup(output.value));
    maps.push_back(renamed(output.map));
  }
  YieldOp::create(builder, kernel.getLoc(), yielded, builder.getAffineMapArrayAttr(maps));
  return part;
}

KernelCut Cutter::cut() {
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  auto nodes = kernel->getAttrOfType<ArrayAttr>(kNodesAttr);
  SmallVector<Output> before, after;
  SmallVector<std::pair<bool, unsigned>> places; // of each result: in the first kernel, and where
  for (auto [i, value] : llvm::enumerate(yield.getOperands())) {
    auto map = cast<AffineMapAttr>((*yield.getMaps())[i]).getValue();
    StringAttr node = nodes ? cast<StringAttr>(nodes[i]) : builder.getStringAttr("");
    SmallVector<Output> &side = isFirst(value) ? before : after;
    places.push_back({isFirst(value), side.size()});
    side.push_back({value, map, kernel.getResult(i).getType(), node});
  }

  Given given = findHandedOn(after);
  SmallVector<unsigned> written; // of each handed on value: the result that it is
  for (auto &[value, source] : given) {
    Output own = toMemory(value);
    auto *known = llvm::find_if(before, [&](const Output &output) {
      // A result is read as it was written, unless it repeats the value.
      llvm::SmallBitVector used(output.map.getNumDims()), has(output.map.getNumDims());
      for (unsigned i = 0; i < output.map.getNumDims(); ++i) {
        used[i] = output.map.isFunctionOfDim(i);
        has[i] = own.map.isFunctionOfDim(i);
      }
      return output.value == value && used == has;
    });
    written.push_back(known - before.begin());
    if (known == before.end())
      before.push_back(own);
  }

  KernelCut cut;
  cut.first = extract(before, {});
  for (auto [entry, position] : llvm::zip(given, written)) {
    entry.second = {cut.first.getResult(position), before[position].map};
    cut.readsRows |= !isWide(entry.first);
  }
  cut.second = extract(after, given);
  for (auto [isInFirst, position] : places)
    cut.results.push_back((isInFirst ? cut.first : cut.second).getResult(position));
  return cut;
}

KernelCut flashlight::cutKernel(KernelOp kernel, const StreamDependence &dependence,
                                ArrayRef<Operation *> wide, bool readRows) {
  return Cutter(kernel, dependence, wide, readRows).cut();
}
