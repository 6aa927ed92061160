//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-bufferize-tiles: see Passes.td. Places are chosen first
// (TilePlaces.cpp), from the text as it stands; then every op on tiles is replaced
// by one on buffers. The old ops stay until the end: their results are the keys
// under which places are looked up.
//
//===----------------------------------------------------------------------===//

#include "TileMemory.h"
#include "TilePlaces.h"
#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

namespace flashlight {
#define GEN_PASS_DEF_BUFFERIZETILES
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

struct Bufferizer {
  Bufferizer(func::FuncOp func, unsigned lanes)
      : func(func), places(func), lanes(lanes), builder(func) {}

  LogicalResult run();
  unsigned copies = 0;

private:
  Value buffer(Value tile) { return buffers[places.placeOf(tile)]; }
  LogicalResult rewrite(Block &block);
  LogicalResult rewriteOp(Operation *op);
  void makeMoves(Operation *before);
  void rewriteGeneric(linalg::GenericOp op);
  void rewriteFill(linalg::FillOp op);
  LogicalResult rewriteFor(scf::ForOp op);
  LogicalResult rewriteIf(scf::IfOp op);
  void dropTiles(Operation *yield);

  func::FuncOp func;
  TilePlaces places;
  unsigned lanes;
  OpBuilder builder;
  SmallVector<Value> buffers; // of each place
  SmallVector<Operation *> dead;
  Value program;
};

} // namespace

static bool isTile(Value value) { return isa<RankedTensorType>(value.getType()); }

