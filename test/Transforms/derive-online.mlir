// RUN: flashlight-opt %s --flashlight-derive-online --cse | FileCheck %s
// RUN: flashlight-opt %s --flashlight-derive-online --verify-diagnostics -o /dev/null

!s = tensor<8x16xf32, #flashlight.axes<m, n>>
!r = tensor<8xf32, #flashlight.axes<m>>

//   l = sum_n exp(s - m), m = max_n s: exp(s - m) = exp(s) exp(-m), repaired by exp(-m_new + m_old)
// CHECK-LABEL: @sum_of_exponentials
// CHECK: flashlight.stream "n" (%[[OLD:.*]] = {{.*}}, %[[SUM:.*]] = {{.*}})
// CHECK: %[[BLOCK:.*]] = flashlight.reduce max
// CHECK: %[[NEW:.*]] = arith.maximumf %[[OLD]], %[[BLOCK]]
// CHECK: %[[MOVED:.*]] = arith.subf
// CHECK: %[[C:.*]] = math.exp %[[MOVED]]
// CHECK: %[[GUARDED:.*]] = arith.select {{.*}}, %[[C]]
// CHECK: arith.mulf %[[SUM]], %[[GUARDED]]
// CHECK: flashlight.yield %[[NEW]]
// CHECK-NOT: flashlight.stream
func.func @sum_of_exponentials(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %m = flashlight.reduce max %s : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %d = arith.subf %s, %mb : !s
    %e = math.exp %d : !s
    %l = flashlight.reduce sum %e : !s -> !r
    flashlight.yield %l at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

//   sum_n (x / l), l = sum_n x: 1 / l is hoisted, nothing is corrected
// CHECK-LABEL: @hoisted_division
// CHECK: %[[R:.*]]:2 = flashlight.stream "n"
// CHECK-NOT: math.exp
// CHECK: arith.divf %[[R]]#1, %[[R]]#0
func.func @hoisted_division(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %l = flashlight.reduce sum %s : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %p = arith.divf %s, %lb : !s
    %t = flashlight.reduce sum %p : !s -> !r
    flashlight.yield %t at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

//   max_n (x - l), l = sum_n x: a term moves through an extremum
// CHECK-LABEL: @hoisted_term
// CHECK: %[[R:.*]]:2 = flashlight.stream "n"
// CHECK: arith.subf %[[R]]#1, %[[R]]#0
func.func @hoisted_term(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %l = flashlight.reduce sum %s : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %p = arith.subf %s, %lb : !s
    %t = flashlight.reduce max %p : !s -> !r
    flashlight.yield %t at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

//   sum_n (x - l)^2, l = sum_n x: no factor; the second sweep has the final l
// CHECK-LABEL: @two_sweeps
// CHECK: %[[L:.*]] = flashlight.stream "n"
// CHECK: flashlight.stream "n"
// CHECK: flashlight.broadcast %[[L]]
func.func @two_sweeps(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %l = flashlight.reduce sum %s : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    // expected-note@+1 {{no factor of it can be pulled out of the sum}}
    %d = arith.subf %s, %lb : !s
    %p = arith.mulf %d, %d : !s
    // expected-remark@+1 {{takes another sweep over 'n': it depends on statistics of the same sweep}}
    %t = flashlight.reduce sum %p : !s -> !r
    flashlight.yield %t at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}
