//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-vectorize-tiles: see Passes.td. One linalg.generic on static buffers
// becomes
//
//   for parallel dims, by blocks of rows x vectors:
//     acc = start of the block                          registers
//     for reduced dims: acc = body(inputs, acc)         one evaluation per point
//     store acc
//
// If the vector dim itself is reduced, a lane holds a partial result, and lanes are
// combined after the sweep.
//
//===----------------------------------------------------------------------===//

#include "TileMemory.h"
#include "Vectorizer.h"
#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace flashlight {
#define GEN_PASS_DEF_VECTORIZETILES
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

Vectorizer::Vectorizer(linalg::GenericOp op, unsigned lanes)
    : op(op), b(op), loc(op.getLoc()), width(lanes), numInputs(op.getNumDpsInputs()),
      operands(op->getOperands()), maps(op.getIndexingMapsArray()),
      iterators(op.getIteratorTypesArray()), sizes(op.getStaticLoopRanges()) {
  for (unsigned i = 0; i < op.getNumDpsInits(); ++i)
    (op.payloadUsesValueFromOperand(op.getDpsInitOperand(i)) ? carried : plain).push_back(i);
  vectorDim = chooseVectorDim();
  chooseBlocks();
  base.assign(sizes.size(), Value());
}

/// The dim along which most operands are contiguous; -1 if there is one point only.
int64_t Vectorizer::chooseVectorDim() const {
  SmallVector<int64_t> votes(sizes.size(), 0);
  for (unsigned operand = 0; operand < operands.size(); ++operand) {
    AffineMap map = mapOf(operand);
    int64_t last = -1, weight = 0;
    for (AffineExpr expr : map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && sizes[dim.getPosition()] > 1) {
        last = dim.getPosition();
        ++weight;
      }
    if (last >= 0)
      votes[last] += weight;
  }
  int64_t best = -1;
  for (int64_t dim = 0, e = sizes.size(); dim < e; ++dim) {
    if (sizes[dim] == 1)
      continue;
    // Among equals a parallel dim, then the last.
    if (best < 0 || votes[dim] > votes[best] ||
        (votes[dim] == votes[best] && (!isReduced(dim) || isReduced(best))))
      best = dim;
  }
  return best;
}

/// How many rows and vectors of results are held in registers at once.
void Vectorizer::chooseBlocks() {
  Block &body = *op.getBody();
  unsigned bodyOps = body.getOperations().size() - 1;
  bool contraction = !carried.empty() && plain.empty() && bodyOps <= 4;
  bool costly = llvm::any_of(body, [](Operation &inner) {
    return isa<math::MathDialect>(inner.getDialect()) && !isa<math::FmaOp>(inner);
  });
  bool wide = width >= 16; // AVX-512 has 32 registers, AVX2 16
  bool horizontal = vectorDim >= 0 && isReduced(vectorDim);
  // Rows share the vectors that they load, if there is a dim along which those do not vary (heads
  // that mix heads: not the keys).
  auto isShared = [&](int64_t dim) {
    return llvm::none_of(llvm::seq<unsigned>(0, numInputs), [&](unsigned operand) {
      AffineMap map = mapOf(operand);
      return vectorDim >= 0 && map.isFunctionOfDim(vectorDim) && map.isFunctionOfDim(dim);
    });
  };
  bool shared = false;
  for (int64_t dim = 0, e = sizes.size(); dim < e; ++dim)
    if (dim != vectorDim && !isReduced(dim) && sizes[dim] > 1 && (isShared(dim) || !shared)) {
      rowDim = dim;
      shared = isShared(dim);
    }
  if (contraction)
    rowBlock = horizontal ? 8 : wide ? 8 : 6;
  else if (horizontal)
    rowBlock = costly ? 2 : 4;
  columnBlock = horizontal ? 1 : contraction ? 2 : costly ? 2 : 4;
  if (rowDim < 0)
    rowBlock = 1;
}

SmallVector<Segment> Vectorizer::segments(int64_t dim) const {
  int64_t size = sizes[dim];
  SmallVector<Segment> result;
  auto add = [&](int64_t begin, int64_t end, int64_t points, int64_t lanes) {
    if (begin < end)
      result.push_back({begin, end, points, lanes});
  };
  if (dim != vectorDim) {
    int64_t block = dim == rowDim ? rowBlock : 1, whole = size - size % block;
    add(0, whole, block, 1);
    add(whole, size, size - whole, 1);
    return result;
  }
  int64_t block = columnBlock * width;
  int64_t blocks = size - size % block, vectors = size - size % width;
  add(0, blocks, columnBlock, width);
  add(blocks, vectors, (vectors - blocks) / width, width);
  add(vectors, size, 1, size - vectors);
  return result;
}

