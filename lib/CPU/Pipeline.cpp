//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pipeline flashlight-lower-to-cpu.
//
//===----------------------------------------------------------------------===//

#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace flashlight;

void flashlight::buildLowerToCpuPipeline(OpPassManager &manager, const LowerToCpuOptions &options) {
  OpPassManager &kernels = manager.nest<func::FuncOp>();
  kernels.addPass(createTileToLinalg());
  BufferizeTilesOptions bufferize;
  bufferize.vectorBits = options.vectorBits;
  kernels.addPass(createBufferizeTiles(bufferize));
  VectorizeTilesOptions vectorize;
  vectorize.vectorBits = options.vectorBits;
  kernels.addPass(createVectorizeTiles(vectorize));
  kernels.addPass(createCSEPass());
  kernels.addPass(createExpandMath());
  manager.addPass(createCpuToLLVM());
}

void flashlight::registerLowerToCpuPipeline() {
  PassPipelineRegistration<LowerToCpuOptions>("flashlight-lower-to-cpu",
                                              "Tile programs to the LLVM dialect for the host.",
                                              buildLowerToCpuPipeline);
}
