//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-convert-to-triton: see Passes.td. The parameters of a kernel, its control
// flow, and which file converts which op.
//
//===----------------------------------------------------------------------===//

#include "Converter.h"
#include "Tiles.h"

#include "flashlight/Conversion/FlashlightToTriton/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"

namespace flashlight {
#define GEN_PASS_DEF_CONVERTTOTRITON
#include "flashlight/Conversion/FlashlightToTriton/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

KernelConverter::KernelConverter(func::FuncOp source, OpBuilder &builder)
    : source(source), builder(builder), ranges(source) {}

LogicalResult KernelConverter::convert() {
  FailureOr<tt::FuncOp> kernel = convertSignature();
  return failed(kernel) ? failure() : convertBlock(source.getBody().front());
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Type KernelConverter::convertType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isIndex())
    element = builder.getI64Type();
  auto tile = dyn_cast<RankedTensorType>(type);
  return tiles::typeOf(tile ? tile.getShape() : ArrayRef<int64_t>(), element);
}

bool KernelConverter::isNarrow(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  return (element.isIndex() || element.isInteger(64)) && ranges.get(value).fits(32);
}

Value KernelConverter::getWide(Value value) {
  return tiles::cast(builder, value.getLoc(), get(value),
                     getElementTypeOrSelf(convertType(value.getType())));
}

Value KernelConverter::getNarrow(Value value) {
  return tiles::cast(builder, value.getLoc(), get(value), builder.getI32Type());
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// The constant strides of a memref argument; kDynamic where a stride is not one.
static FailureOr<SmallVector<int64_t>> constantStrides(func::FuncOp func, unsigned arg,
                                                       MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return func.emitOpError() << "expected a strided memref as argument " << arg << ", got "
                              << type;
  auto given = func.getArgAttrOfType<DenseI64ArrayAttr>(arg, kStridesAttr);
  if (given && given.size() != type.getRank())
    return func.emitOpError() << "expected " << type.getRank() << " strides of argument " << arg
                              << ", got " << given;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (given && ShapedType::isDynamic(strides[i]))
      strides[i] = given[i];
    if (type.getDimSize(i) == 1)
      strides[i] = 0; // its only index is 0
  }
  return strides;
}

FailureOr<tt::FuncOp> KernelConverter::convertSignature() {
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attrs;
  auto addParameter = [&](Type type, bool isMultipleOf16) {
    types.push_back(type);
    NamedAttrList list;
    if (isMultipleOf16)
      list.append(tt::kDivisibilityAttr, builder.getI32IntegerAttr(16));
    attrs.push_back(list.getDictionary(builder.getContext()));
  };

  SmallVector<SmallVector<int64_t>> strides;
  for (auto [i, type] : llvm::enumerate(source.getArgumentTypes())) {
    strides.emplace_back();
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref) {
      addParameter(builder.getI32Type(), false);
      continue;
    }
    FailureOr<SmallVector<int64_t>> constants = constantStrides(source, i, memref);
    if (failed(constants))
      return failure();
    auto multiples = source.getArgAttrOfType<DenseI64ArrayAttr>(i, flashlight::kDivisibilityAttr);
    if (multiples && multiples.size() != memref.getRank() + 1)
      return source.emitOpError() << "expected " << memref.getRank() + 1
                                  << " multiples of argument " << i << ", got " << multiples;
    auto isMultipleOf16 = [&](unsigned j) { return multiples && multiples[j] % 16 == 0; };
    addParameter(tt::PointerType::get(memref.getElementType()), isMultipleOf16(0));
    for (auto [j, stride] : llvm::enumerate(*constants))
      if (ShapedType::isDynamic(stride))
        addParameter(builder.getI64Type(), isMultipleOf16(j + 1));
    strides.back() = std::move(*constants);
  }

  auto kernel = tt::FuncOp::create(builder, source.getLoc(), source.getName(),
                                   builder.getFunctionType(types, {}), attrs);
  Block *entry = builder.createBlock(&kernel.getBody(), {}, types,
                                     SmallVector<Location>(types.size(), source.getLoc()));
  unsigned next = 0;
  for (auto [arg, constants] : llvm::zip(source.getArguments(), strides)) {
    Value parameter = entry->getArgument(next++);
    if (!isa<MemRefType>(arg.getType())) {
      map[arg] = parameter;
      continue;
    }
    Memory &memory = memories[arg];
    memory.pointer = parameter;
    for (int64_t stride : constants)
      memory.strides.push_back(ShapedType::isDynamic(stride)
                                   ? OpFoldResult(entry->getArgument(next++))
                                   : OpFoldResult(builder.getI64IntegerAttr(stride)));
  }
  return kernel;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult KernelConverter::convertBlock(Block &block) {
  for (Operation &op : block)
    if (failed(convertOp(&op)))
      return failure();
  return success();
}

