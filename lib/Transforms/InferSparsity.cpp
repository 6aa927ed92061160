//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-infer-sparsity: see Passes.td. Which blocks of a stream contribute
// nothing: where a condition fails everywhere, and the block has then no effect.
// A condition is read as inequalities between axes, e.g. m - n >= 0 (causal),
// m - n >= 0 and n - m + 127 >= 0 (a window of 128).
//
//===----------------------------------------------------------------------===//

#include "SymbolicBlock.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/Matchers.h"

namespace flashlight {
#define GEN_PASS_DEF_INFERSPARSITY
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// A conjunction of expressions that are not negative.
using Conjunction = SmallVector<AffineExpr>;
/// A disjunction of those. One empty conjunction is "always".
using Disjunction = SmallVector<Conjunction>;

/// Reads conditions as regions over the axes of a kernel and the symbols it knows.
class ConditionReader {
public:
  explicit ConditionReader(KernelOp kernel) : kernel(kernel), context(kernel.getContext()) {}

  /// A region that contains every point where `condition` is `polarity`. Comparisons that hold in
  /// all of it are added to `decided`.
  Disjunction read(Value condition, bool polarity,
                   SmallVectorImpl<std::pair<Operation *, bool>> *decided);

  SmallVector<Attribute> symbols;

private:
  FailureOr<AffineExpr> affine(Value value);
  std::optional<Disjunction> compare(arith::CmpIOp op, bool polarity);

  KernelOp kernel;
  MLIRContext *context;
};

} // namespace

FailureOr<AffineExpr> ConditionReader::affine(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return failure();
  if (isa<BroadcastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return affine(op->getOperand(0));
  if (auto iota = dyn_cast<IotaOp>(op)) {
    StringAttr name = getAxes(iota.getResult()).getNames().front();
    for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>()))
      if (axis.getName() == name)
        return getAffineDimExpr(i, context);
  }
  if (auto size = dyn_cast<SizeOp>(op)) {
    auto *it = llvm::find(symbols, size.getSymbolAttr());
    unsigned position = it - symbols.begin();
    if (it == symbols.end())
      symbols.push_back(size.getSymbolAttr());
    return getAffineSymbolExpr(position, context);
  }
  DenseElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat() &&
      isa<IntegerType>(splat.getElementType()))
    return getAffineConstantExpr(splat.getSplatValue<APInt>().getSExtValue(), context);
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    FailureOr<AffineExpr> lhs = affine(op->getOperand(0)), rhs = affine(op->getOperand(1));
    if (failed(lhs) || failed(rhs))
      return failure();
    if (isa<arith::AddIOp>(op))
      return *lhs + *rhs;
    if (isa<arith::SubIOp>(op))
      return *lhs - *rhs;
    if (isa<AffineConstantExpr>(*lhs) || isa<AffineConstantExpr>(*rhs))
      return *lhs * *rhs;
  }
  return failure();
}

/// The points where `difference predicate 0`.
static std::optional<Disjunction> regionOf(arith::CmpIPredicate predicate, AffineExpr difference) {
  using Predicate = arith::CmpIPredicate;
  switch (predicate) {
  case Predicate::sge:
    return Disjunction{{difference}};
  case Predicate::sgt:
    return Disjunction{{difference - 1}};
  case Predicate::sle:
    return Disjunction{{-difference}};
  case Predicate::slt:
    return Disjunction{{-difference - 1}};
  case Predicate::eq:
    return Disjunction{{difference, -difference}};
  case Predicate::ne:
    return Disjunction{{difference - 1}, {-difference - 1}};
  default:
    return std::nullopt;
  }
}

std::optional<Disjunction> ConditionReader::compare(arith::CmpIOp op, bool polarity) {
  using Predicate = arith::CmpIPredicate;
  Predicate predicate = polarity ? op.getPredicate() : arith::invertPredicate(op.getPredicate());
  Value left = op.getLhs();
  while (auto broadcast = left.getDefiningOp<BroadcastOp>())
    left = broadcast.getOperand();
  FailureOr<AffineExpr> rhs = affine(op.getRhs());
  if (auto absolute = left.getDefiningOp<math::AbsIOp>()) { // |x| = max(x, -x)
    FailureOr<AffineExpr> x = affine(absolute.getOperand());
    if (failed(x) || failed(rhs))
      return std::nullopt;
    std::optional<Disjunction> plus = regionOf(predicate, *x - *rhs),
                               minus = regionOf(predicate, -*x - *rhs);
    if (predicate == Predicate::slt || predicate == Predicate::sle) // both
      return Disjunction{{plus->front().front(), minus->front().front()}};
    if (predicate == Predicate::sgt || predicate == Predicate::sge) // either
      return Disjunction{plus->front(), minus->front()};
    return std::nullopt;
  }
  FailureOr<AffineExpr> lhs = affine(op.getLhs());
  if (failed(lhs) || failed(rhs))
    return std::nullopt;
  return regionOf(predicate, *lhs - *rhs);
}

static std::optional<Attribute> splatOf(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  DenseElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat())
    return splat.getSplatValue<Attribute>();
  return std::nullopt;
}

/// A comparison of a choice between constants with a constant, for one outcome of the choice.
static std::optional<bool> compareConstants(Operation *op, Value chosen) {
  auto left = splatOf(chosen), right = splatOf(op->getOperand(1));
  if (!left || !right)
    return std::nullopt;
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return arith::applyCmpPredicate(compare.getPredicate(), cast<FloatAttr>(*left).getValue(),
                                    cast<FloatAttr>(*right).getValue());
  return arith::applyCmpPredicate(cast<arith::CmpIOp>(op).getPredicate(),
                                  cast<IntegerAttr>(*left).getValue(),
                                  cast<IntegerAttr>(*right).getValue());
}

