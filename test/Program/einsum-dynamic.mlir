// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: einsum, dynamic batch and sequence length.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> {flashlight.name = "q"}, %arg1: tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> {flashlight.name = "k"}, %arg2: tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> {flashlight.name = "v"}) -> tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> {
    %0 = flashlight.contract %arg0, %arg1 "bhmd,bhnd->bhmn" {flashlight.node = "einsum"} : tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>>, tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %2 = arith.mulf %0, %1 {flashlight.node = "mul"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %3 = flashlight.reduce  max %2 dims [3] : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> -> tensor<?x8x?xf32, #flashlight.symbols<s33, s0>>
    %4 = flashlight.broadcast %3 dims [0, 1, 2] : tensor<?x8x?xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %5 = arith.subf %2, %4 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %6 = math.exp %5 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %7 = flashlight.reduce  sum %6 dims [3] : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> -> tensor<?x8x?xf32, #flashlight.symbols<s33, s0>>
    %8 = flashlight.broadcast %7 dims [0, 1, 2] : tensor<?x8x?xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %9 = arith.divf %6, %8 {flashlight.node = "softmax"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %10 = flashlight.contract %9, %arg2 "bhmn,bhne->bhme" {flashlight.node = "einsum_1"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>, tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>>
    return %10 : tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>>
  }
}