/// An element-wise copy, or a fill.
static void emitPointwise(OpBuilder &builder, Location loc, ValueRange input, Value output,
                          function_ref<Value(OpBuilder &, Value)> element) {
  auto type = cast<MemRefType>(output.getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<AffineMap> maps(input.size() + 1, identity);
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  linalg::GenericOp::create(builder, loc, input, ValueRange{output}, maps, iterators,
                            [&](OpBuilder &body, Location loc, ValueRange args) {
                              linalg::YieldOp::create(body, loc, element(body, args.front()));
                            });
}

void Bufferizer::makeMoves(Operation *before) {
  builder.setInsertionPoint(before);
  for (Move move : places.movesBefore(before)) {
    emitPointwise(builder, before->getLoc(), buffers[move.from], buffers[move.to],
                  [](OpBuilder &, Value value) { return value; });
    ++copies;
  }
}

/// The same loop on buffers. In its body an element has the tile's type; it is
/// widened to what the buffer holds, and back, at the border.
void Bufferizer::rewriteGeneric(linalg::GenericOp op) {
  Location loc = op.getLoc();
  Block &from = *op.getBody();
  SmallVector<Value> inputs, outputs;
  SmallVector<Attribute> starts;
  for (Value input : op.getDpsInputs())
    inputs.push_back(places.hasPlace(input) ? buffer(input) : Value());
  // An input without elements of its own gives the loop its extent and is never read.
  for (auto [value, operand] : llvm::zip(inputs, op.getDpsInputs()))
    if (!value)
      value = memref::AllocaOp::create(builder, loc, bufferType(operand.getType()));
  for (OpResult result : op.getResults()) {
    outputs.push_back(buffer(result));
    Value init = op.getDpsInitOperand(result.getResultNumber())->get();
    Attribute start = builder.getUnitAttr();
    if (isPrivateFill(init)) {
      Value scalar = init.getDefiningOp<linalg::FillOp>().getInputs().front();
      auto constant = scalar.getDefiningOp<arith::ConstantOp>();
      if (constant) {
        start = storedConstant(constant.getValue());
      } else {
        emitPointwise(builder, loc, {}, outputs.back(),
                      [&](OpBuilder &b, Value) { return toStored(b, loc, scalar); });
      }
    }
    starts.push_back(start);
  }

  auto bodyBuilder = [&](OpBuilder &body, Location loc, ValueRange args) {
    IRMapping mapping;
    for (auto [old, arg] : llvm::zip(from.getArguments(), args)) {
      if (old.getType() == arg.getType()) {
        mapping.map(old, arg);
        continue;
      }
      // Widening what is kept wide is nothing; any other use sees the narrow value.
      bool narrow = false;
      for (Operation *user : old.getUsers()) {
        if (isa<arith::ExtFOp>(user) && user->getResult(0).getType() == arg.getType())
          mapping.map(user->getResult(0), arg);
        else
          narrow = true;
      }
      if (narrow)
        mapping.map(old, fromStored(body, loc, arg, old.getType()));
    }
    for (Operation &inner : from.without_terminator())
      if (inner.getNumResults() != 1 || !mapping.contains(inner.getResult(0)))
        body.clone(inner, mapping);
    SmallVector<Value> yielded;
    for (Value value : from.getTerminator()->getOperands())
      yielded.push_back(toStored(body, loc, mapping.lookupOrDefault(value)));
    linalg::YieldOp::create(body, loc, yielded);
  };
  auto loop = linalg::GenericOp::create(builder, loc, inputs, outputs, op.getIndexingMapsArray(),
                                        op.getIteratorTypesArray(), bodyBuilder);
  if (llvm::any_of(starts, [](Attribute start) { return !isa<UnitAttr>(start); }))
    loop->setAttr(kStartsAttr, builder.getArrayAttr(starts));
  dead.push_back(op);
}

void Bufferizer::rewriteFill(linalg::FillOp op) {
  dead.push_back(op);
  if (!places.hasPlace(op.getResult(0)))
    return;
  Value scalar = op.getInputs().front();
  emitPointwise(builder, op.getLoc(), {}, buffer(op.getResult(0)),
                [&](OpBuilder &b, Value) { return toStored(b, op.getLoc(), scalar); });
}

/// Leaves only the scalars of a yield.
void Bufferizer::dropTiles(Operation *yield) {
  SmallVector<Value> scalars;
  for (Value value : yield->getOperands())
    if (!isTile(value))
      scalars.push_back(value);
  yield->setOperands(scalars);
}

LogicalResult Bufferizer::rewriteFor(scf::ForOp op) {
  if (failed(rewrite(*op.getBody())))
    return failure();
  dropTiles(op.getBody()->getTerminator());
  builder.setInsertionPoint(op);
  SmallVector<Value> inits;
  for (Value init : op.getInitArgs())
    if (!isTile(init))
      inits.push_back(init);
  auto loop = scf::ForOp::create(builder, op.getLoc(), op.getLowerBound(), op.getUpperBound(),
                                 op.getStep(), inits);
  loop->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  Block &body = *loop.getBody();
  while (!body.empty())
    body.back().erase();
  body.getOperations().splice(body.end(), op.getBody()->getOperations());
  op.getInductionVar().replaceAllUsesWith(loop.getInductionVar());
  unsigned next = 0;
  for (auto [arg, result] : llvm::zip(op.getRegionIterArgs(), op.getResults())) {
    if (isTile(arg))
      continue;
    arg.replaceAllUsesWith(loop.getRegionIterArgs()[next]);
    result.replaceAllUsesWith(loop.getResult(next++));
  }
  dead.push_back(op);
  return success();
}

LogicalResult Bufferizer::rewriteIf(scf::IfOp op) {
  SmallVector<Type> types;
  for (Value result : op.getResults())
    if (!isTile(result))
      types.push_back(result.getType());
  for (Region &region : op->getRegions()) {
    if (region.empty())
      continue;
    if (failed(rewrite(region.front())))
      return failure();
    dropTiles(region.front().getTerminator());
  }
  builder.setInsertionPoint(op);
  auto branch = scf::IfOp::create(builder, op.getLoc(), types, op.getCondition(),
                                  /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(op.getThenRegion());
  branch.getElseRegion().takeBody(op.getElseRegion());
  unsigned next = 0;
  for (Value result : op.getResults())
    if (!isTile(result))
      result.replaceAllUsesWith(branch.getResult(next++));
  dead.push_back(op);
  return success();
}

LogicalResult Bufferizer::rewriteOp(Operation *op) {
  makeMoves(op);
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    rewriteGeneric(generic);
    return success();
  }
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    rewriteFill(fill);
    return success();
  }
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return rewriteFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return rewriteIf(branch);
  if (auto load = dyn_cast<LoadOp>(op)) {
    SmallVector<Value> indices;
    for (Value index : load.getIndices())
      indices.push_back(buffer(index));
    emitLoad(builder, load, indices, buffer(load.getResult()), lanes);
    dead.push_back(op);
    return success();
  }
  if (auto scan = dyn_cast<ScanOp>(op)) {
    emitScan(builder, scan, buffer(scan.getOperand()), buffer(scan.getResult()), lanes);
    dead.push_back(op);
    return success();
  }
  if (auto store = dyn_cast<StoreOp>(op)) {
    emitStore(builder, store, buffer(store.getValue()), lanes);
    dead.push_back(op);
    return success();
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    Value stored = memref::LoadOp::create(builder, op->getLoc(), buffer(extract.getTensor()),
                                          extract.getIndices());
    extract.getResult().replaceAllUsesWith(
        fromStored(builder, op->getLoc(), stored, extract.getType()));
    dead.push_back(op);
    return success();
  }
  if (isa<ProgramIdOp>(op)) {
    op->getResult(0).replaceAllUsesWith(program);
    dead.push_back(op);
    return success();
  }
  if (isa<tensor::EmptyOp>(op)) {
    dead.push_back(op);
    return success();
  }
  if (op->hasTrait<OpTrait::IsTerminator>())
    return success();
  if (llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) ||
      llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>) ||
      isa<FlashlightDialect>(op->getDialect()) || op->getNumRegions() > 0)
    return op->emitOpError() << "has no lowering to the cpu";
  return success();
}

