//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The generated parts of all ops.
//
//===----------------------------------------------------------------------===//

#include "AssemblyFormats.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace flashlight;

#define GET_OP_CLASSES
#include "flashlight/IR/FlashlightOps.cpp.inc"
