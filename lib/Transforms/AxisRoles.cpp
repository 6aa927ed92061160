//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Roles show in the reductions: what a contraction sums over besides the
// streamed axis is inner; what the factor without keys adds to scores is a row; what the other
// factor adds to a sum over keys is a value axis.
//
//===----------------------------------------------------------------------===//

#include "AxisRoles.h"
#include "IndexSpace.h"

using namespace mlir;
using namespace flashlight;

namespace {

struct RoleFinder {
  explicit RoleFinder(KernelOp kernel) : kernel(kernel), stream(kernel.getStreamAttr()) {}

  AxisRoles find();

private:
  static bool has(ArrayRef<StringAttr> names, StringAttr name) {
    return llvm::is_contained(names, name);
  }
  void findRows();
  void findPairs();
  static SmallVector<AxesAttr> factorsOf(Value value);
  void findValues();
  void findInner();
  void findMixed();
  void findConstant();
  bool isDivided(StringAttr name);
  bool isFirstTheWeight(ContractOp op, const ContractOp::Labels &labels);
  unsigned sliceSize(Value value);
  int64_t sizeOf(StringAttr axis) {
    AxisAttr attr = kernel.getAxis(axis);
    return attr.isDynamic() ? 1024 : attr.getSize();
  }

  KernelOp kernel;
  StringAttr stream;
  AxisRoles roles;
};

} // namespace

/// How many ops of the kernel lead to a value.
unsigned RoleFinder::sliceSize(Value value) {
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> stack{value};
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val().getDefiningOp();
    if (op && kernel->isProperAncestor(op) && seen.insert(op).second)
      llvm::append_range(stack, op->getOperands());
  }
  return seen.size();
}

/// Of the two factors of a sum over keys, one holds weights (scores, probabilities), the other
/// values: weights have rows, or else more ops lead to them.
bool RoleFinder::isFirstTheWeight(ContractOp op, const ContractOp::Labels &labels) {
  auto hasRows = [&](ArrayRef<StringAttr> names) {
    return llvm::any_of(names, [&](StringAttr name) { return roles.rows.contains(name); });
  };
  bool left = hasRows(labels.lhs), right = hasRows(labels.rhs);
  return left != right ? left : sliceSize(op.getLhs()) >= sliceSize(op.getRhs());
}

void RoleFinder::findRows() {
  bool contractsStream = false;
  kernel.walk([&](ContractOp op) {
    ContractOp::Labels labels = op.getLabels();
    contractsStream |= has(labels.lhs, stream) || has(labels.rhs, stream);
    if (!has(labels.result, stream))
      return;
    roles.computesScores = true;
    for (auto [own, other] :
         {std::pair(&labels.lhs, &labels.rhs), std::pair(&labels.rhs, &labels.lhs)})
      for (StringAttr name : *own)
        if (!has(*own, stream) && has(labels.result, name) && !has(*other, name))
          roles.rows.insert(name);
  });
  // Scores that are read, or computed without a contraction: the rows are what values lack.
  if (roles.rows.empty())
    kernel.walk([&](ContractOp op) {
      ContractOp::Labels labels = op.getLabels();
      if (!has(labels.lhs, stream) || !has(labels.rhs, stream) || has(labels.result, stream))
        return;
      bool first = isFirstTheWeight(op, labels);
      for (StringAttr name : first ? labels.lhs : labels.rhs)
        if (name != stream && !has(first ? labels.rhs : labels.lhs, name))
          roles.rows.insert(name);
    });
  // Statistics alone: what the reduced values have besides.
  if (roles.rows.empty() && !contractsStream)
    kernel.walk([&](ReduceOp op) {
      AxesAttr from = getAxes(op.getOperand().getType()), to = getAxes(op.getType());
      if (from && from.contains(stream) && !to.contains(stream))
        roles.rows.insert(to.getNames().begin(), to.getNames().end());
    });
}

