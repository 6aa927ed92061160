//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. A level-2 value has the axes that it depends on and no others, so
// views and broadcasts leave no trace but the axes.
//
//===----------------------------------------------------------------------===//

#include "KernelWriter.h"
#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <map>

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

/// Output axes first, in the order of the widest output, then the stream, then inner axes; each
/// called by what it is to the kernel.
void KernelWriter::nameAxes() {
  auto add = [&](unsigned variable) {
    variable = group.axes.find(variable);
    if (positions.try_emplace(variable, order.size()).second)
      order.push_back(variable);
  };
  SmallVector<unsigned> byRank(llvm::to_vector(llvm::seq<unsigned>(0, group.outputs.size())));
  llvm::stable_sort(byRank, [&](unsigned a, unsigned b) {
    return cast<RankedTensorType>(group.outputs[a].value.getType()).getRank() >
           cast<RankedTensorType>(group.outputs[b].value.getType()).getRank();
  });
  for (unsigned i : byRank)
    for (AffineExpr expr : group.demands[group.outputs[i].value].front())
      for (unsigned v = 0; v < group.axes.size(); ++v)
        if (group.axes.find(v) == v && expr.isFunctionOfDim(v))
          add(v);
  add(group.stream);
  add(group.getSweptAxis());
  for (unsigned v = 0; v < group.axes.size(); ++v)
    if (group.axes.find(v) == v && group.axes[v].role == AxisRole::Inner)
      add(v);

  std::map<AxisRole, unsigned> count;
  for (unsigned variable : order) {
    const IndexSpace::Variable &axis = group.axes[variable];
    unsigned i = count[axis.role]++;
    auto numbered = [&](StringRef base) {
      return i == 0 ? base.str() : base.str() + std::to_string(i);
    };
    std::string name;
    switch (axis.role) {
    case AxisRole::Batch:
      name = i < 3 ? std::string(1, "bhg"[i]) : "b" + std::to_string(i);
      break;
    case AxisRole::Row:
      name = numbered("m");
      break;
    case AxisRole::Value:
      name = numbered("e");
      break;
    case AxisRole::Stream:
      name = numbered("n");
      break;
    case AxisRole::Inner:
      name = numbered("d");
      break;
    }
    axes.push_back(
        AxisAttr::get(context, builder.getStringAttr(name), axis.extent.size, axis.extent.symbol));
  }
}

AxesAttr KernelWriter::axesOf(ArrayRef<unsigned> at) {
  SmallVector<StringAttr> names;
  for (unsigned position : at)
    names.push_back(axes[position].getName());
  return AxesAttr::get(context, names);
}

RankedTensorType KernelWriter::typeOver(ArrayRef<unsigned> at, Type elementType) {
  SmallVector<int64_t> shape;
  for (unsigned position : at)
    shape.push_back(axes[position].getSize());
  return RankedTensorType::get(shape, elementType, axesOf(at));
}

SmallVector<unsigned> KernelWriter::positionsOf(Value value) {
  SmallVector<unsigned> result;
  for (StringAttr name : getAxes(value).getNames())
    for (auto [i, axis] : llvm::enumerate(axes))
      if (axis.getName() == name)
        result.push_back(i);
  return result;
}

Value KernelWriter::broadcast(Value value, ArrayRef<unsigned> at) {
  if (llvm::equal(positionsOf(value), at))
    return value;
  Type type = typeOver(at, cast<RankedTensorType>(value.getType()).getElementType());
  return BroadcastOp::create(builder, loc, type, value, nullptr);
}

/// The index over kernel axes, as a map from all of them.
AffineMap KernelWriter::mapOf(ArrayRef<AffineExpr> index) {
  SmallVector<AffineExpr> replacements(group.axes.size());
  for (unsigned v = 0; v < group.axes.size(); ++v) {
    auto it = positions.find(group.axes.find(v));
    replacements[v] = it == positions.end() ? getAffineConstantExpr(0, context)
                                            : getAffineDimExpr(it->second, context);
  }
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : index)
    results.push_back(expr.replaceDims(replacements));
  unsigned symbols = group.axes.lookupsOf(index).empty() ? 0 : group.axes.getLookups().size();
  return AffineMap::get(order.size(), symbols, results, context);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The level-2 value of `original` at `index`, which is written at its first use.
