//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The values of a kernel as formulas. A value gets a name where it is used more
// than once or where a line would be too long; names are made up by role: M a running
// maximum, L a sum, A an accumulator of products, s scores, p probabilities, c a
// correction. M is a state before a block, M' after it.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMULAS_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMULAS_H

#include "Formula.h"

#include "flashlight/IR/FlashlightDialect.h"
#include "flashlight/Transforms/ExplainKernel.h"
#include "llvm/ADT/StringSet.h"

namespace flashlight {

/// How guards and corrections are shown, so that a legend is printed where one stands.
struct Guards {
  bool guard = false;   // guard(x)
  bool restore = false; // restore(x)
  bool lost = false;    // lost(x)
};

class KernelFormulas {
public:
  explicit KernelFormulas(KernelOp kernel);

  /// Where definitions go that the next formulas need.
  void setSection(ExplainedSection *section) { current = section; }
  /// The value as a formula; definitions that it needs are added to the section.
  Formula formulaOf(mlir::Value value) { return entryOf(value).formula; }
  /// Adds the line "head = formula", written out even if the value has a name.
  void define(const llvm::Twine &head, mlir::Value value);

  /// A new name: `base`, or with a number where that is taken.
  std::string fresh(llvm::StringRef base);
  void setName(mlir::Value value, const llvm::Twine &name);
  /// Marks a value that stands for a state: comparing it with infinity asks if it is unset.
  void addState(mlir::Value value) { states.insert(value); }

  /// "name[m,n]": without the axes that all values share.
  std::string indexed(llvm::StringRef name, mlir::Value value) const;
  /// The axes that all contractions carry along: batch and heads.
  llvm::ArrayRef<std::string> getBatchAxes() const { return batch; }
  llvm::ArrayRef<std::string> getAxisNames() const { return axisNames; }
  /// The name of memory that the kernel reads.
  std::string memoryName(mlir::Value argument) const;
  /// "k[b, h // 4, n, d]".
  std::string accessText(llvm::StringRef name, mlir::AffineMap map,
                         llvm::ArrayRef<Formula> indices = {}) const;
  /// The reads of the kernel, each index form once, with the names that formulas use.
  llvm::ArrayRef<std::pair<ReadOp, std::string>> getReads() const { return reads; }
  const Guards &getGuards() const { return guards; }

  static llvm::SmallVector<llvm::StringRef> axesOf(mlir::Value value);
  /// Ops that change no number, but for the width of an index.
  static bool isTransparent(mlir::Operation *op);
  /// The value before all transparent ops.
  static mlir::Value strip(mlir::Value value);

private:
  /// A formula, and the nodes whose ops are written out in it.
  struct Entry {
    Formula formula;
    llvm::SetVector<mlir::StringAttr> nodes;
  };

  Entry entryOf(mlir::Value value);
  Entry compose(mlir::Value value);
  Formula composeOp(mlir::Operation *op);
  Formula composeSelect(mlir::Operation *op);
  void shorten(mlir::Operation *op);
  void name(mlir::Value value, const Entry &entry);
  void addLine(const llvm::Twine &text, const Entry &entry);
  llvm::StringRef baseName(mlir::Value value);
  bool dependsOnState(mlir::Value value);
  bool isUnset(mlir::Value condition) const;
  bool isStreamed(mlir::Value value) const;
  unsigned countUses(mlir::Value value) const;
  void nameReads();

  mutable KernelOp kernel; // a handle: its accessors are not const
  llvm::SmallVector<std::string> axisNames, batch;
  llvm::SmallVector<std::pair<ReadOp, std::string>> reads;
  llvm::DenseMap<mlir::Operation *, Formula> readFormulas;
  llvm::DenseMap<mlir::Value, Entry> entries;
  llvm::DenseSet<mlir::Value> states;
  llvm::DenseMap<mlir::Value, bool> stateful;
  llvm::StringSet<> taken;
  llvm::StringMap<std::string> defined; // the formula of a value without state -> its name
  llvm::DenseMap<ExplainedSection *, llvm::StringSet<>> inSection;
  ExplainedSection *current = nullptr;
  Guards guards;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELFORMULAS_H
