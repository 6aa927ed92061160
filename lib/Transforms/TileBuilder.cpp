//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Only an axis that a tile may leave carries a limit; what is reduced
// along it is masked first.
//
//===----------------------------------------------------------------------===//

#include "TileBuilder.h"

#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

static Type elementTypeOf(Type type) { return cast<RankedTensorType>(type).getElementType(); }

TileBuilder::TileBuilder(KernelOp kernel, ArrayRef<StringAttr> symbols, Block *entry)
    : kernel(kernel), schedule(kernel.getScheduleAttr()), symbols(symbols), entry(entry),
      builder(kernel.getContext()), loc(kernel.getLoc()) {
  builder.setInsertionPointToEnd(entry);
}

LogicalResult TileBuilder::build() {
  placeAxes();
  Memo memo;
  for (auto [argument, memory] : llvm::zip(kernel.getBlock().getArguments(), entry->getArguments()))
    memo[argument] = memory;
  if (failed(writeBlock(kernel.getBlock(), memo)))
    return failure();
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  unsigned firstOutput = kernel.getInputs().size();
  for (auto [i, value] : llvm::enumerate(yield.getOperands())) {
    AffineMap map = cast<AffineMapAttr>((*yield.getMaps())[i]).getValue();
    if (failed(writeStore(value, memo[value], map, entry->getArgument(firstOutput + i))))
      return failure();
  }
  func::ReturnOp::create(builder, loc);
  return success();
}

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

Value TileBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value TileBuilder::symbolValue(StringAttr symbol) {
  unsigned first = entry->getNumArguments() - symbols.size();
  return entry->getArgument(first + (llvm::find(symbols, symbol) - symbols.begin()));
}

Value TileBuilder::extent(AxisAttr axis) {
  return axis.isDynamic() ? symbolValue(axis.getSymbol()) : index(axis.getSize());
}

/// Decodes the program's index into one index a grid axis; other axes start at 0.
void TileBuilder::placeAxes() {
  auto func = cast<func::FuncOp>(entry->getParentOp());
  auto grid = llvm::to_vector(func->getAttrOfType<ArrayAttr>(kGridAttr).getAsRange<GridAxisAttr>());
  Value rest = ProgramIdOp::create(builder, loc, builder.getIndexType());
  for (auto [i, gridAxis] : llvm::enumerate(llvm::reverse(grid))) {
    AxisAttr axis = gridAxis.getAxis();
    int64_t tile = gridAxis.getTile();
    Value at = rest;
    if (i + 1 < grid.size()) {
      Value count = extent(axis);
      if (tile > 1)
        count = axis.isDynamic()
                    ? arith::CeilDivUIOp::create(builder, loc, count, index(tile)).getResult()
                    : index(llvm::divideCeil(axis.getSize(), tile));
      at = arith::RemUIOp::create(builder, loc, rest, count);
      rest = arith::DivUIOp::create(builder, loc, rest, count);
    }
    Position position;
    position.base =
        tile > 1 ? arith::MulIOp::create(builder, loc, at, index(tile)).getResult() : at;
    if (tile > 1 && (axis.isDynamic() || axis.getSize() % tile != 0))
      position.left = arith::SubIOp::create(builder, loc, extent(axis), position.base);
    positions[axis.getName()] = position;
  }
  // A sweep places its own axis; without one that is whole in a tile.
  bool sweeps = !kernel.getBlock().getOps<StreamOp>().empty();
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    if (positions.count(axis.getName()) || (sweeps && axis.getName() == kernel.getStreamAttr()))
      continue;
    Position position;
    position.base = index(0);
    int64_t tile = schedule.getTile(axis.getName());
    if (axis.isDynamic() || tile > axis.getSize())
      position.left = extent(axis);
    positions[axis.getName()] = position;
  }
}

SmallVector<StringAttr> TileBuilder::tiledAxes(Type type) {
  SmallVector<StringAttr> result;
  AxesAttr axes = getAxes(type);
  for (AxisAttr tile : schedule.getTiles())
    if (axes && axes.contains(tile.getName()))
      result.push_back(tile.getName());
  return result;
}

