//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-batch-concats: see Passes.td. A concat of parts that are computed in
// the same way, of what lies side by side in the same tensors, is that computation
// with one more dim in front (N parts of size c):
//
//   f(x[0:c], y) ++ f(x[c:2c], y) ++ ... = merge(f(split(x), y))
//
//===----------------------------------------------------------------------===//

#include "IndexSpace.h"
#include "ProgramUtils.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <map>

namespace flashlight {
#define GEN_PASS_DEF_BATCHCONCATS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

#define DEBUG_TYPE "flashlight-batch-concats"

using namespace mlir;
using namespace flashlight;

namespace {

/// Computes all parts of one concat at once.
class Batcher {
public:
  explicit Batcher(ConcatOp concat) : concat(concat), builder(concat), loc(concat.getLoc()) {}

  /// Replaces the concat, or leaves the program as it was.
  LogicalResult run();

private:
  using Parts = SmallVector<Value>;
  /// The values of all parts, with a dim for the part in front, or the one value that they share.
  struct Batch {
    Value value;
    bool shared;
  };
  FailureOr<Batch> batch(const Parts &parts);
  FailureOr<Batch> batchOps(const Parts &parts);
  struct Piece;
  FailureOr<Batch> batchSlices(const Parts &parts);
  FailureOr<Batch> batchNumbers(const Parts &parts);
  Value batchContract(ContractOp op, Batch lhs, Batch rhs);
  bool usedByPartsAlone();
  void eraseUnused();
  RankedTensorType withPart(Value value);
  Value spread(Batch batch);
  template <typename OpTy, typename... Args> Value make(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    created.push_back(op);
    return op->getResult(0);
  }

  ConcatOp concat;
  OpBuilder builder;
  Location loc; // of what is batched
  SmallVector<Operation *> created;
  std::map<std::vector<void *>, Batch> known;
  llvm::DenseSet<Operation *> replaced; // the parts' own ops
  unsigned products = 0;                // contractions of what no weights make
};

} // namespace

/// The value's type with the number of parts in front.
RankedTensorType Batcher::withPart(Value value) {
  SmallVector<int64_t> shape(tensorType(value).getShape());
  shape.insert(shape.begin(), concat.getOperands().size());
  return RankedTensorType::get(shape, tensorType(value).getElementType());
}

/// A value that all parts share, for each of them.
Value Batcher::spread(Batch batch) {
  if (!batch.shared)
    return batch.value;
  auto dims = llvm::to_vector(llvm::seq<int64_t>(1, tensorType(batch.value).getRank() + 1));
  return make<BroadcastOp>(withPart(batch.value), batch.value, builder.getDenseI64ArrayAttr(dims));
}

FailureOr<Batcher::Batch> Batcher::batch(const Parts &parts) {
  if (llvm::all_equal(parts))
    return Batch{parts.front(), /*shared=*/true};
  std::vector<void *> key;
  for (Value part : parts)
    key.push_back(part.getAsOpaquePointer());
  if (auto it = known.find(key); it != known.end())
    return it->second;
  FailureOr<Batch> result = batchSlices(parts);
  if (failed(result))
    result = batchNumbers(parts);
  if (failed(result))
    result = batchOps(parts);
  if (succeeded(result))
    known.emplace(key, *result);
  return result;
}

/// A part as a slice of one tensor, seen through slices of slices and dims of one element that come
/// and go.
struct Batcher::Piece {
  Value base;
  SmallVector<int64_t> offsets, strides, sizes;

