// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: boolean mask, enable_gqa.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<2x8x100x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x2x100x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x2x100x64xf32> {flashlight.name = "v"}, %arg3: tensor<100x100xi1> {flashlight.name = "m"}) -> tensor<2x8x100x64xf32> {
    %0 = flashlight.broadcast %arg1 dims [0, 1, 3, 4] : tensor<2x2x100x64xf32> -> tensor<2x2x4x100x64xf32>
    %1 = flashlight.reshape %0 : tensor<2x2x4x100x64xf32> -> tensor<2x8x100x64xf32>
    %2 = flashlight.broadcast %arg2 dims [0, 1, 3, 4] : tensor<2x2x100x64xf32> -> tensor<2x2x4x100x64xf32>
    %3 = flashlight.reshape %2 : tensor<2x2x4x100x64xf32> -> tensor<2x8x100x64xf32>
    %4 = flashlight.contract %arg0, %1 "bhmd,bhnd->bhmn" : tensor<2x8x100x64xf32>, tensor<2x8x100x64xf32> -> tensor<2x8x100x100xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %5 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x100x100xf32>
    %6 = arith.mulf %4, %5 : tensor<2x8x100x100xf32>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %7 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x8x100x100xf32>
    %8 = flashlight.broadcast %arg3 dims [2, 3] : tensor<100x100xi1> -> tensor<2x8x100x100xi1>
    %9 = arith.select %8, %6, %7 : tensor<2x8x100x100xi1>, tensor<2x8x100x100xf32>
    %cst_1 = arith.constant dense<0xFF800000> : tensor<f32>
    %10 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x100x100xf32>
    %11 = arith.cmpf une, %9, %10 : tensor<2x8x100x100xf32>
    %12 = flashlight.reduce  any %11 dims [3] : tensor<2x8x100x100xi1> -> tensor<2x8x100xi1>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f32>
    %13 = flashlight.broadcast %cst_2 dims [] : tensor<f32> -> tensor<2x8x100x100xf32>
    %14 = flashlight.broadcast %12 dims [0, 1, 2] : tensor<2x8x100xi1> -> tensor<2x8x100x100xi1>
    %15 = flashlight.reduce  max %9 dims [3] : tensor<2x8x100x100xf32> -> tensor<2x8x100xf32>
    %16 = flashlight.broadcast %15 dims [0, 1, 2] : tensor<2x8x100xf32> -> tensor<2x8x100x100xf32>
    %17 = arith.subf %9, %16 : tensor<2x8x100x100xf32>
    %18 = math.exp %17 : tensor<2x8x100x100xf32>
    %19 = flashlight.reduce  sum %18 dims [3] : tensor<2x8x100x100xf32> -> tensor<2x8x100xf32>
    %20 = flashlight.broadcast %19 dims [0, 1, 2] : tensor<2x8x100xf32> -> tensor<2x8x100x100xf32>
    %21 = arith.divf %18, %20 : tensor<2x8x100x100xf32>
    %22 = arith.select %14, %21, %13 : tensor<2x8x100x100xi1>, tensor<2x8x100x100xf32>
    %23 = flashlight.contract %22, %3 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention"} : tensor<2x8x100x100xf32>, tensor<2x8x100x64xf32> -> tensor<2x8x100x64xf32>
    return %23 : tensor<2x8x100x64xf32>
  }
}
