//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-tile-to-linalg: see Passes.td. Every block of a tile program is a
// graph of nodes. A node starts as one op; a pointwise op or reduction joins an
// earlier group of its own iteration space if it meets it point by point and no
// path leads from the group to it through another node (that path would have to
// run between two halves of the group's loop). The nodes are then written out in
// topological order, each group as one linalg.generic.
//
//===----------------------------------------------------------------------===//

#include "TileGather.h"
#include "TileGroups.h"
#include "flashlight/CPU/Passes.h"
#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"

namespace flashlight {
#define GEN_PASS_DEF_TILETOLINALG
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;
using utils::IteratorType;

namespace {

/// Builds one linalg.generic: collects its inputs, then evaluates ops in its body.
struct GroupBuilder {
  GroupBuilder(const Group &group, OpBuilder &builder) : group(group), builder(builder) {}

  /// Emits the loop; replaces the uses of the group's results from outside.
  LogicalResult emit();

  const Group &group;
  OpBuilder &builder;

private:
  void collect(Value value);
  Value evaluate(OpBuilder &body, Location loc, Value value);

  SmallVector<std::pair<Value, AffineMap>> inputs;
  SmallVector<Value> arguments;    // the block's, for each input
  DenseMap<Value, Value> computed; // of the group's ops, at this point
  DenseMap<Operation *, TileGather> gathers;
};

} // namespace

/// A tensor of `type` whose elements are yet to be written.
static Value emptyLike(OpBuilder &builder, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
}

static Value filled(OpBuilder &builder, Location loc, RankedTensorType type, Value scalar) {
  Value empty = emptyLike(builder, loc, type);
  return linalg::FillOp::create(builder, loc, ValueRange{scalar}, ValueRange{empty}).getResult(0);
}

/// The op on the elements: the same op, with the tensors' element types.
static Value onElements(OpBuilder &builder, Operation *op, ValueRange operands) {
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(getElementTypeOrSelf(op->getResult(0).getType()));
  state.addAttributes(op->getAttrDictionary().getValue());
  return builder.create(state)->getResult(0);
}

void GroupBuilder::collect(Value value) {
  Leaf leaf = resolve(value, group.identityMap());
  if (!leaf.tensor || group.computesHere(leaf))
    return;
  std::pair<Value, AffineMap> input(leaf.tensor, leaf.map);
  if (!llvm::is_contained(inputs, input))
    inputs.push_back(input);
}

Value GroupBuilder::evaluate(OpBuilder &body, Location loc, Value value) {
  if (!isa<RankedTensorType>(value.getType()))
    return value;
  Leaf leaf = resolve(value, group.identityMap());
  if (leaf.scalar)
    return leaf.scalar;
  if (leaf.constant)
    return arith::ConstantOp::create(body, loc, leaf.constant);
  if (!leaf.tensor) {
    Type type = cast<RankedTensorType>(value.getType()).getElementType();
    Value index = linalg::IndexOp::create(body, loc, leaf.indexDim);
    return type.isIndex() ? index : arith::IndexCastOp::create(body, loc, type, index);
  }
  if (group.computesHere(leaf))
    return computed.lookup(leaf.tensor);
  auto *at = llvm::find(inputs, std::pair<Value, AffineMap>(leaf.tensor, leaf.map));
  return arguments[at - inputs.begin()];
}

LogicalResult GroupBuilder::emit() {
  Location loc = group.ops.front()->getLoc();
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        collect(operand);

  for (Operation *op : group.ops)
    if (auto load = dyn_cast<LoadOp>(op))
      gathers.try_emplace(op, builder, load);

  SmallVector<Value> outs;
  SmallVector<Type> types;
  SmallVector<AffineMap> outMaps;
  SmallVector<Operation *> results;
  SmallVector<IteratorType> iterators(group.shape.size(), IteratorType::parallel);
  for (int64_t dim : group.reducedDims)
    iterators[dim] = IteratorType::reduction;
  AffineMap reducedMap = group.identityMap().dropResults(group.reducedDims);
  for (Operation *op : group.ops) {
    auto reduce = dyn_cast<ReduceOp>(op);
    bool outside = llvm::any_of(
        op->getUsers(), [&](Operation *user) { return !llvm::is_contained(group.ops, user); });
    if (!outside && !reduce)
      continue;
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    results.push_back(op);
    types.push_back(type);
    outMaps.push_back(reduce ? reducedMap : group.identityMap());
    if (!reduce) {
      outs.push_back(emptyLike(builder, loc, type));
      continue;
    }
    TypedAttr identity = identityOf(reduce.getKind(), type.getElementType());
    outs.push_back(filled(builder, loc, type, arith::ConstantOp::create(builder, loc, identity)));
  }

  if (results.empty())
    return success(); // nobody needs it

  // A reduced dim that no input has would leave the loop without a bound.
  for (int64_t dim : group.reducedDims) {
    auto has = [&](AffineMap map) { return map.isFunctionOfDim(dim); };
    if (llvm::none_of(inputs, [&](auto &input) { return has(input.second); }) &&
        llvm::none_of(outMaps, has)) {
      auto reduce = llvm::find_if(group.ops, llvm::IsaPred<ReduceOp>);
      Value operand = cast<ReduceOp>(*reduce).getOperand();
      inputs.emplace_back(emptyLike(builder, loc, cast<RankedTensorType>(operand.getType())),
                          group.identityMap());
      break;
    }
  }

  SmallVector<Value> ins;
  SmallVector<AffineMap> maps;
  for (auto &[value, map] : inputs) {
    ins.push_back(value);
    maps.push_back(map);
  }
  llvm::append_range(maps, outMaps);
  auto loop = linalg::GenericOp::create(
      builder, loc, types, ins, outs, maps, iterators,
      [&](OpBuilder &body, Location loc, ValueRange args) {
        llvm::append_range(arguments, args.take_front(ins.size()));
        for (Operation *op : group.ops) {
          SmallVector<Value> operands;
          for (Value operand : op->getOperands())
            operands.push_back(evaluate(body, op->getLoc(), operand));
          if (auto reduce = dyn_cast<ReduceOp>(op)) {
            unsigned position = llvm::find(results, op) - results.begin();
            computed[op->getResult(0)] = combine(reduce.getKind(), body, op->getLoc(),
                                                 args[ins.size() + position], operands[0]);
          } else if (auto load = dyn_cast<LoadOp>(op)) {
            auto [first, count] = load.getODSOperandIndexAndLength(2);
            computed[load] =
                gathers.find(op)->second.emit(body, ArrayRef(operands).slice(first, count));
          } else {
            computed[op->getResult(0)] = onElements(body, op, operands);
          }
        }
        SmallVector<Value> yielded;
        for (Operation *op : results)
          yielded.push_back(computed.lookup(op->getResult(0)));
        linalg::YieldOp::create(body, loc, yielded);
      });
  for (auto [op, value] : llvm::zip(results, loop.getResults()))
    op->getResult(0).replaceUsesWithIf(
        value, [&](OpOperand &use) { return !llvm::is_contained(group.ops, use.getOwner()); });
  return success();
}

/// Gives a tensor that exists only as a view (a splat, a broadcast) elements of its own. With
/// `onlyWhereItVaries` dims along which it is constant have one.
static Value materialize(OpBuilder &builder, Location loc, Value value,
                         bool onlyWhereItVaries = false) {
  auto type = cast<RankedTensorType>(value.getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  Leaf leaf = resolve(value, identity);
  if (leaf.tensor == value)
    return value;
  if (onlyWhereItVaries) {
    SmallVector<int64_t> shape(type.getShape());
    for (auto [i, size] : llvm::enumerate(shape))
      if (leaf.tensor ? !leaf.map.isFunctionOfDim(i) : leaf.indexDim != static_cast<int64_t>(i))
        size = 1;
    type = type.clone(shape);
  }
  if (leaf.constant)
    leaf.scalar = arith::ConstantOp::create(builder, loc, leaf.constant);
  if (leaf.scalar)
    return filled(builder, loc, type, leaf.scalar);
  SmallVector<Value> ins;
  SmallVector<AffineMap> maps;
  if (leaf.tensor) {
    ins.push_back(leaf.tensor);
    maps.push_back(leaf.map);
  }
  maps.push_back(identity);
  SmallVector<IteratorType> iterators(type.getRank(), IteratorType::parallel);
  auto loop = linalg::GenericOp::create(
      builder, loc, type, ins, ValueRange{emptyLike(builder, loc, type)}, maps, iterators,
      [&](OpBuilder &body, Location loc, ValueRange args) {
        Value element = args.front();
        if (!leaf.tensor) {
          element = linalg::IndexOp::create(body, loc, leaf.indexDim);
          if (!type.getElementType().isIndex())
            element = arith::IndexCastOp::create(body, loc, type.getElementType(), element);
        }
        linalg::YieldOp::create(body, loc, element);
      });
  return loop.getResult(0);
}

/// result[out] = init + sum lhs * rhs, the dims by letter: the result's first.
static void emitContraction(OpBuilder &builder, ContractOp op) {
  Location loc = op.getLoc();
  ContractOp::Labels labels = op.getLabels();
  SmallVector<StringAttr> dims(labels.result);
  for (auto &side : {labels.lhs, labels.rhs})
    for (StringAttr label : side)
      if (!llvm::is_contained(dims, label))
        dims.push_back(label);
  auto mapOf = [&](ArrayRef<StringAttr> side) {
    SmallVector<AffineExpr> exprs;
    for (StringAttr label : side)
      exprs.push_back(builder.getAffineDimExpr(llvm::find(dims, label) - dims.begin()));
    return AffineMap::get(dims.size(), 0, exprs, builder.getContext());
  };
  auto type = cast<RankedTensorType>(op.getType());
  Type element = type.getElementType();
  Value init = op.getInit();
  if (!init)
    init = filled(builder, loc, type,
                  arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element)));
  SmallVector<IteratorType> iterators(dims.size(), IteratorType::reduction);
  std::fill_n(iterators.begin(), labels.result.size(), IteratorType::parallel);

