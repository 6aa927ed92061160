//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "IndexSpace.h"

using namespace mlir;
using namespace flashlight;

Extent flashlight::getExtent(RankedTensorType type, unsigned dim) {
  Extent extent;
  extent.size = type.getDimSize(dim);
  if (!type.isDynamicDim(dim))
    return extent;
  if (auto symbols = dyn_cast_or_null<SymbolsAttr>(type.getEncoding()))
    extent.symbol = symbols.getNames()[type.getDynamicDimIndex(dim)];
  return extent;
}

//===----------------------------------------------------------------------===//
// IndexSpace
//===----------------------------------------------------------------------===//

unsigned IndexSpace::create(Extent extent, AxisRole role, int output) {
  Variable variable;
  variable.extent = extent;
  variable.role = role;
  variable.output = output;
  variable.parent = variables.size();
  variables.push_back(variable);
  return variable.parent;
}

unsigned IndexSpace::find(unsigned variable) const {
  while (variables[variable].parent != variable)
    variable = variables[variable].parent;
  return variable;
}

AffineExpr IndexSpace::dim(unsigned variable) const {
  return getAffineDimExpr(find(variable), context);
}

AffineExpr IndexSpace::canonical(AffineExpr expr) const {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    unsigned root = find(dim.getPosition());
    return root == dim.getPosition() ? expr : getAffineDimExpr(root, context);
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    // The first lookup that is the same. A lookup's own index has earlier ones only.
    const Lookup &lookup = lookups[symbol.getPosition()];
    for (unsigned first = 0; first < symbol.getPosition(); ++first)
      if (lookups[first].value == lookup.value &&
          canonical(lookups[first].at) == canonical(lookup.at))
        return getAffineSymbolExpr(first, context);
    return expr;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr lhs = canonical(binary.getLHS()), rhs = canonical(binary.getRHS());
  if (lhs == binary.getLHS() && rhs == binary.getRHS())
    return expr;
  return getAffineBinaryOpExpr(expr.getKind(), lhs, rhs);
}

Index IndexSpace::canonical(ArrayRef<AffineExpr> index) const {
  Index result;
  for (AffineExpr expr : index)
    result.push_back(canonical(expr));
  return result;
}

bool IndexSpace::unify(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  Merges merges;
  return unify(a, b, merges) && merge(merges);
}

bool IndexSpace::merge(const Merges &merges) {
  if (merges.empty())
    return true;
  SmallVector<std::pair<unsigned, Variable>> before; // what to put back
  bool allowed = true;
  for (auto [first, second] : merges) {
    unsigned keep = find(first), drop = find(second);
    if (keep == drop)
      continue;
    Variable &kept = variables[keep], &dropped = variables[drop];
    auto isOf = [&](unsigned variable) {
      return [this, variable](unsigned other) { return find(other) == variable; };
    };
    if (llvm::any_of(kept.apart, isOf(drop)) || llvm::any_of(dropped.apart, isOf(keep))) {
      allowed = false;
      break;
    }
    before.push_back({keep, kept});
    before.push_back({drop, dropped});
    // What one use has told of an axis holds for the other.
    if (kept.role == AxisRole::Batch)
      kept.role = dropped.role;
    llvm::append_range(kept.apart, dropped.apart);
    dropped.parent = keep;
  }
  if (!allowed)
    for (auto &[variable, old] : llvm::reverse(before))
      variables[variable] = old;
  return allowed;
}

void IndexSpace::keepApart(ArrayRef<AffineExpr> index) {
  SmallVector<unsigned> used;
  for (unsigned v = 0; v < variables.size(); ++v)
    if (find(v) == v && uses(index, v))
      used.push_back(v);
  for (unsigned v : used)
    for (unsigned other : used)
      if (v != other && !llvm::is_contained(variables[v].apart, other))
        variables[v].apart.push_back(other);
}

