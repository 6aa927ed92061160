//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of flashlight-normalize-shifts about what is moved on by one, for scans
// S_n = x_0 (+) ... (+) x_n, and E_n, the same without x_n:
//
//   f(S) moved on by one, behind h       f(E), and h at n = 0
//   the scan of f(x) moved on, behind h  f(h) (+) E
//
//===----------------------------------------------------------------------===//

#include "NormalizeShifts.h"

#include "Algebra.h"
#include "ProgramUtils.h"

#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// Chains of functions of one value
//===----------------------------------------------------------------------===//

/// True for a value whose elements are all one number.
static bool isNumber(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  return matchPattern(value, m_Constant()) &&
         isa<SplatElementsAttr>(value.getDefiningOp<arith::ConstantOp>().getValue());
}

/// Follows functions of one value backwards, the last first, until `stop` holds.
static Value behindFunctions(Value value, SmallVectorImpl<Operation *> &functions,
                             llvm::function_ref<bool(Operation *)> stop) {
  while (Operation *op = value.getDefiningOp()) {
    if (stop(op))
      return value;
    if (!isElementwise(op))
      return {};
    Value next;
    for (Value operand : op->getOperands())
      if (!isNumber(operand)) {
        if (next)
          return {};
        next = operand;
      }
    if (!next)
      return {};
    functions.push_back(op);
    value = next;
  }
  return {};
}

/// The functions, the last first, of `value` instead, which may have another shape.
static Value applyFunctions(ArrayRef<Operation *> functions, Value value, OpBuilder &builder) {
  for (Operation *op : llvm::reverse(functions)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isNumber(operand)) {
        operands.push_back(value);
        continue;
      }
      while (auto broadcast = operand.getDefiningOp<BroadcastOp>())
        operand = broadcast.getOperand();
      if (tensorType(operand).getRank()) {
        auto splat = cast<SplatElementsAttr>(operand.getDefiningOp<arith::ConstantOp>().getValue());
        operand = arith::ConstantOp::create(
            builder, op->getLoc(),
            splat.resizeSplat(RankedTensorType::get({}, splat.getElementType())));
      }
      auto type = tensorType(value).clone(tensorType(operand).getElementType());
      operands.push_back(BroadcastOp::create(builder, op->getLoc(), type, operand,
                                             builder.getDenseI64ArrayAttr({})));
    }
    Type element = tensorType(op->getResult(0)).getElementType();
    OperationState state(op->getLoc(), op->getName(), operands, tensorType(value).clone(element));
    state.propertiesAttr = op->getPropertiesAsAttribute();
    value = builder.create(state)->getResult(0);
  }
  return value;
}

/// The one number that the functions, the last first, make of `number`; null if nobody knows.
static Attribute evaluate(ArrayRef<Operation *> functions, Attribute number) {
  for (Operation *op : llvm::reverse(functions)) {
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      Attribute known = number;
      if (isNumber(operand)) {
        while (auto broadcast = operand.getDefiningOp<BroadcastOp>())
          operand = broadcast.getOperand();
        auto splat = cast<SplatElementsAttr>(operand.getDefiningOp<arith::ConstantOp>().getValue());
        known = splat.getSplatValue<Attribute>();
      }
      operands.push_back(known);
    }
    // Folded as an op of rank-0 tensors would be.
    SmallVector<Attribute> tensors;
    for (Attribute each : operands)
      tensors.push_back(
          DenseElementsAttr::get(RankedTensorType::get({}, cast<TypedAttr>(each).getType()), each));
    SmallVector<OpFoldResult> folded;
    if (failed(op->fold(tensors, folded)) || folded.size() != 1)
      return {};
    auto result = dyn_cast_or_null<SplatElementsAttr>(dyn_cast<Attribute>(folded.front()));
    if (!result)
      return {};
    number = result.getSplatValue<Attribute>();
  }
  return number;
}

//===----------------------------------------------------------------------===//
// Moved on by one
//===----------------------------------------------------------------------===//

namespace {

/// A concat of one element and all but the last of `whole`; `backwards`: all but the first, and
/// then one element.
struct MovedByOne {
  Value head, whole;
  int64_t dim;
  bool backwards;
};

} // namespace

