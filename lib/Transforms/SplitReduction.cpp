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

#include "SplitReduction.h"

#include "Algebra.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace flashlight;

/// On a reduction that is a part of a split one.
static constexpr StringLiteral kPart = "part";

namespace {

class Splitter {
public:
  Splitter(Operation *reduction, const Factorization &blocked)
      : reduction(reduction), over(kindOf(reduction)), path(blocked.path), builder(reduction) {}

  /// The reduction of `value`, where the path ends, in place of what it ends at now.
  Value split(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !algebra::findSplitting(over, op))
      return part(value);
    SmallVector<Value> parts;
    for (Value operand : op->getOperands())
      parts.push_back(split(operand));
    OperationState state(op->getLoc(), op->getName(), parts, reduction->getResult(0).getType());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return builder.create(state)->getResult(0);
  }

private:
  Value part(Value value) {
    for (auto [op, position] : llvm::reverse(path)) {
      IRMapping mapping;
      Operation *clone = builder.clone(*op, mapping);
      clone->setOperand(position, value);
      value = clone->getResult(0);
    }
    value.getDefiningOp()->setAttr(kPart, builder.getUnitAttr());
    return value;
  }

  Operation *reduction;
  ReduceKind over;
  ArrayRef<std::pair<Operation *, unsigned>> path; // the reduction first
  OpBuilder builder;
};

} // namespace

LogicalResult flashlight::splitReduction(Operation *op, const Factorization &blocked) {
  if (op->hasAttr(kPart) || !blocked.blockingOp ||
      !algebra::findSplitting(kindOf(op), blocked.blockingOp))
    return failure();
  Value whole = Splitter(op, blocked).split(blocked.blockingOp->getResult(0));
  op->getResult(0).replaceAllUsesWith(whole);
  op->erase();
  return success();
}
