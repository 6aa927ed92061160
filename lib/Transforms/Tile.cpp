//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-tile: see Passes.td. Every level-2 value becomes a tile over those of
// its axes that the schedule lists, in the schedule's order; every other axis is a
// scalar index of the program.
//
//===----------------------------------------------------------------------===//

#include "CostModel.h"
#include "TileBuilder.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace flashlight {
#define GEN_PASS_DEF_TILE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// The memory that a program-level tensor is: strided, booleans as bytes.
static MemRefType memoryOf(RankedTensorType type) {
  Type element = type.getElementType();
  if (element.isInteger(1))
    element = IntegerType::get(type.getContext(), 8);
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  return MemRefType::get(type.getShape(), element,
                         StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides));
}

/// The symbols that a kernel needs the value of, in order of appearance.
static SmallVector<StringAttr> symbolsOf(KernelOp kernel) {
  llvm::SmallSetVector<StringAttr, 4> symbols;
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>())
    if (axis.isDynamic())
      symbols.insert(axis.getSymbol());
  kernel.walk([&](SizeOp op) { symbols.insert(op.getSymbolAttr()); });
  return symbols.takeVector();
}

/// The axes that programs of the grid divide among themselves: those that some output has and no
/// tile holds whole.
static SmallVector<Attribute> gridOf(KernelOp kernel) {
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  ScheduleAttr schedule = kernel.getScheduleAttr();
  SmallVector<Attribute> grid;
  for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>())) {
    bool written = llvm::any_of(yield.getMaps()->getAsValueRange<AffineMapAttr>(),
                                [&, i = i](AffineMap map) { return map.isFunctionOfDim(i); });
    int64_t tile = schedule.getTile(axis.getName());
    bool whole = tile > 1 && !axis.isDynamic() && tile >= axis.getSize();
    if (written && !whole)
      grid.push_back(GridAxisAttr::get(kernel.getContext(), axis, tile));
  }
  return grid;
}

namespace {

struct Tile : flashlight::impl::TileBase<Tile> {
  void runOnOperation() override {
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) { kernels.push_back(kernel); });
    for (KernelOp kernel : kernels)
      if (failed(tileKernel(kernel))) {
        kernel.emitError() << "kernel '" << kernel.getSymName() << "' cannot be tiled";
        return signalPassFailure();
      }
  }

  LogicalResult tileKernel(KernelOp kernel) {
    if (!kernel.getSchedule())
      return kernel.emitError() << "expected a schedule: run flashlight-schedule first";
    OpBuilder builder(&getContext());
    builder.setInsertionPointToEnd(getOperation().getBody());
    Location loc = kernel.getLoc();

    SmallVector<Type> types;
    for (Type type : kernel.getInputs().getTypes())
      types.push_back(memoryOf(cast<RankedTensorType>(type)));
    for (Type type : kernel.getResultTypes())
      types.push_back(memoryOf(cast<RankedTensorType>(type)));
    SmallVector<StringAttr> symbols = symbolsOf(kernel);
    types.append(symbols.size(), builder.getIndexType());

    std::string name = uniqueName(kernel.getSymName());
    auto func = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
    func->setAttr(kGridAttr, builder.getArrayAttr(gridOf(kernel)));
    func->setAttr(kScheduleAttr, kernel.getScheduleAttr());
    if (Attribute cost = kernel->getAttr(kCostAttr))
      func->setAttr(kCostAttr, cost);
    unsigned inputs = kernel.getInputs().size(), results = kernel.getNumResults();
    for (unsigned i = 0; i < results; ++i)
      func.setArgAttr(inputs + i, kOutputAttr, builder.getUnitAttr());
    for (auto [i, symbol] : llvm::enumerate(symbols))
      func.setArgAttr(inputs + results + i, kSymbolAttr, symbol);

    Block *entry = func.addEntryBlock();
    TileBuilder tiles(kernel, symbols, entry);
    if (failed(tiles.build()))
      return failure();

    builder.setInsertionPoint(kernel);
    auto launch = LaunchOp::create(builder, loc, kernel.getResultTypes(),
                                   FlatSymbolRefAttr::get(func), kernel.getInputs());
    if (Attribute nodes = kernel->getAttr(kNodesAttr))
      launch->setAttr(kNodesAttr, nodes);
    kernel.replaceAllUsesWith(launch.getResults());
    kernel.erase();
    return success();
  }

  std::string uniqueName(StringRef wanted) {
    std::string name = wanted.str();
    for (unsigned i = 1; getOperation().lookupSymbol(name); ++i)
      name = wanted.str() + "_" + std::to_string(i);
    return name;
  }
};

} // namespace
