// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// Weights that are summed over heads: rows and keys are kept, the heads are swept, and the maximum
// and the sum of a row come from the kernel that owns them.
// CHECK-LABEL: @mean_over_heads
// CHECK: %[[O:.*]]:3 = flashlight.kernel "kernel_0" axes(b = 4, m = 40, e = 16, n = 50, d = 8) stream "n"
// CHECK: flashlight.kernel "kernel_1" axes(m = 40, n = 50, b = 4, d = 8) stream "b"
// CHECK-SAME: = %[[O]]#1, {{.*}} = %[[O]]#2, {{.*}} = %arg0, {{.*}} = %arg1) : {{.*}} -> (tensor<40x50xf32>)
// CHECK: flashlight.contract {{.*}}<m, b, d>{{.*}}<n, b, d>
// CHECK-NOT: flashlight.reduce{{.*}}max
// CHECK: %[[SUM:.*]] = flashlight.reduce {{.*}}sum {{.*}}<m, n, b>{{.*}}<m, n>>
// CHECK-NOT: flashlight.reduce
// CHECK: %[[MEAN:.*]] = arith.mulf %[[SUM]]
// CHECK: flashlight.yield %[[MEAN]] at [affine_map<(m, n, b, d) -> (m, n)>]
func.func @mean_over_heads(%q: tensor<4x40x8xf32>, %k: tensor<4x50x8xf32>, %v: tensor<4x50x16xf32>) -> (tensor<4x40x16xf32>, tensor<40x50xf32>) {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x40x8xf32>, tensor<4x50x8xf32> -> tensor<4x40x50xf32>
  %max = flashlight.reduce max %s dims [2] : tensor<4x40x50xf32> -> tensor<4x40xf32>
  %maxn = flashlight.broadcast %max dims [0, 1] : tensor<4x40xf32> -> tensor<4x40x50xf32>
  %d = arith.subf %s, %maxn : tensor<4x40x50xf32>
  %p = math.exp %d : tensor<4x40x50xf32>
  %sum = flashlight.reduce sum %p dims [2] : tensor<4x40x50xf32> -> tensor<4x40xf32>
  %sumn = flashlight.broadcast %sum dims [0, 1] : tensor<4x40xf32> -> tensor<4x40x50xf32>
  %w = arith.divf %p, %sumn : tensor<4x40x50xf32>
  %o = flashlight.contract %w, %v "hmn,hne->hme" : tensor<4x40x50xf32>, tensor<4x50x16xf32> -> tensor<4x40x16xf32>
  %heads = flashlight.reduce sum %w dims [0] : tensor<4x40x50xf32> -> tensor<40x50xf32>
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %quarters = flashlight.broadcast %quarter dims [] : tensor<f32> -> tensor<40x50xf32>
  %mean = arith.mulf %heads, %quarters : tensor<40x50xf32>
  return %o, %mean : tensor<4x40x16xf32>, tensor<40x50xf32>
}

// Weights that are returned are computed and written once: no sweep.
// CHECK-LABEL: @returned
// CHECK: %[[O:.*]]:2 = flashlight.kernel "kernel_0" axes(b = 4, m = 40, e = 16, n = 50, d = 8) stream "n"
// CHECK: flashlight.kernel "kernel_1" axes(b = 4, m = 40, n = 50, d = 8) stream "n"
// CHECK-SAME: = %[[O]]#1,
// CHECK-NOT: flashlight.reduce
// CHECK: flashlight.yield {{.*}} at [affine_map<(b, m, n, d) -> (b, m, n)>]
func.func @returned(%q: tensor<4x40x8xf32>, %k: tensor<4x50x8xf32>, %v: tensor<4x50x16xf32>) -> (tensor<4x40x16xf32>, tensor<4x40x50xf32>) {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x40x8xf32>, tensor<4x50x8xf32> -> tensor<4x40x50xf32>
  %p = math.exp %s : tensor<4x40x50xf32>
  %sum = flashlight.reduce sum %p dims [2] : tensor<4x40x50xf32> -> tensor<4x40xf32>
  %sumn = flashlight.broadcast %sum dims [0, 1] : tensor<4x40xf32> -> tensor<4x40x50xf32>
  %w = arith.divf %p, %sumn : tensor<4x40x50xf32>
  %o = flashlight.contract %w, %v "hmn,hne->hme" : tensor<4x40x50xf32>, tensor<4x50x16xf32> -> tensor<4x40x16xf32>
  return %o, %w : tensor<4x40x16xf32>, tensor<4x40x50xf32>
}

