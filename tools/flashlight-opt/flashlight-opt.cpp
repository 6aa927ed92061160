//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs any pass or pipeline of Flashlight on a printed module.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Tools/Tools.h"

int main(int argc, char **argv) { return flashlight::optMain(argc, argv); }
