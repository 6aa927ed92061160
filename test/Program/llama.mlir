// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// As imported: transformers' LlamaForCausalLM, two layers: rotary embedding, grouped heads by
// expand and reshape, a boolean mask that its own mask code computes.

// CHECK-LABEL: func.func @main
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"
// CHECK: flashlight.contract {{.*}} "bhmd,bhnd->bhmn"
// CHECK: flashlight.contract {{.*}} "bhmn,bhne->bhme"

module {
  func.func @main(%arg0: tensor<256x128xf32> {flashlight.name = "p_model_embed_tokens_weight", flashlight.parameter}, %arg1: tensor<128x128xf32> {flashlight.name = "p_model_layers_0_self_attn_q_proj_weight", flashlight.parameter}, %arg2: tensor<32x128xf32> {flashlight.name = "p_model_layers_0_self_attn_k_proj_weight", flashlight.parameter}, %arg3: tensor<32x128xf32> {flashlight.name = "p_model_layers_0_self_attn_v_proj_weight", flashlight.parameter}, %arg4: tensor<128x128xf32> {flashlight.name = "p_model_layers_0_self_attn_o_proj_weight", flashlight.parameter}, %arg5: tensor<256x128xf32> {flashlight.name = "p_model_layers_0_mlp_gate_proj_weight", flashlight.parameter}, %arg6: tensor<256x128xf32> {flashlight.name = "p_model_layers_0_mlp_up_proj_weight", flashlight.parameter}, %arg7: tensor<128x256xf32> {flashlight.name = "p_model_layers_0_mlp_down_proj_weight", flashlight.parameter}, %arg8: tensor<128xf32> {flashlight.name = "p_model_layers_0_input_layernorm_weight", flashlight.parameter}, %arg9: tensor<128xf32> {flashlight.name = "p_model_layers_0_post_attention_layernorm_weight", flashlight.parameter}, %arg10: tensor<128x128xf32> {flashlight.name = "p_model_layers_1_self_attn_q_proj_weight", flashlight.parameter}, %arg11: tensor<32x128xf32> {flashlight.name = "p_model_layers_1_self_attn_k_proj_weight", flashlight.parameter}, %arg12: tensor<32x128xf32> {flashlight.name = "p_model_layers_1_self_attn_v_proj_weight", flashlight.parameter}, %arg13: tensor<128x128xf32> {flashlight.name = "p_model_layers_1_self_attn_o_proj_weight", flashlight.parameter}, %arg14: tensor<256x128xf32> {flashlight.name = "p_model_layers_1_mlp_gate_proj_weight", flashlight.parameter}, %arg15: tensor<256x128xf32> {flashlight.name = "p_model_layers_1_mlp_up_proj_weight", flashlight.parameter}, %arg16: tensor<128x256xf32> {flashlight.name = "p_model_layers_1_mlp_down_proj_weight", flashlight.parameter}, %arg17: tensor<128xf32> {flashlight.name = "p_model_layers_1_input_layernorm_weight", flashlight.parameter}, %arg18: tensor<128xf32> {flashlight.name = "p_model_layers_1_post_attention_layernorm_weight", flashlight.parameter}, %arg19: tensor<128xf32> {flashlight.name = "p_model_norm_weight", flashlight.parameter}, %arg20: tensor<256x128xf32> {flashlight.name = "p_lm_head_weight", flashlight.parameter}, %arg21: tensor<8xf32> {flashlight.name = "b_model_rotary_emb_inv_freq", flashlight.parameter}, %arg22: tensor<8xf32> {flashlight.name = "b_model_rotary_emb_original_inv_freq", flashlight.parameter}, %arg23: tensor<2x64xi64> {flashlight.name = "input_ids"}) -> tensor<2x64x256xf32> {
    %at = flashlight.broadcast %arg23 dims [0, 1] : tensor<2x64xi64> -> tensor<2x64x128xi64>
    %0 = flashlight.gather %arg0[%at] at affine_map<(d0, d1, d2)[s0] -> (s0, d2)> {flashlight.node = "embedding"} : tensor<256x128xf32>, tensor<2x64x128xi64> -> tensor<2x64x128xf32>
    %1 = flashlight.iota {flashlight.node = "arange"} : tensor<64xi64>
    %cst = arith.constant dense<0> : tensor<i64>
    %2 = flashlight.broadcast %cst dims [] : tensor<i64> -> tensor<64xi64>
    %3 = arith.addi %1, %2 {flashlight.node = "add"} : tensor<64xi64>
    %4 = flashlight.reshape %3 {flashlight.node = "unsqueeze"} : tensor<64xi64> -> tensor<1x64xi64>
    %5 = flashlight.broadcast %4 dims [0, 1] {flashlight.node = "expand"} : tensor<1x64xi64> -> tensor<2x64xi64>
    %6 = flashlight.slice %5 offsets [0, 0] strides [1, 1] {flashlight.node = "slice_1"} : tensor<2x64xi64> -> tensor<2x1xi64>
    %cst_0 = arith.constant dense<1> : tensor<i64>
    %7 = flashlight.broadcast %cst_0 dims [] : tensor<i64> -> tensor<2x1xi64>
    %8 = arith.subi %6, %7 {flashlight.node = "sub"} : tensor<2x1xi64>
    %9 = flashlight.torch_call "aten.diff.default" "%0, 1, -1, %1"(%5, %8) {flashlight.node = "diff"} : (tensor<2x64xi64>, tensor<2x1xi64>) -> tensor<2x64xi64>
    %cst_1 = arith.constant dense<1> : tensor<i64>
    %10 = flashlight.broadcast %cst_1 dims [] : tensor<i64> -> tensor<2x64xi64>
    %11 = arith.cmpi ne, %9, %10 {flashlight.node = "ne"} : tensor<2x64xi64>
    %12 = arith.extui %11 : tensor<2x64xi1> to tensor<2x64xi64>
    %13 = flashlight.scan  sum %12 dim 1 {flashlight.node = "cumsum"} : tensor<2x64xi64>
    %14 = flashlight.broadcast %4 dims [0, 1] {flashlight.node = "expand_1"} : tensor<1x64xi64> -> tensor<2x64xi64>
    %15 = flashlight.iota {flashlight.node = "arange_1"} : tensor<2xi64>
    %16 = flashlight.iota {flashlight.node = "arange_2"} : tensor<1xi64>
    %17 = flashlight.iota {flashlight.node = "arange_3"} : tensor<64xi64>
    %cst_2 = arith.constant dense<0> : tensor<i64>
    %18 = flashlight.broadcast %cst_2 dims [] : tensor<i64> -> tensor<64xi64>
    %19 = arith.addi %17, %18 {flashlight.node = "add_1"} : tensor<64xi64>
    %20 = flashlight.iota {flashlight.node = "arange_4"} : tensor<64xi64>
    %cst_3 = arith.constant dense<0> : tensor<i64>
    %21 = flashlight.broadcast %cst_3 dims [] : tensor<i64> -> tensor<64xi64>
    %22 = arith.addi %20, %21 {flashlight.node = "add_2"} : tensor<64xi64>
    %23 = flashlight.reshape %15 {flashlight.node = "unsqueeze_1"} : tensor<2xi64> -> tensor<2x1xi64>
    %24 = flashlight.reshape %23 {flashlight.node = "unsqueeze_2"} : tensor<2x1xi64> -> tensor<2x1x1xi64>
    %25 = flashlight.reshape %24 {flashlight.node = "unsqueeze_3"} : tensor<2x1x1xi64> -> tensor<2x1x1x1xi64>
    %26 = flashlight.reshape %16 {flashlight.node = "unsqueeze_4"} : tensor<1xi64> -> tensor<1x1xi64>
    %27 = flashlight.reshape %26 {flashlight.node = "unsqueeze_5"} : tensor<1x1xi64> -> tensor<1x1x1xi64>
    %28 = flashlight.reshape %27 {flashlight.node = "unsqueeze_6"} : tensor<1x1x1xi64> -> tensor<1x1x1x1xi64>
    %29 = flashlight.reshape %19 {flashlight.node = "unsqueeze_7"} : tensor<64xi64> -> tensor<1x64xi64>
    %30 = flashlight.reshape %29 {flashlight.node = "unsqueeze_8"} : tensor<1x64xi64> -> tensor<1x1x64xi64>
    %31 = flashlight.reshape %30 {flashlight.node = "unsqueeze_9"} : tensor<1x1x64xi64> -> tensor<1x1x64x1xi64>
    %32 = flashlight.reshape %22 {flashlight.node = "unsqueeze_10"} : tensor<64xi64> -> tensor<1x64xi64>
    %33 = flashlight.reshape %32 {flashlight.node = "unsqueeze_11"} : tensor<1x64xi64> -> tensor<1x1x64xi64>
    %34 = flashlight.reshape %33 {flashlight.node = "unsqueeze_12"} : tensor<1x1x64xi64> -> tensor<1x1x1x64xi64>
    %cst_4 = arith.constant {flashlight.node = "new_ones"} dense<true> : tensor<i1>
    %35 = flashlight.torch_call "aten.index.Tensor" "%0, [%1, %2]"(%13, %25, %31) {flashlight.node = "index"} : (tensor<2x64xi64>, tensor<2x1x1x1xi64>, tensor<1x1x64x1xi64>) -> tensor<2x1x64x1xi64>
    %36 = flashlight.torch_call "aten.index.Tensor" "%0, [%1, %2]"(%13, %25, %34) {flashlight.node = "index_1"} : (tensor<2x64xi64>, tensor<2x1x1x1xi64>, tensor<1x1x1x64xi64>) -> tensor<2x1x1x64xi64>
    %37 = flashlight.broadcast %35 dims [0, 1, 2, 3] : tensor<2x1x64x1xi64> -> tensor<2x1x64x64xi64>
    %38 = flashlight.broadcast %36 dims [0, 1, 2, 3] : tensor<2x1x1x64xi64> -> tensor<2x1x64x64xi64>
    %39 = arith.cmpi eq, %37, %38 {flashlight.node = "eq"} : tensor<2x1x64x64xi64>
    %40 = flashlight.broadcast %cst_4 dims [] : tensor<i1> -> tensor<2x1x64x64xi1>
    %41 = arith.andi %40, %39 {flashlight.node = "and_1"} : tensor<2x1x64x64xi1>
    %42 = flashlight.torch_call "aten.index.Tensor" "%0, [%1, %2]"(%14, %25, %31) {flashlight.node = "index_2"} : (tensor<2x64xi64>, tensor<2x1x1x1xi64>, tensor<1x1x64x1xi64>) -> tensor<2x1x64x1xi64>
    %43 = flashlight.torch_call "aten.index.Tensor" "%0, [%1, %2]"(%14, %25, %34) {flashlight.node = "index_3"} : (tensor<2x64xi64>, tensor<2x1x1x1xi64>, tensor<1x1x1x64xi64>) -> tensor<2x1x1x64xi64>
    %44 = flashlight.broadcast %43 dims [0, 1, 2, 3] : tensor<2x1x1x64xi64> -> tensor<2x1x64x64xi64>
    %45 = flashlight.broadcast %42 dims [0, 1, 2, 3] : tensor<2x1x64x1xi64> -> tensor<2x1x64x64xi64>
    %46 = arith.cmpi sle, %44, %45 {flashlight.node = "le"} : tensor<2x1x64x64xi64>
    %47 = arith.andi %41, %46 {flashlight.node = "and_2"} : tensor<2x1x64x64xi1>
    %48 = flashlight.reshape %4 {flashlight.node = "unsqueeze_13"} : tensor<1x64xi64> -> tensor<1x64x1xi64>
    %49 = arith.sitofp %48 {flashlight.node = "to_2"} : tensor<1x64x1xi64> to tensor<1x64x1xf32>
    %50 = flashlight.broadcast %49 dims [0, 1, 2] : tensor<1x64x1xf32> -> tensor<1x64x8xf32>
    %51 = flashlight.broadcast %arg21 dims [2] : tensor<8xf32> -> tensor<1x64x8xf32>
    %52 = arith.mulf %50, %51 {flashlight.node = "mul"} : tensor<1x64x8xf32>
    %53 = flashlight.concat %52, %52 dim 2 {flashlight.node = "cat"} : (tensor<1x64x8xf32>, tensor<1x64x8xf32>) -> tensor<1x64x16xf32>
    %54 = math.cos %53 {flashlight.node = "cos"} : tensor<1x64x16xf32>
    %cst_5 = arith.constant dense<1.000000e+00> : tensor<f32>
    %55 = flashlight.broadcast %cst_5 dims [] : tensor<f32> -> tensor<1x64x16xf32>
    %56 = arith.mulf %54, %55 {flashlight.node = "mul_1"} : tensor<1x64x16xf32>
    %57 = math.sin %53 {flashlight.node = "sin"} : tensor<1x64x16xf32>
    %cst_6 = arith.constant dense<1.000000e+00> : tensor<f32>
    %58 = flashlight.broadcast %cst_6 dims [] : tensor<f32> -> tensor<1x64x16xf32>
    %59 = arith.mulf %57, %58 {flashlight.node = "mul_2"} : tensor<1x64x16xf32>
    %60 = arith.mulf %0, %0 {flashlight.node = "pow_1"} : tensor<2x64x128xf32>
    %61 = flashlight.reduce  sum %60 dims [2] : tensor<2x64x128xf32> -> tensor<2x64xf32>
    %62 = flashlight.reshape %61 : tensor<2x64xf32> -> tensor<2x64x1xf32>
    %cst_7 = arith.constant dense<128> : tensor<i64>
    %63 = arith.sitofp %cst_7 : tensor<i64> to tensor<f32>
    %64 = flashlight.broadcast %63 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %65 = arith.divf %62, %64 {flashlight.node = "mean"} : tensor<2x64x1xf32>
    %cst_8 = arith.constant dense<9.99999997E-7> : tensor<f32>
    %66 = flashlight.broadcast %cst_8 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %67 = arith.addf %65, %66 {flashlight.node = "add_3"} : tensor<2x64x1xf32>
    %68 = math.rsqrt %67 {flashlight.node = "rsqrt"} : tensor<2x64x1xf32>
    %69 = flashlight.broadcast %68 dims [0, 1, 2] : tensor<2x64x1xf32> -> tensor<2x64x128xf32>
    %70 = arith.mulf %0, %69 {flashlight.node = "mul_3"} : tensor<2x64x128xf32>
    %71 = flashlight.broadcast %arg8 dims [2] : tensor<128xf32> -> tensor<2x64x128xf32>
    %72 = arith.mulf %71, %70 {flashlight.node = "mul_4"} : tensor<2x64x128xf32>
    %73 = flashlight.contract %72, %arg1 "abx,yx->aby" {flashlight.node = "linear"} : tensor<2x64x128xf32>, tensor<128x128xf32> -> tensor<2x64x128xf32>
    %74 = flashlight.reshape %73 {flashlight.node = "view"} : tensor<2x64x128xf32> -> tensor<2x64x8x16xf32>
    %75 = flashlight.transpose %74 [0, 2, 1, 3] {flashlight.node = "transpose"} : tensor<2x64x8x16xf32> -> tensor<2x8x64x16xf32>
    %76 = flashlight.contract %72, %arg2 "abx,yx->aby" {flashlight.node = "linear_1"} : tensor<2x64x128xf32>, tensor<32x128xf32> -> tensor<2x64x32xf32>
    %77 = flashlight.reshape %76 {flashlight.node = "view_1"} : tensor<2x64x32xf32> -> tensor<2x64x2x16xf32>
    %78 = flashlight.transpose %77 [0, 2, 1, 3] {flashlight.node = "transpose_1"} : tensor<2x64x2x16xf32> -> tensor<2x2x64x16xf32>
    %79 = flashlight.contract %72, %arg3 "abx,yx->aby" {flashlight.node = "linear_2"} : tensor<2x64x128xf32>, tensor<32x128xf32> -> tensor<2x64x32xf32>
    %80 = flashlight.reshape %79 {flashlight.node = "view_2"} : tensor<2x64x32xf32> -> tensor<2x64x2x16xf32>
    %81 = flashlight.transpose %80 [0, 2, 1, 3] {flashlight.node = "transpose_2"} : tensor<2x64x2x16xf32> -> tensor<2x2x64x16xf32>
    %82 = flashlight.reshape %56 {flashlight.node = "unsqueeze_14"} : tensor<1x64x16xf32> -> tensor<1x1x64x16xf32>
    %83 = flashlight.reshape %59 {flashlight.node = "unsqueeze_15"} : tensor<1x64x16xf32> -> tensor<1x1x64x16xf32>
    %84 = flashlight.broadcast %82 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x8x64x16xf32>
    %85 = arith.mulf %75, %84 {flashlight.node = "mul_5"} : tensor<2x8x64x16xf32>
    %86 = flashlight.slice %75 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] {flashlight.node = "slice_2"} : tensor<2x8x64x16xf32> -> tensor<2x8x64x8xf32>
    %87 = flashlight.slice %75 offsets [0, 0, 0, 8] strides [1, 1, 1, 1] {flashlight.node = "slice_3"} : tensor<2x8x64x16xf32> -> tensor<2x8x64x8xf32>
    %88 = arith.negf %87 {flashlight.node = "neg"} : tensor<2x8x64x8xf32>
    %89 = flashlight.concat %88, %86 dim 3 {flashlight.node = "cat_1"} : (tensor<2x8x64x8xf32>, tensor<2x8x64x8xf32>) -> tensor<2x8x64x16xf32>
    %90 = flashlight.broadcast %83 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x8x64x16xf32>
    %91 = arith.mulf %89, %90 {flashlight.node = "mul_6"} : tensor<2x8x64x16xf32>
    %92 = arith.addf %85, %91 {flashlight.node = "add_4"} : tensor<2x8x64x16xf32>
    %93 = flashlight.broadcast %82 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x2x64x16xf32>
    %94 = arith.mulf %78, %93 {flashlight.node = "mul_7"} : tensor<2x2x64x16xf32>
    %95 = flashlight.slice %78 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] {flashlight.node = "slice_4"} : tensor<2x2x64x16xf32> -> tensor<2x2x64x8xf32>
    %96 = flashlight.slice %78 offsets [0, 0, 0, 8] strides [1, 1, 1, 1] {flashlight.node = "slice_5"} : tensor<2x2x64x16xf32> -> tensor<2x2x64x8xf32>
    %97 = arith.negf %96 {flashlight.node = "neg_1"} : tensor<2x2x64x8xf32>
    %98 = flashlight.concat %97, %95 dim 3 {flashlight.node = "cat_2"} : (tensor<2x2x64x8xf32>, tensor<2x2x64x8xf32>) -> tensor<2x2x64x16xf32>
    %99 = flashlight.broadcast %83 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x2x64x16xf32>
    %100 = arith.mulf %98, %99 {flashlight.node = "mul_8"} : tensor<2x2x64x16xf32>
    %101 = arith.addf %94, %100 {flashlight.node = "add_5"} : tensor<2x2x64x16xf32>
    %102 = flashlight.reshape %101 {flashlight.node = "unsqueeze_16"} : tensor<2x2x64x16xf32> -> tensor<2x2x1x64x16xf32>
    %103 = flashlight.broadcast %102 dims [0, 1, 2, 3, 4] {flashlight.node = "expand_3"} : tensor<2x2x1x64x16xf32> -> tensor<2x2x4x64x16xf32>
    %104 = flashlight.reshape %103 {flashlight.node = "reshape"} : tensor<2x2x4x64x16xf32> -> tensor<2x8x64x16xf32>
    %105 = flashlight.reshape %81 {flashlight.node = "unsqueeze_17"} : tensor<2x2x64x16xf32> -> tensor<2x2x1x64x16xf32>
    %106 = flashlight.broadcast %105 dims [0, 1, 2, 3, 4] {flashlight.node = "expand_4"} : tensor<2x2x1x64x16xf32> -> tensor<2x2x4x64x16xf32>
    %107 = flashlight.reshape %106 {flashlight.node = "reshape_1"} : tensor<2x2x4x64x16xf32> -> tensor<2x8x64x16xf32>
    %108 = flashlight.contract %92, %104 "bhmd,bhnd->bhmn" : tensor<2x8x64x16xf32>, tensor<2x8x64x16xf32> -> tensor<2x8x64x64xf32>
    %cst_9 = arith.constant dense<2.500000e-01> : tensor<f32>
    %109 = flashlight.broadcast %cst_9 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %110 = arith.mulf %108, %109 : tensor<2x8x64x64xf32>
    %cst_10 = arith.constant dense<0xFF800000> : tensor<f32>
    %111 = flashlight.broadcast %cst_10 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %112 = flashlight.broadcast %47 dims [0, 1, 2, 3] : tensor<2x1x64x64xi1> -> tensor<2x8x64x64xi1>
    %113 = arith.select %112, %110, %111 : tensor<2x8x64x64xi1>, tensor<2x8x64x64xf32>
    %cst_11 = arith.constant dense<0xFF800000> : tensor<f32>
    %114 = flashlight.broadcast %cst_11 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %115 = arith.cmpf une, %113, %114 : tensor<2x8x64x64xf32>
    %116 = flashlight.reduce  any %115 dims [3] : tensor<2x8x64x64xi1> -> tensor<2x8x64xi1>
    %117 = flashlight.reshape %116 : tensor<2x8x64xi1> -> tensor<2x8x64x1xi1>
    %118 = flashlight.reduce  max %113 dims [3] : tensor<2x8x64x64xf32> -> tensor<2x8x64xf32>
    %119 = flashlight.reshape %118 : tensor<2x8x64xf32> -> tensor<2x8x64x1xf32>
    %120 = flashlight.broadcast %119 dims [0, 1, 2, 3] : tensor<2x8x64x1xf32> -> tensor<2x8x64x64xf32>
    %121 = arith.subf %113, %120 : tensor<2x8x64x64xf32>
    %122 = math.exp %121 : tensor<2x8x64x64xf32>
    %123 = flashlight.reduce  sum %122 dims [3] : tensor<2x8x64x64xf32> -> tensor<2x8x64xf32>
    %124 = flashlight.reshape %123 : tensor<2x8x64xf32> -> tensor<2x8x64x1xf32>
    %125 = flashlight.broadcast %124 dims [0, 1, 2, 3] : tensor<2x8x64x1xf32> -> tensor<2x8x64x64xf32>
    %126 = arith.divf %122, %125 : tensor<2x8x64x64xf32>
    %127 = flashlight.broadcast %117 dims [0, 1, 2, 3] : tensor<2x8x64x1xi1> -> tensor<2x8x64x64xi1>
    %cst_12 = arith.constant dense<0.000000e+00> : tensor<f32>
    %128 = flashlight.broadcast %cst_12 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %129 = arith.select %127, %126, %128 : tensor<2x8x64x64xi1>, tensor<2x8x64x64xf32>
    %130 = flashlight.contract %129, %107 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention"} : tensor<2x8x64x64xf32>, tensor<2x8x64x16xf32> -> tensor<2x8x64x16xf32>
    %131 = flashlight.transpose %130 [0, 2, 1, 3] {flashlight.node = "transpose_3"} : tensor<2x8x64x16xf32> -> tensor<2x64x8x16xf32>
    %132 = flashlight.reshape %131 {flashlight.node = "reshape_3"} : tensor<2x64x8x16xf32> -> tensor<2x64x128xf32>
    %133 = flashlight.contract %132, %arg4 "abx,yx->aby" {flashlight.node = "linear_3"} : tensor<2x64x128xf32>, tensor<128x128xf32> -> tensor<2x64x128xf32>
    %134 = arith.addf %0, %133 {flashlight.node = "add_6"} : tensor<2x64x128xf32>
    %135 = arith.mulf %134, %134 {flashlight.node = "pow_2"} : tensor<2x64x128xf32>
    %136 = flashlight.reduce  sum %135 dims [2] : tensor<2x64x128xf32> -> tensor<2x64xf32>
    %137 = flashlight.reshape %136 : tensor<2x64xf32> -> tensor<2x64x1xf32>
    %cst_13 = arith.constant dense<128> : tensor<i64>
    %138 = arith.sitofp %cst_13 : tensor<i64> to tensor<f32>
    %139 = flashlight.broadcast %138 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %140 = arith.divf %137, %139 {flashlight.node = "mean_1"} : tensor<2x64x1xf32>
    %cst_14 = arith.constant dense<9.99999997E-7> : tensor<f32>
    %141 = flashlight.broadcast %cst_14 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %142 = arith.addf %140, %141 {flashlight.node = "add_7"} : tensor<2x64x1xf32>
    %143 = math.rsqrt %142 {flashlight.node = "rsqrt_1"} : tensor<2x64x1xf32>
    %144 = flashlight.broadcast %143 dims [0, 1, 2] : tensor<2x64x1xf32> -> tensor<2x64x128xf32>
    %145 = arith.mulf %134, %144 {flashlight.node = "mul_9"} : tensor<2x64x128xf32>
    %146 = flashlight.broadcast %arg9 dims [2] : tensor<128xf32> -> tensor<2x64x128xf32>
    %147 = arith.mulf %146, %145 {flashlight.node = "mul_10"} : tensor<2x64x128xf32>
    %148 = flashlight.contract %147, %arg5 "abx,yx->aby" {flashlight.node = "linear_4"} : tensor<2x64x128xf32>, tensor<256x128xf32> -> tensor<2x64x256xf32>
    %cst_15 = arith.constant dense<1.000000e+00> : tensor<f32>
    %149 = flashlight.broadcast %cst_15 dims [] : tensor<f32> -> tensor<2x64x256xf32>
    %150 = arith.negf %148 : tensor<2x64x256xf32>
    %151 = math.exp %150 : tensor<2x64x256xf32>
    %152 = arith.addf %149, %151 : tensor<2x64x256xf32>
    %153 = arith.divf %148, %152 {flashlight.node = "silu"} : tensor<2x64x256xf32>
    %154 = flashlight.contract %147, %arg6 "abx,yx->aby" {flashlight.node = "linear_5"} : tensor<2x64x128xf32>, tensor<256x128xf32> -> tensor<2x64x256xf32>
    %155 = arith.mulf %153, %154 {flashlight.node = "mul_11"} : tensor<2x64x256xf32>
    %156 = flashlight.contract %155, %arg7 "abx,yx->aby" {flashlight.node = "linear_6"} : tensor<2x64x256xf32>, tensor<128x256xf32> -> tensor<2x64x128xf32>
    %157 = arith.addf %134, %156 {flashlight.node = "add_8"} : tensor<2x64x128xf32>
    %158 = arith.mulf %157, %157 {flashlight.node = "pow_3"} : tensor<2x64x128xf32>
    %159 = flashlight.reduce  sum %158 dims [2] : tensor<2x64x128xf32> -> tensor<2x64xf32>
    %160 = flashlight.reshape %159 : tensor<2x64xf32> -> tensor<2x64x1xf32>
    %cst_16 = arith.constant dense<128> : tensor<i64>
    %161 = arith.sitofp %cst_16 : tensor<i64> to tensor<f32>
    %162 = flashlight.broadcast %161 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %163 = arith.divf %160, %162 {flashlight.node = "mean_2"} : tensor<2x64x1xf32>
    %cst_17 = arith.constant dense<9.99999997E-7> : tensor<f32>
    %164 = flashlight.broadcast %cst_17 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %165 = arith.addf %163, %164 {flashlight.node = "add_9"} : tensor<2x64x1xf32>
    %166 = math.rsqrt %165 {flashlight.node = "rsqrt_2"} : tensor<2x64x1xf32>
    %167 = flashlight.broadcast %166 dims [0, 1, 2] : tensor<2x64x1xf32> -> tensor<2x64x128xf32>
    %168 = arith.mulf %157, %167 {flashlight.node = "mul_12"} : tensor<2x64x128xf32>
    %169 = flashlight.broadcast %arg17 dims [2] : tensor<128xf32> -> tensor<2x64x128xf32>
    %170 = arith.mulf %169, %168 {flashlight.node = "mul_13"} : tensor<2x64x128xf32>
    %171 = flashlight.contract %170, %arg10 "abx,yx->aby" {flashlight.node = "linear_7"} : tensor<2x64x128xf32>, tensor<128x128xf32> -> tensor<2x64x128xf32>
    %172 = flashlight.reshape %171 {flashlight.node = "view_3"} : tensor<2x64x128xf32> -> tensor<2x64x8x16xf32>
    %173 = flashlight.transpose %172 [0, 2, 1, 3] {flashlight.node = "transpose_4"} : tensor<2x64x8x16xf32> -> tensor<2x8x64x16xf32>
    %174 = flashlight.contract %170, %arg11 "abx,yx->aby" {flashlight.node = "linear_8"} : tensor<2x64x128xf32>, tensor<32x128xf32> -> tensor<2x64x32xf32>
    %175 = flashlight.reshape %174 {flashlight.node = "view_4"} : tensor<2x64x32xf32> -> tensor<2x64x2x16xf32>
    %176 = flashlight.transpose %175 [0, 2, 1, 3] {flashlight.node = "transpose_5"} : tensor<2x64x2x16xf32> -> tensor<2x2x64x16xf32>
    %177 = flashlight.contract %170, %arg12 "abx,yx->aby" {flashlight.node = "linear_9"} : tensor<2x64x128xf32>, tensor<32x128xf32> -> tensor<2x64x32xf32>
    %178 = flashlight.reshape %177 {flashlight.node = "view_5"} : tensor<2x64x32xf32> -> tensor<2x64x2x16xf32>
    %179 = flashlight.transpose %178 [0, 2, 1, 3] {flashlight.node = "transpose_6"} : tensor<2x64x2x16xf32> -> tensor<2x2x64x16xf32>
    %180 = flashlight.reshape %56 {flashlight.node = "unsqueeze_18"} : tensor<1x64x16xf32> -> tensor<1x1x64x16xf32>
    %181 = flashlight.reshape %59 {flashlight.node = "unsqueeze_19"} : tensor<1x64x16xf32> -> tensor<1x1x64x16xf32>
    %182 = flashlight.broadcast %180 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x8x64x16xf32>
    %183 = arith.mulf %173, %182 {flashlight.node = "mul_14"} : tensor<2x8x64x16xf32>
    %184 = flashlight.slice %173 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] {flashlight.node = "slice_6"} : tensor<2x8x64x16xf32> -> tensor<2x8x64x8xf32>
    %185 = flashlight.slice %173 offsets [0, 0, 0, 8] strides [1, 1, 1, 1] {flashlight.node = "slice_7"} : tensor<2x8x64x16xf32> -> tensor<2x8x64x8xf32>
    %186 = arith.negf %185 {flashlight.node = "neg_2"} : tensor<2x8x64x8xf32>
    %187 = flashlight.concat %186, %184 dim 3 {flashlight.node = "cat_3"} : (tensor<2x8x64x8xf32>, tensor<2x8x64x8xf32>) -> tensor<2x8x64x16xf32>
    %188 = flashlight.broadcast %181 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x8x64x16xf32>
    %189 = arith.mulf %187, %188 {flashlight.node = "mul_15"} : tensor<2x8x64x16xf32>
    %190 = arith.addf %183, %189 {flashlight.node = "add_10"} : tensor<2x8x64x16xf32>
    %191 = flashlight.broadcast %180 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x2x64x16xf32>
    %192 = arith.mulf %176, %191 {flashlight.node = "mul_16"} : tensor<2x2x64x16xf32>
    %193 = flashlight.slice %176 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] {flashlight.node = "slice_8"} : tensor<2x2x64x16xf32> -> tensor<2x2x64x8xf32>
    %194 = flashlight.slice %176 offsets [0, 0, 0, 8] strides [1, 1, 1, 1] {flashlight.node = "slice_9"} : tensor<2x2x64x16xf32> -> tensor<2x2x64x8xf32>
    %195 = arith.negf %194 {flashlight.node = "neg_3"} : tensor<2x2x64x8xf32>
    %196 = flashlight.concat %195, %193 dim 3 {flashlight.node = "cat_4"} : (tensor<2x2x64x8xf32>, tensor<2x2x64x8xf32>) -> tensor<2x2x64x16xf32>
    %197 = flashlight.broadcast %181 dims [0, 1, 2, 3] : tensor<1x1x64x16xf32> -> tensor<2x2x64x16xf32>
    %198 = arith.mulf %196, %197 {flashlight.node = "mul_17"} : tensor<2x2x64x16xf32>
    %199 = arith.addf %192, %198 {flashlight.node = "add_11"} : tensor<2x2x64x16xf32>
    %200 = flashlight.reshape %199 {flashlight.node = "unsqueeze_20"} : tensor<2x2x64x16xf32> -> tensor<2x2x1x64x16xf32>
    %201 = flashlight.broadcast %200 dims [0, 1, 2, 3, 4] {flashlight.node = "expand_5"} : tensor<2x2x1x64x16xf32> -> tensor<2x2x4x64x16xf32>
    %202 = flashlight.reshape %201 {flashlight.node = "reshape_4"} : tensor<2x2x4x64x16xf32> -> tensor<2x8x64x16xf32>
    %203 = flashlight.reshape %179 {flashlight.node = "unsqueeze_21"} : tensor<2x2x64x16xf32> -> tensor<2x2x1x64x16xf32>
    %204 = flashlight.broadcast %203 dims [0, 1, 2, 3, 4] {flashlight.node = "expand_6"} : tensor<2x2x1x64x16xf32> -> tensor<2x2x4x64x16xf32>
    %205 = flashlight.reshape %204 {flashlight.node = "reshape_5"} : tensor<2x2x4x64x16xf32> -> tensor<2x8x64x16xf32>
    %206 = flashlight.contract %190, %202 "bhmd,bhnd->bhmn" : tensor<2x8x64x16xf32>, tensor<2x8x64x16xf32> -> tensor<2x8x64x64xf32>
    %cst_18 = arith.constant dense<2.500000e-01> : tensor<f32>
    %207 = flashlight.broadcast %cst_18 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %208 = arith.mulf %206, %207 : tensor<2x8x64x64xf32>
    %cst_19 = arith.constant dense<0xFF800000> : tensor<f32>
    %209 = flashlight.broadcast %cst_19 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %210 = flashlight.broadcast %47 dims [0, 1, 2, 3] : tensor<2x1x64x64xi1> -> tensor<2x8x64x64xi1>
    %211 = arith.select %210, %208, %209 : tensor<2x8x64x64xi1>, tensor<2x8x64x64xf32>
    %cst_20 = arith.constant dense<0xFF800000> : tensor<f32>
    %212 = flashlight.broadcast %cst_20 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %213 = arith.cmpf une, %211, %212 : tensor<2x8x64x64xf32>
    %214 = flashlight.reduce  any %213 dims [3] : tensor<2x8x64x64xi1> -> tensor<2x8x64xi1>
    %215 = flashlight.reshape %214 : tensor<2x8x64xi1> -> tensor<2x8x64x1xi1>
    %216 = flashlight.reduce  max %211 dims [3] : tensor<2x8x64x64xf32> -> tensor<2x8x64xf32>
    %217 = flashlight.reshape %216 : tensor<2x8x64xf32> -> tensor<2x8x64x1xf32>
    %218 = flashlight.broadcast %217 dims [0, 1, 2, 3] : tensor<2x8x64x1xf32> -> tensor<2x8x64x64xf32>
    %219 = arith.subf %211, %218 : tensor<2x8x64x64xf32>
    %220 = math.exp %219 : tensor<2x8x64x64xf32>
    %221 = flashlight.reduce  sum %220 dims [3] : tensor<2x8x64x64xf32> -> tensor<2x8x64xf32>
    %222 = flashlight.reshape %221 : tensor<2x8x64xf32> -> tensor<2x8x64x1xf32>
    %223 = flashlight.broadcast %222 dims [0, 1, 2, 3] : tensor<2x8x64x1xf32> -> tensor<2x8x64x64xf32>
    %224 = arith.divf %220, %223 : tensor<2x8x64x64xf32>
    %225 = flashlight.broadcast %215 dims [0, 1, 2, 3] : tensor<2x8x64x1xi1> -> tensor<2x8x64x64xi1>
    %cst_21 = arith.constant dense<0.000000e+00> : tensor<f32>
    %226 = flashlight.broadcast %cst_21 dims [] : tensor<f32> -> tensor<2x8x64x64xf32>
    %227 = arith.select %225, %224, %226 : tensor<2x8x64x64xi1>, tensor<2x8x64x64xf32>
    %228 = flashlight.contract %227, %205 "bhmn,bhne->bhme" {flashlight.node = "scaled_dot_product_attention_1"} : tensor<2x8x64x64xf32>, tensor<2x8x64x16xf32> -> tensor<2x8x64x16xf32>
    %229 = flashlight.transpose %228 [0, 2, 1, 3] {flashlight.node = "transpose_7"} : tensor<2x8x64x16xf32> -> tensor<2x64x8x16xf32>
    %230 = flashlight.reshape %229 {flashlight.node = "reshape_7"} : tensor<2x64x8x16xf32> -> tensor<2x64x128xf32>
    %231 = flashlight.contract %230, %arg13 "abx,yx->aby" {flashlight.node = "linear_10"} : tensor<2x64x128xf32>, tensor<128x128xf32> -> tensor<2x64x128xf32>
    %232 = arith.addf %157, %231 {flashlight.node = "add_12"} : tensor<2x64x128xf32>
    %233 = arith.mulf %232, %232 {flashlight.node = "pow_4"} : tensor<2x64x128xf32>
    %234 = flashlight.reduce  sum %233 dims [2] : tensor<2x64x128xf32> -> tensor<2x64xf32>
    %235 = flashlight.reshape %234 : tensor<2x64xf32> -> tensor<2x64x1xf32>
    %cst_22 = arith.constant dense<128> : tensor<i64>
    %236 = arith.sitofp %cst_22 : tensor<i64> to tensor<f32>
    %237 = flashlight.broadcast %236 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %238 = arith.divf %235, %237 {flashlight.node = "mean_3"} : tensor<2x64x1xf32>
    %cst_23 = arith.constant dense<9.99999997E-7> : tensor<f32>
    %239 = flashlight.broadcast %cst_23 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %240 = arith.addf %238, %239 {flashlight.node = "add_13"} : tensor<2x64x1xf32>
    %241 = math.rsqrt %240 {flashlight.node = "rsqrt_3"} : tensor<2x64x1xf32>
    %242 = flashlight.broadcast %241 dims [0, 1, 2] : tensor<2x64x1xf32> -> tensor<2x64x128xf32>
    %243 = arith.mulf %232, %242 {flashlight.node = "mul_18"} : tensor<2x64x128xf32>
    %244 = flashlight.broadcast %arg18 dims [2] : tensor<128xf32> -> tensor<2x64x128xf32>
    %245 = arith.mulf %244, %243 {flashlight.node = "mul_19"} : tensor<2x64x128xf32>
    %246 = flashlight.contract %245, %arg14 "abx,yx->aby" {flashlight.node = "linear_11"} : tensor<2x64x128xf32>, tensor<256x128xf32> -> tensor<2x64x256xf32>
    %cst_24 = arith.constant dense<1.000000e+00> : tensor<f32>
    %247 = flashlight.broadcast %cst_24 dims [] : tensor<f32> -> tensor<2x64x256xf32>
    %248 = arith.negf %246 : tensor<2x64x256xf32>
    %249 = math.exp %248 : tensor<2x64x256xf32>
    %250 = arith.addf %247, %249 : tensor<2x64x256xf32>
    %251 = arith.divf %246, %250 {flashlight.node = "silu_1"} : tensor<2x64x256xf32>
    %252 = flashlight.contract %245, %arg15 "abx,yx->aby" {flashlight.node = "linear_12"} : tensor<2x64x128xf32>, tensor<256x128xf32> -> tensor<2x64x256xf32>
    %253 = arith.mulf %251, %252 {flashlight.node = "mul_20"} : tensor<2x64x256xf32>
    %254 = flashlight.contract %253, %arg16 "abx,yx->aby" {flashlight.node = "linear_13"} : tensor<2x64x256xf32>, tensor<128x256xf32> -> tensor<2x64x128xf32>
    %255 = arith.addf %232, %254 {flashlight.node = "add_14"} : tensor<2x64x128xf32>
    %256 = arith.mulf %255, %255 {flashlight.node = "pow_5"} : tensor<2x64x128xf32>
    %257 = flashlight.reduce  sum %256 dims [2] : tensor<2x64x128xf32> -> tensor<2x64xf32>
    %258 = flashlight.reshape %257 : tensor<2x64xf32> -> tensor<2x64x1xf32>
    %cst_25 = arith.constant dense<128> : tensor<i64>
    %259 = arith.sitofp %cst_25 : tensor<i64> to tensor<f32>
    %260 = flashlight.broadcast %259 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %261 = arith.divf %258, %260 {flashlight.node = "mean_4"} : tensor<2x64x1xf32>
    %cst_26 = arith.constant dense<9.99999997E-7> : tensor<f32>
    %262 = flashlight.broadcast %cst_26 dims [] : tensor<f32> -> tensor<2x64x1xf32>
    %263 = arith.addf %261, %262 {flashlight.node = "add_15"} : tensor<2x64x1xf32>
    %264 = math.rsqrt %263 {flashlight.node = "rsqrt_4"} : tensor<2x64x1xf32>
    %265 = flashlight.broadcast %264 dims [0, 1, 2] : tensor<2x64x1xf32> -> tensor<2x64x128xf32>
    %266 = arith.mulf %255, %265 {flashlight.node = "mul_21"} : tensor<2x64x128xf32>
    %267 = flashlight.broadcast %arg19 dims [2] : tensor<128xf32> -> tensor<2x64x128xf32>
    %268 = arith.mulf %267, %266 {flashlight.node = "mul_22"} : tensor<2x64x128xf32>
    %269 = flashlight.contract %268, %arg20 "abx,yx->aby" {flashlight.node = "linear_14"} : tensor<2x64x128xf32>, tensor<256x128xf32> -> tensor<2x64x256xf32>
    return %269 : tensor<2x64x256xf32>
  }
}
