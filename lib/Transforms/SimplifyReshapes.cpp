//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. A tensor that is flattened for a pointwise computation, and taken
// apart again behind it (weights that are mixed by a product of matrices), is
// computed in its own shape:
//
//   reshape(f(reshape(x), number)) = f(x, number)
//
//===----------------------------------------------------------------------===//

#include "SimplifyReshapes.h"

#include "ProgramUtils.h"

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

/// True for a view that changes neither the number nor the order of the elements.
static bool isShapeAlone(Operation *op) {
  if (!isa_and_nonnull<ReshapeOp, BroadcastOp, TransposeOp>(op))
    return false;
  RankedTensorType from = tensorType(op->getOperand(0)), to = tensorType(op->getResult(0));
  if (!from.hasStaticShape() || !to.hasStaticShape() ||
      from.getNumElements() != to.getNumElements())
    return false;
  auto transpose = dyn_cast<TransposeOp>(op);
  SmallVector<int64_t> moved;
  if (transpose)
    llvm::copy_if(transpose.getPermutation(), std::back_inserter(moved),
                  [&](int64_t dim) { return from.getDimSize(dim) != 1; });
  return llvm::is_sorted(moved);
}

/// What a value is before such views.
static Value behindShapes(Value value) {
  while (isShapeAlone(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

/// The one number that a value has everywhere, of one element, if it is a repeated one.
static Value numberOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, BroadcastOp>(op))
      break;
    value = op->getOperand(0);
    if (tensorType(value).hasStaticShape() && tensorType(value).getNumElements() == 1)
      return value;
  }
  return {};
}

namespace {

/// reshape(f(reshape(x), ...)) -> f(x, ...), where all operands of pointwise ops are in the shape
/// of the result behind views, or numbers.
struct PointwiseBetweenReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Whether `value` is known in the shape, computed at most `depth` ops deep.
  static bool has(Value value, ArrayRef<int64_t> shape, unsigned depth, bool &reshaped) {
    if (numberOf(value))
      return true;
    if (tensorType(behindShapes(value)).getShape() == shape) {
      reshaped = true;
      return true;
    }
    Operation *op = behindShapes(value).getDefiningOp();
    return op && depth > 0 && isElementwise(op) && op->hasOneUse() &&
           llvm::all_of(op->getOperands(),
                        [&](Value operand) { return has(operand, shape, depth - 1, reshaped); });
  }

  static Value write(Value value, ArrayRef<int64_t> shape, PatternRewriter &rewriter) {
    Location loc = value.getLoc();
    auto type = RankedTensorType::get(shape, tensorType(value).getElementType());
    if (Value number = numberOf(value)) {
      auto scalar = RankedTensorType::get({}, type.getElementType());
      if (number.getType() != scalar)
        number = ReshapeOp::create(rewriter, loc, scalar, number);
      return BroadcastOp::create(rewriter, loc, type, number, rewriter.getDenseI64ArrayAttr({}));
    }
    Value behind = behindShapes(value);
    if (tensorType(behind).getShape() == shape)
      return behind;
    Operation *op = behind.getDefiningOp();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(write(operand, shape, rewriter));
    OperationState state(op->getLoc(), op->getName(), operands, type);
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return rewriter.create(state)->getResult(0);
  }

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    constexpr unsigned deepest = 8;
    RankedTensorType type = tensorType(op.getResult());
    Operation *function = behindShapes(op.getResult()).getDefiningOp();
    bool reshaped = false;
    if (!function || !isElementwise(function) || !type.hasStaticShape() ||
        tensorType(function->getResult(0)).getShape() == type.getShape() ||
        !has(op.getResult(), type.getShape(), deepest, reshaped) || !reshaped)
      return rewriter.notifyMatchFailure(op, "not computed of what had this shape before");
    Value value = write(function->getResult(0), type.getShape(), rewriter);
    if (Attribute node = op->getAttr(kNodeAttr))
      value.getDefiningOp()->setAttr(kNodeAttr, node);
    rewriter.replaceOp(op, value);
    return success();
  }
};

} // namespace

void flashlight::populateSimplifyReshapesPatterns(RewritePatternSet &patterns) {
  patterns.add<PointwiseBetweenReshapes>(patterns.getContext());
}
