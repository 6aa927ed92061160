//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loads and stores: a tile of pointers, and a mask from the limits.
//
// Element t of a tile lies at sum_d stride_d (offset_d + sum_j map_dj t_j)
//   = sum_d stride_d offset_d  +  sum_j t_j (sum_d map_dj stride_d):
// one scalar, in 64 bits unless it is proved small, and one vector for each dim of
// the tile, in 32 bits where its stride is a constant and the tile spans less than 2^31.
// A gather adds a tile: sum_s index_s[t] (sum_d map_ds stride_d).
//
//===----------------------------------------------------------------------===//

#include "Converter.h"
#include "Tiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

/// The coefficients in a linear expression: of each dim, then of each symbol.
static void addCoefficients(AffineExpr expr, int64_t factor, unsigned dims,
                            MutableArrayRef<int64_t> result) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    result[dim.getPosition()] += factor;
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    result[dims + symbol.getPosition()] += factor;
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) // a constant: 0, says the verifier
    return;
  if (expr.getKind() == AffineExprKind::Add) {
    addCoefficients(binary.getLHS(), factor, dims, result);
    addCoefficients(binary.getRHS(), factor, dims, result);
    return;
  }
  addCoefficients(binary.getLHS(), factor * cast<AffineConstantExpr>(binary.getRHS()).getValue(),
                  dims, result);
}

static std::optional<int64_t> constantOf(OpFoldResult value) {
  auto attr = dyn_cast<Attribute>(value);
  return attr ? std::optional<int64_t>(cast<IntegerAttr>(attr).getInt()) : std::nullopt;
}

Value KernelConverter::linearOffset(Location loc, const Memory &memory, ValueRange offsets) {
  // In 32 bits where all partial sums are proved to fit.
  bool narrow = true;
  int64_t low = 0, high = 0;
  for (auto [offset, stride] : llvm::zip(offsets, memory.strides)) {
    std::optional<int64_t> constant = constantOf(stride);
    if (constant && *constant == 0)
      continue;
    Interval range = ranges.get(offset);
    int64_t bounds[2];
    narrow = narrow && constant && *constant > 0 && range.fits(32) &&
             !llvm::MulOverflow(range.lo, *constant, bounds[0]) &&
             !llvm::MulOverflow(range.hi, *constant, bounds[1]) &&
             !llvm::AddOverflow(low, std::min<int64_t>(bounds[0], 0), low) &&
             !llvm::AddOverflow(high, std::max<int64_t>(bounds[1], 0), high) &&
             Interval{low, high}.fits(32);
  }

  Type type = narrow ? builder.getI32Type() : builder.getI64Type();
  Value sum;
  for (auto [offset, stride] : llvm::zip(offsets, memory.strides)) {
    std::optional<int64_t> constant = constantOf(stride);
    Interval range = ranges.get(offset);
    if ((constant && *constant == 0) || (range.lo == 0 && range.hi == 0))
      continue;
    Value term = narrow ? getNarrow(offset) : getWide(offset);
    if (!constant || *constant != 1) {
      Value factor =
          constant ? tiles::constant(builder, loc, type, *constant) : cast<Value>(stride);
      term = arith::MulIOp::create(builder, loc, term, factor);
    }
    sum = sum ? Value(arith::AddIOp::create(builder, loc, sum, term)) : term;
  }
  return sum;
}

/// A dim's stride times a number that is not 0, summed over all dims of the memory: a constant and
/// an i64, which may be null.
static std::pair<int64_t, Value> strideOf(OpBuilder &builder, Location loc,
                                          ArrayRef<OpFoldResult> strides,
                                          ArrayRef<SmallVector<int64_t>> coefficients,
                                          unsigned column) {
  int64_t constant = 0;
  Value dynamic;
  for (auto [d, stride] : llvm::enumerate(strides)) {
    int64_t factor = coefficients[d][column];
    if (std::optional<int64_t> known = constantOf(stride)) {
      constant += factor * *known;
      continue;
    }
    if (factor == 0)
      continue;
    Value term = cast<Value>(stride);
    if (factor != 1)
      term = arith::MulIOp::create(builder, loc, term,
                                   tiles::constant(builder, loc, term.getType(), factor));
    dynamic = dynamic ? Value(arith::AddIOp::create(builder, loc, dynamic, term)) : term;
  }
  if (dynamic && constant != 0) {
    dynamic = arith::AddIOp::create(builder, loc, dynamic,
                                    tiles::constant(builder, loc, dynamic.getType(), constant));
    constant = 0;
  }
  return {constant, dynamic};
}

/// How far the values of an index tile lead: in 32 bits where that is proved to fit. What they are
/// where nothing is loaded does not matter.
Value KernelConverter::gatheredOffset(Location loc, Value indices, int64_t constant,
                                      Value dynamic) {
  Interval range = ranges.get(indices);
  int64_t bounds[2];
  bool narrow = !dynamic && range.fits(32) && !llvm::MulOverflow(range.lo, constant, bounds[0]) &&
                !llvm::MulOverflow(range.hi, constant, bounds[1]) &&
                Interval{std::min(bounds[0], bounds[1]), std::max(bounds[0], bounds[1])}.fits(32);
  Value offset = tiles::cast(builder, loc, get(indices),
                             narrow ? Type(builder.getI32Type()) : builder.getI64Type());
  if (dynamic)
    return arith::MulIOp::create(builder, loc, offset,
                                 tiles::splat(builder, loc, dynamic, tiles::shapeOf(offset)));
  if (constant == 1)
    return offset;
  return arith::MulIOp::create(builder, loc, offset,
                               tiles::constant(builder, loc, offset.getType(), constant));
}