LogicalResult KernelConverter::convertOp(Operation *op) {
  Location loc = op->getLoc();
  if (auto load = dyn_cast<LoadOp>(op))
    return convertLoad(load);
  if (auto store = dyn_cast<StoreOp>(op))
    return convertStore(store);
  if (auto contract = dyn_cast<ContractOp>(op))
    return convertContract(contract);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return convertReduce(reduce);
  if (auto scan = dyn_cast<ScanOp>(op))
    return convertScan(scan);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return convertFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return convertIf(branch);
  if (isa<scf::YieldOp>(op)) {
    convertYield(op);
    return success();
  }
  if (isa<func::ReturnOp>(op)) {
    tt::ReturnOp::create(builder, loc);
    return success();
  }
  if (isa<ProgramIdOp>(op)) {
    map[op->getResult(0)] =
        tt::GetProgramIdOp::create(builder, loc, builder.getI32Type(), tt::ProgramDim::X);
    return success();
  }
  if (auto iota = dyn_cast<IotaOp>(op)) {
    auto type = cast<RankedTensorType>(iota.getType());
    Value range = tt::MakeRangeOp::create(builder, loc, type.clone(builder.getI32Type()), 0,
                                          static_cast<int32_t>(type.getDimSize(0)));
    Type element = getElementTypeOrSelf(convertType(type));
    map[iota] = isNarrow(iota) ? range : tiles::cast(builder, loc, range, element);
    return success();
  }
  if (auto repeat = dyn_cast<BroadcastOp>(op)) {
    auto type = cast<RankedTensorType>(repeat.getType());
    map[repeat] = tiles::broadcast(builder, loc, get(repeat.getOperand()),
                                   repeat.getDims().value_or(ArrayRef<int64_t>()), type.getShape());
    return success();
  }
  if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    map[splat] = tiles::splat(builder, loc, get(splat.getInput()), splat.getType().getShape());
    return success();
  }
  return convertElementwise(op);
}

LogicalResult KernelConverter::convertFor(scf::ForOp op) {
  Location loc = op.getLoc();
  // The induction variable is compared with the bound once beyond it.
  Interval upper = ranges.get(op.getUpperBound()), step = ranges.get(op.getStep());
  bool narrow = isNarrow(op.getLowerBound()) && isNarrow(op.getUpperBound()) &&
                isNarrow(op.getStep()) && Interval{upper.lo, upper.hi + step.hi}.fits(32);
  auto bound = [&](Value value) { return narrow ? getNarrow(value) : getWide(value); };
  SmallVector<Value> inits;
  for (Value init : op.getInitArgs())
    inits.push_back(getWide(init));
  auto loop = scf::ForOp::create(builder, loc, bound(op.getLowerBound()), bound(op.getUpperBound()),
                                 bound(op.getStep()), inits);
  // Triton reads attributes of its own from loops; a schedule may have set them.
  for (NamedAttribute attr : op->getDiscardableAttrs())
    if (attr.getName().strref().starts_with("tt."))
      loop->setAttr(attr.getName(), attr.getValue());
  map[op.getInductionVar()] = loop.getInductionVar();
  for (auto [from, to] : llvm::zip(op.getRegionIterArgs(), loop.getRegionIterArgs()))
    map[from] = to;
  for (auto [from, to] : llvm::zip(op.getResults(), loop.getResults()))
    map[from] = to;

  OpBuilder::InsertionGuard guard(builder);
  Block *body = loop.getBody();
  if (!body->empty())
    body->back().erase();
  builder.setInsertionPointToEnd(body);
  return convertBlock(*op.getBody());
}

LogicalResult KernelConverter::convertIf(scf::IfOp op) {
  SmallVector<Type> types;
  for (Type type : op.getResultTypes())
    types.push_back(convertType(type));
  bool hasElse = !op.getElseRegion().empty();
  auto branch = scf::IfOp::create(builder, op.getLoc(), types, get(op.getCondition()),
                                  /*addThenBlock=*/true, /*addElseBlock=*/hasElse);
  for (auto [from, to] : llvm::zip(op.getResults(), branch.getResults()))
    map[from] = to;
  for (auto [from, to] : llvm::zip(op->getRegions(), branch->getRegions())) {
    if (from.empty())
      continue;
    OpBuilder::InsertionGuard guard(builder);
    Block &block = to.front();
    if (!block.empty())
      block.back().erase();
    builder.setInsertionPointToEnd(&block);
    if (failed(convertBlock(from.front())))
      return failure();
  }
  return success();
}

void KernelConverter::convertYield(Operation *op) {
  SmallVector<Value> values;
  for (Value operand : op->getOperands())
    values.push_back(getWide(operand));
  scf::YieldOp::create(builder, op->getLoc(), values);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct ConvertToTriton : flashlight::impl::ConvertToTritonBase<ConvertToTriton> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<Operation *> old;
    for (Operation &op : *module.getBody())
      old.push_back(&op);
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    for (Operation *op : old) {
      auto func = dyn_cast<func::FuncOp>(op);
      if (!func || !func->hasAttr(kGridAttr))
        continue;
      OpBuilder::InsertionGuard guard(builder);
      if (failed(KernelConverter(func, builder).convert()))
        return signalPassFailure();
    }
    // The kernels have the functions' names: both stand in the module only in between.
    for (Operation *op : old)
      op->erase();
    // Attributes of other levels mean nothing to Triton.
    module->setDiscardableAttrs(DictionaryAttr::get(&getContext()));
  }
};

} // namespace
