// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: grouped heads by repeat_interleave, [j > i] by triu, f32 softmax.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<2x8x128x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x2x128x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x2x128x64xf32> {flashlight.name = "v"}) -> tensor<2x8x128x64xf32> {
    %0 = flashlight.broadcast %arg1 dims [0, 1, 3, 4] : tensor<2x2x128x64xf32> -> tensor<2x2x4x128x64xf32>
    %1 = flashlight.reshape %0 {flashlight.node = "repeat_interleave"} : tensor<2x2x4x128x64xf32> -> tensor<2x8x128x64xf32>
    %2 = flashlight.broadcast %arg2 dims [0, 1, 3, 4] : tensor<2x2x128x64xf32> -> tensor<2x2x4x128x64xf32>
    %3 = flashlight.reshape %2 {flashlight.node = "repeat_interleave_1"} : tensor<2x2x4x128x64xf32> -> tensor<2x8x128x64xf32>
    %4 = flashlight.transpose %1 [0, 1, 3, 2] {flashlight.node = "m_t"} : tensor<2x8x128x64xf32> -> tensor<2x8x64x128xf32>
    %5 = flashlight.contract %arg0, %4 "bhmd,bhdn->bhmn" {flashlight.node = "matmul"} : tensor<2x8x128x64xf32>, tensor<2x8x64x128xf32> -> tensor<2x8x128x128xf32>
    %cst = arith.constant dense<8.000000e+00> : tensor<f32>
    %6 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %7 = arith.divf %5, %6 {flashlight.node = "div"} : tensor<2x8x128x128xf32>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %8 = flashlight.broadcast %cst_0 dims [] {flashlight.node = "full"} : tensor<f32> -> tensor<128x128xf32>
    %9 = flashlight.iota : tensor<128xi64>
    %cst_1 = arith.constant dense<1> : tensor<i64>
    %10 = flashlight.broadcast %cst_1 dims [] : tensor<i64> -> tensor<128xi64>
    %11 = arith.addi %9, %10 : tensor<128xi64>
    %12 = flashlight.iota : tensor<128xi64>
    %13 = flashlight.broadcast %12 dims [1] : tensor<128xi64> -> tensor<128x128xi64>
    %14 = flashlight.broadcast %11 dims [0] : tensor<128xi64> -> tensor<128x128xi64>
    %15 = arith.cmpi sge, %13, %14 : tensor<128x128xi64>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f32>
    %16 = flashlight.broadcast %cst_2 dims [] : tensor<f32> -> tensor<128x128xf32>
    %17 = arith.select %15, %8, %16 {flashlight.node = "triu"} : tensor<128x128xi1>, tensor<128x128xf32>
    %18 = flashlight.broadcast %17 dims [2, 3] : tensor<128x128xf32> -> tensor<2x8x128x128xf32>
    %19 = arith.addf %7, %18 {flashlight.node = "add"} : tensor<2x8x128x128xf32>
    %20 = flashlight.reduce  max %19 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %21 = flashlight.broadcast %20 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %22 = arith.subf %19, %21 : tensor<2x8x128x128xf32>
    %23 = math.exp %22 : tensor<2x8x128x128xf32>
    %24 = flashlight.reduce  sum %23 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %25 = flashlight.broadcast %24 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %26 = arith.divf %23, %25 {flashlight.node = "softmax"} : tensor<2x8x128x128xf32>
    %27 = flashlight.contract %26, %3 "bhmd,bhdn->bhmn" {flashlight.node = "matmul_1"} : tensor<2x8x128x128xf32>, tensor<2x8x128x64xf32> -> tensor<2x8x128x64xf32>
    return %27 : tensor<2x8x128x64xf32>
  }
}