Disjunction ConditionReader::read(Value condition, bool polarity,
                                  SmallVectorImpl<std::pair<Operation *, bool>> *decided) {
  constexpr size_t limit = 8;
  Disjunction always{{}};
  Operation *op = condition.getDefiningOp();
  if (!op)
    return always;
  if (auto constant = splatOf(condition))
    return cast<BoolAttr>(*constant).getValue() == polarity ? always : Disjunction{};
  if (isa<BroadcastOp>(op))
    return read(op->getOperand(0), polarity, decided);
  if (isa<arith::CmpFOp, arith::CmpIOp>(op)) {
    // A mask stored as numbers: (c ? a : b) compared with k is c, not c, or a constant.
    Value chosen = op->getOperand(0);
    while (auto broadcast = chosen.getDefiningOp<BroadcastOp>())
      chosen = broadcast.getOperand();
    if (auto select = chosen.getDefiningOp<arith::SelectOp>()) {
      auto yes = compareConstants(op, select.getTrueValue()),
           no = compareConstants(op, select.getFalseValue());
      if (yes && no && *yes != *no)
        return read(select.getCondition(), *yes == polarity, decided);
    }
  }
  if (isa<arith::XOrIOp>(op)) {
    for (unsigned i : {0u, 1u})
      if (auto constant = splatOf(op->getOperand(i));
          constant && cast<BoolAttr>(*constant).getValue())
        return read(op->getOperand(1 - i), !polarity, decided);
    return always;
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    std::optional<Disjunction> region = compare(cmp, polarity);
    if (!region)
      return always;
    if (decided)
      decided->push_back({cmp, polarity});
    return *region;
  }
  bool both = polarity ? isa<arith::AndIOp>(op) : isa<arith::OrIOp>(op);
  bool either = polarity ? isa<arith::OrIOp>(op) : isa<arith::AndIOp>(op);
  if (both) {
    SmallVector<std::pair<Operation *, bool>> rightDecided;
    Disjunction left = read(op->getOperand(0), polarity, decided);
    Disjunction right = read(op->getOperand(1), polarity, &rightDecided), all;
    for (const Conjunction &a : left)
      for (const Conjunction &b : right) {
        all.push_back(a);
        all.back().append(b);
      }
    if (all.size() > limit)
      return left; // a larger region: what only the right side decides need not hold in it
    if (decided)
      decided->append(rightDecided);
    return all;
  }
  if (either) {
    // What holds in one part need not hold in the other; the whole is decided if both parts are.
    SmallVector<std::pair<Operation *, bool>> leftDecided, rightDecided;
    Disjunction left = read(op->getOperand(0), polarity, &leftDecided);
    Disjunction right = read(op->getOperand(1), polarity, &rightDecided);
    auto complete = [](Value side, auto &list) {
      while (auto broadcast = side.getDefiningOp<BroadcastOp>())
        side = broadcast.getOperand();
      return llvm::any_of(list, [&](auto &entry) { return entry.first == side.getDefiningOp(); });
    };
    left.append(right);
    if (left.size() > limit)
      return always;
    if (decided && complete(op->getOperand(0), leftDecided) &&
        complete(op->getOperand(1), rightDecided))
      decided->push_back({op, polarity});
    return left;
  }
  return always;
}

namespace {

struct InferSparsity : flashlight::impl::InferSparsityBase<InferSparsity> {
  void runOnOperation() override {
    getOperation()->walk(
        [&](StreamOp stream) { inferStream(stream, stream->getParentOfType<KernelOp>()); });
  }

  void inferStream(StreamOp stream, KernelOp kernel) {
    ConditionReader reader(kernel);
    Disjunction keep{{}};
    SmallVector<std::pair<Operation *, bool>> decided;
    llvm::SmallSetVector<Value, 4> conditions;
    stream.walk([&](arith::SelectOp select) {
      AxesAttr axes = getAxes(select.getCondition());
      if (axes && axes.contains(stream.getAxisAttr()))
        conditions.insert(select.getCondition());
    });
    for (Value condition : conditions)
      for (bool polarity : {true, false}) {
        SmallVector<std::pair<Operation *, bool>> holds;
        Disjunction region = reader.read(condition, polarity, &holds);
        bool bounded = llvm::none_of(region, [](const Conjunction &part) { return part.empty(); });
        if (!bounded || !leavesStateUnchanged(stream, condition, !polarity))
          continue;
        Disjunction all;
        for (const Conjunction &a : keep)
          for (const Conjunction &b : region) {
            all.push_back(a);
            all.back().append(b);
          }
        keep = all;
        decided.append(holds);
      }
    if (keep.size() == 1 && keep.front().empty())
      return;
    SmallVector<Attribute> sets;
    for (const Conjunction &part : keep) {
      SmallVector<bool> equalities(part.size(), false);
      sets.push_back(IntegerSetAttr::get(
          IntegerSet::get(kernel.getAxes().size(), reader.symbols.size(), part, equalities)));
    }
    Builder builder(&getContext());
    stream.setKeepAttr(builder.getArrayAttr(sets));
    if (!reader.symbols.empty())
      stream.setKeepSymbolsAttr(builder.getArrayAttr(reader.symbols));
    for (auto [op, value] : decided)
      op->setAttr(kInsideAttr, builder.getBoolAttr(value));
    ++numSparse;
  }
};

} // namespace
