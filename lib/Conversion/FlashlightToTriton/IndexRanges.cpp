//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Interval arithmetic over the integers of a tile program, on demand. An interval
// that leaves the value's own type (the op may wrap) becomes the whole type.
//
//===----------------------------------------------------------------------===//

#include "IndexRanges.h"

#include "flashlight/Conversion/FlashlightToTriton/Passes.h"
#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

bool Interval::fits(unsigned width) const {
  if (width >= 64)
    return true;
  int64_t bound = int64_t(1) << (width - 1);
  return lo >= -bound && hi < bound;
}

static Interval wholeType(unsigned width) {
  if (width >= 64)
    return {INT64_MIN, INT64_MAX};
  // i1 is a truth value: 0 or 1 as an unsigned number, 0 or -1 as a signed one.
  return {-(int64_t(1) << (width - 1)), width == 1 ? 1 : (int64_t(1) << (width - 1)) - 1};
}

static unsigned widthOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
}

static Interval join(Interval a, Interval b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}

IndexRanges::IndexRanges(func::FuncOp func) : func(func), lastProgram(INT32_MAX - 1) {
  int64_t programs = 1;
  auto grid = func->getAttrOfType<ArrayAttr>(kGridAttr);
  for (Attribute attr : grid ? grid.getValue() : ArrayRef<Attribute>()) {
    auto axis = cast<GridAxisAttr>(attr);
    if (axis.getAxis().isDynamic())
      return;
    programs *= llvm::divideCeil(axis.getAxis().getSize(), axis.getTile());
  }
  lastProgram = std::max<int64_t>(programs - 1, 0);
}

Interval IndexRanges::get(Value value) {
  if (!getElementTypeOrSelf(value.getType()).isIntOrIndex())
    return wholeType(64);
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  // A cycle (a loop-carried value) sees the whole type.
  unsigned width = widthOf(value.getType());
  known[value] = wholeType(width);
  Interval range = compute(value);
  if (!range.fits(width) && width != 1)
    range = wholeType(width);
  known[value] = range;
  return range;
}

Interval IndexRanges::compute(Value value) {
  unsigned width = widthOf(value.getType());
  if (auto arg = dyn_cast<BlockArgument>(value))
    return computeArgument(arg, width);
  if (auto branch = value.getDefiningOp<scf::IfOp>()) {
    unsigned i = cast<OpResult>(value).getResultNumber();
    return join(get(branch.thenYield().getOperand(i)), get(branch.elseYield().getOperand(i)));
  }
  return computeOp(value.getDefiningOp(), width);
}

Interval IndexRanges::computeArgument(BlockArgument arg, unsigned width) {
  Operation *parent = arg.getOwner()->getParentOp();
  if (parent == func && func.getArgAttr(arg.getArgNumber(), kSymbolAttr))
    return {0, kMaxExtent};
  auto loop = dyn_cast<scf::ForOp>(parent);
  if (loop && arg == loop.getInductionVar() && get(loop.getStep()).lo > 0) {
    Interval lower = get(loop.getLowerBound()), upper = get(loop.getUpperBound());
    return {lower.lo, std::max(lower.lo, upper.hi - 1)};
  }
  return wholeType(width);
}

/// The four products (sums, ...) of bounds span the range; none if one overflows.
template <typename Combine>
static std::optional<Interval> corners(Interval a, Interval b, Combine combine) {
  std::optional<Interval> range;
  for (int64_t x : {a.lo, a.hi})
    for (int64_t y : {b.lo, b.hi}) {
      int64_t z;
      if (combine(x, y, z))
        return std::nullopt;
      range = range ? join(*range, {z, z}) : Interval{z, z};
    }
  return range;
}

Interval IndexRanges::computeOp(Operation *op, unsigned width) {
  Interval whole = wholeType(width);
  auto operand = [&](unsigned i) { return get(op->getOperand(i)); };
  DenseElementsAttr elements;
  APInt integer;
  if (matchPattern(op, m_ConstantInt(&integer)))
    return {integer.getSExtValue(), integer.getSExtValue()};
  if (matchPattern(op, m_Constant(&elements)) && elements.getElementType().isIntOrIndex()) {
    Interval range{INT64_MAX, INT64_MIN};
    for (APInt element : elements.getValues<APInt>())
      range = join(range, {element.getSExtValue(), element.getSExtValue()});
    return elements.empty() ? whole : range;
  }
  if (auto iota = dyn_cast<IotaOp>(op))
    return {0, cast<RankedTensorType>(iota.getType()).getDimSize(0) - 1};
  if (isa<ProgramIdOp>(op))
    return {0, lastProgram};
  if (isa<BroadcastOp, tensor::SplatOp, tensor::ExtractOp, arith::IndexCastOp, arith::ExtSIOp>(op))
    return operand(0);
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op)) {
    unsigned from = widthOf(op->getOperand(0).getType());
    if (operand(0).isNonNegative())
      return operand(0);
    return from < 64 ? Interval{0, (int64_t(1) << from) - 1} : whole;
  }
  if (isa<arith::TruncIOp>(op))
    return operand(0).fits(width) ? operand(0) : whole;
  if (isa<arith::AddIOp>(op))
    return corners(operand(0), operand(1), llvm::AddOverflow<int64_t>).value_or(whole);
  if (isa<arith::SubIOp>(op))
    return corners(operand(0), operand(1), llvm::SubOverflow<int64_t>).value_or(whole);
  if (isa<arith::MulIOp>(op))
    return corners(operand(0), operand(1), llvm::MulOverflow<int64_t>).value_or(whole);
  if (isa<arith::SelectOp>(op))
    return join(operand(1), operand(2));
  if (isa<math::AbsIOp>(op) && operand(0).lo > INT64_MIN) {
    Interval range = operand(0);
    int64_t most = std::max(std::abs(range.lo), std::abs(range.hi));
    return {range.isNonNegative() ? range.lo : 0, most};
  }

  if (op->getNumOperands() != 2)
    return whole;
  Interval a = operand(0), b = operand(1);
  bool isSigned = isa<arith::DivSIOp, arith::CeilDivSIOp, arith::FloorDivSIOp, arith::RemSIOp,
                      arith::MinSIOp, arith::MaxSIOp>(op);
  if (!isSigned && !(a.isNonNegative() && b.isNonNegative()))
    return whole;
  if (isa<arith::MinSIOp, arith::MinUIOp>(op))
    return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
  if (isa<arith::MaxSIOp, arith::MaxUIOp>(op))
    return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
  if (b.lo < 0 || b.hi < 1)
    return whole;
  // A division by zero is undefined, so that the divisor is at least 1 from here on. The
  // quotient lies between 0 and the dividend, whichever way it is rounded.
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
          arith::FloorDivSIOp>(op)) {
    if (!a.isNonNegative())
      return {std::min<int64_t>(a.lo, 0), std::max<int64_t>(a.hi, 0)};
    int64_t most = a.hi / std::max<int64_t>(b.lo, 1);
    bool ceils = isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op);
    return {a.lo / b.hi, std::min(a.hi, most + (ceils ? 1 : 0))};
  }
  if (isa<arith::RemSIOp, arith::RemUIOp>(op))
    return {a.isNonNegative() ? 0 : 1 - b.hi, std::min(std::max<int64_t>(a.hi, 0), b.hi - 1)};
  if (isa<arith::AndIOp>(op))
    return {0, std::min(a.hi, b.hi)};
  return whole;
}
