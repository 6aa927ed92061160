// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: key padding by masked_fill with finfo.min, scale on q.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<2x8x128x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x8x128x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x8x128x64xf32> {flashlight.name = "v"}, %arg3: tensor<2x128xi1> {flashlight.name = "pad"}) -> tensor<2x8x128x64xf32> {
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %0 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x64xf32>
    %1 = arith.mulf %arg0, %0 {flashlight.node = "mul"} : tensor<2x8x128x64xf32>
    %2 = flashlight.transpose %arg1 [0, 1, 3, 2] {flashlight.node = "transpose"} : tensor<2x8x128x64xf32> -> tensor<2x8x64x128xf32>
    %3 = flashlight.contract %1, %2 "bhmd,bhdn->bhmn" {flashlight.node = "matmul"} : tensor<2x8x128x64xf32>, tensor<2x8x64x128xf32> -> tensor<2x8x128x128xf32>
    %4 = flashlight.reshape %arg3 {flashlight.node = "unsqueeze"} : tensor<2x128xi1> -> tensor<2x1x128xi1>
    %5 = flashlight.reshape %4 {flashlight.node = "unsqueeze_1"} : tensor<2x1x128xi1> -> tensor<2x1x1x128xi1>
    %cst_0 = arith.constant dense<true> : tensor<i1>
    %6 = flashlight.broadcast %cst_0 dims [] : tensor<i1> -> tensor<2x1x1x128xi1>
    %7 = arith.xori %5, %6 {flashlight.node = "bitwise_not"} : tensor<2x1x1x128xi1>
    %8 = flashlight.broadcast %7 dims [0, 1, 2, 3] : tensor<2x1x1x128xi1> -> tensor<2x8x128x128xi1>
    %cst_1 = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %9 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %10 = arith.select %8, %9, %3 {flashlight.node = "masked_fill"} : tensor<2x8x128x128xi1>, tensor<2x8x128x128xf32>
    %11 = flashlight.reduce  max %10 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %12 = flashlight.broadcast %11 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %13 = arith.subf %10, %12 : tensor<2x8x128x128xf32>
    %14 = math.exp %13 : tensor<2x8x128x128xf32>
    %15 = flashlight.reduce  sum %14 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %16 = flashlight.broadcast %15 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %17 = arith.divf %14, %16 {flashlight.node = "softmax"} : tensor<2x8x128x128xf32>
    %18 = flashlight.contract %17, %arg2 "bhmd,bhdn->bhmn" {flashlight.node = "matmul_1"} : tensor<2x8x128x128xf32>, tensor<2x8x128x64xf32> -> tensor<2x8x128x64xf32>
    return %18 : tensor<2x8x128x64xf32>
  }
}
