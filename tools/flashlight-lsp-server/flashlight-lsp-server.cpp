//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Serves the language server protocol for .mlir files.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Tools/Tools.h"

int main(int argc, char **argv) { return flashlight::lspServerMain(argc, argv); }
