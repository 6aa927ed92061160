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

#include "flashlight/Transforms/Pipelines.h"

#include "flashlight/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace flashlight;

static void buildToKernel(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createSplitConcats());
  manager.addNestedPass<func::FuncOp>(createSimplify());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createVerifyProgram());
  manager.addNestedPass<func::FuncOp>(createFormKernels());
  manager.addPass(createReducePredicates());
  manager.addPass(createCSEPass());
  manager.addPass(createDeriveOnline());
  manager.addPass(createCSEPass());
  manager.addPass(createInferSparsity());
  manager.addPass(createVerifyKernel());
}

namespace {
struct ToTileOptions : PassPipelineOptions<ToTileOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("cpu or cuda"), llvm::cl::init("cpu")};
};
} // namespace

static void buildToTile(OpPassManager &manager, const ToTileOptions &options) {
  buildToKernel(manager);
  ScheduleOptions schedule;
  schedule.target = options.target;
  manager.addPass(createSchedule(schedule));
  manager.addPass(createTile());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createVerifyTile());
}

void flashlight::registerPipelines() {
  PassPipelineRegistration<>("flashlight-to-kernel",
                             "program level to kernel level, online form derived", buildToKernel);
  PassPipelineRegistration<ToTileOptions>("flashlight-to-tile",
                                          "program level to tile level for a target", buildToTile);
}
