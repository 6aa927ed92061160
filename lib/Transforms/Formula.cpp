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

#include "Formula.h"

#include "mlir/IR/AffineExprVisitor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace flashlight;

//===----------------------------------------------------------------------===//
// Making formulas
//===----------------------------------------------------------------------===//

Formula Formula::atom(const Twine &text) {
  Formula result;
  result.text = text.str();
  return result;
}

/// Six digits are enough to recognise a number.
static std::string numberText(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

Formula Formula::constant(Attribute value) {
  Formula result = atom("?");
  result.isNumber = true;
  if (auto elements = dyn_cast<DenseElementsAttr>(value); elements && elements.isSplat())
    value = elements.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(value)) {
    APFloat wide = number.getValue();
    bool exact;
    wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &exact);
    result.text = numberText(wide.convertToDouble());
  } else if (auto boolean = dyn_cast<BoolAttr>(value)) {
    result.text = boolean.getValue() ? "true" : "false";
  } else if (auto integer = dyn_cast<IntegerAttr>(value)) {
    SmallString<16> digits;
    integer.getValue().toStringSigned(digits);
    result.text = std::string(digits);
  }
  return result;
}

Formula Formula::call(StringRef function, ArrayRef<Formula> arguments) {
  Formula result;
  result.operators = 1;
  result.text = (function + "(").str();
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    result.text += (i ? ", " : "") + argument.str();
    result.operators += argument.operators;
  }
  result.text += ")";
  return result;
}

Formula Formula::sum(Formula a, Formula b, bool subtract) {
  Formula result;
  result.level = Sum;
  result.operators = a.operators + b.operators + 1;
  auto add = [&](Formula &term, bool negative) {
    if (term.level != Sum) {
      result.parts.push_back({std::move(term), negative});
      return;
    }
    for (Part &part : term.parts)
      result.parts.push_back({std::move(part.formula), part.inverted != negative});
  };
  add(a, false);
  add(b, subtract);
  return result;
}

Formula Formula::negative(Formula a) {
  if (a.level != Sum) {
    Formula result;
    result.level = Sum;
    result.operators = a.operators + 1;
    result.parts.push_back({std::move(a), true});
    return result;
  }
  for (Part &part : a.parts)
    part.inverted = !part.inverted;
  return a;
}

Formula Formula::product(Formula a, Formula b, bool divide) {
  Formula result;
  result.level = Product;
  result.operators = a.operators + b.operators + 1;
  auto add = [&](Formula &factor, bool divided) {
    if (factor.level != Product || factor.parts.empty() || factor.isReduction() || divided) {
      result.parts.push_back({std::move(factor), divided});
      return;
    }
    for (Part &part : factor.parts)
      result.parts.push_back(std::move(part));
  };
  add(a, false);
  add(b, divide);
  return result;
}

Formula Formula::reduction(const Twine &prefix, Formula body) {
  Formula result;
  result.level = Product;
  result.prefix = prefix.str();
  result.operators = body.operators + 1;
  result.parts.push_back({std::move(body), false});
  return result;
}

Formula Formula::infix(Level level, Formula a, StringRef symbol, Formula b) {
  Formula result;
  result.level = level;
  result.operators = a.operators + b.operators + 1;
  // A comparison or a division of integers does not chain; and, or do.
  Level inner = level == Comparison ? Sum : level == Product ? Atom : level;
  result.text = a.within(inner) + " " + symbol.str() + " " + b.within(inner);
  return result;
}

Formula Formula::negation(Formula a) {
  Formula result;
  result.level = Not;
  result.operators = a.operators + 1;
  result.text = "not " + a.within(Not);
  return result;
}

Formula Formula::choice(Formula condition, Formula yes, Formula no) {
  Formula result;
  result.level = Choice;
  result.operators = condition.operators + yes.operators + no.operators + 1;
  result.text = yes.within(Or) + " if " + condition.within(Or) + " else " + no.within(Choice);
  return result;
}

//===----------------------------------------------------------------------===//
// Writing them
//===----------------------------------------------------------------------===//

std::string Formula::within(Level outer, bool last) const {
  // What follows a reduction without parentheses would seem to be a part of it; and
  // "2 * h // 4" is read in two ways.
  bool isDivision = level == Product && parts.empty() && outer >= Product;
  if (level < outer || isDivision || (isReduction() && !last))
    return "(" + str() + ")";
  return str();
}