Value KernelWriter::valueAt(Value original, ArrayRef<AffineExpr> index) {
  Index canonical = group.axes.canonical(index);
  for (auto &[known, value] : written[original])
    if (known == canonical)
      return value;
  assert(llvm::is_contained(group.demands[original], canonical) &&
         "a value is written at an index that it was demanded at");
  Value value = group.leaves.contains(original) ? read(original, canonical)
                                                : writeOp(original.getDefiningOp(), canonical);
  written[original].push_back({canonical, value});
  return value;
}

Value KernelWriter::constant(Type elementType, int64_t value) {
  auto type = RankedTensorType::get({}, elementType, axesOf({}));
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, builder.getIntegerAttr(elementType, value)));
}

/// The element that a symbol stands for.
Value KernelWriter::lookup(unsigned symbol) {
  const IndexSpace::Lookup &lookup = group.axes.getLookups()[symbol];
  return valueAt(lookup.value, lookup.at);
}

/// An affine expression over axes and lookups as integer arithmetic on iotas.
Value KernelWriter::indexValue(AffineExpr expr, Type elementType) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    Value value = lookup(symbol.getPosition());
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getElementType() == elementType)
      return value;
    return arith::ExtSIOp::create(builder, loc, type.clone(elementType), value);
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return IotaOp::create(builder, loc, typeOver({dim.getPosition()}, elementType));
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return constant(elementType, value.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = indexValue(binary.getLHS(), elementType),
        rhs = indexValue(binary.getRHS(), elementType);
  SmallVector<Value> sides{lhs, rhs};
  broadcastTogether(sides);
  lhs = sides[0];
  rhs = sides[1];
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::Mod: // indices are not negative
    return arith::RemUIOp::create(builder, loc, lhs, rhs);
  default:
    return arith::DivUIOp::create(builder, loc, lhs, rhs);
  }
}

Value KernelWriter::read(Value leaf, ArrayRef<AffineExpr> index) {
  // The map has what is linear in the axes of a tile; everything else is looked up.
  SmallVector<AffineExpr> results;
  SmallVector<Value> indices;
  llvm::SmallDenseMap<unsigned, unsigned> symbols; // lookup -> position in `indices`
  AffineMap whole = mapOf(index);
  for (auto [expr, result] : llvm::zip(index, whole.getResults())) {
    if (group.axes.isTileable(expr)) {
      SmallVector<AffineExpr> renamed(group.axes.getLookups().size(),
                                      getAffineConstantExpr(0, context));
      for (unsigned symbol : group.axes.lookupsOf(expr)) {
        auto [it, isNew] = symbols.try_emplace(symbol, indices.size());
        if (isNew)
          indices.push_back(lookup(symbol));
        renamed[symbol] = getAffineSymbolExpr(it->second, context);
      }
      results.push_back(result.replaceSymbols(renamed));
    } else {
      results.push_back(getAffineSymbolExpr(indices.size(), context));
      indices.push_back(indexValue(result, builder.getI64Type()));
    }
  }
  auto map = AffineMap::get(order.size(), indices.size(), results, context);
  SmallVector<unsigned> at;
  for (unsigned i = 0; i < order.size(); ++i)
    if (map.isFunctionOfDim(i) || llvm::any_of(indices, [&](Value value) {
          return llvm::is_contained(positionsOf(value), i);
        }))
      at.push_back(i);
  Type type = typeOver(at, cast<RankedTensorType>(leaf.getType()).getElementType());
  return ReadOp::create(builder, leaf.getLoc(), type, arguments[leaf], indices, map);
}

