// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: grouped heads as a dim of q.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bmhgd,bnhd->bhgmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhgmn,bnhd->bmhgd"

module {
  func.func @main(%arg0: tensor<2x128x2x4x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x128x2x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x128x2x64xf32> {flashlight.name = "v"}) -> tensor<2x128x2x4x64xf32> {
    %0 = flashlight.contract %arg0, %arg1 "bmhgd,bnhd->bhgmn" {flashlight.node = "einsum"} : tensor<2x128x2x4x64xf32>, tensor<2x128x2x64xf32> -> tensor<2x2x4x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x2x4x128x128xf32>
    %2 = arith.mulf %0, %1 {flashlight.node = "mul"} : tensor<2x2x4x128x128xf32>
    %3 = flashlight.reduce  max %2 dims [4] : tensor<2x2x4x128x128xf32> -> tensor<2x2x4x128xf32>
    %4 = flashlight.broadcast %3 dims [0, 1, 2, 3] : tensor<2x2x4x128xf32> -> tensor<2x2x4x128x128xf32>
    %5 = arith.subf %2, %4 : tensor<2x2x4x128x128xf32>
    %6 = math.exp %5 : tensor<2x2x4x128x128xf32>
    %7 = flashlight.reduce  sum %6 dims [4] : tensor<2x2x4x128x128xf32> -> tensor<2x2x4x128xf32>
    %8 = flashlight.broadcast %7 dims [0, 1, 2, 3] : tensor<2x2x4x128xf32> -> tensor<2x2x4x128x128xf32>
    %9 = arith.divf %6, %8 {flashlight.node = "softmax"} : tensor<2x2x4x128x128xf32>
    %10 = flashlight.contract %9, %arg2 "bhgmn,bnhd->bmhgd" {flashlight.node = "einsum_1"} : tensor<2x2x4x128x128xf32>, tensor<2x128x2x64xf32> -> tensor<2x128x2x4x64xf32>
    return %10 : tensor<2x128x2x4x64xf32>
  }
}
