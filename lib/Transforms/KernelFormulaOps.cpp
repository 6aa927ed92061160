//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How each op is written in a formula.
//
//===----------------------------------------------------------------------===//

#include "KernelFormulas.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace flashlight;

static StringRef symbolOf(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ:
  case P::UEQ:
    return "=";
  case P::ONE:
  case P::UNE:
    return "!=";
  case P::OLT:
  case P::ULT:
    return "<";
  case P::OLE:
  case P::ULE:
    return "<=";
  case P::OGT:
  case P::UGT:
    return ">";
  case P::OGE:
  case P::UGE:
    return ">=";
  default:
    return "";
  }
}

static StringRef symbolOf(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return "=";
  case P::ne:
    return "!=";
  case P::slt:
  case P::ult:
    return "<";
  case P::sle:
  case P::ule:
    return "<=";
  case P::sgt:
  case P::ugt:
    return ">";
  case P::sge:
  case P::uge:
    return ">=";
  }
  llvm_unreachable("unknown predicate");
}

/// The axes that an op sums over, "n" or "d,e".
static std::string reducedAxes(Operation *op) {
  SmallVector<StringRef> kept = KernelFormulas::axesOf(op->getResult(0)), gone;
  for (Value operand : op->getOperands().take_front(isa<ContractOp>(op) ? 2 : 1))
    for (StringRef axis : KernelFormulas::axesOf(operand))
      if (!llvm::is_contained(kept, axis) && !llvm::is_contained(gone, axis))
        gone.push_back(axis);
  return llvm::join(gone, ",");
}

static bool isConstant(Value value, double expected) {
  APFloat number(0.0f);
  return matchPattern(KernelFormulas::strip(value), m_ConstantFloat(&number)) &&
         number.isExactlyValue(expected);
}

static bool isInfinite(Value value) {
  return matchPattern(KernelFormulas::strip(value), m_NegInfFloat()) ||
         matchPattern(KernelFormulas::strip(value), m_PosInfFloat());
}

/// Whether the condition is that states are still at their infinite start.
bool KernelFormulas::isUnset(Value condition) const {
  condition = KernelFormulas::strip(condition);
  if (auto either = condition.getDefiningOp<arith::OrIOp>())
    return isUnset(either.getLhs()) && isUnset(either.getRhs());
  auto compare = condition.getDefiningOp<arith::CmpFOp>();
  return compare && compare.getPredicate() == arith::CmpFPredicate::OEQ &&
         isInfinite(compare.getRhs()) && states.contains(KernelFormulas::strip(compare.getLhs()));
}

Formula KernelFormulas::composeSelect(Operation *op) {
  auto select = cast<arith::SelectOp>(op);
  Value yes = select.getTrueValue(), no = select.getFalseValue();
  if (isUnset(select.getCondition())) {
    // x, or 0 where x itself is unset; a factor, or 1.
    if (isConstant(yes, 0.0) || isConstant(yes, 1.0)) {
      guards.guard = true;
      return Formula::call("guard", formulaOf(no));
    }
    if (isConstant(no, 1.0)) {
      guards.restore = true;
      return Formula::call("restore", formulaOf(yes));
    }
  }
  return Formula::choice(formulaOf(select.getCondition()), formulaOf(yes), formulaOf(no));
}

static std::string elementName(Value value) {
  std::string text;
  llvm::raw_string_ostream(text) << getElementTypeOrSelf(value.getType());
  return text;
}

