//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel in words and formulas, for people: what flashlight-print-derivation
// prints and what explain() shows in Python.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRANSFORMS_EXPLAINKERNEL_H
#define FLASHLIGHT_TRANSFORMS_EXPLAINKERNEL_H

#include "flashlight/IR/FlashlightDialect.h"

#include <string>
#include <vector>

namespace flashlight {

/// A line of an explanation, and the FX nodes whose ops it is made of.
struct ExplainedLine {
  std::string text;
  llvm::SetVector<mlir::StringAttr> nodes;
};

/// A titled part: the axes, what is read, a sweep, ...
struct ExplainedSection {
  std::string title;
  std::vector<ExplainedLine> lines;
};

/// A kernel, before or after its online form is derived.
std::vector<ExplainedSection> explainKernel(KernelOp kernel);

/// The sections as text, under a heading with the kernel's name.
std::string explanationText(KernelOp kernel);

} // namespace flashlight

#endif // FLASHLIGHT_TRANSFORMS_EXPLAINKERNEL_H
