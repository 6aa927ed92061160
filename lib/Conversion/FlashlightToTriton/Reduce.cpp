//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reductions and scans: Triton's ops hold what combines two elements in a region.
//
//===----------------------------------------------------------------------===//

#include "Converter.h"
#include "Tiles.h"

#include "flashlight/IR/Reductions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

/// Fills the region of a reduction or scan.
template <typename ReturnOp>
static void writeCombine(OpBuilder &builder, Location loc, ReduceKind kind, Region &region,
                         Type element) {
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&region, {}, {element, element}, {loc, loc});
  Value result = combine(kind, builder, loc, body->getArgument(0), body->getArgument(1));
  ReturnOp::create(builder, loc, result);
}

/// The same for a scan without the element itself: a range is what its elements but the last
/// combine to, and the last. (a, x) and (b, y), one after the other, are (a x b, y).
static void writeCombineBefore(OpBuilder &builder, Location loc, ReduceKind kind, Region &region,
                               Type element) {
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types(4, element);
  Block *body = builder.createBlock(&region, {}, types, SmallVector<Location>(4, loc));
  Value first = combine(kind, builder, loc, body->getArgument(0), body->getArgument(1));
  Value both = combine(kind, builder, loc, first, body->getArgument(2));
  tt::ScanReturnOp::create(builder, loc, ValueRange{both, body->getArgument(3)});
}

/// Triton 3.6 and 3.7 take the sum of a product of a tile that was expanded at dim 2 and one that
/// was expanded at dim 0 for a matrix product, of any rank and over any dim. In the other order the
/// product is the same, and is left alone.
static void avoidMatrixProduct(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  auto expandedAt = [](Value factor) {
    auto broadcast = factor.getDefiningOp<tt::BroadcastOp>();
    auto expand = broadcast ? broadcast.getSrc().getDefiningOp<tt::ExpandDimsOp>() : nullptr;
    return expand ? static_cast<int64_t>(expand.getAxis()) : -1;
  };
  if (product && expandedAt(product.getLhs()) == 2 && expandedAt(product.getRhs()) == 0)
    product->setOperands({product.getRhs(), product.getLhs()});
}

Value tiles::reduce(OpBuilder &builder, Location loc, ReduceKind kind, Value value, int64_t axis) {
  avoidMatrixProduct(value);
  SmallVector<int64_t> shape(tiles::shapeOf(value));
  shape.erase(shape.begin() + axis);
  Type element = getElementTypeOrSelf(value.getType());
  auto reduce = tt::ReduceOp::create(builder, loc, tiles::typeOf(shape, element), value,
                                     static_cast<int32_t>(axis));
  writeCombine<tt::ReduceReturnOp>(builder, loc, kind, reduce.getCombine(), element);
  return reduce.getResult();
}

LogicalResult KernelConverter::convertReduce(ReduceOp op) {
  Location loc = op.getLoc();
  Value value = getWide(op.getOperand());
  // Triton reduces no i1.
  bool isBool = getElementTypeOrSelf(value.getType()).isInteger(1);
  if (isBool)
    value = tiles::cast(builder, loc, value, builder.getI32Type());
  SmallVector<int64_t> dims = op.getReducedDims();
  for (int64_t dim : llvm::reverse(dims))
    value = tiles::reduce(builder, loc, op.getKind(), value, dim);
  if (isBool)
    value = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value,
                                  tiles::constant(builder, loc, value.getType(), 0));
  map[op.getResult()] = value;
  return success();
}

LogicalResult KernelConverter::convertScan(ScanOp op) {
  Location loc = op.getLoc();
  Value value = getWide(op.getOperand());
  Type element = getElementTypeOrSelf(value.getType());
  SmallVector<Value> operands{value};
  if (op.getExclusive()) {
    auto none = DenseElementsAttr::get(cast<ShapedType>(value.getType()),
                                       Attribute(identityOf(op.getKind(), element)));
    operands.insert(operands.begin(), arith::ConstantOp::create(builder, loc, none));
  }
  auto scan = tt::ScanOp::create(builder, loc, ValueRange(operands).getTypes(), operands,
                                 static_cast<int32_t>(op.getScannedDim()), op.getReverse());
  if (op.getExclusive())
    writeCombineBefore(builder, loc, op.getKind(), scan.getCombine(), element);
  else
    writeCombine<tt::ScanReturnOp>(builder, loc, op.getKind(), scan.getCombine(), element);
  map[op.getResult()] = scan.getResult(0);
  return success();
}