  auto loop = linalg::GenericOp::create(
      builder, loc, type, ValueRange{op.getLhs(), op.getRhs()}, ValueRange{init},
      {mapOf(labels.lhs), mapOf(labels.rhs), mapOf(labels.result)}, iterators,
      [&](OpBuilder &body, Location loc, ValueRange args) {
        auto widen = [&](Value value) -> Value {
          if (value.getType() == element)
            return value;
          if (isa<FloatType>(element))
            return arith::ExtFOp::create(body, loc, element, value);
          return arith::ExtSIOp::create(body, loc, element, value);
        };
        Value lhs = widen(args[0]), rhs = widen(args[1]), sum;
        if (element.isF32() || element.isF64())
          sum = math::FmaOp::create(body, loc, lhs, rhs, args[2]);
        else if (isa<FloatType>(element))
          sum =
              arith::AddFOp::create(body, loc, args[2], arith::MulFOp::create(body, loc, lhs, rhs));
        else
          sum =
              arith::AddIOp::create(body, loc, args[2], arith::MulIOp::create(body, loc, lhs, rhs));
        linalg::YieldOp::create(body, loc, sum);
      });
  op.getResult().replaceAllUsesWith(loop.getResult(0));
}

/// A half tile is kept as f32, and products are of f32: where nothing but products takes what is
/// rounded, they take it unrounded. That costs less, and errs less than eager where eager computes
/// in f32 (scaled_dot_product_attention of what its fused kernel does not take).
static void takeUnrounded(ContractOp op) {
  for (OpOperand *factor : {&op.getLhsMutable(), &op.getRhsMutable()}) {
    OpBuilder builder(op);
    if (!llvm::all_of(factor->get().getUsers(), llvm::IsaPred<ContractOp>))
      continue;
    if (auto rounded = factor->get().getDefiningOp<arith::TruncFOp>()) {
      if (getElementTypeOrSelf(rounded.getIn().getType()).isF32())
        factor->set(rounded.getIn());
      continue;
    }
    // Zero stands beyond the end of a stream.
    auto choice = factor->get().getDefiningOp<arith::SelectOp>();
    auto rounded = choice ? choice.getTrueValue().getDefiningOp<arith::TruncFOp>() : nullptr;
    if (!rounded || !rounded->hasOneUse() ||
        !matchPattern(choice.getFalseValue(), m_AnyZeroFloat()))
      continue;
    auto type = cast<RankedTensorType>(rounded.getIn().getType());
    if (!type.getElementType().isF32())
      continue;
    Value zero = arith::ConstantOp::create(builder, op.getLoc(), builder.getZeroAttr(type));
    factor->set(arith::SelectOp::create(builder, op.getLoc(), choice.getCondition(),
                                        rounded.getIn(), zero));
  }
}

