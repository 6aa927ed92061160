//===- Passes.td - from tiles to Triton --------------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_TD
#define FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMathForTriton : Pass<"flashlight-expand-math-for-triton", "::mlir::func::FuncOp"> {
  let summary = "expands math functions that Triton does not know";
  let description = [{
    Tile level. Triton lowers exponentials, logarithms, roots, sine, cosine and erf;
    what else a program may hold is written out in those, for every float, NaN and
    infinity included. Functions without a grid are left alone.

    ```mlir
    %y = math.log10 %x : tensor<64xf32>
    // becomes
    %l = math.log2 %x : tensor<64xf32>
    %y = arith.mulf %l, %log10of2 : tensor<64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let statistics = [Statistic<"numExpanded", "expanded", "math functions written out">];
}

def ExpToExp2 : Pass<"flashlight-exp-to-exp2", "::mlir::func::FuncOp"> {
  let summary = "a common factor in an exponent goes into log2(e)";
  let description = [{
    Tile level, for targets whose hardware exponential has base 2: the only place
    where base 2 exists. A multiplication by a positive constant moves behind a
    masking select and behind a maximum, along loops too, where it is exact; then it
    is a common factor of the exponent's two terms, and one with log2(e).

    ```mlir
    %s = arith.mulf %dot, %c                   // tile
    %m = flashlight.reduce max %s dims [1]     // row
    %d = arith.subf %s, %broadcast_of_m
    %p = math.exp %d
    // becomes
    %m0 = flashlight.reduce max %dot dims [1]  // row
    %d = arith.subf %dot, %broadcast_of_m0
    %e = arith.mulf %d, %c_log2e
    %p = math.exp2 %e
    ```
    Other exponentials stay. `ExpToExp2.cpp` says why there is no multiply-add.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let statistics = [Statistic<"numFused", "fused", "exponentials with a factor of their own">];
}

def ConvertToTriton : Pass<"flashlight-convert-to-triton", "::mlir::ModuleOp"> {
  let summary = "tile-level functions become kernels in Triton's IR";
  let description = [{
    Every function with a grid becomes a `tt.func`; all else leaves the module, which
    then prints as TTIR. The parameters of a kernel are, in the order of the function's
    arguments:

    - for a memref: a pointer to its first element, and an `i64` for every stride, in
      elements, that is not a constant. A stride is a constant where the memref's type
      has it, where the argument's `flashlight.strides` has it, or where the dim has
      one element.
    - for a symbol: its value, an `i32`. Extents are at most 2^30: the launcher checks.

    ```mlir
    func.func @k(%x: memref<8x?xf16, strided<[?, ?], offset: ?>>
        {flashlight.strides = array<i64: -9223372036854775808, 1>,
         flashlight.divisibility = array<i64: 16, 8, 1>}, %s: index {flashlight.symbol = "s0"})
    // becomes
    tt.func public @k(%x: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %x0: i64, %s: i32)
    ```
    `flashlight.divisibility` holds what the pointer (in bytes) and each stride are known
    to be multiples of; a kernel is compiled for the most it may assume.

    Indices and 64-bit integers are computed in 32 bits where their range allows it.
    A contraction becomes `tt.dot`, or a product and a sum where it has less than 16
    products a sum or less than 16 rows or columns. A tile without dims is a scalar.
    Math functions that Triton lacks are expanded before (`flashlight-expand-math-for-triton`).
  }];
  let dependentDialects = ["::flashlight::tt::TritonDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

#endif // FLASHLIGHT_CONVERSION_FLASHLIGHTTOTRITON_PASSES_TD
