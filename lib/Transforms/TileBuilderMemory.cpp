//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How a tile program reads and writes memory. An index that is linear in the tile's
// axes is an offset and strides; any other part of it is computed as a tile.
//
//===----------------------------------------------------------------------===//

#include "IndexSpace.h"
#include "TileBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace flashlight;

/// True for an expression that is never negative: axes are not, symbols may be.
static bool isNeverNegative(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0;
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr))
    return expr.getKind() == AffineExprKind::Mod ||
           (isNeverNegative(binary.getLHS()) && isNeverNegative(binary.getRHS()));
  return isa<AffineDimExpr>(expr);
}

/// An index expression as arithmetic on `index` or on tiles of integers. `leaf` gives the values
/// of dims, symbols and constants.
Value TileBuilder::writeIndex(AffineExpr expr, llvm::function_ref<Value(AffineExpr)> leaf) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return leaf(expr);
  Value lhs = writeIndex(binary.getLHS(), leaf), rhs = writeIndex(binary.getRHS(), leaf);
  if (expr.getKind() == AffineExprKind::Add)
    return arith::AddIOp::create(builder, loc, lhs, rhs);
  if (expr.getKind() == AffineExprKind::Mul)
    return arith::MulIOp::create(builder, loc, lhs, rhs);
  // Divisors are positive constants.
  if (expr.getKind() == AffineExprKind::CeilDiv)
    lhs = arith::AddIOp::create(
        builder, loc, lhs,
        arith::SubIOp::create(builder, loc, rhs, leaf(builder.getAffineConstantExpr(1))));
  bool modulo = expr.getKind() == AffineExprKind::Mod;
  if (isNeverNegative(binary.getLHS()))
    return modulo ? arith::RemUIOp::create(builder, loc, lhs, rhs).getResult()
                  : arith::DivUIOp::create(builder, loc, lhs, rhs).getResult();
  Value rest = arith::RemSIOp::create(builder, loc, lhs, rhs);
  Value zero = leaf(builder.getAffineConstantExpr(0));
  Value below = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, rest, zero);
  Value wrapped = arith::AddIOp::create(builder, loc, rest, rhs);
  rest = arith::SelectOp::create(builder, loc, below, wrapped, rest);
  if (modulo)
    return rest;
  return arith::DivSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, lhs, rest), rhs);
}

/// An index expression at the tile's first element.
Value TileBuilder::writeBase(AffineExpr expr) {
  return writeIndex(expr, [&](AffineExpr leaf) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(leaf))
      return index(constant.getValue());
    auto axis = cast<AxisAttr>(kernel.getAxes()[cast<AffineDimExpr>(leaf).getPosition()]);
    auto it = positions.find(axis.getName());
    return it == positions.end() ? index(0) : it->second.base;
  });
}

/// The axes among `tiled` that an expression of axes and index tiles varies along.
SmallVector<StringAttr> TileBuilder::axesOf(AffineExpr expr, ArrayRef<StringAttr> tiled,
                                            ArrayRef<IndexTile> indices) {
  SmallVector<StringAttr> own;
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  for (StringAttr name : tiled) {
    bool varies = llvm::any_of(llvm::enumerate(axes), [&](auto axis) {
      return axis.value().getName() == name && expr.isFunctionOfDim(axis.index());
    });
    for (auto [i, index] : llvm::enumerate(indices))
      varies |= expr.isFunctionOfSymbol(i) && llvm::is_contained(index.axes, name);
    if (varies)
      own.push_back(name);
  }
  return own;
}

/// An index expression as a tile along `own`.
Value TileBuilder::writeIndexTile(AffineExpr expr, ArrayRef<StringAttr> own,
                                  ArrayRef<IndexTile> indices) {
  Type element = builder.getI64Type();
  auto typeOf = [&](ArrayRef<StringAttr> axes) {
    SmallVector<int64_t> shape;
    for (StringAttr axis : axes)
      shape.push_back(schedule.getTile(axis));
    return RankedTensorType::get(shape, element);
  };
  return writeIndex(expr, [&](AffineExpr leaf) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(leaf))
      return splat(builder.getI64IntegerAttr(constant.getValue()), typeOf(own));
    if (auto symbol = dyn_cast<AffineSymbolExpr>(leaf)) {
      const IndexTile &index = indices[symbol.getPosition()];
      Value tile = index.tile;
      if (cast<RankedTensorType>(tile.getType()).getElementType() != element)
        tile = arith::ExtSIOp::create(builder, loc, typeOf(index.axes), tile);
      return broadcastTile(tile, index.axes, own);
    }
    auto axis = cast<AxisAttr>(kernel.getAxes()[cast<AffineDimExpr>(leaf).getPosition()]);
    auto it = positions.find(axis.getName());
    Value base = it == positions.end() ? index(0) : it->second.base;
    base = arith::IndexCastOp::create(builder, loc, element, base);
    base = tensor::SplatOp::create(builder, loc, base, typeOf(own));
    if (!llvm::is_contained(own, axis.getName()))
      return base;
    Value line = IotaOp::create(builder, loc, typeOf({axis.getName()}));
    return arith::AddIOp::create(builder, loc, base, broadcastTile(line, {axis.getName()}, own));
  });
}

