//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The passes from a tile program to LLVM. What each does stands in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CPU_PASSES_H
#define FLASHLIGHT_CPU_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace flashlight {

#define GEN_PASS_DECL
#include "flashlight/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashlight/CPU/Passes.h.inc"

/// Of the pipeline `flashlight-lower-to-cpu`.
struct LowerToCpuOptions : mlir::PassPipelineOptions<LowerToCpuOptions> {
  Option<unsigned> vectorBits{*this, "vector-bits",
                              llvm::cl::desc("width of the target's vector registers"),
                              llvm::cl::init(512)};
};

/// Tile program to LLVM dialect.
void buildLowerToCpuPipeline(mlir::OpPassManager &manager, const LowerToCpuOptions &options);
void registerLowerToCpuPipeline();

} // namespace flashlight

#endif // FLASHLIGHT_CPU_PASSES_H
