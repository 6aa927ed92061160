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

#include "KernelFormulas.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace flashlight;

/// Operands of an op that are longer than this together get names.
static constexpr size_t kLongest = 64;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

SmallVector<StringRef> KernelFormulas::axesOf(Value value) {
  SmallVector<StringRef> names;
  if (AxesAttr axes = flashlight::getAxes(value))
    for (StringAttr name : axes.getNames())
      names.push_back(name.getValue());
  return names;
}

KernelFormulas::KernelFormulas(KernelOp kernel) : kernel(kernel) {
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    axisNames.push_back(axis.getName().str());
    taken.insert(axisNames.back());
  }
  // An axis that every contraction has on both sides and keeps tells nothing apart.
  batch = axisNames;
  bool contracts = false;
  kernel.walk([&](ContractOp op) {
    contracts = true;
    llvm::erase_if(batch, [&](const std::string &axis) {
      return !llvm::is_contained(axesOf(op.getLhs()), axis) ||
             !llvm::is_contained(axesOf(op.getRhs()), axis) ||
             !llvm::is_contained(axesOf(op.getResult()), axis);
    });
  });
  if (!contracts)
    batch.clear();
  nameReads();
}

std::string KernelFormulas::fresh(StringRef base) {
  std::string name = base.str();
  for (unsigned i = 2; !taken.insert(name).second; ++i)
    name = base.str() + std::to_string(i);
  return name;
}

void KernelFormulas::setName(Value value, const Twine &name) {
  entries[value] = {Formula::atom(name), {}};
}

std::string KernelFormulas::memoryName(Value argument) const {
  Value input = kernel.getInputs()[cast<BlockArgument>(argument).getArgNumber()];
  if (auto outer = dyn_cast<BlockArgument>(input)) {
    auto function = dyn_cast<func::FuncOp>(outer.getOwner()->getParentOp());
    auto name = function
                    ? function.getArgAttrOfType<StringAttr>(outer.getArgNumber(), "flashlight.name")
                    : StringAttr();
    return name ? name.str() : "t" + std::to_string(outer.getArgNumber());
  }
  Operation *op = input.getDefiningOp();
  unsigned result = cast<OpResult>(input).getResultNumber();
  if (auto name = op->getAttrOfType<StringAttr>(kNodeAttr))
    return name.str() + (result ? "_" + std::to_string(result) : "");
  if (auto names = op->getAttrOfType<ArrayAttr>(kNodesAttr))
    if (auto name = dyn_cast<StringAttr>(names[result]); name && !name.empty())
      return name.str();
  return "t" + std::to_string(cast<BlockArgument>(argument).getArgNumber());
}

std::string KernelFormulas::accessText(StringRef name, AffineMap map,
                                       ArrayRef<Formula> indices) const {
  if (map.getNumResults() == 0)
    return name.str();
  SmallVector<std::string> parts;
  for (AffineExpr expr : map.getResults())
    parts.push_back(affineFormula(expr, axisNames, indices).str());
  return (name + "[" + llvm::join(parts, ", ") + "]").str();
}

/// Every index form of a tensor gets a name of its own, with its axes in the order of memory.
void KernelFormulas::nameReads() {
  SmallVector<ReadOp> all;
  kernel.walk([&](ReadOp read) {
    if (read.getIndices().empty()) // an index is a formula of its own
      all.push_back(read);
  });
  llvm::MapVector<Value, SmallVector<AffineMap>> forms;
  for (ReadOp read : all)
    if (!llvm::is_contained(forms[read.getSource()], read.getMap()))
      forms[read.getSource()].push_back(read.getMap());
  DenseMap<std::pair<Value, AffineMap>, Formula> made;
  for (auto &[source, maps] : forms) {
    std::string base = memoryName(source);
    for (auto [i, map] : llvm::enumerate(maps)) {
      std::string name = fresh(maps.size() == 1 ? base : base + std::to_string(i + 1));
      SmallVector<std::string> axes;
      for (AffineExpr expr : map.getResults())
        for (auto [position, axis] : llvm::enumerate(axisNames))
          if (expr.isFunctionOfDim(position) && !llvm::is_contained(axes, axis) &&
              !llvm::is_contained(batch, axis))
            axes.push_back(axis);
      if (!axes.empty())
        name += "[" + llvm::join(axes, ",") + "]";
      made[{source, map}] = Formula::atom(name);
    }
  }
  for (ReadOp read : all) {
    auto found = made.find({read.getSource(), read.getMap()});
    readFormulas[read] = found->second;
    if (!llvm::any_of(reads, [&](auto &other) { return other.second == found->second.str(); }))
      reads.push_back({read, found->second.str()});
  }
}

std::string KernelFormulas::indexed(StringRef name, Value value) const {
  SmallVector<StringRef> axes = axesOf(value);
  llvm::erase_if(axes, [&](StringRef axis) { return llvm::is_contained(batch, axis); });
  return axes.empty() ? name.str() : (name + "[" + llvm::join(axes, ",") + "]").str();
}

//===----------------------------------------------------------------------===//
// What a formula may look through, and what gets a name
//===----------------------------------------------------------------------===//

