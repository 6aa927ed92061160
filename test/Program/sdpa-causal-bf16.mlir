// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: F.scaled_dot_product_attention(q, k, v, is_causal=True), bf16.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<2x8x128x64xbf16> {flashlight.name = "q"}, %arg1: tensor<2x8x128x64xbf16> {flashlight.name = "k"}, %arg2: tensor<2x8x128x64xbf16> {flashlight.name = "v"}) -> tensor<2x8x128x64xbf16> {
    %0 = flashlight.contract %arg0, %arg1 "bhmd,bhnd->bhmn" : tensor<2x8x128x64xbf16>, tensor<2x8x128x64xbf16> -> tensor<2x8x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %1 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %2 = arith.mulf %0, %1 : tensor<2x8x128x128xf32>
    %3 = flashlight.iota : tensor<128xi64>
    %4 = flashlight.broadcast %3 dims [2] : tensor<128xi64> -> tensor<2x8x128x128xi64>
    %5 = flashlight.iota : tensor<128xi64>
    %6 = flashlight.broadcast %5 dims [3] : tensor<128xi64> -> tensor<2x8x128x128xi64>
    %7 = arith.cmpi sge, %4, %6 : tensor<2x8x128x128xi64>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %8 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %9 = arith.select %7, %2, %8 : tensor<2x8x128x128xi1>, tensor<2x8x128x128xf32>
    %cst_1 = arith.constant dense<0xFF800000> : tensor<f32>
    %10 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %11 = arith.cmpf une, %9, %10 : tensor<2x8x128x128xf32>
    %12 = flashlight.reduce  any %11 dims [3] : tensor<2x8x128x128xi1> -> tensor<2x8x128xi1>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f32>
    %13 = flashlight.broadcast %cst_2 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %14 = flashlight.broadcast %12 dims [0, 1, 2] : tensor<2x8x128xi1> -> tensor<2x8x128x128xi1>
    %15 = flashlight.reduce  max %9 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %16 = flashlight.broadcast %15 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %17 = arith.subf %9, %16 : tensor<2x8x128x128xf32>
    %18 = math.exp %17 : tensor<2x8x128x128xf32>
    %19 = flashlight.reduce  sum %18 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %20 = flashlight.broadcast %19 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %21 = arith.divf %18, %20 : tensor<2x8x128x128xf32>
    %22 = arith.select %14, %21, %13 : tensor<2x8x128x128xi1>, tensor<2x8x128x128xf32>
    %23 = arith.truncf %22 : tensor<2x8x128x128xf32> to tensor<2x8x128x128xbf16>
    %24 = flashlight.contract %23, %arg2 "bhmn,bhne->bhme" : tensor<2x8x128x128xbf16>, tensor<2x8x128x64xbf16> -> tensor<2x8x128x64xf32>
    %25 = arith.truncf %24 {flashlight.node = "scaled_dot_product_attention"} : tensor<2x8x128x64xf32> to tensor<2x8x128x64xbf16>
    return %25 : tensor<2x8x128x64xbf16>
  }
}
