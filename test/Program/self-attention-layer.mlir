// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: a module with projections: parameters, views, head transposes.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "abx,yx->aby"
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"
// CHECK: flashlight.contract {{.*}} "abx,yx->aby"

module {
  func.func @main(%arg0: tensor<384x128xf32> {flashlight.name = "p_qkv_weight", flashlight.parameter}, %arg1: tensor<384xf32> {flashlight.name = "p_qkv_bias", flashlight.parameter}, %arg2: tensor<128x128xf32> {flashlight.name = "p_out_weight", flashlight.parameter}, %arg3: tensor<128xf32> {flashlight.name = "p_out_bias", flashlight.parameter}, %arg4: tensor<2x100x128xf32> {flashlight.name = "x"}) -> tensor<2x100x128xf32> {
    %0 = flashlight.contract %arg4, %arg0 "abx,yx->aby" : tensor<2x100x128xf32>, tensor<384x128xf32> -> tensor<2x100x384xf32>
    %1 = flashlight.broadcast %arg1 dims [2] : tensor<384xf32> -> tensor<2x100x384xf32>
    %2 = arith.addf %0, %1 {flashlight.node = "linear"} : tensor<2x100x384xf32>
    %3 = flashlight.slice %2 offsets [0, 0, 0] strides [1, 1, 1] {flashlight.node = "getitem"} : tensor<2x100x384xf32> -> tensor<2x100x128xf32>
    %4 = flashlight.slice %2 offsets [0, 0, 128] strides [1, 1, 1] {flashlight.node = "getitem_1"} : tensor<2x100x384xf32> -> tensor<2x100x128xf32>
    %5 = flashlight.slice %2 offsets [0, 0, 256] strides [1, 1, 1] {flashlight.node = "getitem_2"} : tensor<2x100x384xf32> -> tensor<2x100x128xf32>
    %6 = flashlight.reshape %3 {flashlight.node = "view"} : tensor<2x100x128xf32> -> tensor<2x100x4x32xf32>
    %7 = flashlight.transpose %6 [0, 2, 1, 3] {flashlight.node = "transpose"} : tensor<2x100x4x32xf32> -> tensor<2x4x100x32xf32>
    %8 = flashlight.reshape %4 {flashlight.node = "view_1"} : tensor<2x100x128xf32> -> tensor<2x100x4x32xf32>
    %9 = flashlight.transpose %8 [0, 2, 1, 3] {flashlight.node = "transpose_1"} : tensor<2x100x4x32xf32> -> tensor<2x4x100x32xf32>
    %10 = flashlight.reshape %5 {flashlight.node = "view_2"} : tensor<2x100x128xf32> -> tensor<2x100x4x32xf32>
    %11 = flashlight.transpose %10 [0, 2, 1, 3] {flashlight.node = "transpose_2"} : tensor<2x100x4x32xf32> -> tensor<2x4x100x32xf32>
    %12 = flashlight.contract %7, %9 "bhmd,bhnd->bhmn" : tensor<2x4x100x32xf32>, tensor<2x4x100x32xf32> -> tensor<2x4x100x100xf32>
    %cst = arith.constant dense<0.176776692> : tensor<f32>
    %13 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x4x100x100xf32>
    %14 = arith.mulf %12, %13 : tensor<2x4x100x100xf32>
    %15 = flashlight.iota : tensor<100xi64>
    %16 = flashlight.broadcast %15 dims [2] : tensor<100xi64> -> tensor<2x4x100x100xi64>
    %17 = flashlight.iota : tensor<100xi64>
    %18 = flashlight.broadcast %17 dims [3] : tensor<100xi64> -> tensor<2x4x100x100xi64>
    %19 = arith.cmpi sge, %16, %18 : tensor<2x4x100x100xi64>
    %cst_0 = arith.constant dense<0xFF800000> : tensor<f32>
    %20 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x4x100x100xf32>
    %21 = arith.select %19, %14, %20 : tensor<2x4x100x100xi1>, tensor<2x4x100x100xf32>
    %cst_1 = arith.constant dense<0xFF800000> : tensor<f32>
    %22 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x4x100x100xf32>
    %23 = arith.cmpf une, %21, %22 : tensor<2x4x100x100xf32>
    %24 = flashlight.reduce  any %23 dims [3] : tensor<2x4x100x100xi1> -> tensor<2x4x100xi1>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f32>
    %25 = flashlight.broadcast %cst_2 dims [] : tensor<f32> -> tensor<2x4x100x100xf32>
    %26 = flashlight.broadcast %24 dims [0, 1, 2] : tensor<2x4x100xi1> -> tensor<2x4x100x100xi1>
    %27 = flashlight.reduce  max %21 dims [3] : tensor<2x4x100x100xf32> -> tensor<2x4x100xf32>
    %28 = flashlight.broadcast %27 dims [0, 1, 2] : tensor<2x4x100xf32> -> tensor<2x4x100x100xf32>
    %29 = arith.subf %21, %28 : tensor<2x4x100x100xf32>
    %30 = math.exp %29 : tensor<2x4x100x100xf32>
    %31 = flashlight.reduce  sum %30 dims [3] : tensor<2x4x100x100xf32> -> tensor<2x4x100xf32>
    %32 = flashlight.broadcast %31 dims [0, 1, 2] : tensor<2x4x100xf32> -> tensor<2x4x100x100xf32>
    %33 = arith.divf %30, %32 : tensor<2x4x100x100xf32>
    %34 = arith.select %26, %33, %25 : tensor<2x4x100x100xi1>, tensor<2x4x100x100xf32>
    %35 = flashlight.contract %34, %11 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention"} : tensor<2x4x100x100xf32>, tensor<2x4x100x32xf32> -> tensor<2x4x100x32xf32>
    %36 = flashlight.transpose %35 [0, 2, 1, 3] {flashlight.node = "transpose_3"} : tensor<2x4x100x32xf32> -> tensor<2x100x4x32xf32>
    %37 = flashlight.reshape %36 {flashlight.node = "reshape"} : tensor<2x100x4x32xf32> -> tensor<2x100x128xf32>
    %38 = flashlight.contract %37, %arg2 "abx,yx->aby" : tensor<2x100x128xf32>, tensor<128x128xf32> -> tensor<2x100x128xf32>
    %39 = flashlight.broadcast %arg3 dims [2] : tensor<128xf32> -> tensor<2x100x128xf32>
    %40 = arith.addf %38, %39 {flashlight.node = "linear_1"} : tensor<2x100x128xf32>
    return %40 : tensor<2x100x128xf32>
  }
}
