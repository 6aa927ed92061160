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

#include "flashlight-c/Flashlight.h"

#include "flashlight/InitAll.h"
#include "mlir/CAPI/IR.h"

void flashlightRegisterDialects(MlirDialectRegistry registry) {
  flashlight::registerAllDialects(*unwrap(registry));
}

void flashlightRegisterPasses(void) {
  static bool once = (flashlight::registerAllPasses(), true);
  (void)once;
}
