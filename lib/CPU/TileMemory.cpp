//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loads and stores of tiles, as loops. Strides are known only when a kernel
// runs: tests on strides select between a copy by vectors, where the tile's innermost
// dim is contiguous, a copy by blocks that are transposed in registers, where another
// dim is (a query, a mask: by elements every one would touch a cache line of its own),
// and a copy by elements (a broadcast).
// Whatever lies beyond a limit is neither read nor written; a loaded tile is zero
// there. It is zero too where an index that is a value leaves the memory, which
// no element within the limits does in a program that PyTorch runs.
//
//===----------------------------------------------------------------------===//

#include "TileMemory.h"
#include "TileGather.h"
#include "TileTranspose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace flashlight;

namespace {

/// The loops of one access. `Dims` of the tile are visited outermost first, the
/// last one longer than 1 innermost.
struct Access {
  Access(OpBuilder &builder, Location loc, Value memory, ValueRange offsets, ValueRange limits,
         ValueRange indices, AffineMap map, ArrayRef<int64_t> limited, Value buffer, unsigned lanes,
         bool isLoad);

  void emit();

private:
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value multiply(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }

  Value gather(Value address, Value &inside);
  void emitDim(unsigned dim, Value address, bool contiguous, bool zero);
  void emitLoop(unsigned dim, Value from, Value to, Value address, bool contiguous, bool zero);
  void emitElement(Value address, bool zero);
  void emitVectors(Value address, bool zero);
  void emitVector(Value start, int64_t width, Value address, bool zero);
  bool mayTranspose(unsigned across) const;
  void emitTransposed(unsigned across, unsigned dim, Value address);
  void emitBlocks(unsigned across, Value address);

  /// A dim of the memory along which index tiles say where an element is.
  struct GatheredDim {
    Value offset, size, stride;
    SmallVector<int64_t> coefficients;                 // of tile dims
    SmallVector<std::pair<Value, int64_t>> indexTiles; // buffers, and their factors
  };

  OpBuilder &b;
  Location loc;
  Value buffer;
  unsigned lanes;
  bool isLoad;
  ArrayRef<int64_t> shape;
  Type element;              // in memory
  Value flat, base;          // the memory as one dim, the address of the tile's first element
  SmallVector<Value> stride; // in elements, of each tile dim
  SmallVector<Value> count;  // elements within the limit, of each tile dim; null: all
  SmallVector<Value> at;     // where in the tile
  int64_t inner = -1;        // the innermost dim longer than 1
  SmallVector<GatheredDim> gathered;
  int64_t gatherDepth = -1; // how many dims of the tile say where it is gathered from; -1: none
};

} // namespace

Access::Access(OpBuilder &builder, Location loc, Value memory, ValueRange offsets,
               ValueRange limits, ValueRange indices, AffineMap map, ArrayRef<int64_t> limited,
               Value buffer, unsigned lanes, bool isLoad)
    : b(builder), loc(loc), buffer(buffer), lanes(lanes), isLoad(isLoad),
      shape(cast<MemRefType>(buffer.getType()).getShape()),
      element(cast<MemRefType>(memory.getType()).getElementType()) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, memory);
  flat = flatMemory(b, loc, memory);
  base = index(0);
  SmallVector<SmallVector<int64_t>> coefficients; // [memory dim][tile dim, then index tile]
  unsigned rank = shape.size();
  for (auto [k, expr] : llvm::enumerate(map.getResults())) {
    MutableArrayRef<int64_t> own = coefficients.emplace_back(rank + indices.size(), 0);
    addCoefficients(expr, own, rank);
    GatheredDim dim{offsets[k],
                    metadata.getSizes()[k],
                    metadata.getStrides()[k],
                    SmallVector<int64_t>(own.take_front(rank)),
                    {}};
    for (auto [i, tile] : llvm::enumerate(indices))
      if (own[rank + i] != 0)
        dim.indexTiles.emplace_back(tile, own[rank + i]);
    if (dim.indexTiles.empty()) {
      base = add(base, multiply(dim.offset, dim.stride));
      continue;
    }
    // Its part of the address is added where all of its indices are known.
    std::fill(own.begin(), own.end(), 0);
    gatherDepth = std::max<int64_t>(gatherDepth, 0);
    for (int64_t i = 0; i < rank; ++i) {
      bool varies = (dim.coefficients[i] != 0 && shape[i] > 1) ||
                    llvm::any_of(dim.indexTiles, [&](auto &tile) {
                      return cast<MemRefType>(tile.first.getType()).getDimSize(i) > 1;
                    });
      if (varies)
        gatherDepth = std::max(gatherDepth, i + 1);
    }
    gathered.push_back(std::move(dim));
  }
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    Value sum;
    for (auto [k, memoryStride] : llvm::enumerate(metadata.getStrides())) {
      int64_t factor = coefficients[k][dim];
      if (factor == 0)
        continue;
      Value term = factor == 1 ? Value(memoryStride) : multiply(memoryStride, index(factor));
      sum = sum ? add(sum, term) : term;
    }
    stride.push_back(sum ? sum : index(0));
    if (shape[dim] > 1)
      inner = dim;
  }
  count.resize(shape.size());
  for (auto [dim, limit] : llvm::zip(limited, limits)) {
    Value atMost = arith::MinSIOp::create(b, loc, limit, index(shape[dim]));
    count[dim] = arith::MaxSIOp::create(b, loc, atMost, index(0));
  }
  at.assign(shape.size(), index(0));
}