RankedTensorType TileBuilder::tileType(Type type) {
  SmallVector<int64_t> shape;
  for (StringAttr axis : tiledAxes(type))
    shape.push_back(schedule.getTile(axis));
  return RankedTensorType::get(shape, elementTypeOf(type));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult TileBuilder::writeBlock(Block &block, Memo &memo) {
  for (Operation &op : block.without_terminator())
    if (failed(writeOp(&op, memo)))
      return failure();
  return success();
}

LogicalResult TileBuilder::writeOp(Operation *op, Memo &memo) {
  if (auto stream = dyn_cast<StreamOp>(op))
    return writeStream(stream, memo);
  Value result;
  if (auto inside = op->getAttrOfType<BoolAttr>(kInsideAttr); inside && insideKeepSets) {
    result = splat(inside, tileType(op->getResult(0).getType()));
  } else if (auto read = dyn_cast<ReadOp>(op)) {
    FailureOr<Value> tile = writeRead(read, memo);
    if (failed(tile))
      return failure();
    result = *tile;
  } else if (auto iota = dyn_cast<IotaOp>(op)) {
    result = writeIota(iota);
  } else if (auto size = dyn_cast<SizeOp>(op)) {
    Value value = arith::IndexCastOp::create(builder, op->getLoc(), builder.getI64Type(),
                                             symbolValue(size.getSymbolAttr()));
    result = tensor::SplatOp::create(builder, op->getLoc(), value,
                                     RankedTensorType::get({}, builder.getI64Type()));
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto value = cast<SplatElementsAttr>(constant.getValue());
    result = splat(value.getSplatValue<Attribute>(), tileType(constant.getType()));
  } else if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    result =
        broadcastTile(memo[broadcast.getOperand()], tiledAxes(broadcast.getOperand().getType()),
                      tiledAxes(broadcast.getType()));
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    result = writeReduce(reduce, memo[reduce.getOperand()]);
  } else if (auto scan = dyn_cast<ScanOp>(op)) {
    FailureOr<Value> tile = writeScan(scan, memo[scan.getOperand()]);
    if (failed(tile))
      return failure();
    result = *tile;
  } else if (auto contract = dyn_cast<ContractOp>(op)) {
    result = writeContract(contract, memo[contract.getLhs()], memo[contract.getRhs()],
                           contract.getInit() ? memo[contract.getInit()] : Value());
  } else if (op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(memo[operand]);
    OperationState state(op->getLoc(), op->getName(), operands,
                         tileType(op->getResult(0).getType()));
    state.propertiesAttr = op->getPropertiesAsAttribute();
    result = builder.create(state)->getResult(0);
  } else {
    return op->emitError() << "cannot be tiled";
  }
  memo[op->getResult(0)] = result;
  return success();
}

Value TileBuilder::splat(Attribute value, RankedTensorType type) {
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
}

Value TileBuilder::writeIota(IotaOp op) {
  StringAttr axis = getAxes(op.getResult()).getNames().front();
  RankedTensorType type = tileType(op.getType());
  Value base =
      arith::IndexCastOp::create(builder, op.getLoc(), type.getElementType(), positions[axis].base);
  if (type.getRank() == 0)
    return tensor::SplatOp::create(builder, op.getLoc(), base, type);
  Value iota = IotaOp::create(builder, op.getLoc(), type);
  if (matchPattern(positions[axis].base, m_Zero()))
    return iota;
  return arith::AddIOp::create(builder, op.getLoc(), iota,
                               tensor::SplatOp::create(builder, op.getLoc(), base, type));
}

Value TileBuilder::broadcastTile(Value tile, ArrayRef<StringAttr> from, ArrayRef<StringAttr> to) {
  if (from == to)
    return tile;
  SmallVector<int64_t> dims, shape;
  for (auto [i, axis] : llvm::enumerate(to)) {
    if (llvm::is_contained(from, axis))
      dims.push_back(i);
    shape.push_back(schedule.getTile(axis));
  }
  DenseElementsAttr constant;
  auto type = RankedTensorType::get(shape, elementTypeOf(tile.getType()));
  if (matchPattern(tile, m_Constant(&constant)) && constant.isSplat())
    return splat(constant.getSplatValue<Attribute>(), type);
  return BroadcastOp::create(builder, loc, type, tile, builder.getDenseI64ArrayAttr(dims));
}

/// True for a value that is zero wherever its tile leaves an extent: what a load gives, and what
/// keeps zero zero.
bool TileBuilder::readsZeroBeyond(Value value) const {
  Operation *op = value.getDefiningOp();
  return op && (isa<ReadOp>(op) || (isa<arith::ExtFOp, arith::TruncFOp, arith::NegFOp>(op) &&
                                    readsZeroBeyond(op->getOperand(0))));
}