bool IndexSpace::unify(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b, Merges &merges) const {
  assert(a.size() == b.size() && "two indices of one value");
  for (auto [left, right] : llvm::zip(canonical(a), canonical(b))) {
    if (left == right)
      continue;
    auto leftSymbol = dyn_cast<AffineSymbolExpr>(left),
         rightSymbol = dyn_cast<AffineSymbolExpr>(right);
    if (leftSymbol && rightSymbol) {
      const Lookup &x = lookups[leftSymbol.getPosition()], &y = lookups[rightSymbol.getPosition()];
      if (x.value != y.value || !unify(x.at, y.at, merges))
        return false;
      continue;
    }
    auto leftDim = dyn_cast<AffineDimExpr>(left), rightDim = dyn_cast<AffineDimExpr>(right);
    if (!leftDim || !rightDim)
      return false;
    const Variable &x = variables[leftDim.getPosition()], &y = variables[rightDim.getPosition()];
    bool reduced = x.output < 0 && y.output < 0 && x.role == y.role;
    bool outputs = x.output >= 0 && y.output >= 0 && x.output != y.output;
    auto isBoundTo = [&](const Variable &bound, unsigned other) {
      return bound.scope && !uses(*bound.scope, other) && variables[other].role != AxisRole::Stream;
    };
    bool leftBound = isBoundTo(x, rightDim.getPosition()),
         rightBound = isBoundTo(y, leftDim.getPosition());
    if (!(x.extent == y.extent) || (!reduced && !outputs && !leftBound && !rightBound))
      return false;
    if (reduced && x.scope.has_value() == y.scope.has_value())
      merges.push_back({std::min(leftDim.getPosition(), rightDim.getPosition()),
                        std::max(leftDim.getPosition(), rightDim.getPosition())});
    else if (rightBound)
      merges.push_back({leftDim.getPosition(), rightDim.getPosition()});
    else if (leftBound)
      merges.push_back({rightDim.getPosition(), leftDim.getPosition()});
    else
      merges.push_back({std::min(leftDim.getPosition(), rightDim.getPosition()),
                        std::max(leftDim.getPosition(), rightDim.getPosition())});
  }
  return true;
}

bool IndexSpace::uses(ArrayRef<AffineExpr> index, unsigned variable) const {
  Index known = canonical(index);
  return llvm::any_of(known,
                      [&](AffineExpr expr) { return expr.isFunctionOfDim(find(variable)); }) ||
         llvm::any_of(lookupsOf(known),
                      [&](unsigned symbol) { return uses(lookups[symbol].at, variable); });
}

SmallVector<unsigned> IndexSpace::lookupsOf(ArrayRef<AffineExpr> index) const {
  SmallVector<unsigned> found;
  for (unsigned i = 0; i < lookups.size(); ++i)
    if (llvm::any_of(index, [&](AffineExpr expr) { return expr.isFunctionOfSymbol(i); }))
      found.push_back(i);
  return found;
}

bool IndexSpace::usesRole(ArrayRef<AffineExpr> index, AxisRole role) const {
  bool found = false;
  for (AffineExpr expr : index)
    expr.walk([&](AffineExpr part) {
      if (auto dim = dyn_cast<AffineDimExpr>(part))
        found |= variables[find(dim.getPosition())].role == role;
    });
  return found;
}

bool flashlight::isLinearIn(AffineExpr whole, unsigned dim) {
  bool linear = true;
  whole.walk([&](AffineExpr expr) {
    AffineExprKind kind = expr.getKind();
    bool divides = kind == AffineExprKind::FloorDiv || kind == AffineExprKind::CeilDiv ||
                   kind == AffineExprKind::Mod;
    linear &= !divides || !expr.isFunctionOfDim(dim);
  });
  return linear;
}

