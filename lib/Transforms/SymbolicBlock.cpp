//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Every value becomes a number in a table of expressions, equal
// numbers being equal values; constants fold by the rules below, which hold for all
// finite x (a masked score or value that is inf or NaN is not supposed to matter):
//
//   max(x, -inf) = x   x + (-inf) = -inf   exp(-inf) = 0   0 * x = 0   1 * x = x
//   x + 0 = x          x - x = 0           exp(0) = 1
//
// A choice on an unknown condition is evaluated once for each outcome, inside which
// the condition is known: that is how select(u, 1, exp(m - select(u, 0, m))) is 1.
//
//===----------------------------------------------------------------------===//

#include "SymbolicBlock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace flashlight;

namespace {

class SymbolicBlock {
public:
  explicit SymbolicBlock(StreamOp stream) : body(&stream.getBody().front()) {}

  using Expression = unsigned;
  /// Conditions that are known on the current path.
  using Known = std::map<Expression, bool>;

  Expression evaluate(Value value, const Known &known);
  Expression symbol(Value value) {
    return intern("v" + std::to_string(reinterpret_cast<uintptr_t>(value.getAsOpaquePointer())));
  }
  Expression constant(double value) {
    Expression expression = intern("c" + std::to_string(value) + (std::signbit(value) ? "-" : "+"));
    constants[expression] = value;
    return expression;
  }
  void assume(Value condition, bool value) { fixed[condition] = value; }

private:
  Expression intern(std::string text) {
    return table.try_emplace(std::move(text), table.size()).first->second;
  }
  std::optional<double> numberOf(Expression expression) const {
    auto it = constants.find(expression);
    return it == constants.end() ? std::nullopt : std::optional<double>(it->second);
  }
  bool is(Expression expression, double value) const {
    std::optional<double> number = numberOf(expression);
    return number && *number == value;
  }
  Expression evaluateOp(Operation *op, const Known &known);

  Block *body;
  std::map<std::string, Expression> table;
  std::map<Expression, double> constants;
  llvm::DenseMap<Value, bool> fixed;
  std::map<std::pair<void *, Known>, Expression> memo;
};

} // namespace

SymbolicBlock::Expression SymbolicBlock::evaluate(Value value, const Known &known) {
  if (auto it = fixed.find(value); it != fixed.end())
    return constant(it->second);
  Operation *op = value.getDefiningOp();
  if (!op)
    return symbol(value);
  DenseElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat()) {
    if (isa<FloatType>(splat.getElementType()))
      return constant(splat.getSplatValue<APFloat>().convertToDouble());
    if (splat.getElementType().isInteger(1))
      return constant(splat.getSplatValue<bool>());
  }
  if (op->getBlock() != body && !isa<BroadcastOp>(op))
    return symbol(value);
  auto key = std::pair(value.getAsOpaquePointer(), known);
  if (auto it = memo.find(key); it != memo.end())
    return it->second;
  return memo[key] = evaluateOp(op, known);
}

SymbolicBlock::Expression SymbolicBlock::evaluateOp(Operation *op, const Known &known) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    Expression condition = evaluate(select.getCondition(), known);
    std::optional<double> number = numberOf(condition);
    if (auto it = known.find(condition); it != known.end())
      number = it->second;
    if (number)
      return evaluate(*number != 0 ? select.getTrueValue() : select.getFalseValue(), known);
    Known whenTrue = known, whenFalse = known;
    whenTrue[condition] = true;
    whenFalse[condition] = false;
    Expression yes = evaluate(select.getTrueValue(), whenTrue),
               no = evaluate(select.getFalseValue(), whenFalse);
    if (yes == no)
      return yes;
    return intern("select(" + std::to_string(condition) + "," + std::to_string(yes) + "," +
                  std::to_string(no) + ")");
  }

  SmallVector<Expression> operands;
  for (Value operand : op->getOperands())
    operands.push_back(evaluate(operand, known));
  auto number = [&](unsigned i) { return numberOf(operands[i]); };

  // Nothing changes the constants that a view, rounding or reduction is applied to.
  if (isa<BroadcastOp, arith::ExtFOp, arith::TruncFOp>(op) && number(0))
    return operands[0];
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && number(0)) {
    ReduceKind kind = reduce.getKind();
    bool idempotent = kind != ReduceKind::Sum && kind != ReduceKind::Prod;
    if (idempotent || (kind == ReduceKind::Sum && is(operands[0], 0)) ||
        (kind == ReduceKind::Prod && is(operands[0], 1)))
      return operands[0];
  }
  if (auto contract = dyn_cast<ContractOp>(op))
    if (is(operands[0], 0) || is(operands[1], 0))
      return contract.getInit() ? operands[2] : constant(0);
  for (unsigned i : {0u, 1u}) { // commutative rules
    if (operands.size() != 2)
      break;
    Expression other = operands[1 - i];
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op) && is(operands[i], -inf))
      return other;
    if (isa<arith::MinimumFOp, arith::MinNumFOp>(op) && is(operands[i], inf))
      return other;
    if (isa<arith::AddFOp>(op) && (is(operands[i], 0) || is(other, -inf)))
      return other;
    if (isa<arith::MulFOp>(op) && (is(operands[i], 1) || is(other, 0)))
      return other;
    if (isa<arith::MulFOp>(op) && is(other, -inf) && number(i) && *number(i) > 0)
      return other;
    if (isa<arith::OrIOp>(op) && number(i))
      return *number(i) != 0 ? operands[i] : other;
    if (isa<arith::AndIOp>(op) && number(i))
      return *number(i) != 0 ? other : operands[i];
  }
  if (isa<arith::SubFOp>(op)) {
    if (is(operands[1], 0) || is(operands[0], -inf))
      return operands[0];
    if (operands[0] == operands[1] && !number(0))
      return constant(0);
  }
  if (isa<arith::DivFOp>(op) && is(operands[1], 1))
    return operands[0];
  if (isa<arith::NegFOp>(op) && number(0))
    return constant(-*number(0));
  if (isa<math::ExpOp>(op) && number(0))
    return constant(std::exp(*number(0)));
  if (isa<math::Exp2Op>(op) && number(0))
    return constant(std::exp2(*number(0)));
  if (isa<math::TanhOp>(op) && number(0))
    return constant(std::tanh(*number(0)));

  if (!isMemoryEffectFree(op) || op->getNumRegions() != 0 || op->getNumResults() != 1)
    return symbol(op->getResult(0));
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << op->getName() << op->getAttrDictionary() << op->getResult(0).getType() << "(";
  for (Expression operand : operands)
    stream << operand << ",";
  return intern(text);
}

bool flashlight::leavesStateUnchanged(StreamOp stream, Value condition, bool assumed) {
  SymbolicBlock block(stream);
  block.assume(condition, assumed);
  Block &body = stream.getBody().front();
  for (auto [argument, yielded] :
       llvm::zip(body.getArguments(), body.getTerminator()->getOperands()))
    if (block.evaluate(yielded, {}) != block.symbol(argument))
      return false;
  return true;
}
