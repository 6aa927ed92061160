//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The compiler's C interface: what the Python modules are built on.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_C_FLASHLIGHT_H
#define FLASHLIGHT_C_FLASHLIGHT_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Registers all dialects that our pipelines go through.
MLIR_CAPI_EXPORTED void flashlightRegisterDialects(MlirDialectRegistry registry);

/// Registers all passes and pipelines; calling it again does nothing.
MLIR_CAPI_EXPORTED void flashlightRegisterPasses(void);

#ifdef __cplusplus
}
#endif

#endif // FLASHLIGHT_C_FLASHLIGHT_H
