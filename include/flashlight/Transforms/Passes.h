//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The passes on our own levels. What each does stands in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRANSFORMS_PASSES_H
#define FLASHLIGHT_TRANSFORMS_PASSES_H

#include "flashlight/IR/FlashlightDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace flashlight {

#define GEN_PASS_DECL
#include "flashlight/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashlight/Transforms/Passes.h.inc"

} // namespace flashlight

#endif // FLASHLIGHT_TRANSFORMS_PASSES_H
