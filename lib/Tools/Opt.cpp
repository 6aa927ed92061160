//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-opt: every dialect and pass of ours in MLIR's own driver.
//
//===----------------------------------------------------------------------===//

#include "flashlight/InitAll.h"
#include "flashlight/Tools/Tools.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int flashlight::optMain(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Flashlight optimizer driver\n", registry));
}
