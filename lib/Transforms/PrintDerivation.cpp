//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-print-derivation: see Passes.td.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Transforms/ExplainKernel.h"
#include "flashlight/Transforms/Passes.h"

namespace flashlight {
#define GEN_PASS_DEF_PRINTDERIVATION
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

struct PrintDerivation : flashlight::impl::PrintDerivationBase<PrintDerivation> {
  void runOnOperation() override {
    // Nested kernels do not exist; the order is that of the program.
    getOperation()->walk([](KernelOp kernel) { llvm::outs() << explanationText(kernel) << "\n"; });
    markAllAnalysesPreserved();
  }
};

} // namespace