  static std::optional<Piece> of(Value value);
};

std::optional<Batcher::Piece> Batcher::Piece::of(Value value) {
  if (!tensorType(value).hasStaticShape())
    return std::nullopt;
  Piece piece{value, {}, {}, SmallVector<int64_t>(tensorType(value).getShape())};
  piece.offsets.assign(piece.sizes.size(), 0);
  piece.strides.assign(piece.sizes.size(), 1);
  for (Operation *op = value.getDefiningOp(); op; op = piece.base.getDefiningOp()) {
    if (auto slice = dyn_cast<SliceOp>(op)) {
      if (!tensorType(slice.getOperand()).hasStaticShape())
        break;
      for (auto [d, offset] : llvm::enumerate(piece.offsets)) {
        offset = slice.getOffsets()[d] + offset * slice.getStrides()[d];
        piece.strides[d] *= slice.getStrides()[d];
      }
      piece.base = slice.getOperand();
      continue;
    }
    auto reshape = dyn_cast<ReshapeOp>(op);
    if (!reshape || !tensorType(reshape.getOperand()).hasStaticShape())
      break;
    ArrayRef<int64_t> from = tensorType(reshape.getOperand()).getShape(),
                      to = tensorType(reshape.getResult()).getShape();
    auto isLong = [](int64_t size) { return size != 1; };
    if (!llvm::equal(llvm::make_filter_range(from, isLong), llvm::make_filter_range(to, isLong)))
      break;
    Piece before{reshape.getOperand(), {}, {}, {}};
    unsigned d = 0;
    for (int64_t size : from) {
      while (size != 1 && to[d] == 1)
        ++d;
      before.offsets.push_back(size == 1 ? 0 : piece.offsets[d]);
      before.strides.push_back(size == 1 ? 1 : piece.strides[d]);
      before.sizes.push_back(size == 1 ? 1 : piece.sizes[d]);
      d += size != 1;
    }
    piece = std::move(before);
  }
  for (auto [size, stride] : llvm::zip(piece.sizes, piece.strides))
    stride = size == 1 ? 1 : stride;
  return piece;
}

/// Slices of one tensor on a grid: the parts' numbers have digits (loops in loops), each of which
/// moves the slice in one dim, to what stands behind it there (or interleaved with it), or not at
/// all. That dim is as many as it has digits, and one more.
FailureOr<Batcher::Batch> Batcher::batchSlices(const Parts &parts) {
  struct Digit {
    int64_t count, dim, step; // no dim: all its parts are one
  };
  SmallVector<Piece> pieces;
  for (Value part : parts) {
    std::optional<Piece> piece = Piece::of(part);
    if (!piece || piece->base == part || part.getType() != parts.front().getType())
      return failure();
    if (!pieces.empty() && (piece->base != pieces[0].base || piece->strides != pieces[0].strides ||
                            piece->sizes != pieces[0].sizes))
      return failure();
    pieces.push_back(*piece);
  }
  const Piece &first = pieces.front();
  int64_t rank = first.sizes.size();
  SmallVector<SmallVector<int64_t>> offsets =
      llvm::map_to_vector(pieces, [](const Piece &piece) { return piece.offsets; });
  SmallVector<Digit> digits; // the innermost first
  while (offsets.size() > 1) {
    auto moved = [&](size_t from, size_t to) {
      return llvm::map_to_vector(llvm::seq<int64_t>(0, rank), [&, from, to](int64_t d) {
        return offsets[to][d] - offsets[from][d];
      });
    };
    SmallVector<int64_t> step = moved(0, 1);
    size_t count = 2;
    while (count < offsets.size() && moved(count - 1, count) == step)
      ++count;
    if (offsets.size() % count != 0)
      return failure();
    SmallVector<SmallVector<int64_t>> outer;
    for (size_t i = 0; i < offsets.size(); ++i)
      if (i % count == 0)
        outer.push_back(offsets[i]);
      else if (moved(i - 1, i) != step)
        return failure();
    auto isMoved = [](int64_t by) { return by != 0; };
    auto *dim = llvm::find_if(step, isMoved);
    if (llvm::count_if(step, isMoved) > 1 || (dim != step.end() && *dim < 0))
      return failure();
    digits.push_back({static_cast<int64_t>(count),
                      dim == step.end() ? -1 : static_cast<int64_t>(dim - step.begin()),
                      dim == step.end() ? 0 : *dim});
    offsets = std::move(outer);
  }
  if (llvm::all_of(digits, [](const Digit &digit) { return digit.dim < 0; }))
    return Batch{parts.front(), /*shared=*/true};

  // All elements of all parts, in their order: a slice, and a reshape that takes the dims apart.
  SmallVector<int64_t> strides(first.strides), whole(first.sizes), shape;
  SmallVector<int64_t> at(digits.size(), -1), kept; // where a digit's dim is, and the parts' own
  for (int64_t d = 0; d < rank; ++d) {
    SmallVector<unsigned> own;
    for (auto [i, digit] : llvm::enumerate(digits))
      if (digit.dim == d)
        own.push_back(i);
    int64_t size = first.sizes[d], next = 0;
    bool interleaved = false;
    for (unsigned i : own) {
      const Digit &digit = digits[i];
      if (i == own.front()) {
        interleaved = own.size() == 1 && size > 1 && digit.step == 1 && strides[d] == digit.count;
        if (!interleaved && size > 1 && !(strides[d] == 1 && digit.step == size))
          return failure();
        if (interleaved || size == 1)
          strides[d] = digit.step;
      } else if (digit.step != next) {
        return failure();
      }
      next = digit.step * digit.count;
      whole[d] *= digit.count;
    }
    if (interleaved) {
      kept.push_back(shape.size());
      shape.push_back(size);
    }
    for (unsigned i : llvm::reverse(own)) {
      at[i] = shape.size();
      shape.push_back(digits[i].count);
    }
    if (!interleaved && (size > 1 || own.empty())) { // else it comes back in the end
      kept.push_back(shape.size());
      shape.push_back(size);
    }
  }
  loc = parts.front().getLoc();
  Type elementType = tensorType(first.base).getElementType();
  auto typed = [&](ArrayRef<int64_t> sizes) { return RankedTensorType::get(sizes, elementType); };
  Value value = make<SliceOp>(typed(whole), first.base, builder.getDenseI64ArrayAttr(first.offsets),
                              builder.getDenseI64ArrayAttr(strides));
  value = make<ReshapeOp>(typed(shape), value);
  SmallVector<int64_t> permutation, permuted, given, spreadShape;
  for (size_t i = digits.size(); i-- > 0;) {
    if (at[i] >= 0) {
      permutation.push_back(at[i]);
      given.push_back(spreadShape.size());
    }
    spreadShape.push_back(digits[i].count);
  }
  for (int64_t position : kept) {
    permutation.push_back(position);
    given.push_back(spreadShape.size());
    spreadShape.push_back(shape[position]);
  }
  for (int64_t position : permutation)
    permuted.push_back(shape[position]);
  if (!llvm::is_sorted(permutation))
    value = make<TransposeOp>(typed(permuted), value, builder.getDenseI64ArrayAttr(permutation));
  if (given.size() != spreadShape.size())
    value = make<BroadcastOp>(typed(spreadShape), value, builder.getDenseI64ArrayAttr(given));
  for (Value part : parts)
    replaced.insert(part.getDefiningOp());
  if (value.getType() != withPart(parts.front()))
    value = make<ReshapeOp>(withPart(parts.front()), value);
  return Batch{value, /*shared=*/false};
}

/// Numbers that differ from part to part (a slope for each head) are one tensor.
FailureOr<Batcher::Batch> Batcher::batchNumbers(const Parts &parts) {
  SmallVector<Attribute> numbers;
  for (Value part : parts) {
    auto op = part.getDefiningOp<arith::ConstantOp>();
    auto number = op ? dyn_cast<SplatElementsAttr>(op.getValue()) : nullptr;
    if (!number || tensorType(part).getRank() != 0 || part.getType() != parts.front().getType())
      return failure();
    numbers.push_back(number.getSplatValue<Attribute>());
  }
  if (llvm::all_equal(numbers))
    return Batch{parts.front(), /*shared=*/true};
  loc = parts.front().getLoc();
  auto type = withPart(parts.front());
  return Batch{make<arith::ConstantOp>(DenseElementsAttr::get(type, numbers)), /*shared=*/false};
}

/// One op of all parts' operands, or the first part where these are the same.
FailureOr<Batcher::Batch> Batcher::batchOps(const Parts &parts) {
  Operation *first = parts.front().getDefiningOp();
  if (!first || !(isElementwise(first) || isView(first) || isGenerated(parts.front()) ||
                  isa<ContractOp, ReduceOp>(first)))
    return failure();
  for (Value part : parts) {
    Operation *op = part.getDefiningOp();
    if (!op || op->getName() != first->getName() || part.getType() != parts.front().getType() ||
        op->getNumOperands() != first->getNumOperands() ||
        op->getPropertiesAsAttribute() != first->getPropertiesAsAttribute() ||
        !tensorType(part).hasStaticShape())
      return failure();
  }
  SmallVector<Batch> operands;
  for (unsigned i = 0; i < first->getNumOperands(); ++i) {
    Parts given;
    for (Value part : parts)
      given.push_back(part.getDefiningOp()->getOperand(i));
    FailureOr<Batch> operand = batch(given);
    if (failed(operand))
      return failure();
    operands.push_back(*operand);
  }
  if (llvm::all_of(operands, [](const Batch &operand) { return operand.shared; }))
    return Batch{parts.front(), /*shared=*/true};
  loc = first->getLoc();
  for (Value part : parts)
    replaced.insert(part.getDefiningOp());
  if (auto contract = dyn_cast<ContractOp>(first)) {
    products += !isProjection(contract);
    return Batch{batchContract(contract, operands[0], operands[1]), /*shared=*/false};
  }
  SmallVector<Value> values;
  for (Batch operand : operands)
    values.push_back(spread(operand));
  RankedTensorType type = withPart(parts.front());
  auto later = [&](ArrayRef<int64_t> dims, bool andPart) {
    SmallVector<int64_t> moved;
    if (andPart)
      moved.push_back(0);
    for (int64_t dim : dims)
      moved.push_back(dim + 1);
    return builder.getDenseI64ArrayAttr(moved);
  };
  if (isElementwise(first)) {
    OperationState state(first->getLoc(), first->getName(), values, TypeRange{type});
    state.propertiesAttr = first->getPropertiesAsAttribute();
    created.push_back(builder.create(state));
    return Batch{created.back()->getResult(0), /*shared=*/false};
  }
  Value result;
  if (auto op = dyn_cast<BroadcastOp>(first)) {
    result = make<BroadcastOp>(type, values[0], later(*op.getDims(), /*andPart=*/true));
  } else if (auto op = dyn_cast<TransposeOp>(first)) {
    result = make<TransposeOp>(type, values[0], later(op.getPermutation(), /*andPart=*/true));
  } else if (isa<ReshapeOp>(first)) {
    result = make<ReshapeOp>(type, values[0]);
  } else if (auto op = dyn_cast<SliceOp>(first)) {
    SmallVector<int64_t> offsets(op.getOffsets()), strides(op.getStrides());
    offsets.insert(offsets.begin(), 0);
    strides.insert(strides.begin(), 1);
    result = make<SliceOp>(type, values[0], builder.getDenseI64ArrayAttr(offsets),
                           builder.getDenseI64ArrayAttr(strides));
  } else {
    auto reduce = cast<ReduceOp>(first);
    result = make<ReduceOp>(type, reduce.getKindAttr(), values[0],
                            later(reduce.getReducedDims(), /*andPart=*/false));
  }
  return Batch{result, /*shared=*/false};
}

Value Batcher::batchContract(ContractOp op, Batch lhs, Batch rhs) {
  StringRef equation = *op.getEquation();
  char part = 'a';
  while (equation.contains(part))
    ++part;
  auto [given, result] = equation.split("->");
  auto [left, right] = given.split(',');
  auto labelled = [&](StringRef letters, bool shared) {
    return (shared ? "" : std::string(1, part)) + letters.str();
  };
  std::string batched = labelled(left, lhs.shared) + "," + labelled(right, rhs.shared) + "->" +
                        labelled(result, /*shared=*/false);
  return make<ContractOp>(withPart(op.getResult()), lhs.value, rhs.value, batched);
}

/// True if nothing but the concat needs what a part computes on the way: it would be computed
/// twice.
bool Batcher::usedByPartsAlone() {
  return llvm::all_of(replaced, [&](Operation *op) {
    return isView(op) || llvm::all_of(op->getUsers(), [&](Operation *user) {
             return user == concat || replaced.contains(user);
           });
  });
}

LogicalResult Batcher::run() {
  Parts parts(concat.getOperands());
  auto type = tensorType(concat.getResult());
  int64_t dim = concat.getDim(), count = parts.size();
  FailureOr<Batch> all = failure();
  if (count > 1 && type.hasStaticShape() &&
      llvm::all_of(parts, [&](Value part) { return part.getType() == parts[0].getType(); }))
    all = batch(parts);
  // Scores and what they weigh: anything less is as well computed part by part.
  if (failed(all) || all->shared || products < 2 || !usedByPartsAlone()) {
    for (Operation *op : llvm::reverse(created))
      op->erase();
    return failure();
  }
  SmallVector<int64_t> permutation, shape;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    if (d == dim) {
      permutation.push_back(0);
      shape.push_back(count);
    }
    permutation.push_back(d + 1);
    shape.push_back(tensorType(parts[0]).getDimSize(d));
  }
  loc = concat.getLoc();
  Value value = all->value;
  if (dim != 0)
    value = make<TransposeOp>(RankedTensorType::get(shape, type.getElementType()), value,
                              builder.getDenseI64ArrayAttr(permutation));
  auto merged = ReshapeOp::create(builder, concat.getLoc(), type, value);
  if (Attribute node = concat->getAttr(kNodeAttr))
    merged->setAttr(kNodeAttr, node);
  concat.replaceAllUsesWith(merged.getResult());
  concat.erase();
  eraseUnused();
  return success();
}

/// The parts' own ops: a concat of such concats must not see them any more.
void Batcher::eraseUnused() {
  SmallVector<Operation *> unused(replaced.begin(), replaced.end());
  llvm::sort(unused, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : unused)
    if (isOpTriviallyDead(op))
      op->erase();
}

namespace {

struct BatchConcats : flashlight::impl::BatchConcatsBase<BatchConcats> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    for (ConcatOp concat : llvm::to_vector(block.getOps<ConcatOp>()))
      if (succeeded(Batcher(concat).run()))
        ++numConcats;
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