bool KernelFormulas::isTransparent(Operation *op) {
  if (isa<BroadcastOp, arith::ExtFOp, arith::SIToFPOp, arith::ExtSIOp, arith::TruncIOp,
          arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return true;
  return isa<arith::UIToFPOp, arith::ExtUIOp>(op) &&
         !getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(1);
}

Value KernelFormulas::strip(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isTransparent(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The operands that have formulas: memory has a name only.
static OperandRange computedOperands(Operation *op) {
  return op->getOperands().drop_front(isa<ReadOp>(op) ? 1 : 0);
}

unsigned KernelFormulas::countUses(Value value) const {
  unsigned count = 0;
  for (Operation *user : llvm::SmallPtrSet<Operation *, 8>(value.user_begin(), value.user_end()))
    count += isTransparent(user) ? countUses(user->getResult(0)) : 1;
  return count;
}

bool KernelFormulas::isStreamed(Value value) const {
  return llvm::is_contained(axesOf(value), kernel.getStream());
}

bool KernelFormulas::dependsOnState(Value value) {
  auto [it, isNew] = stateful.try_emplace(value, false);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result =
      op ? isa<StreamOp>(op) || llvm::any_of(op->getOperands(),
                                             [&](Value operand) { return dependsOnState(operand); })
         : isa<StreamOp>(cast<BlockArgument>(value).getOwner()->getParentOp());
  return stateful[value] = result;
}

StringRef KernelFormulas::baseName(Value value) {
  Operation *op = value.getDefiningOp();
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    return "mask";
  if (isStreamed(value))
    return isa<ContractOp>(op) ? "s" : isa<math::ExpOp, math::Exp2Op>(op) ? "p" : "x";
  if (isa<ContractOp>(op))
    return "A";
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && isStreamed(reduce.getOperand()))
    return reduce.getKind() == ReduceKind::Max || reduce.getKind() == ReduceKind::Min ? "M" : "L";
  return dependsOnState(value) && isa<StreamOp>(op->getParentOp()) ? "c" : "r";
}

KernelFormulas::Entry KernelFormulas::entryOf(Value value) {
  auto found = entries.find(value);
  if (found != entries.end())
    return found->second;
  Entry entry = compose(value);
  Operation *op = value.getDefiningOp();
  bool shared = !isTransparent(op) && countUses(value) > 1 && !entry.formula.isAtom() &&
                (entry.formula.getOperators() > 1 || entry.formula.isReduction());
  if (!shared)
    return entries[value] = entry;
  name(value, entry);
  return entries[value];
}

/// Names the longest operands of an op that would not fit on a line.
void KernelFormulas::shorten(Operation *op) {
  while (true) {
    size_t total = 0, longest = 0;
    Value candidate;
    for (Value operand : computedOperands(op)) {
      size_t length = entryOf(operand).formula.str().size();
      total += length;
      if (length > longest && !entryOf(operand).formula.isAtom()) {
        longest = length;
        candidate = operand;
      }
    }
    if (total <= kLongest || longest <= kLongest / 3)
      return;
    Value inner = strip(candidate);
    name(inner, entryOf(inner));
    // The views of it between here and there have its name.
    for (Value view = candidate; view != inner; view = view.getDefiningOp()->getOperand(0))
      entries[view] = entries[inner];
  }
}

void KernelFormulas::name(Value value, const Entry &entry) {
  std::string text = entry.formula.str();
  std::string made;
  if (dependsOnState(value)) {
    made = fresh(baseName(value));
  } else {
    // A later sweep that computes it once more shows it by the same name.
    std::string &known = defined[text];
    if (known.empty())
      known = fresh(baseName(value));
    else
      text = "as above";
    made = known;
  }
  if (inSection[current].insert(made).second)
    addLine(indexed(made, value) + " = " + text, entry);
  setName(value, made);
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

static void collectNodes(Location location, llvm::SetVector<StringAttr> &nodes) {
  if (auto named = dyn_cast<NameLoc>(location))
    nodes.insert(named.getName());
  else if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      collectNodes(part, nodes);
}

void KernelFormulas::addLine(const Twine &text, const Entry &entry) {
  current->lines.push_back({text.str(), entry.nodes});
}

void KernelFormulas::define(const Twine &head, Value value) {
  Entry entry =
      value.getDefiningOp() && !value.getDefiningOp<StreamOp>() ? compose(value) : entryOf(value);
  addLine(head + " = " + entry.formula.str(), entry);
}

/// The sum whose rounding error this is, for e = (a - (s - (s - a))) + (b - (s - a)), s = a + b,
/// and 0 where that is no number.
static Value roundedSum(Operation *op) {
  auto select = dyn_cast<arith::SelectOp>(op);
  auto both = select ? select.getTrueValue().getDefiningOp<arith::AddFOp>() : nullptr;
  auto ofFirst = both ? both.getLhs().getDefiningOp<arith::SubFOp>() : nullptr;
  auto ofSecond = both ? both.getRhs().getDefiningOp<arith::SubFOp>() : nullptr;
  if (!ofFirst || !ofSecond)
    return {};
  auto added = ofSecond.getRhs().getDefiningOp<arith::SubFOp>();
  auto kept = ofFirst.getRhs().getDefiningOp<arith::SubFOp>();
  if (!added || !kept || kept.getRhs() != added || added.getRhs() != ofFirst.getLhs() ||
      kept.getLhs() != added.getLhs())
    return {};
  auto sum = added.getLhs().getDefiningOp<arith::AddFOp>();
  bool whole = sum && sum.getLhs() == ofFirst.getLhs() && sum.getRhs() == ofSecond.getLhs();
  return whole ? added.getLhs() : Value();
}

KernelFormulas::Entry KernelFormulas::compose(Value value) {
  Operation *op = value.getDefiningOp();
  if (Value sum = roundedSum(op)) {
    guards.lost = true;
    Entry entry = entryOf(sum);
    entry.formula = Formula::call("lost", entry.formula);
    return entry;
  }
  shorten(op);
  Entry entry;
  entry.formula = composeOp(op);
  if (!isa<arith::ConstantOp>(op))
    collectNodes(op->getLoc(), entry.nodes);
  for (Value operand : computedOperands(op))
    entry.nodes.insert_range(entryOf(operand).nodes);
  return entry;
}
