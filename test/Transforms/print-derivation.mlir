// RUN: flashlight-opt %s --pass-pipeline='builtin.module(flashlight-derive-online,cse,flashlight-infer-sparsity,flashlight-print-derivation)' -o /dev/null | FileCheck %s

!q = tensor<8x4xf32, #flashlight.axes<m, d>>
!k = tensor<16x4xf32, #flashlight.axes<n, d>>
!s = tensor<8x16xf32, #flashlight.axes<m, n>>
!r = tensor<8xf32, #flashlight.axes<m>>
!v = tensor<4x16xf32, #flashlight.axes<e, n>>
!o = tensor<8x4xf32, #flashlight.axes<m, e>>

// Softmax attention: the maximum, the sum and the accumulator, with one correction.
// CHECK-LABEL: attention: one sweep over n
// CHECK: m = 8, n = 16 (streamed), d = 4, e = 4
// CHECK: q[m,d] = q[m, d] : 8x4xf32
// CHECK: k[n,d] = k[n, d] : 16x4xf32
// CHECK: state before the sweep
// CHECK-NEXT: M[m] = -inf
// CHECK-NEXT: L[m] = 0
// CHECK-NEXT: A[m,e] = 0
// CHECK: sweep over n
// CHECK-NEXT: s[m,n] = sum_d q[m,d] * k[n,d]
// CHECK-NEXT: M'[m] = max(M, max_n s)
// CHECK-NEXT: c[m] = guard(exp(M - guard(M')))
// CHECK-NEXT: p[m,n] = exp(s - guard(M'))
// CHECK-NEXT: L'[m] = L * c + sum_n p
// CHECK-NEXT: A'[m,e] = A * c + sum_n p * v[n,e]
// CHECK: after the last block
// CHECK-NEXT: r[m] = restore(exp(guard(M) - M))
// CHECK: results
// CHECK-NEXT: out[m, e] = A * r / (L * r) : 8x4xf32
// CHECK: where
// CHECK-NEXT: guard(x) is x
// CHECK-NEXT: restore(x) is 1
func.func @attention(%q: tensor<8x4xf32> {flashlight.name = "q"}, %k: tensor<16x4xf32> {flashlight.name = "k"},
                     %v: tensor<16x4xf32> {flashlight.name = "v"}) -> tensor<8x4xf32> {
  %0 = flashlight.kernel "attention" axes(m = 8, n = 16, d = 4, e = 4) stream "n" (%mq = %q, %mk = %k, %mv = %v)
      : (tensor<8x4xf32>, tensor<16x4xf32>, tensor<16x4xf32>) -> (tensor<8x4xf32>) attributes {flashlight.nodes = ["out"]} {
    %rq = flashlight.read %mq at affine_map<(m, n, d, e) -> (m, d)> : tensor<8x4xf32> -> !q
    %rk = flashlight.read %mk at affine_map<(m, n, d, e) -> (n, d)> : tensor<16x4xf32> -> !k
    %rv = flashlight.read %mv at affine_map<(m, n, d, e) -> (n, e)> : tensor<16x4xf32> -> tensor<16x4xf32, #flashlight.axes<n, e>>
    %s = flashlight.contract %rq, %rk : !q, !k -> !s
    %m = flashlight.reduce max %s : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %d = arith.subf %s, %mb : !s
    %e = math.exp %d : !s
    %l = flashlight.reduce sum %e : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %p = arith.divf %e, %lb : !s
    %o = flashlight.contract %p, %rv : !s, tensor<16x4xf32, #flashlight.axes<n, e>> -> !o
    flashlight.yield %o at [affine_map<(m, n, d, e) -> (m, e)>] : !o
  }
  return %0 : tensor<8x4xf32>
}

