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

#include "TileGather.h"
#include "TileMemory.h"
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

namespace {

/// Part of a dim that is swept with one step: `points` rows or vectors of `lanes`.
struct Segment {
  int64_t begin, end, points, lanes;
};

struct Vectorizer {
  Vectorizer(linalg::GenericOp op, unsigned lanes);

  LogicalResult run();

private:
  // Choices.
  int64_t chooseVectorDim() const;
  void chooseBlocks();
  SmallVector<Segment> segments(int64_t dim) const;
  bool isReduced(int64_t dim) const { return iterators[dim] == utils::IteratorType::reduction; }

  // Loops.
  LogicalResult emitParallel(ArrayRef<int64_t> dims);
  LogicalResult emitBlock();
  LogicalResult emitSweep(SmallVector<Value> &state);
  LogicalResult emitReduced(ArrayRef<int64_t> dims, SmallVector<Value> &state);
  LogicalResult emitPoints(SmallVector<Value> &state);

  // One point of the block.
  Value indexAt(int64_t dim, int64_t row, int64_t column);
  SmallVector<Value> indicesAt(unsigned operand, int64_t row, int64_t column);
  Value load(unsigned operand, int64_t row, int64_t column);
  void store(unsigned operand, int64_t row, int64_t column, Value value);
  Value gather(Value mask, Value memory, Value address);
  FailureOr<SmallVector<Value>> evaluate(int64_t row, int64_t column, ArrayRef<Value> state);

  // Helpers.
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Type vectorOf(Type element) const {
    return vectorDim < 0 ? element : Type(VectorType::get(lanes, element));
  }
  Value splat(Value value) {
    return vectorDim < 0 ? value
                         : Value(vector::BroadcastOp::create(
                               b, loc, cast<VectorType>(vectorOf(value.getType())), value));
  }
  Value constant(TypedAttr value) { return splat(arith::ConstantOp::create(b, loc, value)); }
  MemRefType typeOf(unsigned operand) const {
    return cast<MemRefType>(operands[operand].getType());
  }
  AffineMap mapOf(unsigned operand) const { return maps[operand]; }
  bool isContiguous(unsigned operand) const;
  unsigned outputOperand(unsigned output) const { return numInputs + output; }

  linalg::GenericOp op;
  OpBuilder b;
  Location loc;
  unsigned width; // lanes of a full vector
  unsigned numInputs;
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<int64_t> sizes;
  int64_t vectorDim, rowDim = -1;
  int64_t rowBlock = 1, columnBlock = 1;
  SmallVector<unsigned> carried; // outputs that are accumulated
  SmallVector<unsigned> plain;   // outputs that are written at every point

  // Of the loops around what is being emitted.
  SmallVector<Value> base; // of each dim
  int64_t rows = 1, columns = 1, lanes = 1;
  DenseMap<std::tuple<unsigned, int64_t, int64_t>, Value> loaded;
};

} // namespace

/// The ops that a loop's body may hold.
static bool isPointwise(Operation *op) {
  return op->getNumResults() == 1 && op->hasTrait<OpTrait::Elementwise>();
}

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

/// True if neighbours along the vector dim are neighbours in the operand's buffer.
bool Vectorizer::isContiguous(unsigned operand) const {
  AffineMap map = mapOf(operand);
  for (int64_t i = map.getNumResults() - 1; i >= 0; --i) {
    if (auto dim = dyn_cast<AffineDimExpr>(map.getResult(i)))
      if (static_cast<int64_t>(dim.getPosition()) == vectorDim)
        return true;
    if (typeOf(operand).getDimSize(i) != 1)
      return false;
  }
  return false;
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
  for (int64_t dim = 0, e = sizes.size(); dim < e; ++dim)
    if (dim != vectorDim && !isReduced(dim) && sizes[dim] > 1)
      rowDim = dim;
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

/// The index along `dim` of a point (of its first lane).
Value Vectorizer::indexAt(int64_t dim, int64_t row, int64_t column) {
  int64_t offset = dim == rowDim ? row : dim == vectorDim ? column * lanes : 0;
  Value start = base[dim];
  return offset == 0 ? start : Value(arith::AddIOp::create(b, loc, start, index(offset)));
}

SmallVector<Value> Vectorizer::indicesAt(unsigned operand, int64_t row, int64_t column) {
  SmallVector<Value> indices;
  for (AffineExpr expr : mapOf(operand).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    indices.push_back(dim ? indexAt(dim.getPosition(), row, column)
                          : index(cast<AffineConstantExpr>(expr).getValue()));
  }
  return indices;
}

/// An operand's elements at a point; the same ones are loaded once a block.
Value Vectorizer::load(unsigned operand, int64_t row, int64_t column) {
  AffineMap map = mapOf(operand);
  bool varies = vectorDim >= 0 && map.isFunctionOfDim(vectorDim);
  bool byRow = rowDim >= 0 && map.isFunctionOfDim(rowDim);
  Value &value = loaded[{operand, byRow ? row : -1, varies ? column : -1}];
  if (value)
    return value;
  SmallVector<Value> indices = indicesAt(operand, row, column);
  Value buffer = operands[operand];
  Type element = typeOf(operand).getElementType();
  if (!varies)
    return value = splat(memref::LoadOp::create(b, loc, buffer, indices));
  auto type = cast<VectorType>(vectorOf(element));
  if (isContiguous(operand))
    return value = vector::LoadOp::create(b, loc, type, buffer, indices);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (expr == b.getAffineDimExpr(vectorDim))
        at[i] = arith::AddIOp::create(b, loc, indices[i], index(lane));
    elements.push_back(memref::LoadOp::create(b, loc, buffer, at));
  }
  return value = vector::FromElementsOp::create(b, loc, type, elements);
}