LogicalResult Vectorizer::run() {
  SmallVector<int64_t> parallel;
  for (int64_t dim = 0, e = sizes.size(); dim < e; ++dim)
    if (!isReduced(dim) && dim != vectorDim)
      parallel.push_back(dim);
  if (vectorDim >= 0 && !isReduced(vectorDim))
    parallel.push_back(vectorDim);
  if (failed(emitParallel(parallel)))
    return failure();
  op.erase();
  return success();
}

LogicalResult Vectorizer::emitParallel(ArrayRef<int64_t> dims) {
  if (dims.empty())
    return emitBlock();
  int64_t dim = dims.front();
  for (Segment segment : segments(dim)) {
    int64_t step = segment.points * segment.lanes;
    if (dim == vectorDim) {
      columns = segment.points;
      lanes = segment.lanes;
    } else if (dim == rowDim) {
      rows = segment.points;
    }
    OpBuilder::InsertionGuard guard(b);
    if (segment.end - segment.begin == step) {
      base[dim] = index(segment.begin);
    } else {
      auto loop = scf::ForOp::create(b, loc, index(segment.begin), index(segment.end), index(step));
      b.setInsertionPointToStart(loop.getBody());
      base[dim] = loop.getInductionVar();
    }
    if (failed(emitParallel(dims.drop_front())))
      return failure();
  }
  return success();
}

/// What combines the old value of an output with a new element.
static FailureOr<std::pair<vector::CombiningKind, TypedAttr>> combinerOf(linalg::GenericOp op,
                                                                         unsigned output) {
  Value value = op.getBody()->getTerminator()->getOperand(output);
  Operation *combiner = value.getDefiningOp();
  if (combiner && isa<arith::ExtUIOp, arith::ExtFOp>(combiner))
    combiner = combiner->getOperand(0).getDefiningOp();
  Type type = value.getType();
  Builder b(op.getContext());
  using Kind = vector::CombiningKind;
  auto result = [](Kind kind, TypedAttr identity) { return std::make_pair(kind, identity); };
  if (isa_and_nonnull<arith::AddFOp, arith::AddIOp, math::FmaOp>(combiner))
    return result(Kind::ADD, b.getZeroAttr(type));
  if (isa_and_nonnull<arith::MulFOp, arith::MulIOp>(combiner))
    return result(Kind::MUL, b.getOneAttr(type));
  if (auto floating = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = floating.getFloatSemantics();
    if (isa_and_nonnull<arith::MaximumFOp>(combiner))
      return result(Kind::MAXIMUMF, b.getFloatAttr(type, APFloat::getInf(semantics, true)));
    if (isa_and_nonnull<arith::MinimumFOp>(combiner))
      return result(Kind::MINIMUMF, b.getFloatAttr(type, APFloat::getInf(semantics)));
  } else {
    unsigned bits = type.getIntOrFloatBitWidth();
    if (isa_and_nonnull<arith::MaxSIOp>(combiner))
      return result(Kind::MAXSI, b.getIntegerAttr(type, APInt::getSignedMinValue(bits)));
    if (isa_and_nonnull<arith::MinSIOp>(combiner))
      return result(Kind::MINSI, b.getIntegerAttr(type, APInt::getSignedMaxValue(bits)));
    if (isa_and_nonnull<arith::OrIOp>(combiner))
      return result(Kind::OR, b.getZeroAttr(type));
    if (isa_and_nonnull<arith::AndIOp>(combiner))
      return result(Kind::AND, b.getIntegerAttr(type, APInt::getAllOnes(bits)));
  }
  return failure();
}

/// The registers of a block: their start, the sweep over reduced dims, the stores.
LogicalResult Vectorizer::emitBlock() {
  bool horizontal = vectorDim >= 0 && isReduced(vectorDim);
  auto starts = op->getAttrOfType<ArrayAttr>(kStartsAttr);
  SmallVector<Value> state;
  for (unsigned output : carried) {
    auto start = starts ? dyn_cast<TypedAttr>(starts[output]) : TypedAttr();
    unsigned operand = outputOperand(output);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        loaded.clear();
        if (horizontal)
          state.push_back(start ? Value(arith::ConstantOp::create(b, loc, start))
                                : Value(memref::LoadOp::create(b, loc, operands[operand],
                                                               indicesAt(operand, row, column))));
        else
          state.push_back(start ? constant(start) : load(operand, row, column));
      }
  }
  loaded.clear();
  if (failed(emitSweep(state)))
    return failure();
  unsigned next = 0;
  for (unsigned output : carried)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        unsigned operand = outputOperand(output);
        Value value = state[next++];
        if (horizontal)
          memref::StoreOp::create(b, loc, value, operands[operand],
                                  indicesAt(operand, row, column));
        else
          store(operand, row, column, value);
      }
  return success();
}