void Access::emit() {
  if (inner < 0 || gatherDepth > inner)
    return emitDim(0, base, /*contiguous=*/false, /*zero=*/false);
  Value contiguous =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, stride[inner], index(1));
  auto choice = scf::IfOp::create(b, loc, contiguous, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  emitDim(0, base, /*contiguous=*/true, /*zero=*/false);
  b.setInsertionPointToStart(choice.elseBlock());
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    if (!mayTranspose(dim))
      continue;
    Value along = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, stride[dim], index(1));
    auto transposed = scf::IfOp::create(b, loc, along, /*withElseRegion=*/true);
    b.setInsertionPointToStart(transposed.thenBlock());
    emitTransposed(dim, 0, base);
    b.setInsertionPointToStart(transposed.elseBlock());
  }
  emitDim(0, base, /*contiguous=*/false, /*zero=*/false);
}

/// True if the tile may be copied in blocks of `across` and the innermost dim.
bool Access::mayTranspose(unsigned across) const {
  if (!isLoad || !gathered.empty() || static_cast<int64_t>(across) == inner || shape[across] < 4)
    return false;
  for (unsigned dim = 0; dim < shape.size(); ++dim) // beyond another limit all would be zero
    if (count[dim] && dim != across && static_cast<int64_t>(dim) != inner)
      return false;
  return true;
}

/// Dims `dim` and further in, but for the two of a block.
void Access::emitTransposed(unsigned across, unsigned dim, Value address) {
  if (dim == shape.size())
    return emitBlocks(across, address);
  if (dim == across || static_cast<int64_t>(dim) == inner || shape[dim] == 1)
    return emitTransposed(across, dim + 1, address);
  auto loop = scf::ForOp::create(b, loc, index(0), index(shape[dim]), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value outer = std::exchange(at[dim], loop.getInductionVar());
  emitTransposed(across, dim + 1, add(address, multiply(at[dim], stride[dim])));
  at[dim] = outer;
}

/// The parts of a dim by blocks of `block`: begin, end, step.
static SmallVector<std::array<int64_t, 3>> segments(int64_t size, int64_t block) {
  int64_t whole = size - size % block;
  SmallVector<std::array<int64_t, 3>> result;
  if (whole > 0)
    result.push_back({0, whole, block});
  if (whole < size)
    result.push_back({whole, size, size - whole});
  return result;
}

void Access::emitBlocks(unsigned across, Value address) {
  int64_t bits = element.getIntOrFloatBitWidth();
  int64_t block = std::max<int64_t>(4, std::min<int64_t>(lanes, lanes * 32 / bits));
  auto loopOver = [&](std::array<int64_t, 3> part) {
    auto loop = scf::ForOp::create(b, loc, index(part[0]), index(part[1]), index(part[2]));
    b.setInsertionPointToStart(loop.getBody());
    return loop.getInductionVar();
  };
  for (auto columns : segments(shape[across], block))
    for (auto rows : segments(shape[inner], block)) {
      OpBuilder::InsertionGuard guard(b);
      Value column = std::exchange(at[across], loopOver(columns));
      Value row = std::exchange(at[inner], loopOver(rows));
      TransposedBlock{flat,
                      add(add(address, at[across]), multiply(at[inner], stride[inner])),
                      stride[inner],
                      buffer,
                      at,
                      across,
                      static_cast<unsigned>(inner),
                      count[across],
                      count[inner],
                      block,
                      columns[2],
                      rows[2]}
          .emit(b, loc);
      at[across] = column;
      at[inner] = row;
    }
}

/// Adds to the address what index tiles say at this place of the tile. `inside`: whether all of it
/// lies in the memory.
Value Access::gather(Value address, Value &inside) {
  for (GatheredDim &dim : gathered) {
    Value where = dim.offset;
    for (auto [i, factor] : llvm::enumerate(dim.coefficients))
      if (factor != 0)
        where = add(where, multiply(at[i], index(factor)));
    for (auto [tile, factor] : dim.indexTiles) {
      SmallVector<Value> position(at);
      for (auto [i, size] : llvm::enumerate(cast<MemRefType>(tile.getType()).getShape()))
        if (size == 1)
          position[i] = index(0);
      Value value = memref::LoadOp::create(b, loc, tile, position);
      value = arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
      where = add(where, factor == 1 ? value : multiply(value, index(factor)));
    }
    // Unsigned: a negative index is larger than any extent.
    Value fits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, where, dim.size);
    inside = inside ? arith::AndIOp::create(b, loc, inside, fits).getResult() : fits;
    address = add(address, multiply(where, dim.stride));
  }
  return address;
}

