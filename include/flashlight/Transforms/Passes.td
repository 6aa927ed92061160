//===- Passes.td - passes on our own levels ---------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRANSFORMS_PASSES_TD
#define FLASHLIGHT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def Simplify : Pass<"flashlight-simplify", "::mlir::func::FuncOp"> {
  let summary = "looks through views and casts that compute nothing";
  let description = [{
    Program level. Folds chains of transposes and reshapes, and removes the
    roundings between pointwise ops: `extf(truncf(x))` becomes `x` where `x` had the
    wider type. A program in half precision is thereby computed at least as
    precisely as eager computes it, op by op.

    ```mlir
    %0 = arith.truncf %x : tensor<8xf32> to tensor<8xbf16>
    %1 = arith.extf %0 : tensor<8xbf16> to tensor<8xf32>
    %2 = math.exp %1 : tensor<8xf32>
    // becomes
    %2 = math.exp %x : tensor<8xf32>
    ```
  }];
  let statistics = [Statistic<"numCasts", "casts", "roundings removed">];
}

#endif // FLASHLIGHT_TRANSFORMS_PASSES_TD