/// The operands' axes are the labels' index expressions at the result, plus what is contracted.
Value KernelWriter::writeContract(ContractOp op, ArrayRef<AffineExpr> index) {
  ContractOp::Labels labels = op.getLabels();
  SmallVector<Index> indices = group.operandIndices(op, index);
  Value lhs = valueAt(op.getLhs(), indices[0]), rhs = valueAt(op.getRhs(), indices[1]);
  llvm::SmallSetVector<unsigned, 4> contracted;
  for (auto [label, expr] : llvm::zip(labels.lhs, indices[0]))
    if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && !llvm::is_contained(labels.result, label))
      contracted.insert(positions[dim.getPosition()]);
  llvm::SmallSetVector<unsigned, 8> all;
  for (Value side : {lhs, rhs})
    for (unsigned position : positionsOf(side))
      all.insert(position);
  // A contracted axis that neither factor depends on still counts its elements.
  SmallVector<unsigned> left = positionsOf(lhs), result;
  for (unsigned position : contracted)
    if (!all.contains(position))
      left.push_back(position);
  llvm::sort(left);
  lhs = broadcast(lhs, left);
  for (unsigned position : all)
    if (!contracted.contains(position))
      result.push_back(position);
  llvm::sort(result);
  return ContractOp::create(builder, op.getLoc(),
                            typeOver(result, cast<RankedTensorType>(op.getType()).getElementType()),
                            lhs, rhs);
}

/// Finds the operand by the dims that are kept: the reduced ones are the axes that it was given.
Value KernelWriter::writeReduce(ReduceOp op, ArrayRef<AffineExpr> index) {
  SmallVector<int64_t> dims = op.getReducedDims();
  Index at = group.operandIndices(op, index)[0];
  Value value = valueAt(op.getOperand(), at);
  llvm::SmallSetVector<unsigned, 4> reduced;
  for (int64_t dim : dims)
    if (auto axis = dyn_cast<AffineDimExpr>(at[dim])) // more than one element
      reduced.insert(positions[axis.getPosition()]);
  if (reduced.empty())
    return value;
  SmallVector<unsigned> all = positionsOf(value), result;
  for (unsigned position : reduced)
    if (!llvm::is_contained(all, position)) // the same for all: it still counts once for each
      all.push_back(position);
  llvm::sort(all);
  value = broadcast(value, all);
  for (unsigned position : all)
    if (!reduced.contains(position))
      result.push_back(position);
  Type elementType = cast<RankedTensorType>(op.getType()).getElementType();
  return ReduceOp::create(builder, op.getLoc(), typeOver(result, elementType), op.getKindAttr(),
                          value, nullptr);
}

Value KernelWriter::writeScan(ScanOp op, ArrayRef<AffineExpr> index) {
  Value value = valueAt(op.getOperand(), index);
  bool reverse = *group.runsAgainstStream(op, index[op.getScannedDim()]);
  unsigned stream = positions[group.axes.find(group.stream)];
  SmallVector<unsigned> at = positionsOf(value);
  if (!llvm::is_contained(at, stream)) // the same for all: it still adds up
    at.push_back(stream), llvm::sort(at), value = broadcast(value, at);
  Type elementType = cast<RankedTensorType>(op.getType()).getElementType();
  return ScanOp::create(builder, op.getLoc(), typeOver(at, elementType), op.getKindAttr(), value,
                        IntegerAttr(), axes[stream].getName(),
                        reverse ? builder.getUnitAttr() : UnitAttr(), op.getExclusiveAttr());
}

/// The last part that starts at the position or before it.
Value KernelWriter::writeConcat(ConcatOp op, ArrayRef<AffineExpr> index) {
  SmallVector<Index> indices = group.operandIndices(op, index);
  Type i64 = builder.getI64Type();
  Value result, at;
  int64_t offset = 0;
  for (auto [part, partIndex] : llvm::zip(op.getOperands(), indices)) {
    Value value = partIndex.empty() ? Value() : valueAt(part, partIndex);
    if (value && result) {
      if (!at)
        at = indexValue(mapOf(index[op.getDim()]).getResult(0), i64);
      SmallVector<Value> operands{at, constant(i64, offset), value, result};
      SmallVector<unsigned> axes = broadcastTogether(operands);
      Value inPart = arith::CmpIOp::create(builder, op.getLoc(), arith::CmpIPredicate::sge,
                                           operands[0], operands[1]);
      result = arith::SelectOp::create(builder, op.getLoc(), inPart, operands[2], operands[3]);
    } else if (value) {
      result = value;
    }
    offset += tensorType(part).getDimSize(op.getDim());
  }
  return result;
}