/// Dims `dim` and further in. `zero`: beyond a limit of a dim further out.
void Access::emitDim(unsigned dim, Value address, bool contiguous, bool zero) {
  if (gatherDepth == static_cast<int64_t>(dim) && !zero) {
    Value inside;
    address = gather(address, inside);
    auto choice = scf::IfOp::create(b, loc, inside, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    int64_t depth = std::exchange(gatherDepth, -1);
    b.setInsertionPointToStart(choice.thenBlock());
    emitDim(dim, address, contiguous, /*zero=*/false);
    b.setInsertionPointToStart(choice.elseBlock());
    emitDim(dim, address, contiguous, /*zero=*/true);
    gatherDepth = depth;
    return;
  }
  if (dim == shape.size())
    return emitElement(address, zero);
  bool vectors = static_cast<int64_t>(dim) == inner && (contiguous || zero);
  // Dims further in have one element; if a limit may exclude it, go by elements.
  if (vectors && llvm::none_of(ArrayRef<Value>(count).drop_front(dim + 1),
                               [](Value limit) { return static_cast<bool>(limit); }))
    return emitVectors(address, zero);
  if (!count[dim] || zero)
    return emitLoop(dim, index(0), index(shape[dim]), address, contiguous, zero);
  emitLoop(dim, index(0), count[dim], address, contiguous, /*zero=*/false);
  if (isLoad)
    emitLoop(dim, count[dim], index(shape[dim]), address, contiguous, /*zero=*/true);
}

void Access::emitLoop(unsigned dim, Value from, Value to, Value address, bool contiguous,
                      bool zero) {
  auto loop = scf::ForOp::create(b, loc, from, to, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value outer = std::exchange(at[dim], loop.getInductionVar());
  emitDim(dim + 1, zero ? address : add(address, multiply(at[dim], stride[dim])), contiguous, zero);
  at[dim] = outer;
}

void Access::emitElement(Value address, bool zero) {
  if (!isLoad) {
    Value value = memref::LoadOp::create(b, loc, buffer, at);
    memref::StoreOp::create(b, loc, fromStored(b, loc, value, element), flat, address);
    return;
  }
  Value value = zero ? Value(arith::ConstantOp::create(b, loc, b.getZeroAttr(element)))
                     : Value(memref::LoadOp::create(b, loc, flat, address));
  memref::StoreOp::create(b, loc, toStored(b, loc, value), buffer, at);
}

/// The innermost dim, by vectors; its last ones may be cut off by a limit.
void Access::emitVectors(Value address, bool zero) {
  int64_t size = shape[inner], whole = size - size % lanes;
  if (whole > 0) {
    auto loop = scf::ForOp::create(b, loc, index(0), index(whole), index(lanes));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emitVector(loop.getInductionVar(), lanes, address, zero);
  }
  if (whole < size)
    emitVector(index(whole), size - whole, address, zero);
}

void Access::emitVector(Value start, int64_t width, Value address, bool zero) {
  auto type = VectorType::get(width, element);
  auto storedType = VectorType::get(width, storedAs(element));
  SmallVector<Value> position(at);
  position[inner] = start;
  Value from = add(address, start), mask, value;
  if (count[inner] && !zero) {
    Value left = arith::SubIOp::create(b, loc, count[inner], start);
    mask = vector::CreateMaskOp::create(b, loc, VectorType::get(width, b.getI1Type()), left);
  }
  if (!isLoad) {
    value = vector::LoadOp::create(b, loc, storedType, buffer, position);
    value = fromStored(b, loc, value, element);
    if (mask)
      vector::MaskedStoreOp::create(b, loc, flat, from, mask, value);
    else
      vector::StoreOp::create(b, loc, value, flat, from);
    return;
  }
  Value nothing = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  if (zero)
    value = nothing;
  else if (mask)
    value = vector::MaskedLoadOp::create(b, loc, type, flat, from, mask, nothing);
  else
    value = vector::LoadOp::create(b, loc, type, flat, from);
  vector::StoreOp::create(b, loc, toStored(b, loc, value), buffer, position);
}

void flashlight::emitLoad(OpBuilder &builder, LoadOp op, ValueRange indexBuffers, Value buffer,
                          unsigned lanes) {
  Access(builder, op.getLoc(), op.getSource(), op.getOffsets(), op.getLimits(), indexBuffers,
         op.getMap(), op.getLimited(), buffer, lanes, /*isLoad=*/true)
      .emit();
}

void flashlight::emitStore(OpBuilder &builder, StoreOp op, Value buffer, unsigned lanes) {
  Access(builder, op.getLoc(), op.getTarget(), op.getOffsets(), op.getLimits(), ValueRange(),
         op.getMap(), op.getLimited(), buffer, lanes, /*isLoad=*/false)
      .emit();
}
