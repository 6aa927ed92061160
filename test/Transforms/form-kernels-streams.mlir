// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// Gates of rows and of keys are one tensor, and the zeros that they are compared with are those of
// the statistics, too: only the keys are swept.
// CHECK-LABEL: @gates
// CHECK: flashlight.kernel "kernel_0" axes(m = 20, e = 8, n = 20, d = 8) stream "n"
// CHECK-SAME: = %arg0
// CHECK: flashlight.contract {{.*}}<m, d>{{.*}}<n, d>
// CHECK-COUNT-2: flashlight.reduce {{.*}}<m, n>{{.*}}<m>>
// CHECK: flashlight.contract
func.func @gates(%q: tensor<20x8xf32>, %k: tensor<20x8xf32>, %g: tensor<20xf32>) -> (tensor<20x8xf32>, tensor<20xf32>) {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %zeros = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<20xf32>
  %r = arith.minimumf %g, %zeros : tensor<20xf32>
  %rm = flashlight.broadcast %r dims [0] : tensor<20xf32> -> tensor<20x20xf32>
  %rn = flashlight.broadcast %r dims [1] : tensor<20xf32> -> tensor<20x20xf32>
  %gates = arith.subf %rm, %rn : tensor<20x20xf32>
  %qk = flashlight.contract %q, %k "md,nd->mn" : tensor<20x8xf32>, tensor<20x8xf32> -> tensor<20x20xf32>
  %s = arith.addf %qk, %gates : tensor<20x20xf32>
  %max = flashlight.reduce max %s dims [1] : tensor<20x20xf32> -> tensor<20xf32>
  %isset = arith.cmpf ogt, %max, %zeros : tensor<20xf32>
  %from = arith.select %isset, %max, %zeros : tensor<20xi1>, tensor<20xf32>
  %fromn = flashlight.broadcast %from dims [0] : tensor<20xf32> -> tensor<20x20xf32>
  %d = arith.subf %s, %fromn : tensor<20x20xf32>
  %x = math.exp %d : tensor<20x20xf32>
  %sum = flashlight.reduce sum %x dims [1] : tensor<20x20xf32> -> tensor<20xf32>
  %log = math.log %sum : tensor<20xf32>
  %w = arith.addf %from, %log : tensor<20xf32>
  %wn = flashlight.broadcast %w dims [0] : tensor<20xf32> -> tensor<20x20xf32>
  %rest = arith.subf %s, %wn : tensor<20x20xf32>
  %p = math.exp %rest : tensor<20x20xf32>
  %o = flashlight.contract %p, %k "mn,ne->me" : tensor<20x20xf32>, tensor<20x8xf32> -> tensor<20x8xf32>
  return %o, %w : tensor<20x8xf32>, tensor<20xf32>
}

// Two weightings of the same values that are subtracted are one sweep.
// CHECK-LABEL: @difference
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 8, n = 20, d = 8
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @difference(%q1: tensor<10x8xf32>, %q2: tensor<10x8xf32>, %k: tensor<20x8xf32>, %l: tensor<20x8xf32>, %v: tensor<20x8xf32>) -> tensor<10x8xf32> {
  %s1 = flashlight.contract %q1, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %s2 = flashlight.contract %q2, %l "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p1 = math.exp %s1 : tensor<10x20xf32>
  %p2 = math.tanh %s2 : tensor<10x20xf32>
  %o1 = flashlight.contract %p1, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %o2 = flashlight.contract %p2, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %o = arith.subf %o1, %o2 : tensor<10x8xf32>
  return %o : tensor<10x8xf32>
}

// Two attentions over the same keys and values are two kernels.
// CHECK-LABEL: @two_of_one_cache
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 8, n = 20, d = 8) stream "n"
// CHECK: flashlight.kernel "kernel_1" axes(m = 10, e = 8, n = 20, d = 8) stream "n"
func.func @two_of_one_cache(%q1: tensor<10x8xf32>, %q2: tensor<10x8xf32>, %k: tensor<20x8xf32>, %t: tensor<8x20xf32>) -> (tensor<10x8xf32>, tensor<10x8xf32>) {
  %v = flashlight.transpose %t [1, 0] : tensor<8x20xf32> -> tensor<20x8xf32>
  %s1 = flashlight.contract %q1, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %s2 = flashlight.contract %q2, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p1 = math.exp %s1 : tensor<10x20xf32>
  %p2 = math.exp %s2 : tensor<10x20xf32>
  %o1 = flashlight.contract %p1, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %o2 = flashlight.contract %p2, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  return %o1, %o2 : tensor<10x8xf32>, tensor<10x8xf32>
}

// A slice along another dim than the keys keeps them: heads that are subtracted from heads.
// CHECK-LABEL: @halves
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 10, e = 8, n = 20, d = 8
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @halves(%q: tensor<4x10x8xf32>, %k: tensor<4x20x8xf32>, %v: tensor<2x20x8xf32>) -> tensor<2x10x8xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<4x10x8xf32>, tensor<4x20x8xf32> -> tensor<4x10x20xf32>
  %p = math.exp %s : tensor<4x10x20xf32>
  %p1 = flashlight.slice %p offsets [0, 0, 0] strides [1, 1, 1] : tensor<4x10x20xf32> -> tensor<2x10x20xf32>
  %p2 = flashlight.slice %p offsets [2, 0, 0] strides [1, 1, 1] : tensor<4x10x20xf32> -> tensor<2x10x20xf32>
  %o1 = flashlight.contract %p1, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x8xf32> -> tensor<2x10x8xf32>
  %o2 = flashlight.contract %p2, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x8xf32> -> tensor<2x10x8xf32>
  %o = arith.subf %o1, %o2 : tensor<2x10x8xf32>
  return %o : tensor<2x10x8xf32>
}