/// Splits each index into the part at the tile's first element, the part linear in tile dims and
/// index tiles, and what is neither, which becomes another index tile.
FailureOr<TileBuilder::Access> TileBuilder::accessOf(Operation *op, AffineMap map,
                                                     ArrayRef<StringAttr> tiled,
                                                     ArrayRef<IndexTile> indices) {
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  Access access;
  SmallVector<AffineExpr> linear;
  MLIRContext *context = builder.getContext();
  AffineExpr zero = getAffineConstantExpr(0, context);

  auto isLinear = [&](AffineExpr expr) { // in all tile dims, and no index
    for (auto [i, axis] : llvm::enumerate(axes))
      if (llvm::is_contained(tiled, axis.getName()) && !isLinearIn(expr, i))
        return false;
    return llvm::none_of(llvm::seq<unsigned>(0, indices.size()),
                         [&](unsigned i) { return expr.isFunctionOfSymbol(i); });
  };
  auto addIndex = [&](Value tile, ArrayRef<StringAttr> own) {
    access.indices.push_back(broadcastTile(tile, own, tiled));
    return getAffineSymbolExpr(access.indices.size() - 1, context);
  };
  for (AffineExpr expr : map.getResults()) {
    AffineExpr offset = zero, sum = zero;
    // Terms of a sum, each times a factor.
    SmallVector<std::pair<AffineExpr, int64_t>> terms{{expr, 1}};
    while (!terms.empty()) {
      auto [term, factor] = terms.pop_back_val();
      auto binary = dyn_cast<AffineBinaryOpExpr>(term);
      if (isLinear(term)) {
        offset = offset + term * factor;
        for (auto [i, axis] : llvm::enumerate(axes)) {
          auto *it = llvm::find(tiled, axis.getName());
          if (it == tiled.end() || !term.isFunctionOfDim(i))
            continue;
          // The coefficient of a linear form: its difference at 1 and 0.
          SmallVector<AffineExpr> none(axes.size(), zero), one = none;
          one[i] = getAffineConstantExpr(1, context);
          auto step = cast<AffineConstantExpr>(term.replaceDims(one) - term.replaceDims(none));
          sum = sum + getAffineDimExpr(it - tiled.begin(), context) * (step.getValue() * factor);
        }
      } else if (term.getKind() == AffineExprKind::Add) {
        terms.emplace_back(binary.getRHS(), factor);
        terms.emplace_back(binary.getLHS(), factor);
      } else if (term.getKind() == AffineExprKind::Mul &&
                 isa<AffineConstantExpr>(binary.getRHS())) {
        int64_t scale = cast<AffineConstantExpr>(binary.getRHS()).getValue();
        terms.emplace_back(binary.getLHS(), factor * scale);
      } else if (auto symbol = dyn_cast<AffineSymbolExpr>(term)) {
        const IndexTile &tile = indices[symbol.getPosition()];
        sum = sum + addIndex(tile.tile, tile.axes) * factor;
      } else if (isa<KernelOp>(op)) {
        return op->emitError() << "cannot write through " << AffineMapAttr::get(map)
                               << ", which divides a tiled axis";
      } else {
        SmallVector<StringAttr> own = axesOf(term, tiled, indices);
        sum = sum + addIndex(writeIndexTile(term, own, indices), own) * factor;
      }
    }
    access.offsets.push_back(writeBase(offset));
    linear.push_back(sum);
  }
  access.map = AffineMap::get(tiled.size(), access.indices.size(), linear, context);
  for (auto [i, axis] : llvm::enumerate(tiled))
    if (Value left = positions[axis].left) {
      access.limited.push_back(i);
      access.limits.push_back(left);
    }
  return access;
}

FailureOr<Value> TileBuilder::writeRead(ReadOp op, Memo &memo) {
  SmallVector<StringAttr> tiled = tiledAxes(op.getType());
  SmallVector<IndexTile> indices;
  for (Value index : op.getIndices())
    indices.push_back({memo[index], tiledAxes(index.getType())});
  FailureOr<Access> access = accessOf(op, op.getMap(), tiled, indices);
  if (failed(access))
    return failure();
  RankedTensorType type = tileType(op.getType());
  Value memory = memo[op.getSource()];
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Value tile = LoadOp::create(builder, op.getLoc(), type.clone(element), memory, access->offsets,
                              access->indices, access->limits, access->map, access->limited);
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
  FailureOr<Access> access = accessOf(kernel, map, written, {});
  if (failed(access))
    return failure();
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getElementType().isInteger(1))
    tile = arith::ExtUIOp::create(builder, loc, type.clone(builder.getI8Type()), tile);
  StoreOp::create(builder, loc, tile, memory, access->offsets, access->limits, access->map,
                  access->limited);
  return success();
}