/// Writes a block's nodes in topological order before its terminator.
static LogicalResult rewriteBlock(Block &block) {
  FailureOr<std::vector<Group>> groups = formGroups(block);
  if (failed(groups))
    return failure();
  Operation *terminator = block.getTerminator();
  OpBuilder builder(terminator);
  SmallVector<Operation *> dead;
  for (Group &group : *groups) {
    if (group.fusable) {
      if (failed(GroupBuilder(group, builder).emit()))
        return failure();
      llvm::append_range(dead, group.ops);
      continue;
    }
    Operation *op = group.ops.front();
    if (op != terminator)
      op->moveBefore(terminator);
    builder.setInsertionPoint(op);
    for (OpOperand &operand : op->getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()))
        operand.set(materialize(builder, op->getLoc(), operand.get(),
                                /*onlyWhereItVaries=*/isa<LoadOp>(op)));
    if (auto contract = dyn_cast<ContractOp>(op)) {
      emitContraction(builder, contract);
      dead.push_back(op);
    }
    builder.setInsertionPoint(terminator);
  }
  for (Operation *op : llvm::reverse(dead)) {
    op->dropAllUses();
    op->erase();
  }
  return success();
}

namespace {
struct TileToLinalg : flashlight::impl::TileToLinalgBase<TileToLinalg> {
  void runOnOperation() override {
    if (!getOperation()->hasAttr(kGridAttr))
      return;
    getOperation().walk(takeUnrounded);
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isa<arith::TruncFOp, arith::SelectOp>(op) && op->use_empty())
        op->erase();
    });
    // Innermost blocks first: they look at what the blocks around them compute.
    SmallVector<Block *> blocks;
    getOperation().walk<WalkOrder::PostOrder>([&](Operation *op) {
      if (isa<linalg::LinalgDialect>(op->getDialect()))
        return;
      for (Region &region : op->getRegions())
        for (Block &block : region)
          blocks.push_back(&block);
    });
    for (Block *block : blocks)
      if (failed(rewriteBlock(*block)))
        return signalPassFailure();
    // The views have no users left.
    SmallVector<Operation *> views;
    getOperation().walk([&](Operation *op) {
      if (hasNoStorage(op))
        views.push_back(op);
    });
    for (Operation *op : llvm::reverse(views))
      if (op->use_empty())
        op->erase();
  }
};
} // namespace
