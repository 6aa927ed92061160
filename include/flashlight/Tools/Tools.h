//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The programs of Flashlight as functions: each exists as an executable in the
// build tree and, over the shared library, as a command of the Python package.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TOOLS_TOOLS_H
#define FLASHLIGHT_TOOLS_TOOLS_H

namespace flashlight {

/// Runs any pass or pipeline on a printed module. Returns the exit status.
int optMain(int argc, char **argv);

/// Shrinks a module for as long as a test script still calls it interesting.
int reduceMain(int argc, char **argv);

/// Serves the language server protocol for .mlir files on stdin and stdout.
int lspServerMain(int argc, char **argv);

} // namespace flashlight

#endif // FLASHLIGHT_TOOLS_TOOLS_H