Value TileBuilder::maskTile(Value tile, ArrayRef<StringAttr> own, ArrayRef<StringAttr> axes,
                            Attribute fill) {
  Value inside;
  for (StringAttr axis : axes) {
    Value left = positions[axis].left;
    auto lineType = RankedTensorType::get({schedule.getTile(axis)}, builder.getI32Type());
    Value line = IotaOp::create(builder, loc, lineType);
    Value limit = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), left);
    Value wide = tensor::SplatOp::create(builder, loc, limit, lineType);
    Value is = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, line, wide);
    is = broadcastTile(is, {axis}, own);
    inside = inside ? arith::AndIOp::create(builder, loc, inside, is).getResult() : is;
  }
  if (!inside)
    return tile;
  return arith::SelectOp::create(builder, loc, inside, tile,
                                 splat(fill, cast<RankedTensorType>(tile.getType())));
}

Value TileBuilder::writeReduce(ReduceOp op, Value operand) {
  SmallVector<StringAttr> own = tiledAxes(op.getOperand().getType()),
                          kept = tiledAxes(op.getType()), partial;
  SmallVector<int64_t> dims;
  for (auto [i, axis] : llvm::enumerate(own)) {
    if (llvm::is_contained(kept, axis))
      continue;
    dims.push_back(i);
    if (positions[axis].left)
      partial.push_back(axis);
  }
  operand = maskTile(operand, own, partial, identityOf(op.getKind(), elementTypeOf(op.getType())));
  if (dims.empty())
    return operand; // an axis whose tile is one element
  return ReduceOp::create(builder, op.getLoc(), tileType(op.getType()), op.getKindAttr(), operand,
                          builder.getDenseI64ArrayAttr(dims));
}

/// A scan of the tile. Of a partial block what lies beyond comes last, or, in reverse, first: then
/// it must not count.
FailureOr<Value> TileBuilder::writeScan(ScanOp op, Value operand) {
  SmallVector<StringAttr> own = tiledAxes(op.getType());
  StringAttr axis = op.getAxisAttr();
  auto *at = llvm::find(own, axis);
  AxisAttr declared = kernel.getAxis(axis);
  bool whole = !declared.isDynamic() && schedule.getTile(axis) >= declared.getSize();
  if (axis != kernel.getStreamAttr() && !whole)
    return op.emitError() << "cannot be tiled: axis '" << axis.getValue()
                          << "' is divided among programs";
  TypedAttr none = identityOf(op.getKind(), elementTypeOf(op.getType()));
  if (at == own.end()) // an axis whose tile is one element
    return op.getExclusive() ? splat(none, cast<RankedTensorType>(operand.getType())) : operand;
  if (op.getReverse() && positions[axis].left)
    operand = maskTile(operand, own, {axis}, none);
  return ScanOp::create(builder, op.getLoc(), operand.getType(), op.getKindAttr(), operand,
                        builder.getI64IntegerAttr(at - own.begin()), StringAttr(),
                        op.getReverseAttr(), op.getExclusiveAttr())
      .getResult();
}

Value TileBuilder::writeContract(ContractOp op, Value lhs, Value rhs, Value init) {
  SmallVector<StringAttr> result = tiledAxes(op.getType());
  auto masked = [&](Value original, Value tile) {
    SmallVector<StringAttr> own = tiledAxes(original.getType()), partial;
    for (StringAttr axis : own)
      if (!llvm::is_contained(result, axis) && positions[axis].left)
        partial.push_back(axis);
    if (partial.empty() || readsZeroBeyond(original))
      return tile;
    return maskTile(tile, own, partial, builder.getZeroAttr(elementTypeOf(tile.getType())));
  };
  lhs = masked(op.getLhs(), lhs);
  rhs = masked(op.getRhs(), rhs);
  // A kernel may have more axes than there are letters: then those of this op alone are counted.
  SmallVector<StringAttr> named;
  for (AxisAttr tile : schedule.getTiles())
    named.push_back(tile.getName());
  constexpr size_t alphabet = 26;
  if (named.size() > alphabet)
    llvm::erase_if(named, [&](StringAttr axis) {
      return !llvm::is_contained(tiledAxes(op.getLhs().getType()), axis) &&
             !llvm::is_contained(tiledAxes(op.getRhs().getType()), axis);
    });
  std::string equation;
  auto letters = [&](ArrayRef<StringAttr> axes) {
    for (StringAttr axis : axes)
      equation.push_back('a' + std::distance(named.begin(), llvm::find(named, axis)));
  };
  letters(tiledAxes(op.getLhs().getType()));
  equation += ',';
  letters(tiledAxes(op.getRhs().getType()));
  equation += "->";
  letters(result);
  return ContractOp::create(builder, op.getLoc(), tileType(op.getType()), lhs, rhs, init,
                            builder.getStringAttr(equation));
}
