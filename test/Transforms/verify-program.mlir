// RUN: flashlight-opt %s --flashlight-verify-program | FileCheck %s

// CHECK-LABEL: func.func @main
func.func @main(%q: tensor<?x64xf16, #flashlight.symbols<s0>>, %k: tensor<32x64xf16> {flashlight.parameter}, %n: i64)
    -> (tensor<?x32xf32, #flashlight.symbols<s0>>, tensor<4xf32>) {
  %0 = flashlight.contract %q, %k "md,nd->mn"
      : tensor<?x64xf16, #flashlight.symbols<s0>>, tensor<32x64xf16> -> tensor<?x32xf32, #flashlight.symbols<s0>>
  %1 = math.exp %0 : tensor<?x32xf32, #flashlight.symbols<s0>>
  // A call of PyTorch's may take whatever PyTorch takes.
  %2 = flashlight.torch_call "aten.rand.default" "[%0]" (%n) : (i64) -> tensor<4xf32>
  return %1, %2 : tensor<?x32xf32, #flashlight.symbols<s0>>, tensor<4xf32>
}