static std::optional<MovedByOne> movedByOne(Value value) {
  auto concat = value.getDefiningOp<ConcatOp>();
  if (!concat || concat.getOperands().size() != 2)
    return std::nullopt;
  int64_t dim = concat.getDim();
  for (bool backwards : {false, true}) {
    Value head = concat.getOperands()[backwards];
    auto slice = concat.getOperands()[!backwards].getDefiningOp<SliceOp>();
    if (!slice || tensorType(head).getDimSize(dim) != 1 ||
        llvm::any_of(slice.getStrides(), [](int64_t stride) { return stride != 1; }))
      continue;
    // Extents that are right leave but one choice of offsets.
    Value whole = slice.getOperand();
    if (tensorType(whole) != tensorType(value))
      continue;
    bool starts = true;
    for (auto [i, offset] : llvm::enumerate(slice.getOffsets()))
      starts &= offset == (static_cast<int64_t>(i) == dim && backwards ? 1 : 0);
    if (starts)
      return MovedByOne{head, whole, dim, backwards};
  }
  return std::nullopt;
}

/// `head`, of one element along the dim, all along it.
static Value spread(Value head, RankedTensorType type, OpBuilder &builder) {
  auto dims = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return BroadcastOp::create(builder, head.getLoc(), type.clone(tensorType(head).getElementType()),
                             head, builder.getDenseI64ArrayAttr(dims));
}

namespace {

/// concat(h, f(scan x)[:-1]) -> f(exclusive scan x), and h at the start where that is not f's.
struct ScanMovedByOne : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    std::optional<MovedByOne> moved = movedByOne(op.getResult());
    if (!moved)
      return rewriter.notifyMatchFailure(op, "nothing that is moved by one");
    SmallVector<Operation *> functions;
    Value behind = behindFunctions(moved->whole, functions, llvm::IsaPred<ScanOp>);
    auto scan = behind ? behind.getDefiningOp<ScanOp>() : ScanOp();
    if (!scan || scan.getExclusive() || scan.getReverse() != moved->backwards ||
        scan.getScannedDim() != moved->dim)
      return rewriter.notifyMatchFailure(op, "no function of a scan along the dim");
    auto type = tensorType(op.getResult());
    Value before = scanLike(scan, scan.getOperand(), moved->backwards, true, rewriter);
    Value value = applyFunctions(functions, before, rewriter);
    Attribute start =
        evaluate(functions, identityOf(scan.getKind(), tensorType(behind).getElementType()));
    Value head = moved->head;
    while (auto broadcast = head.getDefiningOp<BroadcastOp>())
      head = broadcast.getOperand();
    DenseElementsAttr known;
    bool same = start && matchPattern(head, m_Constant(&known)) && known.isSplat() &&
                known.getSplatValue<Attribute>() == start;
    if (!same) {
      if (moved->backwards && type.isDynamicDim(moved->dim))
        return rewriter.notifyMatchFailure(op, "the last position is not known");
      int64_t place = moved->backwards ? type.getDimSize(moved->dim) - 1 : 0;
      Value at = positionsAlong(moved->dim, type, op.getLoc(), rewriter);
      Value is = arith::CmpIOp::create(rewriter, op.getLoc(), arith::CmpIPredicate::eq, at,
                                       numberLike(place, tensorType(at), op.getLoc(), rewriter));
      value = arith::SelectOp::create(rewriter, op.getLoc(), is,
                                      spread(moved->head, type, rewriter), value);
    }
    replaceNamed(op, value, rewriter);
    return success();
  }
};

/// scan f(concat(h, x[:-1])) -> f(h) (+) exclusive scan f(x).
struct ScanOfMovedByOne : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const override {
    SmallVector<Operation *> functions;
    Value behind = behindFunctions(op.getOperand(), functions, llvm::IsaPred<ConcatOp>);
    std::optional<MovedByOne> moved = behind ? movedByOne(behind) : std::nullopt;
    if (!moved || op.getExclusive() || moved->dim != op.getScannedDim() ||
        moved->backwards != op.getReverse())
      return rewriter.notifyMatchFailure(op, "scans nothing that is moved by one");
    Value head = applyFunctions(functions, moved->head, rewriter);
    Value value = applyFunctions(functions, moved->whole, rewriter);
    value = scanLike(op, value, op.getReverse(), true, rewriter);
    if (!algebra::isIdentity(op.getKind(), head))
      value = combine(op.getKind(), rewriter, op.getLoc(),
                      spread(head, tensorType(op.getResult()), rewriter), value);
    replaceNamed(op, value, rewriter);
    return success();
  }
};

} // namespace

void flashlight::populateNormalizeMovedPatterns(RewritePatternSet &patterns) {
  patterns.add<ScanMovedByOne, ScanOfMovedByOne>(patterns.getContext());
}
