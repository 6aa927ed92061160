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
  FailureOr<Value> batchSlices(const Parts &parts);
  Value batchContract(ContractOp op, Batch lhs, Batch rhs);
  bool usedByPartsAlone();
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
  FailureOr<Batch> result = failure();
  if (FailureOr<Value> slices = batchSlices(parts); succeeded(slices))
    result = Batch{*slices, /*shared=*/false};
  else
    result = batchOps(parts);
  if (succeeded(result))
    known.emplace(key, *result);
  return result;
}

/// Slices of one tensor, one behind the other in one dim (or interleaved there): that dim is two.
FailureOr<Value> Batcher::batchSlices(const Parts &parts) {
  auto first = parts.front().getDefiningOp<SliceOp>();
  if (!first || !tensorType(first.getResult()).hasStaticShape())
    return failure();
  loc = first.getLoc();
  RankedTensorType type = tensorType(first.getResult());
  int64_t count = parts.size();
  std::optional<unsigned> dim;
  int64_t step = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    auto slice = part.getDefiningOp<SliceOp>();
    if (!slice || slice.getOperand() != first.getOperand() || slice.getResult().getType() != type ||
        slice.getStrides() != first.getStrides())
      return failure();
    for (int64_t d = 0; d < type.getRank(); ++d) {
      int64_t moved = slice.getOffsets()[d] - first.getOffsets()[d];
      if (moved != 0 && !dim) {
        dim = d;
        step = moved;
      }
      if (moved != (dim && *dim == d ? step * static_cast<int64_t>(i) : 0))
        return failure();
    }
  }
  int64_t size = type.getDimSize(*dim), stride = first.getStrides()[*dim];
  bool interleaved = size > 1 && step == 1 && stride == count;
  if (!interleaved && !(stride == 1 && step == size) && !(size == 1 && step > 0))
    return failure();
  // All elements of all parts, in their order: a slice, and a reshape that takes the dim apart.
  SmallVector<int64_t> strides(first.getStrides());
  strides[*dim] = interleaved ? 1 : size == 1 ? step : stride;
  RankedTensorType whole = withExtent(type, *dim, Extent{size * count, {}});
  Value value = make<SliceOp>(whole, first.getOperand(), first.getOffsetsAttr(),
                              builder.getDenseI64ArrayAttr(strides));
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin() + *dim + (interleaved ? 1 : 0), count);
  value = make<ReshapeOp>(RankedTensorType::get(shape, type.getElementType()), value);
  int64_t at = *dim + (interleaved ? 1 : 0);
  SmallVector<int64_t> permutation{at};
  for (int64_t d = 0; d <= type.getRank(); ++d)
    if (d != at)
      permutation.push_back(d);
  for (Value part : parts)
    replaced.insert(part.getDefiningOp());
  return at == 0 ? value
                 : make<TransposeOp>(withPart(parts.front()), value,
                                     builder.getDenseI64ArrayAttr(permutation));
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
  return success();
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
