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

#include "flashlight-c/Explain.h"

#include "flashlight/Transforms/ExplainKernel.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"

#include "llvm/ADT/StringExtras.h"

using namespace flashlight;

bool flashlightExplainKernel(MlirOperation operation, FlashlightLineCallback callback,
                             void *userData) {
  auto kernel = llvm::dyn_cast<KernelOp>(unwrap(operation));
  if (!kernel)
    return false;
  for (const ExplainedSection &section : explainKernel(kernel))
    for (const ExplainedLine &line : section.lines) {
      llvm::SmallVector<llvm::StringRef> names;
      for (mlir::StringAttr node : line.nodes)
        names.push_back(node.getValue());
      std::string nodes = llvm::join(names, " ");
      callback(wrap(llvm::StringRef(section.title)), wrap(llvm::StringRef(line.text)),
               wrap(llvm::StringRef(nodes)), userData);
    }
  return true;
}
