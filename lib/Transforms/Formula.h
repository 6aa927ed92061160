//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Formulas in infix form, for people. Parentheses stand where they are needed, a
// sum shows its positive terms first and a product its constants; nothing is
// computed or simplified beyond that: a formula shows the ops that run.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_FORMULA_H
#define FLASHLIGHT_LIB_TRANSFORMS_FORMULA_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/IntegerSet.h"

#include <string>
#include <vector>

namespace flashlight {

class Formula {
public:
  /// How tightly a formula binds, the loosest first.
  enum Level { Choice, Or, And, Not, Comparison, Sum, Product, Atom };

  Formula() = default;
  static Formula atom(const llvm::Twine &text);
  /// A number: it stands first in products.
  static Formula constant(mlir::Attribute value);
  static Formula call(llvm::StringRef function, llvm::ArrayRef<Formula> arguments);
  static Formula sum(Formula a, Formula b, bool subtract = false);
  static Formula negative(Formula a);
  static Formula product(Formula a, Formula b, bool divide = false);
  /// `sum_n body`: extends as far to the right as products do.
  static Formula reduction(const llvm::Twine &prefix, Formula body);
  /// Two operands and a symbol between them, at a level above Sum.
  static Formula infix(Level level, Formula a, llvm::StringRef symbol, Formula b);
  static Formula negation(Formula a);
  static Formula choice(Formula condition, Formula yes, Formula no);

  std::string str() const;
  /// Whether it is a name or a number.
  bool isAtom() const { return level == Atom && !operators; }
  bool isReduction() const { return level == Product && !prefix.empty(); }
  /// How many operators and calls it has.
  unsigned getOperators() const { return operators; }

private:
  struct Part;
  std::string within(Level outer, bool last = true) const;
  bool isNumber = false;
  Level level = Atom;
  std::string text;   // of an atom or infix formula
  std::string prefix; // of a reduction
  std::vector<Part> parts;
  unsigned operators = 0;
};

/// A term of a sum or a factor of a product; inverted: subtracted, or divided by.
struct Formula::Part {
  Formula formula;
  bool inverted;
};

/// An affine expression, with names for its dims and formulas for its symbols.
Formula affineFormula(mlir::AffineExpr expr, llvm::ArrayRef<std::string> dims,
                      llvm::ArrayRef<Formula> symbols);

/// A set as inequalities with dim `left` alone on the left side where it can be: "n <= m + 3".
std::string setFormula(mlir::IntegerSet set, llvm::ArrayRef<std::string> dims,
                       llvm::ArrayRef<Formula> symbols, unsigned left);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_FORMULA_H
