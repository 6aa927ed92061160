// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: the same, bf16, dynamic batch and sequence.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.reduce {{.*}}
// CHECK: flashlight.contract {{.*}} "bhmd,bhdn->bhmn"

module {
  func.func @main(%arg0: tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> {flashlight.name = "q"}, %arg1: tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> {flashlight.name = "k"}, %arg2: tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> {flashlight.name = "v"}) -> tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> {
    %0 = flashlight.transpose %arg1 [0, 1, 3, 2] {flashlight.node = "transpose"} : tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> -> tensor<?x8x64x?xbf16, #flashlight.symbols<s33, s0>>
    %1 = flashlight.contract %arg0, %0 "bhmd,bhdn->bhmn" : tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>>, tensor<?x8x64x?xbf16, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %2 = arith.truncf %1 {flashlight.node = "matmul"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %3 = arith.extf %2 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %cst = arith.constant dense<1.250000e-01> : tensor<f32>
    %4 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %5 = arith.mulf %3, %4 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %6 = arith.truncf %5 {flashlight.node = "mul"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %7 = arith.extf %6 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %cst_0 = arith.constant dense<2.000000e+01> : tensor<f32>
    %8 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %9 = arith.divf %7, %8 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %10 = arith.truncf %9 {flashlight.node = "div"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %11 = arith.extf %10 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %12 = math.tanh %11 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %13 = arith.truncf %12 {flashlight.node = "tanh"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %14 = arith.extf %13 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %cst_1 = arith.constant dense<2.000000e+01> : tensor<f32>
    %15 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %16 = arith.mulf %14, %15 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %17 = arith.truncf %16 {flashlight.node = "mul_1"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %18 = flashlight.iota {flashlight.node = "arange"} : tensor<?xi64, #flashlight.symbols<s0>>
    %19 = flashlight.reshape %18 {flashlight.node = "unsqueeze"} : tensor<?xi64, #flashlight.symbols<s0>> -> tensor<?x1xi64, #flashlight.symbols<s0>>
    %20 = flashlight.iota {flashlight.node = "arange_1"} : tensor<?xi64, #flashlight.symbols<s0>>
    %21 = flashlight.reshape %20 {flashlight.node = "unsqueeze_1"} : tensor<?xi64, #flashlight.symbols<s0>> -> tensor<1x?xi64, #flashlight.symbols<s0>>
    %22 = flashlight.iota : tensor<8xi64>
    %cst_2 = arith.constant dense<1> : tensor<i64>
    %23 = flashlight.broadcast %cst_2 dims [] : tensor<i64> -> tensor<8xi64>
    %24 = arith.addi %22, %23 {flashlight.node = "arange_2"} : tensor<8xi64>
    %25 = arith.sitofp %24 {flashlight.node = "to"} : tensor<8xi64> to tensor<8xf32>
    %26 = arith.negf %25 {flashlight.node = "neg"} : tensor<8xf32>
    %27 = math.exp2 %26 {flashlight.node = "exp2"} : tensor<8xf32>
    %28 = flashlight.reshape %27 {flashlight.node = "unsqueeze_2"} : tensor<8xf32> -> tensor<8x1xf32>
    %29 = flashlight.reshape %28 {flashlight.node = "unsqueeze_3"} : tensor<8x1xf32> -> tensor<8x1x1xf32>
    %30 = arith.truncf %29 {flashlight.node = "to_1"} : tensor<8x1x1xf32> to tensor<8x1x1xbf16>
    %31 = flashlight.broadcast %21 dims [0, 1] : tensor<1x?xi64, #flashlight.symbols<s0>> -> tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %32 = flashlight.broadcast %19 dims [0, 1] : tensor<?x1xi64, #flashlight.symbols<s0>> -> tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %33 = arith.subi %31, %32 {flashlight.node = "sub"} : tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %34 = arith.extf %30 : tensor<8x1x1xbf16> to tensor<8x1x1xf32>
    %35 = flashlight.broadcast %34 dims [0, 1, 2] : tensor<8x1x1xf32> -> tensor<8x?x?xf32, #flashlight.symbols<s0, s0>>
    %36 = arith.sitofp %33 : tensor<?x?xi64, #flashlight.symbols<s0, s0>> to tensor<?x?xbf16, #flashlight.symbols<s0, s0>>
    %37 = arith.extf %36 : tensor<?x?xbf16, #flashlight.symbols<s0, s0>> to tensor<?x?xf32, #flashlight.symbols<s0, s0>>
    %38 = flashlight.broadcast %37 dims [1, 2] : tensor<?x?xf32, #flashlight.symbols<s0, s0>> -> tensor<8x?x?xf32, #flashlight.symbols<s0, s0>>
    %39 = arith.mulf %35, %38 : tensor<8x?x?xf32, #flashlight.symbols<s0, s0>>
    %40 = arith.truncf %39 {flashlight.node = "mul_2"} : tensor<8x?x?xf32, #flashlight.symbols<s0, s0>> to tensor<8x?x?xbf16, #flashlight.symbols<s0, s0>>
    %41 = arith.extf %17 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %42 = arith.extf %40 : tensor<8x?x?xbf16, #flashlight.symbols<s0, s0>> to tensor<8x?x?xf32, #flashlight.symbols<s0, s0>>
    %43 = flashlight.broadcast %42 dims [1, 2, 3] : tensor<8x?x?xf32, #flashlight.symbols<s0, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %44 = arith.addf %41, %43 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %45 = arith.truncf %44 {flashlight.node = "add"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %46 = flashlight.broadcast %21 dims [0, 1] : tensor<1x?xi64, #flashlight.symbols<s0>> -> tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %47 = flashlight.broadcast %19 dims [0, 1] : tensor<?x1xi64, #flashlight.symbols<s0>> -> tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %48 = arith.cmpi sgt, %46, %47 {flashlight.node = "gt"} : tensor<?x?xi64, #flashlight.symbols<s0, s0>>
    %49 = flashlight.broadcast %48 dims [2, 3] : tensor<?x?xi1, #flashlight.symbols<s0, s0>> -> tensor<?x8x?x?xi1, #flashlight.symbols<s33, s0, s0>>
    %cst_3 = arith.constant dense<0xFF80> : tensor<bf16>
    %50 = flashlight.broadcast %cst_3 dims [] : tensor<bf16> -> tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %51 = arith.select %49, %50, %45 {flashlight.node = "masked_fill"} : tensor<?x8x?x?xi1, #flashlight.symbols<s33, s0, s0>>, tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %52 = arith.extf %51 : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %53 = flashlight.reduce  max %52 dims [3] : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> -> tensor<?x8x?xf32, #flashlight.symbols<s33, s0>>
    %54 = flashlight.broadcast %53 dims [0, 1, 2] : tensor<?x8x?xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %55 = arith.subf %52, %54 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %56 = math.exp %55 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %57 = flashlight.reduce  sum %56 dims [3] : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> -> tensor<?x8x?xf32, #flashlight.symbols<s33, s0>>
    %58 = flashlight.broadcast %57 dims [0, 1, 2] : tensor<?x8x?xf32, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %59 = arith.divf %56, %58 : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>>
    %60 = arith.truncf %59 {flashlight.node = "softmax"} : tensor<?x8x?x?xf32, #flashlight.symbols<s33, s0, s0>> to tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>
    %61 = flashlight.contract %60, %arg2 "bhmd,bhdn->bhmn" : tensor<?x8x?x?xbf16, #flashlight.symbols<s33, s0, s0>>, tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>> -> tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>>
    %62 = arith.truncf %61 {flashlight.node = "matmul_1"} : tensor<?x8x?x64xf32, #flashlight.symbols<s33, s0>> to tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>>
    return %62 : tensor<?x8x?x64xbf16, #flashlight.symbols<s33, s0>>
  }
}
