// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: einsum on [B, S, H, D], softmax, einsum.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bmhd,bnhd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bnhe->bmhe"

module {
  func.func @main(%arg0: tensor<2x128x8x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x128x8x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x128x8x64xf32> {flashlight.name = "v"}) -> tensor<2x128x8x64xf32> {
    %0 = flashlight.contract %arg0, %arg1 "bmhd,bnhd->bhmn" {flashlight.node = "einsum"} : tensor<2x128x8x64xf32>, tensor<2x128x8x64xf32> -> tensor<2x8x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %2 = arith.mulf %0, %1 {flashlight.node = "mul"} : tensor<2x8x128x128xf32>
    %3 = flashlight.reduce  max %2 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %4 = flashlight.broadcast %3 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %5 = arith.subf %2, %4 : tensor<2x8x128x128xf32>
    %6 = math.exp %5 : tensor<2x8x128x128xf32>
    %7 = flashlight.reduce  sum %6 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %8 = flashlight.broadcast %7 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %9 = arith.divf %6, %8 {flashlight.node = "softmax"} : tensor<2x8x128x128xf32>
    %10 = flashlight.contract %9, %arg2 "bhmn,bnhe->bmhe" {flashlight.node = "einsum_1"} : tensor<2x8x128x128xf32>, tensor<2x128x8x64xf32> -> tensor<2x128x8x64xf32>
    return %10 : tensor<2x128x8x64xf32>
  }
}