LogicalResult Bufferizer::rewrite(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (failed(rewriteOp(&op)))
      return failure();
  return success();
}

LogicalResult Bufferizer::run() {
  Location loc = func.getLoc();
  Block &entry = func.getBody().front();
  auto scratchType =
      MemRefType::get({std::max<int64_t>(places.getBytes(), 64)}, builder.getI8Type());
  unsigned count = func.getNumArguments();
  if (failed(func.insertArguments({count, count}, {builder.getIndexType(), scratchType},
                                  {DictionaryAttr(), DictionaryAttr()}, {loc, loc})))
    return failure();
  program = entry.getArgument(count);
  Value scratch = entry.getArgument(count + 1);
  builder.setInsertionPointToStart(&entry);
  for (const Place &place : places.getPlaces()) {
    if (place.end < 0) {
      buffers.push_back(Value());
      continue;
    }
    Value offset = arith::ConstantIndexOp::create(builder, loc, place.offset);
    buffers.push_back(
        memref::ViewOp::create(builder, loc, place.type, scratch, offset, ValueRange{}));
  }
  if (failed(rewrite(entry)))
    return failure();
  for (Operation *op : dead)
    op->dropAllReferences();
  for (Operation *op : dead)
    op->dropAllUses();
  for (Operation *op : dead)
    op->erase();
  return success();
}

namespace {
struct BufferizeTiles : flashlight::impl::BufferizeTilesBase<BufferizeTiles> {
  using BufferizeTilesBase::BufferizeTilesBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kGridAttr))
      return;
    if (!func.getBody().hasOneBlock()) {
      func.emitOpError() << "expected structured control flow";
      return signalPassFailure();
    }
    Bufferizer bufferizer(func, vectorBits / 32);
    if (failed(bufferizer.run()))
      return signalPassFailure();
    numCopies += bufferizer.copies;
  }
};
} // namespace
