// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: F.scaled_dot_product_attention(q, k, v).

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<2x8x128x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x8x128x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x8x128x64xf32> {flashlight.name = "v"}) -> tensor<2x8x128x64xf32> {
    %0 = flashlight.contract %arg0, %arg1 "bhmd,bhnd->bhmn" : tensor<2x8x128x64xf32>, tensor<2x8x128x64xf32> -> tensor<2x8x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %2 = arith.mulf %0, %1 : tensor<2x8x128x128xf32>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %3 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %4 = arith.cmpf une, %2, %3 : tensor<2x8x128x128xf32>
    %5 = flashlight.reduce  any %4 dims [3] : tensor<2x8x128x128xi1> -> tensor<2x8x128xi1>
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<f32>
    %6 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %7 = flashlight.broadcast %5 dims [0, 1, 2] : tensor<2x8x128xi1> -> tensor<2x8x128x128xi1>
    %8 = flashlight.reduce  max %2 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %9 = flashlight.broadcast %8 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %10 = arith.subf %2, %9 : tensor<2x8x128x128xf32>
    %11 = math.exp %10 : tensor<2x8x128x128xf32>
    %12 = flashlight.reduce  sum %11 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %13 = flashlight.broadcast %12 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %14 = arith.divf %11, %13 : tensor<2x8x128x128xf32>
    %15 = arith.select %7, %14, %6 : tensor<2x8x128x128xi1>, tensor<2x8x128x128xf32>
    %16 = flashlight.contract %15, %arg2 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention"} : tensor<2x8x128x128xf32>, tensor<2x8x128x64xf32> -> tensor<2x8x128x64xf32>
    return %16 : tensor<2x8x128x64xf32>
  }
}