/// Rows and keys of a kernel that writes both. Where it sums over another axis of scores, they are
/// what the factors of these have apart from each other, if that is no shorter than the stream:
/// heads that share keys, and heads that are mixed, are apart from the keys, too.
void RoleFinder::findPairs() {
  if (keepsStream(kernel)) {
    roles.column = stream;
    return;
  }
  auto isLong = [&](StringAttr name) {
    AxisAttr axis = kernel.getAxis(name), own = kernel.getAxis(stream);
    return axis.isDynamic() || (!own.isDynamic() && own.getSize() <= axis.getSize());
  };
  auto apart = [&](AxesAttr from, AxesAttr other) {
    StringAttr found;
    for (StringAttr name : from.getNames())
      if (name != stream && !other.contains(name) && !roles.isWhole(name) && !isDivided(name) &&
          isLong(name) && (!found || sizeOf(name) >= sizeOf(found)))
        found = name;
    return found;
  };
  auto consider = [&](ArrayRef<AxesAttr> factors, AxesAttr result) {
    for (AxesAttr left : factors)
      for (AxesAttr right : factors)
        if (StringAttr m = apart(left, right), n = apart(right, left);
            m && n && !roles.column && result.contains(stream))
          roles.row = m, roles.column = n;
  };
  kernel.walk([&](Operation *op) {
    if (auto contract = dyn_cast<ContractOp>(op))
      consider({getAxes(contract.getLhs()), getAxes(contract.getRhs())},
               getAxes(contract.getResult()));
    else if (auto reduce = dyn_cast<ReduceOp>(op)) // of distances, say
      consider(factorsOf(reduce.getOperand()), getAxes(reduce.getResult()));
  });
  if (!roles.column)
    return;
  // What is written along memory is the column.
  auto axes = llvm::map_to_vector(kernel.getAxes().getAsRange<AxisAttr>(),
                                  [](AxisAttr axis) { return axis.getName(); });
  if (llvm::find(axes, roles.row) > llvm::find(axes, roles.column))
    std::swap(roles.row, roles.column);
  roles.rows.clear();
  roles.rows.insert(roles.row);
}

/// The axes of the values that a pointwise value is made of.
SmallVector<AxesAttr> RoleFinder::factorsOf(Value value) {
  SmallVector<AxesAttr> found;
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (op && (op->hasTrait<OpTrait::Elementwise>() || isa<BroadcastOp>(op))) {
      if (seen.insert(op).second)
        llvm::append_range(worklist, op->getOperands());
    } else if (getAxes(next)) {
      found.push_back(getAxes(next));
    }
  }
  return found;
}

void RoleFinder::findValues() {
  kernel.walk([&](ContractOp op) {
    ContractOp::Labels labels = op.getLabels();
    if (!has(labels.lhs, stream) || !has(labels.rhs, stream) || has(labels.result, stream))
      return;
    bool first = isFirstTheWeight(op, labels);
    for (StringAttr name : first ? labels.rhs : labels.lhs)
      if (name != stream && has(labels.result, name) &&
          !has(first ? labels.lhs : labels.rhs, name) && !roles.rows.contains(name))
        roles.values.insert(name);
  });
}

void RoleFinder::findInner() {
  auto reduced = [&](Value from, Type to) {
    AxesAttr axes = getAxes(from.getType()), kept = getAxes(to);
    if (!axes)
      return;
    for (StringAttr name : axes.getNames())
      if (name != stream && !kept.contains(name))
        roles.inner.insert(name);
  };
  kernel.walk([&](Operation *op) {
    if (auto contract = dyn_cast<ContractOp>(op)) {
      reduced(contract.getLhs(), contract.getType());
      reduced(contract.getRhs(), contract.getType());
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      reduced(reduce.getOperand(), reduce.getType());
    }
  });
}