void Vectorizer::store(unsigned operand, int64_t row, int64_t column, Value value) {
  SmallVector<Value> indices = indicesAt(operand, row, column);
  Value buffer = operands[operand];
  if (vectorDim < 0) {
    memref::StoreOp::create(b, loc, value, buffer, indices);
    return;
  }
  if (isContiguous(operand)) {
    vector::StoreOp::create(b, loc, value, buffer, indices);
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [i, expr] : llvm::enumerate(mapOf(operand).getResults()))
      if (expr == b.getAffineDimExpr(vectorDim))
        at[i] = arith::AddIOp::create(b, loc, indices[i], index(lane));
    Value element = vector::ExtractOp::create(b, loc, value, lane);
    memref::StoreOp::create(b, loc, element, buffer, at);
  }
}

/// Elements of memory where the mask says so, else zeros.
Value Vectorizer::gather(Value mask, Value memory, Value address) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Value zeros = constant(b.getZeroAttr(element));
  if (vectorDim >= 0)
    return vector::GatherOp::create(b, loc, cast<VectorType>(vectorOf(element)), memory,
                                    ValueRange{index(0)}, address, mask, zeros);
  auto choice = scf::IfOp::create(b, loc, TypeRange{element}, mask, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, Value(memref::LoadOp::create(b, loc, memory, address)));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc, zeros);
  return choice.getResult(0);
}

/// The body at a point, on vectors. `state`: old values of the carried outputs.
FailureOr<SmallVector<Value>> Vectorizer::evaluate(int64_t row, int64_t column,
                                                   ArrayRef<Value> state) {
  Block &body = *op.getBody();
  DenseMap<Value, Value> values;
  for (unsigned i = 0; i < op.getNumDpsInputs(); ++i)
    if (!body.getArgument(i).use_empty())
      values[body.getArgument(i)] = load(i, row, column);
  for (auto [output, value] : llvm::zip(carried, state))
    values[body.getArgument(outputOperand(output))] = value;
  auto valueOf = [&](Value value) {
    Value &known = values[value];
    if (!known) // a scalar from outside the loop
      known = splat(value);
    return known;
  };
  for (Operation &inner : body.without_terminator()) {
    Value &result = values[inner.getResult(0)];
    if (auto position = dyn_cast<linalg::IndexOp>(inner)) {
      int64_t dim = position.getDim();
      result = splat(indexAt(dim, row, column));
      if (dim == vectorDim)
        result = arith::AddIOp::create(
            b, loc, result,
            vector::StepOp::create(b, loc, cast<VectorType>(vectorOf(b.getIndexType()))));
      continue;
    }
    if (auto scalar = dyn_cast<arith::ConstantOp>(inner)) {
      result = constant(scalar.getValue());
      continue;
    }
    if (auto read = GuardedRead::match(&inner)) {
      Value mask = valueOf(read->condition), address = valueOf(read->address);
      values[inner.getResult(0)] = gather(mask, read->memory, address);
      continue;
    }
    if (!isPointwise(&inner))
      return inner.emitOpError() << "has no lowering to the cpu";
    OperationState copy(inner.getLoc(), inner.getName());
    for (Value operand : inner.getOperands())
      copy.addOperands(valueOf(operand));
    copy.addTypes(vectorOf(inner.getResult(0).getType()));
    copy.addAttributes(inner.getAttrDictionary().getValue());
    values[inner.getResult(0)] = b.create(copy)->getResult(0);
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(valueOf(value));
  return results;
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
