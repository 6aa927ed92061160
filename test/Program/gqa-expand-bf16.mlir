// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: grouped heads by expand and reshape, f32 softmax, bf16.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<2x8x128x64xbf16> {flashlight.name = "q"}, %arg1: tensor<2x2x128x64xbf16> {flashlight.name = "k"}, %arg2: tensor<2x2x128x64xbf16> {flashlight.name = "v"}) -> tensor<2x8x128x64xbf16> {
    %0 = flashlight.reshape %arg1 {flashlight.node = "unsqueeze"} : tensor<2x2x128x64xbf16> -> tensor<2x2x1x128x64xbf16>
    %1 = flashlight.broadcast %0 dims [0, 1, 2, 3, 4] {flashlight.node = "expand"} : tensor<2x2x1x128x64xbf16> -> tensor<2x2x4x128x64xbf16>
    %2 = flashlight.reshape %1 {flashlight.node = "reshape"} : tensor<2x2x4x128x64xbf16> -> tensor<2x8x128x64xbf16>
    %3 = flashlight.reshape %arg2 {flashlight.node = "unsqueeze_1"} : tensor<2x2x128x64xbf16> -> tensor<2x2x1x128x64xbf16>
    %4 = flashlight.broadcast %3 dims [0, 1, 2, 3, 4] {flashlight.node = "expand_1"} : tensor<2x2x1x128x64xbf16> -> tensor<2x2x4x128x64xbf16>
    %5 = flashlight.reshape %4 {flashlight.node = "reshape_1"} : tensor<2x2x4x128x64xbf16> -> tensor<2x8x128x64xbf16>
    %6 = flashlight.transpose %2 [0, 1, 3, 2] {flashlight.node = "transpose"} : tensor<2x8x128x64xbf16> -> tensor<2x8x64x128xbf16>
    %7 = flashlight.contract %arg0, %6 "bhmd,bhdn->bhmn" : tensor<2x8x128x64xbf16>, tensor<2x8x64x128xbf16> -> tensor<2x8x128x128xf32>
    %8 = arith.truncf %7 {flashlight.node = "matmul"} : tensor<2x8x128x128xf32> to tensor<2x8x128x128xbf16>
    %9 = arith.extf %8 : tensor<2x8x128x128xbf16> to tensor<2x8x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %10 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %11 = arith.mulf %9, %10 : tensor<2x8x128x128xf32>
    %12 = arith.truncf %11 {flashlight.node = "mul"} : tensor<2x8x128x128xf32> to tensor<2x8x128x128xbf16>
    %13 = arith.extf %12 : tensor<2x8x128x128xbf16> to tensor<2x8x128x128xf32>
    %14 = flashlight.reduce  max %13 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %15 = flashlight.broadcast %14 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %16 = arith.subf %13, %15 : tensor<2x8x128x128xf32>
    %17 = math.exp %16 : tensor<2x8x128x128xf32>
    %18 = flashlight.reduce  sum %17 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %19 = flashlight.broadcast %18 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %20 = arith.divf %17, %19 {flashlight.node = "softmax"} : tensor<2x8x128x128xf32>
    %21 = arith.truncf %20 {flashlight.node = "to"} : tensor<2x8x128x128xf32> to tensor<2x8x128x128xbf16>
    %22 = flashlight.contract %21, %5 "bhmd,bhdn->bhmn" : tensor<2x8x128x128xbf16>, tensor<2x8x128x64xbf16> -> tensor<2x8x128x64xf32>
    %23 = arith.truncf %22 {flashlight.node = "matmul_1"} : tensor<2x8x128x64xf32> to tensor<2x8x128x64xbf16>
    return %23 : tensor<2x8x128x64xbf16>
  }
}
