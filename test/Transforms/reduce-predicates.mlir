// RUN: flashlight-opt %s --flashlight-reduce-predicates | FileCheck %s

!s = tensor<8x16xf32, #flashlight.axes<m, n>>
!b = tensor<8x16xi1, #flashlight.axes<m, n>>
!r = tensor<8xi1, #flashlight.axes<m>>

// any_n (x != -inf) = (max_n x) != -inf; a NaN makes both true.
// CHECK-LABEL: @any_above
// CHECK: %[[M:.*]] = flashlight.reduce max
// CHECK: arith.cmpf une, %[[M]]
func.func @any_above(%x: tensor<8x16xf32>) -> tensor<8xi1> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xi1>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %c = arith.constant dense<0xFF800000> : tensor<f32, #flashlight.axes<>>
    %cb = flashlight.broadcast %c : tensor<f32, #flashlight.axes<>> -> !s
    %p = arith.cmpf une, %s, %cb : !s
    %a = flashlight.reduce any %p : !b -> !r
    flashlight.yield %a at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xi1>
}

// all_n (x == -inf) = (max_n x) == -inf; a NaN makes both false.
// CHECK-LABEL: @all_below
// CHECK: %[[M:.*]] = flashlight.reduce max
// CHECK: arith.cmpf oeq, %[[M]]
func.func @all_below(%x: tensor<8x16xf32>) -> tensor<8xi1> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xi1>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %c = arith.constant dense<0xFF800000> : tensor<f32, #flashlight.axes<>>
    %cb = flashlight.broadcast %c : tensor<f32, #flashlight.axes<>> -> !s
    %p = arith.cmpf oeq, %s, %cb : !s
    %a = flashlight.reduce all %p : !b -> !r
    flashlight.yield %a at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xi1>
}

// any_n (x > c), ordered: a NaN among the keys is false on the left, would make the right false.
// CHECK-LABEL: @ordered_any
// CHECK: flashlight.reduce any
func.func @ordered_any(%x: tensor<8x16xf32>) -> tensor<8xi1> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xi1>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %c = arith.constant dense<0.5> : tensor<f32, #flashlight.axes<>>
    %cb = flashlight.broadcast %c : tensor<f32, #flashlight.axes<>> -> !s
    %p = arith.cmpf ogt, %s, %cb : !s
    %a = flashlight.reduce any %p : !b -> !r
    flashlight.yield %a at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xi1>
}
