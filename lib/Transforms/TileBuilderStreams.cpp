//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sweeps of a tile program: blocks of the streamed axis in order, in up to three
// loops. Only a block that may leave the extent is written with limits and masks.
//
//===----------------------------------------------------------------------===//

#include "StreamBounds.h"
#include "TileBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace flashlight;

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

  // [from, to) in steps of a tile, from a multiple of it. `partial`: the last block may reach
  // beyond the extent. `full`: every condition that bounds the sweep holds all over these blocks.
  auto loop = [&](Value from, Value to, bool partial, bool full) -> LogicalResult {
    auto forOp = scf::ForOp::create(builder, op.getLoc(), from, to, index(tile), state);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(forOp.getBody());
    Position &position = positions[name];
    position.base = forOp.getInductionVar();
    if (op.getReverse()) { // the first block's mirror image is the last one
      Value last = arith::SubIOp::create(builder, loc, to, index(1));
      last = arith::SubIOp::create(builder, loc, last,
                                   arith::RemUIOp::create(builder, loc, last, index(tile)));
      Value both = arith::AddIOp::create(builder, loc, from, last);
      position.base = arith::SubIOp::create(builder, loc, both, position.base);
    }
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

  if (op.getKeep()) {
    if (failed(writeBoundedSweep(op, {size, whole, divides || tile == 1}, loop)))
      return failure();
  } else {
    auto blocks = [&]() {
      bool some = axis.isDynamic() || axis.getSize() >= tile;
      return some ? loop(index(0), whole, false, false) : success();
    };
    auto rest = [&]() -> LogicalResult {
      if (divides || tile == 1)
        return success();
      if (axis.isDynamic())
        return loop(whole, size, true, false);
      positions[name] = {whole, index(axis.getSize() % tile)};
      FailureOr<SmallVector<Value>> next = writeSweep(op, memo, state);
      if (failed(next))
        return failure();
      state = *next;
      return success();
    };
    bool reverse = op.getReverse();
    if ((reverse && failed(rest())) || failed(blocks()) || (!reverse && failed(rest())))
      return failure();
  }
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

  // Three parts: at the lower border, inside, at the upper border.
  Value fullBegin = begin, fullEnd = atMost(extent.whole, down(end));
  Value lowerEnd;
  if (bounds.full->begin) {
    Value up =
        arith::AddIOp::create(builder, loc, atLeast(bounds.full->begin, zero), index(tile - 1));
    lowerEnd = atMost(atLeast(down(up), begin), end);
    fullBegin = down(
        arith::AddIOp::create(builder, loc, lowerEnd, index(tile - 1))); // where that loop ends
  }
  if (bounds.full->end)
    fullEnd = atMost(fullEnd, down(atLeast(bounds.full->end, zero)));
  fullEnd = atLeast(fullEnd, fullBegin);
  auto lower = [&]() { return lowerEnd ? loop(begin, lowerEnd, mayLeave, false) : success(); };
  auto upper = [&]() {
    bool some = bounds.full->end || !extent.divides;
    return some ? loop(fullEnd, end, mayLeave, false) : success();
  };
  bool reverse = op.getReverse();
  if (failed(reverse ? upper() : lower()) || failed(loop(fullBegin, fullEnd, false, true)))
    return failure();
  return reverse ? lower() : upper();
}