Formula KernelFormulas::composeOp(Operation *op) {
  auto operand = [&](unsigned i) { return formulaOf(op->getOperand(i)); };
  auto infix = [&](Formula::Level level, StringRef symbol) {
    return Formula::infix(level, operand(0), symbol, operand(1));
  };
  bool isBoolean = getElementTypeOrSelf(op->getResult(0).getType()).isInteger(1);
  if (isTransparent(op))
    return operand(0);
  return llvm::TypeSwitch<Operation *, Formula>(op)
      .Case([&](ReadOp read) {
        if (read.getIndices().empty())
          return readFormulas.lookup(read);
        SmallVector<Formula> indices;
        for (Value index : read.getIndices())
          indices.push_back(entryOf(index).formula);
        return Formula::atom(accessText(memoryName(read.getSource()), read.getMap(), indices));
      })
      .Case([&](ScanOp scan) {
        std::string prefix =
            ("running " + stringifyReduceKind(scan.getKind()) + " over " +
             scan.getAxisAttr().getValue() + (scan.getReverse() ? " from the end" : "") +
             (scan.getExclusive() ? ", without the last, of" : " of"))
                .str();
        return Formula::reduction(prefix, entryOf(scan.getOperand()).formula);
      })
      .Case([&](arith::ConstantOp constant) { return Formula::constant(constant.getValue()); })
      .Case([&](IotaOp) { return Formula::atom(KernelFormulas::axesOf(op->getResult(0)).front()); })
      .Case([&](SizeOp size) { return Formula::atom(size.getSymbol()); })
      .Case<arith::AddFOp, arith::AddIOp>(
          [&](auto) { return Formula::sum(operand(0), operand(1)); })
      .Case<arith::SubFOp, arith::SubIOp>(
          [&](auto) { return Formula::sum(operand(0), operand(1), /*subtract=*/true); })
      .Case([&](arith::NegFOp) { return Formula::negative(operand(0)); })
      .Case<arith::MulFOp, arith::MulIOp>(
          [&](auto) { return Formula::product(operand(0), operand(1)); })
      .Case(
          [&](arith::DivFOp) { return Formula::product(operand(0), operand(1), /*divide=*/true); })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(
          [&](auto) { return infix(Formula::Product, "//"); })
      .Case<arith::RemSIOp, arith::RemUIOp, arith::RemFOp>(
          [&](auto) { return infix(Formula::Product, "%"); })
      .Case<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp, arith::MaxUIOp>(
          [&](auto) { return Formula::call("max", {operand(0), operand(1)}); })
      .Case<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp, arith::MinUIOp>(
          [&](auto) { return Formula::call("min", {operand(0), operand(1)}); })
      .Case([&](arith::CmpFOp compare) {
        StringRef symbol = symbolOf(compare.getPredicate());
        if (symbol.empty())
          return Formula::call(arith::stringifyCmpFPredicate(compare.getPredicate()),
                               {operand(0), operand(1)});
        return infix(Formula::Comparison, symbol);
      })
      .Case([&](arith::CmpIOp compare) {
        return infix(Formula::Comparison, symbolOf(compare.getPredicate()));
      })
      .Case([&](arith::AndIOp) { return infix(Formula::And, isBoolean ? "and" : "&"); })
      .Case([&](arith::OrIOp) { return infix(Formula::Or, isBoolean ? "or" : "|"); })
      .Case([&](arith::XOrIOp) {
        if (isBoolean && matchPattern(KernelFormulas::strip(op->getOperand(1)), m_One()))
          return Formula::negation(operand(0));
        return infix(Formula::Comparison, isBoolean ? "!=" : "^");
      })
      .Case([&](arith::SelectOp) { return composeSelect(op); })
      .Case(
          [&](arith::TruncFOp) { return Formula::call(elementName(op->getResult(0)), operand(0)); })
      .Case<arith::FPToSIOp, arith::FPToUIOp>(
          [&](auto) { return Formula::call("int", operand(0)); })
      .Case<arith::UIToFPOp, arith::ExtUIOp>(
          [&](auto) { return Formula::atom("[" + operand(0).str() + "]"); })
      .Case([&](ContractOp contract) {
        Formula sum = Formula::product(operand(0), operand(1));
        if (std::string axes = reducedAxes(op); !axes.empty())
          sum = Formula::reduction("sum_" + axes, sum);
        return contract.getInit() ? Formula::sum(formulaOf(contract.getInit()), sum) : sum;
      })
      .Case([&](ReduceOp reduce) {
        return Formula::reduction(stringifyReduceKind(reduce.getKind()) + "_" + reducedAxes(op),
                                  operand(0));
      })
      .Default([&](Operation *) {
        // exp, tanh, powf, ...: by their own names.
        SmallVector<Formula> arguments;
        for (Value value : op->getOperands())
          arguments.push_back(formulaOf(value));
        return Formula::call(op->getName().stripDialect(), arguments);
      });
}