FailureOr<KernelConverter::Access>
KernelConverter::convertAccess(Operation *op, Value memref, ValueRange offsets, ValueRange limits,
                               ValueRange indices, AffineMap map, ArrayRef<int64_t> limited,
                               RankedTensorType tile) {
  Location loc = op->getLoc();
  auto found = memories.find(memref);
  if (found == memories.end())
    return op->emitOpError() << "expected an argument of the kernel as memory";
  const Memory &memory = found->second;
  int64_t rank = tile.getRank();

  Value pointers = memory.pointer;
  if (Value offset = linearOffset(loc, memory, offsets))
    pointers = tt::AddPtrOp::create(builder, loc, pointers.getType(), pointers, offset);

  // [d][j]: how far dim d of the memory moves by a step along dim j of the tile; then, by one in
  // an index tile.
  SmallVector<SmallVector<int64_t>> coefficients;
  for (AffineExpr expr : map.getResults()) {
    coefficients.emplace_back(rank + indices.size(), 0);
    addCoefficients(expr, 1, rank, coefficients.back());
  }
  auto rangeAlong = [&](int64_t j) -> Value {
    int64_t extent = tile.getDimSize(j);
    return tt::MakeRangeOp::create(builder, loc,
                                   RankedTensorType::get({extent}, builder.getI32Type()), 0,
                                   static_cast<int32_t>(extent));
  };

  SmallVector<int64_t> shape(rank, 1);
  SmallVector<int64_t> allDims = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  for (int64_t j = 0; j < rank; ++j) {
    int64_t extent = tile.getDimSize(j);
    if (extent == 1)
      continue;
    auto [constant, dynamic] = strideOf(builder, loc, memory.strides, coefficients, j);
    if (!dynamic && constant == 0)
      continue;

    Value steps = rangeAlong(j);
    int64_t span;
    bool narrow =
        !dynamic && !llvm::MulOverflow(constant, extent, span) && Interval{span, span}.fits(32);
    if (!narrow)
      steps = tiles::cast(builder, loc, steps, builder.getI64Type());
    if (dynamic)
      steps =
          arith::MulIOp::create(builder, loc, steps, tiles::splat(builder, loc, dynamic, {extent}));
    else if (constant != 1)
      steps = arith::MulIOp::create(builder, loc, steps,
                                    tiles::constant(builder, loc, steps.getType(), constant));

    // A dim at a time, so that Triton sees rows of pointers that are one apart.
    shape[j] = extent;
    pointers = tiles::shapeOf(pointers).empty()
                   ? tiles::splat(builder, loc, pointers, shape)
                   : tiles::broadcast(builder, loc, pointers, allDims, shape);
    steps = tiles::broadcast(builder, loc, steps, {j}, shape);
    pointers = tt::AddPtrOp::create(builder, loc, pointers.getType(), pointers, steps);
  }
  if (tiles::shapeOf(pointers) != tile.getShape())
    pointers = tiles::shapeOf(pointers).empty()
                   ? tiles::splat(builder, loc, pointers, tile.getShape())
                   : tiles::broadcast(builder, loc, pointers, allDims, tile.getShape());

  for (auto [i, index] : llvm::enumerate(indices)) {
    auto [constant, dynamic] = strideOf(builder, loc, memory.strides, coefficients, rank + i);
    if (!dynamic && constant == 0)
      continue;
    Value offset = gatheredOffset(loc, index, constant, dynamic);
    pointers = tt::AddPtrOp::create(builder, loc, pointers.getType(), pointers, offset);
  }

  Value mask;
  for (auto [dim, limit] : llvm::zip(limited, limits)) {
    Value index = rangeAlong(dim);
    Value bound = isNarrow(limit) ? getNarrow(limit) : getWide(limit);
    index = tiles::cast(builder, loc, index, bound.getType());
    bound = tiles::splat(builder, loc, bound, {tile.getDimSize(dim)});
    Value in = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, index, bound);
    in = tiles::broadcast(builder, loc, in, {dim}, tile.getShape());
    mask = mask ? Value(arith::AndIOp::create(builder, loc, mask, in)) : in;
  }
  return Access{pointers, mask};
}

LogicalResult KernelConverter::convertLoad(LoadOp op) {
  auto tile = cast<RankedTensorType>(op.getType());
  FailureOr<Access> access = convertAccess(op, op.getSource(), op.getOffsets(), op.getLimits(),
                                           op.getIndices(), op.getMap(), op.getLimited(), tile);
  if (failed(access))
    return failure();
  Type type = convertType(tile);
  Value zero = access->mask ? tiles::constant(builder, op.getLoc(), type, 0) : Value();
  map[op.getResult()] =
      tt::LoadOp::create(builder, op.getLoc(), type, access->pointers, access->mask, zero);
  return success();
}

LogicalResult KernelConverter::convertStore(StoreOp op) {
  auto tile = cast<RankedTensorType>(op.getValue().getType());
  FailureOr<Access> access = convertAccess(op, op.getTarget(), op.getOffsets(), op.getLimits(), {},
                                           op.getMap(), op.getLimited(), tile);
  if (failed(access))
    return failure();
  tt::StoreOp::create(builder, op.getLoc(), access->pointers, getWide(op.getValue()), access->mask);
  return success();
}