/// Gives the values the axes that any of them has, and returns those.
SmallVector<unsigned> KernelWriter::broadcastTogether(MutableArrayRef<Value> values) {
  llvm::SmallSetVector<unsigned, 8> all;
  for (Value value : values)
    for (unsigned position : positionsOf(value))
      all.insert(position);
  SmallVector<unsigned> at = all.takeVector();
  llvm::sort(at);
  for (Value &value : values)
    value = broadcast(value, at);
  return at;
}

Value KernelWriter::writeOp(Operation *op, ArrayRef<AffineExpr> index) {
  Type elementType = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  if (auto splat = dyn_cast<arith::ConstantOp>(op)) {
    auto value = cast<SplatElementsAttr>(splat.getValue()).getSplatValue<Attribute>();
    auto type = RankedTensorType::get({}, elementType, axesOf({}));
    return arith::ConstantOp::create(builder, op->getLoc(), DenseElementsAttr::get(type, value));
  }
  if (auto size = dyn_cast<SizeOp>(op))
    return SizeOp::create(builder, op->getLoc(), RankedTensorType::get({}, elementType, axesOf({})),
                          size.getSymbolAttr());
  if (isa<IotaOp>(op))
    return indexValue(mapOf(index).getResult(0), elementType);
  if (isView(op) || isa<GatherOp>(op))
    return valueAt(op->getOperand(0), group.operandIndices(op, index)[0]);
  if (auto concat = dyn_cast<ConcatOp>(op))
    return writeConcat(concat, index);
  if (auto contract = dyn_cast<ContractOp>(op))
    return writeContract(contract, index);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return writeReduce(reduce, index);
  if (auto scan = dyn_cast<ScanOp>(op))
    return writeScan(scan, index);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(valueAt(operand, index));
  SmallVector<unsigned> at = broadcastTogether(operands);
  OperationState state(op->getLoc(), op->getName(), operands, typeOver(at, elementType));
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return builder.create(state)->getResult(0);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

KernelOp KernelWriter::write(StringRef name) {
  nameAxes();
  SmallVector<Value> inputs(group.leaves.begin(), group.leaves.end());
  SmallVector<Type> resultTypes;
  for (KernelGroup::Output &output : group.outputs)
    resultTypes.push_back(output.final.getType());
  SmallVector<Attribute> axisAttrs(axes.begin(), axes.end());
  StringAttr stream = axes[positions[group.axes.find(group.getSweptAxis())]].getName();
  auto kernel = KernelOp::create(builder, loc, resultTypes, builder.getStringAttr(name),
                                 builder.getArrayAttr(axisAttrs), stream, inputs, ScheduleAttr());
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&kernel.getBody());
  for (Value input : inputs) {
    arguments[input] = body->addArgument(input.getType(), input.getLoc());
    for (Index &index : group.demands[input])
      if (group.axes.isTileable(index) && group.axes.lookupsOf(index).empty())
        valueAt(input, index);
  }
  SmallVector<Operation *> ordered(group.members.begin(), group.members.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : ordered)
    for (Index &index : group.demands[op->getResult(0)])
      if (group.axes.lookupsOf(index).empty()) // what is at a lookup waits for that
        valueAt(op->getResult(0), index);

  SmallVector<Value> yielded;
  SmallVector<AffineMap> maps;
  for (KernelGroup::Output &output : group.outputs) {
    Index index = group.demands[output.value].front();
    yielded.push_back(valueAt(output.value, index));
    for (Value value = output.value; value != output.final;) {
      Operation *view = *value.getUsers().begin();
      index = *indexOfResult(view, index);
      value = view->getResult(0);
    }
    maps.push_back(mapOf(index));
  }
  YieldOp::create(builder, loc, yielded, builder.getAffineMapArrayAttr(maps));
  return kernel;
}
