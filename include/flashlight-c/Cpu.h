//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The CPU backend's C interface.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_C_CPU_H
#define FLASHLIGHT_C_CPU_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Receives a result by name. The strings live only during the call.
typedef void (*FlashlightResultCallback)(MlirStringRef name, MlirStringRef value, void *userData);

/// A kernel in executable memory.
typedef struct {
  void *ptr;
} FlashlightCpuKernel;

/// Reports "cpu", "features" and "vector-bits" (a decimal number) of this machine.
MLIR_CAPI_EXPORTED void flashlightCpuHost(FlashlightResultCallback callback, void *userData);

/// Compiles the tile-level function `kernel` of the module for this machine;
/// `vectorBits` is 0 for its widest registers. Reports "llvm" and "object", or an
/// "error" and returns false.
MLIR_CAPI_EXPORTED bool flashlightCpuCompile(MlirModule module, MlirStringRef kernel,
                                             unsigned vectorBits, FlashlightResultCallback callback,
                                             void *userData);

/// Reports the "assembly" of optimized LLVM IR, or an "error" and returns false.
MLIR_CAPI_EXPORTED bool flashlightCpuAssembly(MlirStringRef llvm, FlashlightResultCallback callback,
                                              void *userData);

/// Makes an object file executable. On failure reports an "error"; the kernel is null.
MLIR_CAPI_EXPORTED FlashlightCpuKernel flashlightCpuKernelLoad(MlirStringRef object,
                                                               MlirStringRef kernel,
                                                               FlashlightResultCallback callback,
                                                               void *userData);
MLIR_CAPI_EXPORTED void flashlightCpuKernelDestroy(FlashlightCpuKernel kernel);

/// Bytes of scratch memory that each thread takes.
MLIR_CAPI_EXPORTED int64_t flashlightCpuKernelScratchBytes(FlashlightCpuKernel kernel);

/// Runs the whole grid. `args` has eight bytes for every pointer, size, stride and
/// symbol, in the order of the kernel's arguments (of a memref: pointer, sizes, strides).
MLIR_CAPI_EXPORTED void flashlightCpuKernelLaunch(FlashlightCpuKernel kernel, const int64_t *args,
                                                  unsigned threads);

#ifdef __cplusplus
}
#endif

#endif // FLASHLIGHT_C_CPU_H