bool IndexSpace::isTileable(ArrayRef<AffineExpr> index) const {
  return llvm::all_of(canonical(index), [&](AffineExpr expr) {
    if (!isa<AffineBinaryOpExpr>(expr))
      return true;
    for (unsigned i = 0; i < variables.size(); ++i)
      if (variables[i].role != AxisRole::Batch && !isLinearIn(expr, i))
        return false;
    bool linear = true; // in lookups
    expr.walk([&](AffineExpr part) {
      bool divides =
          part.getKind() == AffineExprKind::FloorDiv || part.getKind() == AffineExprKind::Mod;
      for (unsigned i = 0; divides && i < lookups.size(); ++i)
        linear &= !part.isFunctionOfSymbol(i);
    });
    return linear;
  });
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

bool flashlight::isView(Operation *op) {
  return op && isa<BroadcastOp, TransposeOp, SliceOp, ReshapeOp>(op);
}

FailureOr<SmallVector<ReshapeGroup>> flashlight::reshapeGroups(ReshapeOp op) {
  auto from = cast<RankedTensorType>(op.getOperand().getType()),
       to = cast<RankedTensorType>(op.getType());
  SmallVector<ReshapeGroup> groups;
  // From the innermost dim outwards, so that a dynamic dim may end a group.
  int64_t i = from.getRank(), j = to.getRank();
  while (i > 0 || j > 0) {
    ReshapeGroup group{0, static_cast<unsigned>(i), 0, static_cast<unsigned>(j)};
    if (i > 0 && j > 0 && getExtent(from, i - 1) == getExtent(to, j - 1)) {
      --i, --j;
    } else if (j > 0 && to.getDimSize(j - 1) == 1) {
      --j;
    } else if (i > 0 && from.getDimSize(i - 1) == 1) {
      --i;
    } else {
      if (i == 0 || j == 0)
        return failure();
      int64_t left = from.getDimSize(--i), right = to.getDimSize(--j);
      while (left != right) {
        if (ShapedType::isDynamic(left) || ShapedType::isDynamic(right))
          return failure();
        if (left < right && i > 0)
          left = ShapedType::isDynamic(from.getDimSize(i - 1)) ? ShapedType::kDynamic
                                                               : left * from.getDimSize(i - 1),
          --i;
        else if (right < left && j > 0)
          right = ShapedType::isDynamic(to.getDimSize(j - 1)) ? ShapedType::kDynamic
                                                              : right * to.getDimSize(j - 1),
          --j;
        else
          return failure();
      }
    }
    group.operandBegin = i;
    group.resultBegin = j;
    groups.push_back(group);
  }
  return groups;
}

static AffineExpr linearize(ArrayRef<AffineExpr> index, ArrayRef<int64_t> shape,
                            MLIRContext *context) {
  AffineExpr linear = getAffineConstantExpr(0, context);
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    linear = linear + index[i] * stride;
    stride *= shape[i]; // the outermost extent, which may be dynamic, is not used
  }
  return linear;
}

static void delinearize(AffineExpr linear, ArrayRef<int64_t> shape,
                        MutableArrayRef<AffineExpr> index) {
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    AffineExpr at = linear.floorDiv(stride);
    index[i] = shape[i] == 1 ? getAffineConstantExpr(0, linear.getContext())
               : i == 0      ? at
                             : at % shape[i];
    stride *= shape[i];
  }
}

static FailureOr<Index> throughReshape(ReshapeOp op, ArrayRef<AffineExpr> index, bool toOperand) {
  FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(op);
  if (failed(groups))
    return failure();
  auto operand = cast<RankedTensorType>(op.getOperand().getType()).getShape();
  auto result = cast<RankedTensorType>(op.getType()).getShape();
  MLIRContext *context = op.getContext();
  Index mapped(toOperand ? operand.size() : result.size(), getAffineConstantExpr(0, context));
  for (const ReshapeGroup &group : *groups) {
    auto [fromBegin, fromEnd] = toOperand ? std::pair(group.resultBegin, group.resultEnd)
                                          : std::pair(group.operandBegin, group.operandEnd);
    auto [toBegin, toEnd] = toOperand ? std::pair(group.operandBegin, group.operandEnd)
                                      : std::pair(group.resultBegin, group.resultEnd);
    ArrayRef<int64_t> fromShape =
        (toOperand ? result : operand).slice(fromBegin, fromEnd - fromBegin);
    ArrayRef<int64_t> toShape = (toOperand ? operand : result).slice(toBegin, toEnd - toBegin);
    if (toShape.size() == 1 && fromShape.size() == 1)
      mapped[toBegin] = index[fromBegin];
    else
      delinearize(linearize(index.slice(fromBegin, fromEnd - fromBegin), fromShape, context),
                  toShape, MutableArrayRef<AffineExpr>(mapped).slice(toBegin, toEnd - toBegin));
  }
  return mapped;
}

