/*===----------------------------------------------------------------------===*\
|*
|* Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* The programs of Flashlight, over the shared library.
|*
\*===----------------------------------------------------------------------===*/

#ifndef FLASHLIGHT_C_TOOLS_H
#define FLASHLIGHT_C_TOOLS_H

#include "mlir-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the program `name` (opt, reduce or lsp-server) with the given arguments, argv[0]
 *  included, and returns its exit status; -1 if there is no such program. */
MLIR_CAPI_EXPORTED int flashlightRunTool(const char *name, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif /* FLASHLIGHT_C_TOOLS_H */