std::string Formula::str() const {
  if (parts.empty())
    return text;
  if (isReduction())
    return prefix + " " + parts.front().formula.within(Product);
  SmallVector<const Part *> ordered;
  for (const Part &part : parts)
    ordered.push_back(&part);
  std::string result;
  if (level == Sum) {
    llvm::stable_sort(ordered, [](const Part *a, const Part *b) {
      return std::make_pair(a->inverted, a->formula.isReduction()) <
             std::make_pair(b->inverted, b->formula.isReduction());
    });
    for (auto [i, part] : llvm::enumerate(ordered)) {
      if (i || part->inverted)
        result += !i ? "-" : part->inverted ? " - " : " + ";
      result += part->formula.within(part->inverted ? Product : Sum, i + 1 == ordered.size());
    }
    return result;
  }
  llvm::stable_sort(ordered, [](const Part *a, const Part *b) {
    auto rank = [](const Part *part) {
      return part->inverted ? 3 : part->formula.isNumber ? 0 : part->formula.isReduction() ? 2 : 1;
    };
    return rank(a) < rank(b);
  });
  // One says nothing where there is another factor to begin with.
  bool isOne = ordered.front()->formula.isNumber && ordered.front()->formula.text == "1";
  if (isOne && ordered.size() > 1 && !ordered[1]->inverted)
    ordered.erase(ordered.begin());
  if (ordered.front()->inverted)
    result = "1";
  for (auto [i, part] : llvm::enumerate(ordered)) {
    if (i || part->inverted)
      result += part->inverted ? " / " : " * ";
    // A product that is divided by needs its parentheses.
    Level inner = part->inverted ? Atom : Product;
    result += part->formula.within(inner, i + 1 == ordered.size());
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Affine expressions
//===----------------------------------------------------------------------===//

static bool isMinusOne(AffineExpr expr) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant && constant.getValue() == -1;
}

Formula flashlight::affineFormula(AffineExpr expr, ArrayRef<std::string> dims,
                                  ArrayRef<Formula> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return Formula::atom(dims[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    Formula number = Formula::atom(std::to_string(std::abs(constant.getValue())));
    return constant.getValue() < 0 ? Formula::negative(number) : number;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  auto operand = [&](AffineExpr e) { return affineFormula(e, dims, symbols); };
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return Formula::sum(operand(lhs), operand(rhs));
  case AffineExprKind::Mul:
    if (isMinusOne(rhs))
      return Formula::negative(operand(lhs));
    if (auto constant = dyn_cast<AffineConstantExpr>(rhs); constant && constant.getValue() < 0)
      return Formula::negative(Formula::product(operand(-rhs), operand(lhs)));
    return Formula::product(operand(rhs), operand(lhs));
  case AffineExprKind::FloorDiv:
    return Formula::infix(Formula::Product, operand(lhs), "//", operand(rhs));
  case AffineExprKind::CeilDiv:
    return Formula::call("ceil", Formula::product(operand(lhs), operand(rhs), /*divide=*/true));
  case AffineExprKind::Mod:
    return Formula::infix(Formula::Product, operand(lhs), "%", operand(rhs));
  default:
    llvm_unreachable("a leaf");
  }
}

/// One constraint, `expr >= 0` or `expr == 0`.
static std::string constraintText(AffineExpr expr, bool isEquality, unsigned numDims,
                                  unsigned numSymbols, ArrayRef<std::string> dims,
                                  ArrayRef<Formula> symbols, unsigned left) {
  auto text = [&](AffineExpr e) { return affineFormula(e, dims, symbols).str(); };
  SimpleAffineExprFlattener flattener(numDims, numSymbols);
  if (succeeded(flattener.walkPostOrder(expr)) && flattener.localExprs.empty()) {
    ArrayRef<int64_t> coefficients = flattener.operandExprStack.back();
    int64_t lead = coefficients[left];
    if (std::abs(lead) == 1) {
      AffineExpr dim = getAffineDimExpr(left, expr.getContext());
      AffineExpr rest =
          simplifyAffineExpr(lead == 1 ? dim - expr : expr + dim, numDims, numSymbols);
      return dims[left] + (isEquality ? " = " : lead == 1 ? " >= " : " <= ") + text(rest);
    }
  }
  return text(expr) + (isEquality ? " = 0" : " >= 0");
}

std::string flashlight::setFormula(IntegerSet set, ArrayRef<std::string> dims,
                                   ArrayRef<Formula> symbols, unsigned left) {
  std::string result;
  for (auto [i, expr] : llvm::enumerate(set.getConstraints()))
    result += (i ? " and " : "") + constraintText(expr, set.isEq(i), set.getNumDims(),
                                                  set.getNumSymbols(), dims, symbols, left);
  return result.empty() ? "everywhere" : result;
}