LogicalResult Vectorizer::emitSweep(SmallVector<Value> &state) {
  SmallVector<int64_t> reduced;
  for (int64_t dim = 0, e = sizes.size(); dim < e; ++dim)
    if (isReduced(dim) && dim != vectorDim)
      reduced.push_back(dim);
  if (vectorDim < 0 || !isReduced(vectorDim))
    return emitReduced(reduced, state);

  // Lanes hold partial results, one set of them for each width of vector.
  for (Segment segment : segments(vectorDim)) {
    lanes = segment.lanes;
    columns = segment.points;
    SmallVector<Value> partial;
    unsigned next = 0;
    SmallVector<vector::CombiningKind> kinds;
    for (unsigned output : carried) {
      auto combiner = combinerOf(op, output);
      if (failed(combiner))
        return op.emitOpError() << "expected result " << output
                                << " to be a reduction by one associative op";
      for (int64_t row = 0; row < rows; ++row) {
        partial.push_back(constant(combiner->second));
        kinds.push_back(combiner->first);
      }
    }
    int64_t step = lanes * columns;
    if (segment.end - segment.begin == step) {
      base[vectorDim] = index(segment.begin);
      if (failed(emitReduced(reduced, partial)))
        return failure();
    } else {
      auto loop = scf::ForOp::create(b, loc, index(segment.begin), index(segment.end), index(step),
                                     partial);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      base[vectorDim] = loop.getInductionVar();
      SmallVector<Value> inner(loop.getRegionIterArgs());
      loaded.clear();
      if (failed(emitReduced(reduced, inner)))
        return failure();
      scf::YieldOp::create(b, loc, inner);
      partial.assign(loop.getResults().begin(), loop.getResults().end());
    }
    loaded.clear();
    for (Value &value : state) {
      value = vector::ReductionOp::create(b, loc, kinds[next], partial[next], value,
                                          arith::FastMathFlags::reassoc);
      ++next;
    }
  }
  columns = 1;
  return success();
}

LogicalResult Vectorizer::emitReduced(ArrayRef<int64_t> dims, SmallVector<Value> &state) {
  if (dims.empty())
    return emitPoints(state);
  int64_t dim = dims.front();
  if (sizes[dim] == 1) {
    base[dim] = index(0);
    return emitReduced(dims.drop_front(), state);
  }
  auto loop = scf::ForOp::create(b, loc, index(0), index(sizes[dim]), index(1), state);
  {
    OpBuilder::InsertionGuard guard(b);
    // A loop without state has its terminator already.
    b.setInsertionPointToStart(loop.getBody());
    base[dim] = loop.getInductionVar();
    SmallVector<Value> inner(loop.getRegionIterArgs());
    loaded.clear();
    if (failed(emitReduced(dims.drop_front(), inner)))
      return failure();
    if (!state.empty())
      scf::YieldOp::create(b, loc, inner);
  }
  loaded.clear();
  state.assign(loop.getResults().begin(), loop.getResults().end());
  return success();
}

/// Every point of the block once, for one position of the reduced dims.
LogicalResult Vectorizer::emitPoints(SmallVector<Value> &state) {
  unsigned perOutput = rows * columns;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      unsigned point = row * columns + column;
      SmallVector<Value> here;
      for (unsigned i = 0; i < carried.size(); ++i)
        here.push_back(state[i * perOutput + point]);
      FailureOr<SmallVector<Value>> results = evaluate(row, column, here);
      if (failed(results))
        return failure();
      for (auto [i, output] : llvm::enumerate(carried))
        state[i * perOutput + point] = (*results)[output];
      for (unsigned output : plain)
        store(outputOperand(output), row, column, (*results)[output]);
    }
  return success();
}

namespace {
struct VectorizeTiles : flashlight::impl::VectorizeTilesBase<VectorizeTiles> {
  using VectorizeTilesBase::VectorizeTilesBase;

  void runOnOperation() override {
    if (!getOperation()->hasAttr(kGridAttr))
      return;
    SmallVector<linalg::GenericOp> loops;
    getOperation().walk([&](linalg::GenericOp op) { loops.push_back(op); });
    for (linalg::GenericOp op : loops)
      if (failed(Vectorizer(op, vectorBits / 32).run()))
        return signalPassFailure();
  }
};
} // namespace
