// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: softcap, ALiBi and causal mask in plain PyTorch.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<2x8x128x64xf32> {flashlight.name = "q"}, %arg1: tensor<2x8x128x64xf32> {flashlight.name = "k"}, %arg2: tensor<2x8x128x64xf32> {flashlight.name = "v"}) -> tensor<2x8x128x64xf32> {
    %0 = flashlight.transpose %arg1 [0, 1, 3, 2] {flashlight.node = "transpose"} : tensor<2x8x128x64xf32> -> tensor<2x8x64x128xf32>
    %1 = flashlight.contract %arg0, %0 "bhmd,bhdn->bhmn" {flashlight.node = "matmul"} : tensor<2x8x128x64xf32>, tensor<2x8x64x128xf32> -> tensor<2x8x128x128xf32>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %2 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %3 = arith.mulf %1, %2 {flashlight.node = "mul"} : tensor<2x8x128x128xf32>
    %cst_0 = arith.constant dense<2.000000e+01> : tensor<f32>
    %4 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %5 = arith.divf %3, %4 {flashlight.node = "div"} : tensor<2x8x128x128xf32>
    %6 = math.tanh %5 {flashlight.node = "tanh"} : tensor<2x8x128x128xf32>
    %cst_1 = arith.constant dense<2.000000e+01> : tensor<f32>
    %7 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %8 = arith.mulf %6, %7 {flashlight.node = "mul_1"} : tensor<2x8x128x128xf32>
    %9 = flashlight.iota {flashlight.node = "arange"} : tensor<128xi64>
    %10 = flashlight.reshape %9 {flashlight.node = "unsqueeze"} : tensor<128xi64> -> tensor<128x1xi64>
    %11 = flashlight.iota {flashlight.node = "arange_1"} : tensor<128xi64>
    %12 = flashlight.reshape %11 {flashlight.node = "unsqueeze_1"} : tensor<128xi64> -> tensor<1x128xi64>
    %13 = flashlight.iota : tensor<8xi64>
    %cst_2 = arith.constant dense<1> : tensor<i64>
    %14 = flashlight.broadcast %cst_2 dims [] : tensor<i64> -> tensor<8xi64>
    %15 = arith.addi %13, %14 {flashlight.node = "arange_2"} : tensor<8xi64>
    %16 = arith.sitofp %15 {flashlight.node = "to"} : tensor<8xi64> to tensor<8xf32>
    %17 = arith.negf %16 {flashlight.node = "neg"} : tensor<8xf32>
    %18 = math.exp2 %17 {flashlight.node = "exp2"} : tensor<8xf32>
    %19 = flashlight.reshape %18 {flashlight.node = "unsqueeze_2"} : tensor<8xf32> -> tensor<8x1xf32>
    %20 = flashlight.reshape %19 {flashlight.node = "unsqueeze_3"} : tensor<8x1xf32> -> tensor<8x1x1xf32>
    %21 = flashlight.broadcast %12 dims [0, 1] : tensor<1x128xi64> -> tensor<128x128xi64>
    %22 = flashlight.broadcast %10 dims [0, 1] : tensor<128x1xi64> -> tensor<128x128xi64>
    %23 = arith.subi %21, %22 {flashlight.node = "sub"} : tensor<128x128xi64>
    %24 = flashlight.broadcast %20 dims [0, 1, 2] : tensor<8x1x1xf32> -> tensor<8x128x128xf32>
    %25 = arith.sitofp %23 : tensor<128x128xi64> to tensor<128x128xf32>
    %26 = flashlight.broadcast %25 dims [1, 2] : tensor<128x128xf32> -> tensor<8x128x128xf32>
    %27 = arith.mulf %24, %26 {flashlight.node = "mul_2"} : tensor<8x128x128xf32>
    %28 = flashlight.broadcast %27 dims [1, 2, 3] : tensor<8x128x128xf32> -> tensor<2x8x128x128xf32>
    %29 = arith.addf %8, %28 {flashlight.node = "add"} : tensor<2x8x128x128xf32>
    %30 = flashlight.broadcast %12 dims [0, 1] : tensor<1x128xi64> -> tensor<128x128xi64>
    %31 = flashlight.broadcast %10 dims [0, 1] : tensor<128x1xi64> -> tensor<128x128xi64>
    %32 = arith.cmpi sgt, %30, %31 {flashlight.node = "gt"} : tensor<128x128xi64>
    %33 = flashlight.broadcast %32 dims [2, 3] : tensor<128x128xi1> -> tensor<2x8x128x128xi1>
    %cst_3 = arith.constant dense<0xFF800000> : tensor<f32>
    %34 = flashlight.broadcast %cst_3 dims [] : tensor<f32> -> tensor<2x8x128x128xf32>
    %35 = arith.select %33, %34, %29 {flashlight.node = "masked_fill"} : tensor<2x8x128x128xi1>, tensor<2x8x128x128xf32>
    %36 = flashlight.reduce  max %35 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %37 = flashlight.broadcast %36 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %38 = arith.subf %35, %37 : tensor<2x8x128x128xf32>
    %39 = math.exp %38 : tensor<2x8x128x128xf32>
    %40 = flashlight.reduce  sum %39 dims [3] : tensor<2x8x128x128xf32> -> tensor<2x8x128xf32>
    %41 = flashlight.broadcast %40 dims [0, 1, 2] : tensor<2x8x128xf32> -> tensor<2x8x128x128xf32>
    %42 = arith.divf %39, %41 {flashlight.node = "softmax"} : tensor<2x8x128x128xf32>
    %43 = flashlight.contract %42, %arg2 "bhmd,bhdn->bhmn" {flashlight.node = "matmul_1"} : tensor<2x8x128x128xf32>, tensor<2x8x128x64xf32> -> tensor<2x8x128x64xf32>
    return %43 : tensor<2x8x128x64xf32>
  }
}