// Softcap and causal: the condition bounds the sweep; constants are short.
// CHECK-LABEL: softcap: one sweep over n
// CHECK: sweep over n, blocks with n <= m only
// CHECK-NEXT: x[m,n] = 20 * tanh(s[m,n] / 20) if n <= m else -inf
// CHECK-NEXT: M'[m] = max(M, max_n x)
// CHECK: L'[m] = L * guard(exp(M - guard(M'))) + sum_n exp(x - guard(M'))
func.func @softcap(%s: tensor<8x16xf32> {flashlight.name = "s"}) -> tensor<8xf32> {
  %0 = flashlight.kernel "softcap" axes(m = 8, n = 16) stream "n" (%y = %s) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %x = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %c = arith.constant dense<20.0> : tensor<f32, #flashlight.axes<>>
    %cb = flashlight.broadcast %c : tensor<f32, #flashlight.axes<>> -> !s
    %inf = arith.constant dense<0xFF800000> : tensor<f32, #flashlight.axes<>>
    %infb = flashlight.broadcast %inf : tensor<f32, #flashlight.axes<>> -> !s
    %q = arith.divf %x, %cb : !s
    %t = math.tanh %q : !s
    %u = arith.mulf %t, %cb : !s
    %i = flashlight.iota : tensor<8xi64, #flashlight.axes<m>>
    %ib = flashlight.broadcast %i : tensor<8xi64, #flashlight.axes<m>> -> tensor<8x16xi64, #flashlight.axes<m, n>>
    %j = flashlight.iota : tensor<16xi64, #flashlight.axes<n>>
    %jb = flashlight.broadcast %j : tensor<16xi64, #flashlight.axes<n>> -> tensor<8x16xi64, #flashlight.axes<m, n>>
    %keep = arith.cmpi sle, %jb, %ib : tensor<8x16xi64, #flashlight.axes<m, n>>
    %w = arith.select %keep, %u, %infb : tensor<8x16xi1, #flashlight.axes<m, n>>, !s
    %m = flashlight.reduce max %w : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %d = arith.subf %w, %mb : !s
    %e = math.exp %d : !s
    %l = flashlight.reduce sum %e : !s -> !r
    flashlight.yield %l at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

// Two statistics side by side: states are numbered.
// CHECK-LABEL: two: one sweep over n
// CHECK: state before the sweep
// CHECK-DAG: M[m] = -inf
// CHECK-DAG: M2[m] = -inf
// CHECK-DAG: L[m] = 0
// CHECK-DAG: L2[m] = 0
// CHECK: M'[m] = max(M, max_n a[m,n])
// CHECK: L'[m] = L * guard(exp(M - guard(M'))) + sum_n exp(a[m,n] - guard(M'))
// CHECK: M2'[m] = max(M2, max_n b[m,n])
// CHECK: L2'[m] = L2 * guard(exp(M2 - guard(M2'))) + sum_n exp(b[m,n] - guard(M2'))
// CHECK: two parts a and b of the sweep merge
// CHECK: M[m] = max(M_a, M_b)
// CHECK: L[m] = L_a * guard(exp(M_a - guard(M))) + L_b * guard(exp(M_b - guard(M)))
func.func @two(%s: tensor<8x16xf32> {flashlight.name = "a"}, %t: tensor<8x16xf32> {flashlight.name = "b"}) -> tensor<8xf32> {
  %0 = flashlight.kernel "two" axes(m = 8, n = 16) stream "n" (%y = %s, %z = %t) : (tensor<8x16xf32>, tensor<8x16xf32>) -> (tensor<8xf32>) {
    %x = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %m = flashlight.reduce max %x : !s -> !r
    %mb = flashlight.broadcast %m : !r -> !s
    %d = arith.subf %x, %mb : !s
    %e = math.exp %d : !s
    %l = flashlight.reduce sum %e : !s -> !r
    %x2 = flashlight.read %z at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %m2 = flashlight.reduce max %x2 : !s -> !r
    %mb2 = flashlight.broadcast %m2 : !r -> !s
    %d2 = arith.subf %x2, %mb2 : !s
    %e2 = math.exp %d2 : !s
    %l2 = flashlight.reduce sum %e2 : !s -> !r
    %o = arith.subf %l, %l2 : !r
    flashlight.yield %o at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

// No repair for a threshold on a finished sum: a second sweep.
// CHECK-LABEL: threshold: 2 sweeps over n
// CHECK: sweep 1 over n
// CHECK-NEXT: L'[m] = L + sum_n s[m,n]
// CHECK: sweep 2 over n
// CHECK-NEXT: L2'[m] = L2 + sum_n max(s[m,n], L)
func.func @threshold(%s: tensor<8x16xf32> {flashlight.name = "s"}) -> tensor<8xf32> {
  %0 = flashlight.kernel "threshold" axes(m = 8, n = 16) stream "n" (%y = %s) : (tensor<8x16xf32>) -> (tensor<8xf32>) {
    %x = flashlight.read %y at affine_map<(m, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %l = flashlight.reduce sum %x : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %t = arith.maximumf %x, %lb : !s
    %o = flashlight.reduce sum %t : !s -> !r
    flashlight.yield %o at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

// A scan, against the keys, of elements that are looked up.
// CHECK-LABEL: scanned: one sweep over n
// CHECK: sweep over n, from the last block to the first
// CHECK: running sum over n from the end of
// CHECK-SAME: table[i[n], m]
// CHECK: [[LOST:L[0-9]*]]'[m] = [[LOST]] + lost(L{{[0-9]*}}')
// CHECK: where
// CHECK: lost(x) is what rounding took from the sum x
func.func @scanned(%t: tensor<4x8xf32> {flashlight.name = "table"}, %i: tensor<16xi64> {flashlight.name = "i"}) -> tensor<8xf32> {
  %0 = flashlight.kernel "scanned" axes(m = 8, n = 16) stream "n" (%y = %t, %z = %i) : (tensor<4x8xf32>, tensor<16xi64>) -> (tensor<8xf32>) {
    %at = flashlight.read %z at affine_map<(m, n) -> (n)> : tensor<16xi64> -> tensor<16xi64, #flashlight.axes<n>>
    %x = flashlight.read %y[%at] at affine_map<(m, n)[s0] -> (s0, m)> : tensor<4x8xf32>, tensor<16xi64, #flashlight.axes<n>> -> !s
    %c = flashlight.scan sum %x along "n" reverse : !s
    %e = math.exp %c : !s
    %l = flashlight.reduce sum %e : !s -> !r
    flashlight.yield %l at [affine_map<(m, n) -> (m)>] : !r
  }
  return %0 : tensor<8xf32>
}

