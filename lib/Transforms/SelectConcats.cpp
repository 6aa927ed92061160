//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-select-concats: see Passes.td. Where each part of a concat is computed of
// what lies in its own place in other tensors, an element is chosen by its position t:
//
//   (f(x[0:c]) ++ g(x[c:n]))[t] = t < c ? f(x[t]) : g(x[t])
//
//===----------------------------------------------------------------------===//

#include "ProgramUtils.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace flashlight {
#define GEN_PASS_DEF_SELECTCONCATS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// How deep a part is looked into, and how many parts are worth a choice.
constexpr unsigned kDeepest = 8, kMostParts = 4;

/// Computes a part of a concat for all positions.
class Widener {
public:
  Widener(ConcatOp concat, int64_t first)
      : builder(concat), dim(concat.getDim()), first(first),
        whole(tensorType(concat.getResult()).getDimSize(dim)) {}

  /// Whether `value`, a part or what one is computed of, is known at all positions. It has the dim
  /// of the concat, or lacks it (`squeezed`) and stands at the first position.
  bool has(Value value, bool squeezed = false, unsigned depth = kDeepest);
  /// That value.
  Value write(Value value, bool squeezed = false);

  bool inPlace = false; // some operand lies in the part's own place

private:
  /// What a reshape adds or takes away is the dim of the concat alone.
  bool squeezes(Operation *op, bool squeezed) const;
  bool isRepeated(BroadcastOp op, bool squeezed) const;
  bool isInPlace(SliceOp op) const;
  RankedTensorType widened(Value value, bool squeezed) const;

  OpBuilder builder;
  int64_t dim, first, whole;
};

} // namespace

bool Widener::squeezes(Operation *op, bool squeezed) const {
  if (!isa<ReshapeOp>(op))
    return false;
  RankedTensorType without = tensorType(squeezed ? op->getResult(0) : op->getOperand(0)),
                   with = tensorType(squeezed ? op->getOperand(0) : op->getResult(0));
  if (with.getRank() != without.getRank() + 1 || with.getDimSize(dim) != 1)
    return false;
  for (int64_t i = 0; i < without.getRank(); ++i)
    if (!(getExtent(without, i) == getExtent(with, i + (i >= dim))))
      return false;
  return true;
}

bool Widener::isRepeated(BroadcastOp op, bool squeezed) const {
  return squeezed || !llvm::is_contained(*op.getDims(), dim);
}

bool Widener::isInPlace(SliceOp op) const {
  return op.getOffsets()[dim] == first && op.getStrides()[dim] == 1 &&
         tensorType(op.getOperand()).getDimSize(dim) == whole;
}

RankedTensorType Widener::widened(Value value, bool squeezed) const {
  RankedTensorType type = tensorType(value);
  SmallVector<Extent> extents;
  for (int64_t i = 0; i < type.getRank(); ++i)
    extents.push_back(getExtent(type, i));
  if (squeezed)
    extents.insert(extents.begin() + dim, Extent{whole, {}});
  else
    extents[dim] = Extent{whole, {}};
  return typeOf(extents, type);
}

bool Widener::has(Value value, bool squeezed, unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (auto slice = dyn_cast<SliceOp>(op); slice && !squeezed && isInPlace(slice))
    return inPlace = true;
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return isRepeated(broadcast, squeezed);
  if (squeezes(op, squeezed))
    return has(op->getOperand(0), !squeezed, depth - 1);
  return isElementwise(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
           return has(operand, squeezed, depth - 1);
         });
}

Value Widener::write(Value value, bool squeezed) {
  Operation *op = value.getDefiningOp();
  RankedTensorType type = widened(value, squeezed);
  if (auto slice = dyn_cast<SliceOp>(op)) {
    if (slice.getOperand().getType() == type)
      return slice.getOperand();
    SmallVector<int64_t> offsets(slice.getOffsets());
    offsets[dim] = 0;
    return SliceOp::create(builder, op->getLoc(), type, slice.getOperand(),
                           builder.getDenseI64ArrayAttr(offsets), slice.getStridesAttr());
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    SmallVector<int64_t> dims(*broadcast.getDims());
    if (squeezed)
      for (int64_t &to : dims)
        to += to >= dim;
    return BroadcastOp::create(builder, op->getLoc(), type, broadcast.getOperand(),
                               builder.getDenseI64ArrayAttr(dims));
  }
  if (squeezes(op, squeezed))
    return write(op->getOperand(0), !squeezed);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(write(operand, squeezed));
  OperationState state(op->getLoc(), op->getName(), operands, type);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return builder.create(state)->getResult(0);
}

/// For each element of `type`, whether it stands before `end` in dim `dim`.
static Value isBefore(int64_t end, RankedTensorType type, int64_t dim, Location loc,
                      OpBuilder &builder) {
  auto positions = RankedTensorType::get({type.getDimSize(dim)}, builder.getI64Type());
  Value iota = IotaOp::create(builder, loc, positions);
  auto scalar = RankedTensorType::get({}, builder.getI64Type());
  Value number = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(scalar, builder.getI64IntegerAttr(end)));
  Value bound =
      BroadcastOp::create(builder, loc, positions, number, builder.getDenseI64ArrayAttr({}));
  Value before = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, iota, bound);
  return BroadcastOp::create(
      builder, loc, RankedTensorType::get(type.getShape(), builder.getI1Type(), type.getEncoding()),
      before, builder.getDenseI64ArrayAttr(dim));
}

static bool select(ConcatOp concat) {
  int64_t dim = concat.getDim(), first = 0;
  RankedTensorType type = tensorType(concat.getResult());
  if (type.isDynamicDim(dim) || concat.getOperands().size() > kMostParts)
    return false;
  SmallVector<Widener> wideners;
  for (Value part : concat.getOperands()) {
    wideners.emplace_back(concat, first);
    if (!wideners.back().has(part))
      return false;
    first += tensorType(part).getDimSize(dim);
  }
  if (llvm::none_of(wideners, [](const Widener &each) { return each.inPlace; }))
    return false;
  OpBuilder builder(concat);
  Value result;
  for (unsigned i = wideners.size(); i-- > 0;) {
    Value part = concat.getOperands()[i];
    Value all = wideners[i].write(part);
    if (result)
      all = arith::SelectOp::create(builder, concat.getLoc(),
                                    isBefore(first, type, dim, concat.getLoc(), builder), all,
                                    result);
    result = all;
    first -= tensorType(part).getDimSize(dim);
  }
  if (Attribute node = concat->getAttr(kNodeAttr))
    result.getDefiningOp()->setAttr(kNodeAttr, node);
  concat.replaceAllUsesWith(result);
  return true;
}

namespace {

struct SelectConcats : flashlight::impl::SelectConcatsBase<SelectConcats> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    for (ConcatOp concat : llvm::to_vector(block.getOps<ConcatOp>()))
      numConcats += select(concat);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
