// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: additive bias [H, M, N], f16.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<2x8x128x64xf16> {flashlight.name = "q"}, %arg1: tensor<2x8x96x64xf16> {flashlight.name = "k"}, %arg2: tensor<2x8x96x64xf16> {flashlight.name = "v"}, %arg3: tensor<8x128x96xf16> {flashlight.name = "bias"}) -> tensor<2x8x128x64xf16> {
    %0 = flashlight.transpose %arg1 [0, 1, 3, 2] {flashlight.node = "transpose"} : tensor<2x8x96x64xf16> -> tensor<2x8x64x96xf16>
    %1 = flashlight.contract %arg0, %0 "bhmd,bhdn->bhmn" : tensor<2x8x128x64xf16>, tensor<2x8x64x96xf16> -> tensor<2x8x128x96xf32>
    %2 = arith.truncf %1 {flashlight.node = "matmul"} : tensor<2x8x128x96xf32> to tensor<2x8x128x96xf16>
    %3 = arith.extf %2 : tensor<2x8x128x96xf16> to tensor<2x8x128x96xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %4 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x96xf32>
    %5 = arith.mulf %3, %4 : tensor<2x8x128x96xf32>
    %6 = arith.truncf %5 {flashlight.node = "mul"} : tensor<2x8x128x96xf32> to tensor<2x8x128x96xf16>
    %7 = arith.extf %6 : tensor<2x8x128x96xf16> to tensor<2x8x128x96xf32>
    %8 = arith.extf %arg3 : tensor<8x128x96xf16> to tensor<8x128x96xf32>
    %9 = flashlight.broadcast %8 dims [1, 2, 3] : tensor<8x128x96xf32> -> tensor<2x8x128x96xf32>
    %10 = arith.addf %7, %9 : tensor<2x8x128x96xf32>
    %11 = arith.truncf %10 {flashlight.node = "add"} : tensor<2x8x128x96xf32> to tensor<2x8x128x96xf16>
    %12 = arith.extf %11 : tensor<2x8x128x96xf16> to tensor<2x8x128x96xf32>
    %13 = flashlight.reduce  max %12 dims [3] : tensor<2x8x128x96xf32> -> tensor<2x8x128xf32>
    %14 = flashlight.broadcast %13 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x96xf32>
    %15 = arith.subf %12, %14 : tensor<2x8x128x96xf32>
    %16 = math.exp %15 : tensor<2x8x128x96xf32>
    %17 = flashlight.reduce  sum %16 dims [3] : tensor<2x8x128x96xf32> -> tensor<2x8x128xf32>
    %18 = flashlight.broadcast %17 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x96xf32>
    %19 = arith.divf %16, %18 : tensor<2x8x128x96xf32>
    %20 = arith.truncf %19 {flashlight.node = "softmax"} : tensor<2x8x128x96xf32> to tensor<2x8x128x96xf16>
    %21 = flashlight.contract %20, %arg2 "bhmd,bhdn->bhmn" : tensor<2x8x128x96xf16>, tensor<2x8x96x64xf16> -> tensor<2x8x128x64xf32>
    %22 = arith.truncf %21 {flashlight.node = "matmul_1"} : tensor<2x8x128x64xf32> to tensor<2x8x128x64xf16>
    return %22 : tensor<2x8x128x64xf16>
  }
}
