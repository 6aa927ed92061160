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

namespace {
/// The target decides between forms of one kernel, and tiles.
struct TargetOptions : PassPipelineOptions<TargetOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("cpu or cuda"), llvm::cl::init("cpu")};
  Option<std::string> prefer{*this, "prefer", llvm::cl::desc("fewest or most sweeps"),
                             llvm::cl::init("")};
  Option<std::string> split{*this, "split", llvm::cl::desc("whole kernels or the most parts"),
                            llvm::cl::init("")};
  Option<std::string> rows{*this, "rows",
                           llvm::cl::desc("of a split: compute or read row statistics"),
                           llvm::cl::init("")};
  Option<int64_t> arch{*this, "arch", llvm::cl::desc("of a GPU: 90 for sm_90"), llvm::cl::init(0)};
};
} // namespace

static void buildToKernel(OpPassManager &manager, const TargetOptions &options) {
  manager.addNestedPass<func::FuncOp>(createFlattenConcats());
  manager.addNestedPass<func::FuncOp>(createSelectConcats());
  manager.addNestedPass<func::FuncOp>(createNormalizeShifts());
  manager.addNestedPass<func::FuncOp>(createBatchConcats());
  manager.addNestedPass<func::FuncOp>(createSplitConcats());
  manager.addNestedPass<func::FuncOp>(createSimplify());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createVerifyProgram());
  FormKernelsOptions form;
  form.target = options.target;
  form.arch = options.arch;
  manager.addNestedPass<func::FuncOp>(createFormKernels(form));
  manager.addPass(createReducePredicates());
  manager.addPass(createCSEPass());
  SplitKernelsOptions split;
  split.target = options.target;
  split.arch = options.arch;
  split.prefer = options.split;
  split.rows = options.rows;
  manager.addPass(createSplitKernels(split));
  DeriveOnlineOptions derive;
  derive.target = options.target;
  derive.arch = options.arch;
  derive.prefer = options.prefer;
  manager.addPass(createDeriveOnline(derive));
  manager.addPass(createCSEPass());
  manager.addPass(createInferSparsity());
  manager.addPass(createVerifyKernel());
}

static void buildToTile(OpPassManager &manager, const TargetOptions &options) {
  buildToKernel(manager, options);
  ScheduleOptions schedule;
  schedule.target = options.target;
  schedule.arch = options.arch;
  manager.addPass(createSchedule(schedule));
  manager.addPass(createTile());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createVerifyTile());
}

void flashlight::registerPipelines() {
  PassPipelineRegistration<TargetOptions>(
      "flashlight-to-kernel", "program level to kernel level, online form derived", buildToKernel);
  PassPipelineRegistration<TargetOptions>("flashlight-to-tile",
                                          "program level to tile level for a target", buildToTile);
}