/// An axis of scores that other, costly scores lack (heads that mix others): dividing it among
/// programs would repeat those. It joins the tile where that costs more than all the rest.
void RoleFinder::findMixed() {
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    StringAttr name = axis.getName();
    if (axis.isDynamic() || name == stream || name == roles.row || name == roles.column ||
        roles.isWhole(name) || isDivided(name))
      continue;
    int64_t lacking = 0, having = 0;
    kernel.walk([&](ContractOp op) {
      ContractOp::Labels labels = op.getLabels();
      if (!has(labels.lhs, stream) && !has(labels.rhs, stream))
        return;
      llvm::SmallSetVector<StringAttr, 8> axes(labels.lhs.begin(), labels.lhs.end());
      axes.insert(labels.rhs.begin(), labels.rhs.end());
      if (roles.row && !axes.contains(roles.row))
        return; // of keys alone
      int64_t work = 1;
      for (StringAttr other : axes)
        if (other != stream && other != roles.row && other != name)
          work *= sizeOf(other);
      (axes.contains(name) ? having : lacking) += work;
    });
    if (lacking > 0 && having > 0 &&
        lacking * (axis.getSize() - 1) > lacking + having * axis.getSize())
      roles.inner.insert(name);
  }
}

/// An axis that no value has (columns of constant values) is in results alone: programs that
/// divided it would compute the same again.
void RoleFinder::findConstant() {
  AxisRoles::Axes had;
  had.insert(stream);
  kernel.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (AxesAttr axes = getAxes(type))
        had.insert(axes.getNames().begin(), axes.getNames().end());
  });
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>())
    if (!axis.isDynamic() && !had.contains(axis.getName()))
      roles.values.insert(axis.getName());
}

/// True if a map takes the axis apart: a head of a group, say, where a single query leaves no other
/// row axis. Two elements of it are no strided box of memory, so a tile has one.
bool RoleFinder::isDivided(StringAttr name) {
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  auto divides = [&](AffineMap map) {
    for (auto [i, axis] : llvm::enumerate(axes))
      for (AffineExpr expr : map.getResults())
        if (axis.getName() == name && !isLinearIn(expr, i))
          return true;
    return false;
  };
  bool divided = llvm::any_of(
      cast<YieldOp>(kernel.getBlock().getTerminator()).getMaps()->getAsValueRange<AffineMapAttr>(),
      divides);
  kernel.walk([&](ReadOp read) { divided |= divides(read.getMap()); });
  return divided;
}

AxisRoles RoleFinder::find() {
  findRows();
  findValues();
  findInner();
  // A tile of the longest row axis reads the keys for the most rows; heads that share keys are few.
  int64_t longest = 0;
  for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>()) {
    int64_t extent = axis.isDynamic() ? std::numeric_limits<int64_t>::max() : axis.getSize();
    if (extent >= longest && roles.rows.contains(axis.getName()) &&
        !roles.inner.contains(axis.getName()) && !isDivided(axis.getName())) {
      longest = extent;
      roles.row = axis.getName();
    }
  }
  findPairs();
  findMixed();
  // An axis that is combined with rows and keys before it is summed stands with the inner ones;
  // one that only values and the results after them have stays a value axis.
  AxisRoles::Axes combined;
  kernel.walk([&](Operation *op) {
    if (op->getNumResults() != 1 || isa<ReadOp, BroadcastOp, StreamOp>(op))
      return;
    AxesAttr axes = getAxes(op->getResult(0).getType());
    if (axes && roles.row && axes.contains(stream) && axes.contains(roles.row))
      combined.insert(axes.getNames().begin(), axes.getNames().end());
  });
  roles.values.remove_if(
      [&](StringAttr name) { return combined.contains(name) && roles.inner.contains(name); });
  for (StringAttr name : roles.values)
    if (!roles.inner.contains(name) && !isDivided(name))
      roles.divisible.insert(name);
  findConstant();
  roles.inner.remove_if([&](StringAttr name) { return roles.values.contains(name); });
  return roles;
}

bool flashlight::keepsStream(KernelOp kernel) {
  return llvm::any_of(kernel.getBlock().getTerminator()->getOperands(), [&](Value value) {
    AxesAttr axes = getAxes(value);
    return axes && axes.contains(kernel.getStreamAttr());
  });
}

AxisRoles flashlight::findAxisRoles(KernelOp kernel) { return RoleFinder(kernel).find(); }
