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
// CHECK: %[[BACK:.*]] = arith.negf %[[MOVED]]
// CHECK: %[[C:.*]] = math.exp %[[BACK]]
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

//   Two ranges merge by the same correction.
// CHECK-LABEL: @merged
// CHECK: merge (%[[MA:.*]], %[[LA:.*]], %[[MB:.*]], %[[LB:.*]]) {
// CHECK: %[[M:.*]] = arith.maximumf %[[MA]], %[[MB]]
// CHECK: %[[A:.*]] = arith.mulf %[[LA]]
// CHECK: %[[B:.*]] = arith.mulf %[[LB]]
// CHECK: %[[L:.*]] = arith.addf %[[A]], %[[B]]
// CHECK: flashlight.yield %[[M]], %[[L]]
func.func @merged(%x: tensor<8x16xf32>) -> tensor<8xf32> {
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

//   sum_n (x / l - y / k) with l = sum_n x, k = sum_n y: neither leaves the difference, so the sum
//   is split: sum_n x / l - sum_n y / k
// CHECK-LABEL: @split_difference
// CHECK: %[[R:.*]]:4 = flashlight.stream "n"
// CHECK-NOT: flashlight.stream
// CHECK-DAG: %[[P:.*]] = arith.divf %[[R]]#2, %[[R]]#0
// CHECK-DAG: %[[Q:.*]] = arith.divf %[[R]]#3, %[[R]]#1
// CHECK: arith.subf %[[P]], %[[Q]]
func.func @split_difference(%x: tensor<8x16xf32>, %y: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%a = %x, %b = %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %a at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %t = flashlight.read %b at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %l = flashlight.reduce sum %s : !s -> !r
    %k = flashlight.reduce sum %t : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %kb = flashlight.broadcast %k : !r -> !s
    %p = arith.divf %s, %lb : !s
    %q = arith.divf %t, %kb : !s
    %d = arith.subf %p, %q : !s
    %o = flashlight.reduce sum %d : !s -> !r
    flashlight.yield %o at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

//   A scan goes on from a carry, from the last block to the first if it is reversed; no merge.
//   What the carry's roundings lose is carried, too.
// CHECK-LABEL: @scanned
// CHECK: flashlight.stream "n" (%{{.*}} = %{{.*}}, %[[CARRY:.*]] = %{{.*}}, %[[LOST:.*]] = %{{.*}}) : {{.*}} attributes {reverse}
// CHECK: %[[BLOCK:.*]] = flashlight.scan sum %[[X:.*]] along "n" reverse
// CHECK: %[[WIDE_LOST:.*]] = flashlight.broadcast %[[LOST]]
// CHECK: %[[MORE:.*]] = arith.addf %[[WIDE_LOST]], %[[BLOCK]]
// CHECK: %[[WIDE:.*]] = flashlight.broadcast %[[CARRY]]
// CHECK: %[[SCAN:.*]] = arith.addf %[[WIDE]], %[[MORE]]
// CHECK: math.exp %[[SCAN]]
// CHECK: %[[ALL:.*]] = flashlight.reduce sum %[[X]]
// CHECK: %[[NEW:.*]] = arith.addf %[[CARRY]], %[[ALL]]
// CHECK: %[[ADDED:.*]] = arith.subf %[[NEW]], %[[CARRY]]
// CHECK: %[[FROM_CARRY:.*]] = arith.subf %[[NEW]], %[[ADDED]]
// CHECK: %[[LEFT:.*]] = arith.subf %[[CARRY]], %[[FROM_CARRY]]
// CHECK: %[[RIGHT:.*]] = arith.subf %[[ALL]], %[[ADDED]]
// CHECK: %[[ERROR:.*]] = arith.addf %[[LEFT]], %[[RIGHT]]
// CHECK: %[[FINITE:.*]] = arith.cmpf ord, %[[ERROR]], %[[ERROR]]
// CHECK: %[[SOME:.*]] = arith.select %[[FINITE]], %[[ERROR]]
// CHECK: arith.addf %[[LOST]], %[[SOME]]
// CHECK-NOT: merge
// CHECK: return
func.func @scanned(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %c = flashlight.scan sum %s along "n" reverse : !s
    %e = math.exp %c : !s
    %l = flashlight.reduce sum %e : !s -> !r
    flashlight.yield %l at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

//   min_n (n where x is the maximum): when that moves, no earlier key is at it
// CHECK-LABEL: @position_of_maximum
// CHECK: flashlight.stream "n" (%[[OLD:.*]] = %{{.*}}, %[[AT:.*]] = %{{.*}})
// CHECK: %[[NEW:.*]] = arith.maximumf %[[OLD]]
// CHECK: %[[SAME:.*]] = arith.cmpf oeq, %[[OLD]], %[[NEW]]
// CHECK: %[[NAN:.*]] = arith.cmpf une, %[[OLD]], %[[OLD]]
// CHECK: %[[STAYS:.*]] = arith.ori %[[SAME]], %[[NAN]]
// CHECK: arith.select %[[STAYS]], %[[AT]]
// CHECK-NOT: flashlight.stream "n"
func.func @position_of_maximum(%x: tensor<8x16xf32>) -> tensor<8xi64> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xi64>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %m = flashlight.reduce max %s : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %eq = arith.cmpf oeq, %s, %mb : !s
    %ne = arith.cmpf une, %s, %s : !s
    %c = arith.ori %eq, %ne : tensor<8x16xi1, #flashlight.axes<m, n>>
    %i = flashlight.iota : tensor<16xi64, #flashlight.axes<n>>
    %ib = flashlight.broadcast %i : tensor<16xi64, #flashlight.axes<n>> -> tensor<8x16xi64, #flashlight.axes<m, n>>
    %last = arith.constant dense<9223372036854775807> : tensor<8x16xi64, #flashlight.axes<m, n>>
    %w = arith.select %c, %ib, %last : tensor<8x16xi1, #flashlight.axes<m, n>>, tensor<8x16xi64, #flashlight.axes<m, n>>
    %r = flashlight.reduce min %w : tensor<8x16xi64, #flashlight.axes<m, n>> -> tensor<8xi64, #flashlight.axes<m>>
    flashlight.yield %r at [affine_map<(m, n) -> (m)>] : tensor<8xi64, #flashlight.axes<m>>
  }
  return %0 : tensor<8xi64>
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

//   x - max x, then exponentials less the maximum of that, which lacks its hoisted term while it
//   runs: another sweep
// CHECK-LABEL: @hoisted_from_what_is_used
// CHECK: flashlight.stream "n"
// CHECK: flashlight.stream "n"
func.func @hoisted_from_what_is_used(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %m = flashlight.reduce max %s : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %d = arith.subf %s, %mb : !s
    %k = flashlight.reduce max %d : !s -> !r
    %kb = flashlight.broadcast %k : !r -> !s
    %f = arith.subf %d, %kb : !s
    %e = math.exp %f : !s
    // expected-remark@+1 {{takes another sweep over 'n': it depends on statistics of the same sweep}}
    %l = flashlight.reduce sum %e : !s -> !r
    flashlight.yield %l at [affine_map<(m, n) -> (m)>] : !r
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
    // expected-note@+1 {{no factor of it can be pulled out of the reduction}}
    %d = arith.subf %s, %lb : !s
    %p = arith.mulf %d, %d : !s
    // expected-remark@+1 {{takes another sweep over 'n': it depends on statistics of the same sweep}}
    %t = flashlight.reduce sum %p : !s -> !r
    flashlight.yield %t at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

// A maximum in exponents and in a comparison: one sweep. The comparison takes the maximum as it is,
// also while it is unset; where it moves, the keys before are forgotten.
// CHECK-LABEL: @best_key_beside_a_sum
// CHECK: flashlight.stream "n"
// CHECK: %[[MAX:.*]] = arith.maximumf
// CHECK: %[[WIDE:.*]] = flashlight.broadcast %[[MAX]]
// CHECK: arith.cmpf oeq, %{{.*}}, %[[WIDE]]
// CHECK-NOT: flashlight.stream "n"
// CHECK: return
func.func @best_key_beside_a_sum(%x: tensor<8x16xf32>) -> (tensor<8xf32>, tensor<8xi64>) {
  %r:2 = flashlight.kernel "k" axes(m = 8, n = 16) stream "n" (%y = %x) : (tensor<8x16xf32>) -> (tensor<8xf32>, tensor<8xi64>) {
    %s = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> tensor<8x16xf32, #flashlight.axes<m, n>>
    %max = flashlight.reduce max %s : tensor<8x16xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
    %b = flashlight.broadcast %max : tensor<8xf32, #flashlight.axes<m>> -> tensor<8x16xf32, #flashlight.axes<m, n>>
    %d = arith.subf %s, %b : tensor<8x16xf32, #flashlight.axes<m, n>>
    %e = math.exp %d : tensor<8x16xf32, #flashlight.axes<m, n>>
    %l = flashlight.reduce sum %e : tensor<8x16xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
    %hit = arith.cmpf oeq, %s, %b : tensor<8x16xf32, #flashlight.axes<m, n>>
    %i = flashlight.iota : tensor<16xi64, #flashlight.axes<n>>
    %ib = flashlight.broadcast %i : tensor<16xi64, #flashlight.axes<n>> -> tensor<8x16xi64, #flashlight.axes<m, n>>
    %none = arith.constant dense<9223372036854775807> : tensor<8x16xi64, #flashlight.axes<m, n>>
    %at = arith.select %hit, %ib, %none : tensor<8x16xi1, #flashlight.axes<m, n>>, tensor<8x16xi64, #flashlight.axes<m, n>>
    %first = flashlight.reduce min %at : tensor<8x16xi64, #flashlight.axes<m, n>> -> tensor<8xi64, #flashlight.axes<m>>
    flashlight.yield %l, %first at [affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m)>] : tensor<8xf32, #flashlight.axes<m>>, tensor<8xi64, #flashlight.axes<m>>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xi64>
}
