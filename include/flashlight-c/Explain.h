//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel in formulas, line by line.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_C_EXPLAIN_H
#define FLASHLIGHT_C_EXPLAIN_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Takes a line of an explanation: the title of its section, its text, and the names of the FX
/// nodes whose ops it is made of, separated by spaces.
typedef void (*FlashlightLineCallback)(MlirStringRef section, MlirStringRef text,
                                       MlirStringRef nodes, void *userData);

/// Explains a `flashlight.kernel`; false if the operation is none.
MLIR_CAPI_EXPORTED bool flashlightExplainKernel(MlirOperation kernel, FlashlightLineCallback line,
                                                void *userData);

#ifdef __cplusplus
}
#endif

#endif // FLASHLIGHT_C_EXPLAIN_H