FailureOr<Index> flashlight::indexOfOperand(Operation *view, ArrayRef<AffineExpr> index) {
  MLIRContext *context = view->getContext();
  if (auto op = dyn_cast<BroadcastOp>(view)) {
    auto type = cast<RankedTensorType>(op.getOperand().getType());
    Index mapped;
    for (auto [i, dim] : llvm::enumerate(*op.getDims()))
      mapped.push_back(type.getDimSize(i) == 1 ? getAffineConstantExpr(0, context) : index[dim]);
    return mapped;
  }
  if (auto op = dyn_cast<TransposeOp>(view)) {
    Index mapped(index.size());
    for (auto [i, dim] : llvm::enumerate(op.getPermutation()))
      mapped[dim] = index[i];
    return mapped;
  }
  if (auto op = dyn_cast<SliceOp>(view)) {
    Index mapped;
    auto from = cast<RankedTensorType>(op.getOperand().getType());
    for (auto [i, expr] : llvm::enumerate(index)) {
      int64_t offset = op.getOffsets()[i], stride = op.getStrides()[i];
      if (stride < 0 && from.isDynamicDim(i))
        return failure(); // counts from an end that is not known
      mapped.push_back(expr * stride + (stride < 0 ? from.getDimSize(i) - 1 - offset : offset));
    }
    return mapped;
  }
  if (auto op = dyn_cast<ReshapeOp>(view))
    return throughReshape(op, index, /*toOperand=*/true);
  return failure();
}

FailureOr<Index> flashlight::indexOfResult(Operation *view, ArrayRef<AffineExpr> index) {
  if (auto op = dyn_cast<TransposeOp>(view)) {
    Index mapped;
    for (int64_t dim : op.getPermutation())
      mapped.push_back(index[dim]);
    return mapped;
  }
  auto op = dyn_cast<ReshapeOp>(view);
  if (!op)
    return failure();
  FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(op);
  if (failed(groups))
    return failure();
  for (const ReshapeGroup &group : *groups) {
    ArrayRef<int64_t> to = cast<RankedTensorType>(op.getType())
                               .getShape()
                               .slice(group.resultBegin, group.resultEnd - group.resultBegin);
    if (llvm::count_if(to, [](int64_t size) { return size != 1; }) > 1)
      return failure(); // splits a dim: no linear index
  }
  return throughReshape(op, index, /*toOperand=*/false);
}

FailureOr<unsigned> flashlight::operandDim(Operation *view, unsigned dim) {
  if (auto op = dyn_cast<BroadcastOp>(view)) {
    auto from = cast<RankedTensorType>(op.getOperand().getType()),
         to = cast<RankedTensorType>(op.getType());
    for (auto [i, target] : llvm::enumerate(*op.getDims()))
      if (target == dim && (from.getDimSize(i) != 1 || to.getDimSize(dim) == 1))
        return i;
    return failure();
  }
  if (auto op = dyn_cast<TransposeOp>(view))
    return static_cast<unsigned>(op.getPermutation()[dim]);
  if (isa<SliceOp>(view))
    return dim;
  if (auto op = dyn_cast<ReshapeOp>(view)) {
    FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(op);
    if (failed(groups))
      return failure();
    for (const ReshapeGroup &group : *groups)
      if (group.resultBegin == dim && group.resultEnd == dim + 1 &&
          group.operandEnd == group.operandBegin + 1)
        return group.operandBegin;
  }
  return failure();
}
