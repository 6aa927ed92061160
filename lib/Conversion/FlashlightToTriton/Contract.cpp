//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Contractions. One of [m..., k...] with [k..., n...] is `tt.dot` of two matrices: dims of
// one element are dropped, groups of dims are merged, and where the result wants n
// before m the factors change places. What has no m, n or k (a matrix-vector product, a
// batch) or too few of them is a product over all dims and a sum.
//
//===----------------------------------------------------------------------===//

#include "Converter.h"
#include "Tiles.h"
#include "flashlight/IR/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace flashlight;

using Labels = ArrayRef<StringAttr>;

/// The least rows, columns and products of `tt.dot`: what a tensor core takes.
constexpr int64_t kMinDot = 16;

/// The type that sums are computed in: half types are summed in f32.
static Type sumType(Type element) {
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    return Float32Type::get(element.getContext());
  return element;
}

/// Puts the dims of `value` called `from` into the order `to`. A label of `from` that `to`
/// lacks has one element and is dropped, one that `from` lacks must have one and is made.
static Value arrange(OpBuilder &builder, Location loc, Value value, Labels from, Labels to,
                     llvm::function_ref<int64_t(StringAttr)> extent) {
  SmallVector<StringAttr> kept;
  SmallVector<int64_t> shape, order, target;
  for (StringAttr label : from)
    if (llvm::is_contained(to, label)) {
      kept.push_back(label);
      shape.push_back(extent(label));
    }
  value = tiles::reshape(builder, loc, value, shape);
  for (StringAttr label : to) {
    target.push_back(extent(label));
    const auto *found = llvm::find(kept, label);
    if (found != kept.end())
      order.push_back(found - kept.begin());
  }
  value = tiles::transpose(builder, loc, value, order);
  return tiles::reshape(builder, loc, value, target);
}

static int64_t product(Labels labels, llvm::function_ref<int64_t(StringAttr)> extent) {
  int64_t result = 1;
  for (StringAttr label : labels)
    result *= extent(label);
  return result;
}

static SmallVector<StringAttr> concat(Labels a, Labels b) {
  SmallVector<StringAttr> result(a);
  result.append(b.begin(), b.end());
  return result;
}

LogicalResult KernelConverter::convertContract(ContractOp op) {
  Location loc = op.getLoc();
  ContractOp::Labels labels = op.getLabels();
  Value lhs = getWide(op.getLhs()), rhs = getWide(op.getRhs());
  Value init = op.getInit() ? getWide(op.getInit()) : Value();
  auto resultType = cast<RankedTensorType>(op.getType());
  Type sum = sumType(resultType.getElementType());

  llvm::DenseMap<StringAttr, int64_t> extents;
  for (auto [names, value] : {std::pair(&labels.lhs, lhs), std::pair(&labels.rhs, rhs)})
    for (auto [label, size] : llvm::zip(*names, tiles::shapeOf(value)))
      extents[label] = size;
  auto extent = [&](StringAttr label) { return extents.lookup(label); };

  // Each label that has more than one element, by the terms that have it.
  SmallVector<StringAttr> m, n, k;
  bool isMatrixProduct = isa<FloatType>(sum) && sum.getIntOrFloatBitWidth() == 32;
  for (StringAttr label : labels.result) {
    bool left = llvm::is_contained(labels.lhs, label),
         right = llvm::is_contained(labels.rhs, label);
    if (extent(label) == 1)
      continue;
    if (left && right)
      isMatrixProduct = false; // a batch
    (left ? m : n).push_back(label);
  }
  SmallVector<StringAttr> contracted;
  for (StringAttr label : concat(labels.lhs, labels.rhs)) {
    if (llvm::is_contained(labels.result, label) || llvm::is_contained(contracted, label))
      continue;
    contracted.push_back(label);
    if (extent(label) == 1)
      continue;
    if (llvm::is_contained(labels.lhs, label) != llvm::is_contained(labels.rhs, label))
      isMatrixProduct = false; // a sum of one factor
    k.push_back(label);
  }

  if (isMatrixProduct && product(m, extent) >= kMinDot && product(n, extent) >= kMinDot &&
      product(k, extent) >= kMinDot) {
    for (StringAttr label : labels.result)
      if (extent(label) > 1) {
        if (llvm::is_contained(n, label)) {
          std::swap(m, n);
          std::swap(lhs, rhs);
          std::swap(labels.lhs, labels.rhs);
        }
        break;
      }
    int64_t M = product(m, extent), N = product(n, extent), K = product(k, extent);
    Type left = getElementTypeOrSelf(lhs.getType()), right = getElementTypeOrSelf(rhs.getType());
    Type factor = left == right ? left : Type(builder.getF32Type());
    auto matrix = [&](Value value, Labels from, Labels to, int64_t rows, int64_t columns) {
      return tiles::reshape(builder, loc, arrange(builder, loc, value, from, to, extent),
                            {rows, columns});
    };
    Value a = tiles::cast(builder, loc, matrix(lhs, labels.lhs, concat(m, k), M, K), factor);
    Value b = tiles::cast(builder, loc, matrix(rhs, labels.rhs, concat(k, n), K, N), factor);
    Type type = tiles::typeOf({M, N}, sum);
    Value c = init ? tiles::cast(builder, loc, matrix(init, labels.result, concat(m, n), M, N), sum)
                   : tiles::constant(builder, loc, type, 0);
    Value result = tt::DotOp::create(builder, loc, type, a, b, c);
    SmallVector<StringAttr> order = concat(m, n);
    SmallVector<int64_t> shape;
    for (StringAttr label : order)
      shape.push_back(extent(label));
    result = tiles::reshape(builder, loc, result, shape);
    result = arrange(builder, loc, result, order, labels.result, extent);
    map[op.getResult()] = tiles::cast(builder, loc, result, resultType.getElementType());
    return success();
  }

  // Products over all dims, the contracted ones last, and their sum.
  SmallVector<StringAttr> all = concat(labels.result, contracted);
  SmallVector<int64_t> shape;
  for (StringAttr label : all)
    shape.push_back(extent(label));
  if (product(all, extent) > tt::kMaxTileElements)
    return op.emitOpError() << "expected a contraction that 'tt.dot' can take, or at most "
                            << tt::kMaxTileElements << " products a tile, got "
                            << product(all, extent);
  auto widen = [&](Value value, Labels from) {
    SmallVector<StringAttr> to;
    SmallVector<int64_t> dims;
    for (auto [i, label] : llvm::enumerate(all))
      if (llvm::is_contained(from, label)) {
        to.push_back(label);
        dims.push_back(i);
      }
    value = tiles::cast(builder, loc, value, sum);
    if (!from.empty())
      value = arrange(builder, loc, value, from, to, extent);
    return tiles::broadcast(builder, loc, value, dims, shape);
  };
  Value a = widen(lhs, labels.lhs), b = widen(rhs, labels.rhs);
  Value result = isa<FloatType>(sum) ? Value(arith::MulFOp::create(builder, loc, a, b))
                                     : Value(arith::MulIOp::create(builder, loc, a, b));
  for (int64_t i = all.size() - 1; i >= static_cast<int64_t>(labels.result.size()); --i)
    result = tiles::reduce(builder, loc, ReduceKind::Sum, result, i);
  if (init)
    result = combine(ReduceKind::Sum, builder, loc, tiles::cast(builder, loc, init, sum), result);
  map[op.getResult()] = tiles::cast(builder, loc, result, resultType.getElementType());
  return success();
}
