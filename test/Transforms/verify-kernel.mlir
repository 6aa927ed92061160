// RUN: flashlight-opt %s --flashlight-verify-kernel | FileCheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<8x?xf32, #flashlight.symbols<s0>>) -> tensor<8xf32> {
  %y = math.exp %x : tensor<8x?xf32, #flashlight.symbols<s0>>
  %o = flashlight.kernel "sum" axes(m = 8, n = s0) stream "n" (%mx = %y)
      : (tensor<8x?xf32, #flashlight.symbols<s0>>) -> (tensor<8xf32>) {
    %zero = arith.constant dense<0.0> : tensor<8xf32, #flashlight.axes<m>>
    %size = flashlight.size "s0" : tensor<i64>
    %0 = flashlight.stream "n" (%old = %zero) : (tensor<8xf32, #flashlight.axes<m>>) {
      %1 = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
          : tensor<8x?xf32, #flashlight.symbols<s0>> -> tensor<8x?xf32, #flashlight.axes<m, n>>
      %2 = flashlight.reduce sum %1 : tensor<8x?xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
      %3 = arith.addf %old, %2 : tensor<8xf32, #flashlight.axes<m>>
      flashlight.yield %3 : tensor<8xf32, #flashlight.axes<m>>
    }
    flashlight.yield %0 at [affine_map<(m, n) -> (m)>] : tensor<8xf32, #flashlight.axes<m>>
  }
  return %o : tensor<8xf32>
}
