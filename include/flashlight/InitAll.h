//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registers every dialect and pass that a Flashlight tool knows.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_INITALL_H
#define FLASHLIGHT_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace flashlight {

/// Our dialects, the upstream ones that our levels use, and those that the CPU lowering goes
/// through.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Our passes and pipelines, and upstream's canonicalize, cse and the like.
void registerAllPasses();

} // namespace flashlight

#endif // FLASHLIGHT_INITALL_H
