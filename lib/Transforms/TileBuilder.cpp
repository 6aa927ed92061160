//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Only an axis that a tile may leave carries a limit: the sweep is a
// loop over full blocks and one more block, with masks, for the rest.
//
//===----------------------------------------------------------------------===//

#include "TileBuilder.h"

#include "IndexSpace.h"

#include "StreamBounds.h"
#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
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
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    if (positions.count(axis.getName()) || axis.getName() == kernel.getStreamAttr())
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
// Blocks and sweeps
//===----------------------------------------------------------------------===//

LogicalResult TileBuilder::writeBlock(Block &block, Memo &memo) {
  for (Operation &op : block.without_terminator())
    if (failed(writeOp(&op, memo)))
      return failure();
  return success();
}

/// One block of the sweep at the stream's current position: the state after it.
FailureOr<SmallVector<Value>> TileBuilder::writeSweep(StreamOp op, Memo memo, ValueRange state) {
  Block &body = op.getBody().front();
  for (auto [argument, value] : llvm::zip(body.getArguments(), state))
    memo[argument] = value;
  if (failed(writeBlock(body, memo)))
    return failure();
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(memo[value]);
  return results;
}

LogicalResult TileBuilder::writeStream(StreamOp op, Memo &memo) {
  StringAttr name = op.getAxisAttr();
  AxisAttr axis = kernel.getAxis(name);
  int64_t tile = schedule.getTile(name);
  SmallVector<Value> state;
  for (Value init : op.getInits())
    state.push_back(memo[init]);

  // [from, to) in steps of a tile. `partial`: the last block may reach beyond the extent. `full`:
  // every condition that bounds the sweep holds all over these blocks.
  auto loop = [&](Value from, Value to, bool partial, bool full) -> LogicalResult {
    auto forOp = scf::ForOp::create(builder, op.getLoc(), from, to, index(tile), state);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(forOp.getBody());
    Position &position = positions[name];
    position.base = forOp.getInductionVar();
    position.left =
        partial ? arith::SubIOp::create(builder, loc, extent(axis), position.base).getResult()
                : Value();
    insideKeepSets = full;
    FailureOr<SmallVector<Value>> next = writeSweep(op, memo, forOp.getRegionIterArgs());
    insideKeepSets = false;
    if (failed(next))
      return failure();
    builder.setInsertionPointToEnd(forOp.getBody());
    scf::YieldOp::create(builder, op.getLoc(), *next);
    state.assign(forOp.getResults().begin(), forOp.getResults().end());
    return success();
  };

  Value size = extent(axis);
  bool divides = !axis.isDynamic() && axis.getSize() % tile == 0;
  Value whole; // the end of the last full block
  if (tile == 1)
    whole = size;
  else if (axis.isDynamic())
    whole = arith::SubIOp::create(builder, loc, size,
                                  arith::RemUIOp::create(builder, loc, size, index(tile)));
  else
    whole = index(axis.getSize() / tile * tile);

  LogicalResult written = success();
  if (op.getKeep()) {
    written = writeBoundedSweep(op, {size, whole, divides || tile == 1}, loop);
  } else if (axis.isDynamic()) {
    written = loop(index(0), whole, false, false);
    if (succeeded(written) && tile > 1)
      written = loop(whole, size, true, false);
  } else {
    if (axis.getSize() >= tile)
      written = loop(index(0), whole, false, false);
    if (succeeded(written) && !divides) {
      Position &position = positions[name];
      position.base = whole;
      position.left = index(axis.getSize() % tile);
      FailureOr<SmallVector<Value>> next = writeSweep(op, memo, state);
      if (failed(next))
        return failure();
      state = *next;
    }
  }
  if (failed(written))
    return failure();
  positions.erase(name);
  for (auto [result, value] : llvm::zip(op.getResults(), state))
    memo[result] = value;
  return success();
}

