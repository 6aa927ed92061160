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

#include "flashlight-c/Tools.h"

#include "flashlight/Tools/Tools.h"
#include "llvm/ADT/StringSwitch.h"

int flashlightRunTool(const char *name, int argc, char **argv) {
  using Main = int (*)(int, char **);
  Main main = llvm::StringSwitch<Main>(name)
                  .Case("opt", flashlight::optMain)
                  .Case("reduce", flashlight::reduceMain)
                  .Case("lsp-server", flashlight::lspServerMain)
                  .Default(nullptr);
  return main ? main(argc, argv) : -1;
}
