// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: additive mask, Sq != Sk, E != D, odd sizes.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<2x8x100x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x8x77x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x8x77x80xf32> {flashlight.name = "v"}, %arg3: tensor<2x1x100x77xf32> {flashlight.name = "m"}) -> tensor<2x8x100x80xf32> {
    %0 = flashlight.contract %arg0, %arg1 "bhmd,bhnd->bhmn" : tensor<2x8x100x64xf32>, tensor<2x8x77x64xf32> -> tensor<2x8x100x77xf32>
    %cst = arith.constant dense<2.000000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x100x77xf32>
    %2 = arith.mulf %0, %1 : tensor<2x8x100x77xf32>
    %3 = flashlight.broadcast %arg3 dims [0, 1, 2, 3] : tensor<2x1x100x77xf32> -> tensor<2x8x100x77xf32>
    %4 = arith.addf %2, %3 : tensor<2x8x100x77xf32>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %5 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x8x100x77xf32>
    %6 = arith.cmpf une, %4, %5 : tensor<2x8x100x77xf32>
    %7 = flashlight.reduce  any %6 dims [3] : tensor<2x8x100x77xi1> -> tensor<2x8x100xi1>
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<f32>
    %8 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x100x77xf32>
    %9 = flashlight.broadcast %7 dims [0, 1, 2] : tensor<2x8x100xi1> -> tensor<2x8x100x77xi1>
    %10 = flashlight.reduce  max %4 dims [3] : tensor<2x8x100x77xf32> -> tensor<2x8x100xf32>
    %11 = flashlight.broadcast %10 dims [0, 1, 2] : tensor<2x8x100xf32> -> tensor<2x8x100x77xf32>
    %12 = arith.subf %4, %11 : tensor<2x8x100x77xf32>
    %13 = math.exp %12 : tensor<2x8x100x77xf32>
    %14 = flashlight.reduce  sum %13 dims [3] : tensor<2x8x100x77xf32> -> tensor<2x8x100xf32>
    %15 = flashlight.broadcast %14 dims [0, 1, 2] : tensor<2x8x100xf32> -> tensor<2x8x100x77xf32>
    %16 = arith.divf %13, %15 : tensor<2x8x100x77xf32>
    %17 = arith.select %9, %16, %8 : tensor<2x8x100x77xi1>, tensor<2x8x100x77xf32>
    %18 = flashlight.contract %17, %arg2 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention"} : tensor<2x8x100x77xf32>, tensor<2x8x77x80xf32> -> tensor<2x8x100x80xf32>
    return %18 : tensor<2x8x100x80xf32>
  }
}
