//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. A constraint c n + r >= 0 with c = 1 or -1 and r linear in the other
// axes bounds n by the largest r of the tile (may hold) or the smallest (holds for all):
//
//   c = -1:   n <= max r (touched),   n <= min r (full)
//   c = +1:   n >= -max r (touched),  n >= -min r (full)
//
// Conjunctions intersect ranges, disjunctions take the hull of what is touched and
// join full ranges that meet.
//
//===----------------------------------------------------------------------===//

#include "StreamBounds.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;
using namespace flashlight;

namespace {

class BoundsBuilder {
public:
  BoundsBuilder(StreamOp stream, OpBuilder &builder, Location loc,
                llvm::function_ref<std::pair<Value, int64_t>(AxisAttr)> positionOf,
                llvm::function_ref<Value(StringAttr)> symbolOf)
      : stream(stream), builder(builder), loc(loc), positionOf(positionOf), symbolOf(symbolOf) {
    auto kernel = stream->getParentOfType<KernelOp>();
    axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
    for (auto [i, axis] : llvm::enumerate(axes))
      if (axis.getName() == stream.getAxisAttr())
        streamPosition = i;
  }

  StreamBounds conjunction(IntegerSet set);
  Value least(Value a, Value b) {
    return !a || !b ? (a ? a : b) : arith::MinSIOp::create(builder, loc, a, b).getResult();
  }
  Value greatest(Value a, Value b) {
    return !a || !b ? (a ? a : b) : arith::MaxSIOp::create(builder, loc, a, b).getResult();
  }

private:
  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value extreme(AffineExpr expr, bool largest);

  StreamOp stream;
  OpBuilder &builder;
  Location loc;
  llvm::function_ref<std::pair<Value, int64_t>(AxisAttr)> positionOf;
  llvm::function_ref<Value(StringAttr)> symbolOf;
  SmallVector<AxisAttr> axes;
  unsigned streamPosition = 0;
};

} // namespace

/// The coefficient of a dim or symbol in a linear expression: its difference at 1 and 0.
static int64_t coefficient(AffineExpr expr, unsigned position, bool symbol, unsigned dims,
                           unsigned symbols) {
  MLIRContext *context = expr.getContext();
  SmallVector<AffineExpr> d(dims, getAffineConstantExpr(0, context)),
      s(symbols, getAffineConstantExpr(0, context));
  auto at = [&](int64_t value) {
    (symbol ? s : d)[position] = getAffineConstantExpr(value, context);
    return cast<AffineConstantExpr>(expr.replaceDimsAndSymbols(d, s)).getValue();
  };
  int64_t one = at(1);
  return one - at(0);
}

/// The largest or smallest value over the tile of an expression without the streamed axis.
Value BoundsBuilder::extreme(AffineExpr expr, bool largest) {
  auto symbolNames =
      stream.getKeepSymbols() ? stream.getKeepSymbols()->getValue() : ArrayRef<Attribute>();
  unsigned dims = axes.size(), symbols = symbolNames.size();
  SmallVector<AffineExpr> zeroDims(dims, getAffineConstantExpr(0, expr.getContext()));
  SmallVector<AffineExpr> zeroSymbols(symbols, getAffineConstantExpr(0, expr.getContext()));
  int64_t constant =
      cast<AffineConstantExpr>(expr.replaceDimsAndSymbols(zeroDims, zeroSymbols)).getValue();
  Value sum;
  auto add = [&](Value value, int64_t scale) {
    if (scale != 1)
      value = arith::MulIOp::create(builder, loc, value, index(scale));
    sum = sum ? arith::AddIOp::create(builder, loc, sum, value).getResult() : value;
  };
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t scale = i == streamPosition ? 0 : coefficient(expr, i, false, dims, symbols);
    if (scale == 0)
      continue;
    auto [base, tile] = positionOf(axis);
    add(base, scale);
    if ((scale > 0) == largest)
      constant += scale * (tile - 1);
  }
  for (unsigned i = 0; i < symbols; ++i)
    if (int64_t scale = coefficient(expr, i, true, dims, symbols))
      add(symbolOf(cast<StringAttr>(symbolNames[i])), scale);
  if (!sum)
    return index(constant);
  return constant == 0 ? sum
                       : arith::AddIOp::create(builder, loc, sum, index(constant)).getResult();
}

StreamBounds BoundsBuilder::conjunction(IntegerSet set) {
  StreamBounds bounds;
  bounds.full.emplace();
  for (AffineExpr expr : set.getConstraints()) {
    int64_t c = coefficient(expr, streamPosition, false, set.getNumDims(), set.getNumSymbols());
    if (c != 1 && c != -1) {
      bounds.full.reset(); // rows only, or a multiple: no bound, and nothing is known to be full
      continue;
    }
    Value most = extreme(expr, /*largest=*/true), least = extreme(expr, /*largest=*/false);
    if (c == -1) {
      auto past = [&](Value r) {
        return arith::AddIOp::create(builder, loc, r, index(1)).getResult();
      };
      bounds.touched.end = this->least(bounds.touched.end, past(most));
      if (bounds.full)
        bounds.full->end = this->least(bounds.full->end, past(least));
    } else {
      auto from = [&](Value r) {
        return arith::SubIOp::create(builder, loc, index(0), r).getResult();
      };
      bounds.touched.begin = greatest(bounds.touched.begin, from(most));
      if (bounds.full)
        bounds.full->begin = greatest(bounds.full->begin, from(least));
    }
  }
  return bounds;
}

StreamBounds
flashlight::computeStreamBounds(StreamOp stream, OpBuilder &builder, Location loc,
                                llvm::function_ref<std::pair<Value, int64_t>(AxisAttr)> positionOf,
                                llvm::function_ref<Value(StringAttr)> symbolOf) {
  BoundsBuilder build(stream, builder, loc, positionOf, symbolOf);
  std::optional<StreamBounds> all;
  for (Attribute set : *stream.getKeep()) {
    StreamBounds part = build.conjunction(cast<IntegerSetAttr>(set).getValue());
    if (!all) {
      all = part;
      continue;
    }
    // A missing bound of one part is a missing bound of the union.
    auto hull = [&](Value a, Value b, bool begin) {
      return !a || !b ? Value() : begin ? build.least(a, b) : build.greatest(a, b);
    };
    all->touched = {hull(all->touched.begin, part.touched.begin, true),
                    hull(all->touched.end, part.touched.end, false)};
    if (all->full && part.full && !all->full->begin && !part.full->begin)
      all->full->end = hull(all->full->end, part.full->end, false); // both start at 0: they meet
    else if (!all->full || (part.full && !all->full->begin && part.full->begin))
      all->full = all->full ? all->full : part.full;
  }
  // No region at all: a condition that never holds. The sweep is short then; it needs no bound.
  return all.value_or(StreamBounds());
}