// Heads in groups: two dims that are summed together are one, and the keys' head is a quotient of it.
// CHECK-LABEL: @grouped
// CHECK: flashlight.kernel "kernel_0" axes(m = 40, n = 50, b = 6, d = 8) stream "b"
// CHECK: affine_map<(m, n, b, d) -> (b floordiv 3, b mod 3, m, d)>
// CHECK: affine_map<(m, n, b, d) -> (b floordiv 3, n, d)>
func.func @grouped(%q: tensor<2x3x40x8xf32>, %k: tensor<2x50x8xf32>) -> tensor<40x50xf32> {
  %s = flashlight.contract %q, %k "gimd,gnd->gimn" : tensor<2x3x40x8xf32>, tensor<2x50x8xf32> -> tensor<2x3x40x50xf32>
  %p = math.absf %s : tensor<2x3x40x50xf32>
  %sum = flashlight.reduce sum %p dims [0, 1] : tensor<2x3x40x50xf32> -> tensor<40x50xf32>
  return %sum : tensor<40x50xf32>
}

// A mean of heads and their spread around it: one kernel that writes both.
// CHECK-LABEL: @spread
// CHECK: flashlight.kernel "kernel_0" axes(m = 40, n = 50, b = 4, d = 8) stream "b" {{.*}} -> (tensor<40x50xf32>, tensor<40x50xf32>)
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @spread(%q: tensor<4x40x8xf32>, %k: tensor<4x50x8xf32>) -> (tensor<40x50xf32>, tensor<40x50xf32>) {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x40x8xf32>, tensor<4x50x8xf32> -> tensor<4x40x50xf32>
  %p = math.tanh %s : tensor<4x40x50xf32>
  %sum = flashlight.reduce sum %p dims [0] : tensor<4x40x50xf32> -> tensor<40x50xf32>
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %quarters = flashlight.broadcast %quarter dims [] : tensor<f32> -> tensor<40x50xf32>
  %mean = arith.mulf %sum, %quarters : tensor<40x50xf32>
  %meanh = flashlight.broadcast %mean dims [1, 2] : tensor<40x50xf32> -> tensor<4x40x50xf32>
  %d = arith.subf %p, %meanh : tensor<4x40x50xf32>
  %d2 = arith.mulf %d, %d : tensor<4x40x50xf32>
  %var = flashlight.reduce sum %d2 dims [0] : tensor<4x40x50xf32> -> tensor<40x50xf32>
  return %mean, %var : tensor<40x50xf32>, tensor<40x50xf32>
}

// A pointwise op behind a view of the sum (a kept dim) joins it.
// CHECK-LABEL: @kept_dim
// CHECK: flashlight.kernel "kernel_0" axes(m = 40, n = 50, b = 4, d = 8) stream "b" {{.*}} -> (tensor<1x40x50xf32>)
// CHECK: arith.mulf
// CHECK: flashlight.yield {{.*}} at [affine_map<(m, n, b, d) -> (0, m, n)>]
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @kept_dim(%q: tensor<4x40x8xf32>, %k: tensor<4x50x8xf32>) -> tensor<1x40x50xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x40x8xf32>, tensor<4x50x8xf32> -> tensor<4x40x50xf32>
  %p = math.tanh %s : tensor<4x40x50xf32>
  %sum = flashlight.reduce sum %p dims [0] : tensor<4x40x50xf32> -> tensor<40x50xf32>
  %kept = flashlight.reshape %sum : tensor<40x50xf32> -> tensor<1x40x50xf32>
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %quarters = flashlight.broadcast %quarter dims [] : tensor<f32> -> tensor<1x40x50xf32>
  %mean = arith.mulf %kept, %quarters : tensor<1x40x50xf32>
  return %mean : tensor<1x40x50xf32>
}

// What a projection adds a bias to is a product of matrices, though another kernel owns its rows.
// CHECK-LABEL: @projected
// CHECK: flashlight.kernel "kernel_0"
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @projected(%q: tensor<40x8xf32>, %k: tensor<50x8xf32>, %v: tensor<50x16xf32>, %w: tensor<16x32xf32> {flashlight.parameter}, %bias: tensor<32xf32> {flashlight.parameter}) -> tensor<40x32xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<40x8xf32>, tensor<50x8xf32> -> tensor<40x50xf32>
  %p = math.exp %s : tensor<40x50xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<40x50xf32>, tensor<50x16xf32> -> tensor<40x16xf32>
  %y = flashlight.contract %o, %w "me,ef->mf" : tensor<40x16xf32>, tensor<16x32xf32> -> tensor<40x32xf32>
  %biases = flashlight.broadcast %bias dims [1] : tensor<32xf32> -> tensor<40x32xf32>
  %z = arith.addf %y, %biases : tensor<40x32xf32>
  return %z : tensor<40x32xf32>
}

// Of weights that are in memory the sum over heads is left to PyTorch, and a product with what
// follows it is no kernel.
// CHECK-LABEL: @stored
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @stored(%q: tensor<4x40x8xf32>, %k: tensor<4x50x8xf32>) -> (tensor<4x40x50xf32>, tensor<40x50xf32>) {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x40x8xf32>, tensor<4x50x8xf32> -> tensor<4x40x50xf32>
  %p = math.exp %s : tensor<4x40x50xf32>
  %sum = flashlight.reduce sum %p dims [0] : tensor<4x40x50xf32> -> tensor<40x50xf32>
  return %p, %sum : tensor<4x40x50xf32>, tensor<40x50xf32>
}