/// A sweep over the blocks that its keep sets touch: those at the borders of the sets with their
/// conditions, those inside without.
LogicalResult TileBuilder::writeBoundedSweep(StreamOp op, SweepExtent extent, SweepLoop loop) {
  int64_t tile = schedule.getTile(op.getAxisAttr());
  auto positionOf = [&](AxisAttr axis) {
    return std::pair(positions[axis.getName()].base, schedule.getTile(axis.getName()));
  };
  StreamBounds bounds = computeStreamBounds(op, builder, loc, positionOf,
                                            [&](StringAttr symbol) { return symbolValue(symbol); });
  auto down = [&](Value value) -> Value { // to a multiple of the tile; not negative
    Value blocks = arith::DivUIOp::create(builder, loc, value, index(tile));
    return arith::MulIOp::create(builder, loc, blocks, index(tile));
  };
  auto atLeast = [&](Value a, Value b) -> Value {
    return arith::MaxSIOp::create(builder, loc, a, b);
  };
  auto atMost = [&](Value a, Value b) -> Value {
    return arith::MinSIOp::create(builder, loc, a, b);
  };
  Value zero = index(0);
  Value begin = zero, end = extent.size;
  if (bounds.touched.begin)
    begin = down(atLeast(bounds.touched.begin, zero));
  if (bounds.touched.end)
    end = atLeast(atMost(bounds.touched.end, extent.size), begin);
  bool mayLeave = !extent.divides;
  if (!bounds.full)
    return loop(begin, end, mayLeave, false);

  Value fullBegin = begin, fullEnd = atMost(extent.whole, down(end));
  if (bounds.full->begin) {
    Value up =
        arith::AddIOp::create(builder, loc, atLeast(bounds.full->begin, zero), index(tile - 1));
    fullBegin = atMost(atLeast(down(up), begin), end);
    if (failed(loop(begin, fullBegin, mayLeave, false)))
      return failure();
    fullBegin = down(
        arith::AddIOp::create(builder, loc, fullBegin, index(tile - 1))); // where that loop ended
  }
  if (bounds.full->end)
    fullEnd = atMost(fullEnd, down(atLeast(bounds.full->end, zero)));
  fullEnd = atLeast(fullEnd, fullBegin);
  if (failed(loop(fullBegin, fullEnd, false, true)))
    return failure();
  if (!bounds.full->end && extent.divides)
    return success();
  return loop(fullEnd, end, mayLeave, false);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult TileBuilder::writeOp(Operation *op, Memo &memo) {
  if (auto stream = dyn_cast<StreamOp>(op))
    return writeStream(stream, memo);
  Value result;
  if (auto inside = op->getAttrOfType<BoolAttr>(kInsideAttr); inside && insideKeepSets) {
    result = splat(inside, tileType(op->getResult(0).getType()));
  } else if (auto read = dyn_cast<ReadOp>(op)) {
    FailureOr<Value> tile = writeRead(read, memo[read.getSource()]);
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
  std::string equation;
  auto letters = [&](ArrayRef<StringAttr> axes) {
    for (StringAttr axis : axes)
      for (auto [i, tile] : llvm::enumerate(schedule.getTiles()))
        if (tile.getName() == axis)
          equation.push_back('a' + i);
  };
  letters(tiledAxes(op.getLhs().getType()));
  equation += ',';
  letters(tiledAxes(op.getRhs().getType()));
  equation += "->";
  letters(result);
  return ContractOp::create(builder, op.getLoc(), tileType(op.getType()), lhs, rhs, init,
                            builder.getStringAttr(equation));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// An index expression over axes as arithmetic on `index`; indices are not negative.
Value TileBuilder::writeIndex(AffineExpr expr, ValueRange axes) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return axes[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return index(constant.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = writeIndex(binary.getLHS(), axes), rhs = writeIndex(binary.getRHS(), axes);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::Mod:
    return arith::RemUIOp::create(builder, loc, lhs, rhs);
  default:
    return arith::DivUIOp::create(builder, loc, lhs, rhs);
  }
}

/// Splits each index into the part at the tile's first element and the part linear in tile dims.
FailureOr<TileBuilder::Access> TileBuilder::accessOf(Operation *op, AffineMap map,
                                                     ArrayRef<StringAttr> tiled) {
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  SmallVector<Value> bases;
  for (AxisAttr axis : axes) {
    auto it = positions.find(axis.getName());
    bases.push_back(it == positions.end() ? index(0) : it->second.base);
  }
  Access access;
  SmallVector<AffineExpr> linear;
  MLIRContext *context = builder.getContext();
  for (AffineExpr expr : map.getResults()) {
    Value offset = writeIndex(expr, bases);
    access.offsets.push_back(offset);
    AffineExpr sum = getAffineConstantExpr(0, context);
    for (auto [i, axis] : llvm::enumerate(axes)) {
      auto *it = llvm::find(tiled, axis.getName());
      if (it == tiled.end() || !expr.isFunctionOfDim(i))
        continue;
      // The coefficient of a linear form: its difference at 1 and 0.
      SmallVector<AffineExpr> zero(axes.size(), getAffineConstantExpr(0, context)), one = zero;
      one[i] = getAffineConstantExpr(1, context);
      auto constant = dyn_cast<AffineConstantExpr>(expr.replaceDims(one) - expr.replaceDims(zero));
      if (!constant || !isLinearIn(expr, i))
        return op->emitError() << "axis '" << axis.getName().getValue()
                               << "' is tiled but indexes memory by " << AffineMapAttr::get(map);
      sum = sum + getAffineDimExpr(it - tiled.begin(), context) * constant.getValue();
    }
    linear.push_back(sum);
  }
  access.map = AffineMap::get(tiled.size(), 0, linear, context);
  for (auto [i, axis] : llvm::enumerate(tiled))
    if (Value left = positions[axis].left) {
      access.limited.push_back(i);
      access.limits.push_back(left);
    }
  return access;
}

FailureOr<Value> TileBuilder::writeRead(ReadOp op, Value memory) {
  SmallVector<StringAttr> tiled = tiledAxes(op.getType());
  FailureOr<Access> access = accessOf(op, op.getMap(), tiled);
  if (failed(access))
    return failure();
  RankedTensorType type = tileType(op.getType());
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Value tile = LoadOp::create(builder, op.getLoc(), type.clone(element), memory, access->offsets,
                              access->limits, access->map, access->limited);
  if (!type.getElementType().isInteger(1))
    return tile;
  auto bytes = cast<RankedTensorType>(tile.getType());
  return arith::CmpIOp::create(builder, op.getLoc(), arith::CmpIPredicate::ne, tile,
                               splat(builder.getZeroAttr(element), bytes))
      .getResult();
}

LogicalResult TileBuilder::writeStore(Value value, Value tile, AffineMap map, Value memory) {
  SmallVector<StringAttr> tiled = tiledAxes(value.getType()), written;
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  for (AxisAttr axis : schedule.getTiles())
    for (auto [i, declared] : llvm::enumerate(axes))
      if (declared.getName() == axis.getName() && map.isFunctionOfDim(i))
        written.push_back(axis.getName());
  tile = broadcastTile(tile, tiled, written); // the same for all of an output axis
  FailureOr<Access> access = accessOf(kernel, map, written);
  if (failed(access))
    return failure();
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getElementType().isInteger(1))
    tile = arith::ExtUIOp::create(builder, loc, type.clone(builder.getI8Type()), tile);
  StoreOp::create(builder, loc, tile, memory, access->offsets, access->limits, access->map,
                  access->limited);
  return success();
}
