// RUN: flashlight-opt %s --flashlight-batch-concats | FileCheck %s

// Queries in two chunks: the rows of one attention.
// CHECK-LABEL: @chunks
// CHECK: %[[Q:.*]] = flashlight.reshape %{{.*}} : tensor<8x4xf32> -> tensor<2x4x4xf32>
// CHECK: %[[S:.*]] = flashlight.contract %[[Q]], %arg1 "amd,nd->amn"
// CHECK: %[[P:.*]] = math.exp %[[S]] : tensor<2x4x20xf32>
// CHECK: %[[O:.*]] = flashlight.contract %[[P]], %arg2 "amn,ne->ame"
// CHECK: flashlight.reshape %[[O]] {flashlight.node = "cat"} : tensor<2x4x6xf32> -> tensor<8x6xf32>
// CHECK-NEXT: return
func.func @chunks(%q: tensor<8x4xf32>, %k: tensor<20x4xf32>, %v: tensor<20x6xf32>) -> tensor<8x6xf32> {
  %q0 = flashlight.slice %q offsets [0, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %q1 = flashlight.slice %q offsets [4, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %s0 = flashlight.contract %q0, %k "md,nd->mn" {flashlight.node = "matmul"} : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %s1 = flashlight.contract %q1, %k "md,nd->mn" {flashlight.node = "matmul_1"} : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %p0 = math.exp %s0 : tensor<4x20xf32>
  %p1 = math.exp %s1 : tensor<4x20xf32>
  %o0 = flashlight.contract %p0, %v "mn,ne->me" : tensor<4x20xf32>, tensor<20x6xf32> -> tensor<4x6xf32>
  %o1 = flashlight.contract %p1, %v "mn,ne->me" : tensor<4x20xf32>, tensor<20x6xf32> -> tensor<4x6xf32>
  %o = flashlight.concat %o0, %o1 dim 0 {flashlight.node = "cat"} : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  return %o : tensor<8x6xf32>
}

// Heads of the inner dim that are computed in a loop and stacked behind the rows.
// CHECK-LABEL: @heads
// CHECK: flashlight.contract {{.*}} "amd,and->amn" : tensor<2x8x4xf32>, tensor<2x20x4xf32> -> tensor<2x8x20xf32>
// CHECK: flashlight.reduce sum {{.*}} dims [2] : tensor<2x8x20xf32> -> tensor<2x8xf32>
// CHECK: flashlight.contract {{.*}} "amn,ane->ame"
// CHECK-NOT: flashlight.concat
// CHECK: return
func.func @heads(%q: tensor<8x2x4xf32>, %k: tensor<20x8xf32>) -> tensor<8x2x4xf32> {
  %q0 = flashlight.slice %q offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x2x4xf32> -> tensor<8x1x4xf32>
  %q1 = flashlight.slice %q offsets [0, 1, 0] strides [1, 1, 1] : tensor<8x2x4xf32> -> tensor<8x1x4xf32>
  %r0 = flashlight.reshape %q0 : tensor<8x1x4xf32> -> tensor<8x4xf32>
  %r1 = flashlight.reshape %q1 : tensor<8x1x4xf32> -> tensor<8x4xf32>
  %k0 = flashlight.slice %k offsets [0, 0] strides [1, 2] : tensor<20x8xf32> -> tensor<20x4xf32>
  %k1 = flashlight.slice %k offsets [0, 1] strides [1, 2] : tensor<20x8xf32> -> tensor<20x4xf32>
  %s0 = flashlight.contract %r0, %k0 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %s1 = flashlight.contract %r1, %k1 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %t0 = flashlight.reduce sum %s0 dims [1] : tensor<8x20xf32> -> tensor<8xf32>
  %t1 = flashlight.reduce sum %s1 dims [1] : tensor<8x20xf32> -> tensor<8xf32>
  %b0 = flashlight.broadcast %t0 dims [0] : tensor<8xf32> -> tensor<8x20xf32>
  %b1 = flashlight.broadcast %t1 dims [0] : tensor<8xf32> -> tensor<8x20xf32>
  %p0 = arith.divf %s0, %b0 : tensor<8x20xf32>
  %p1 = arith.divf %s1, %b1 : tensor<8x20xf32>
  %o0 = flashlight.contract %p0, %k0 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %o1 = flashlight.contract %p1, %k1 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %u0 = flashlight.reshape %o0 : tensor<8x4xf32> -> tensor<8x1x4xf32>
  %u1 = flashlight.reshape %o1 : tensor<8x4xf32> -> tensor<8x1x4xf32>
  %o = flashlight.concat %u0, %u1 dim 1 : (tensor<8x1x4xf32>, tensor<8x1x4xf32>) -> tensor<8x2x4xf32>
  return %o : tensor<8x2x4xf32>
}

// The second part's scores are returned, too: they would be computed twice.
// CHECK-LABEL: @also_returned
// CHECK: flashlight.concat
func.func @also_returned(%q: tensor<8x4xf32>, %k: tensor<20x4xf32>) -> (tensor<8x4xf32>, tensor<4x20xf32>) {
  %q0 = flashlight.slice %q offsets [0, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %q1 = flashlight.slice %q offsets [4, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %s0 = flashlight.contract %q0, %k "md,nd->mn" : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %s1 = flashlight.contract %q1, %k "md,nd->mn" : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %o0 = flashlight.contract %s0, %k "mn,ne->me" : tensor<4x20xf32>, tensor<20x4xf32> -> tensor<4x4xf32>
  %o1 = flashlight.contract %s1, %k "mn,ne->me" : tensor<4x20xf32>, tensor<20x4xf32> -> tensor<4x4xf32>
  %o = flashlight.concat %o0, %o1 dim 0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %o, %s1 : tensor<8x4xf32>, tensor<4x20xf32>
}

// Unlike parts stay parts.
// CHECK-LABEL: @unlike
// CHECK: flashlight.concat
func.func @unlike(%q: tensor<8x4xf32>, %k: tensor<20x4xf32>) -> tensor<8x4xf32> {
  %q0 = flashlight.slice %q offsets [0, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %q1 = flashlight.slice %q offsets [4, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
  %s0 = flashlight.contract %q0, %k "md,nd->mn" : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %s1 = flashlight.contract %q1, %k "md,nd->mn" : tensor<4x4xf32>, tensor<20x4xf32> -> tensor<4x20xf32>
  %p0 = math.exp %s0 : tensor<4x20xf32>
  %p1 = math.tanh %s1 : tensor<4x20xf32>
  %o0 = flashlight.contract %p0, %k "mn,ne->me" : tensor<4x20xf32>, tensor<20x4xf32> -> tensor<4x4xf32>
  %o1 = flashlight.contract %p1, %k "mn,ne->me" : tensor<4x20xf32>, tensor<20x4xf32> -> tensor<4x4xf32>
  %o = flashlight.concat %o0, %o1 dim 0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %o : tensor<8x4xf32>
}

// Heads in a loop within a loop over the batch, in one list; two heads have one key.
// CHECK-LABEL: @grid
// CHECK: %[[Q:.*]] = flashlight.reshape %{{.*}} : tensor<2x2x8x4xf32> -> tensor<4x8x4xf32>
// CHECK: %[[B:.*]] = flashlight.broadcast %{{.*}} dims [0, 2, 3] : tensor<2x20x4xf32> -> tensor<2x2x20x4xf32>
// CHECK: %[[K:.*]] = flashlight.reshape %[[B]] : tensor<2x2x20x4xf32> -> tensor<4x20x4xf32>
// CHECK: %[[S:.*]] = flashlight.contract %[[Q]], %[[K]] "amd,and->amn"
// CHECK: flashlight.contract %[[S]], %[[K]] "amn,ane->ame"
// CHECK-NOT: flashlight.concat
func.func @grid(%q: tensor<2x2x8x4xf32>, %k: tensor<2x20x4xf32>) -> tensor<4x8x4xf32> {
  %b0 = flashlight.slice %q offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x2x8x4xf32> -> tensor<1x2x8x4xf32>
  %b1 = flashlight.slice %q offsets [1, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x2x8x4xf32> -> tensor<1x2x8x4xf32>
  %c0 = flashlight.reshape %b0 : tensor<1x2x8x4xf32> -> tensor<2x8x4xf32>
  %c1 = flashlight.reshape %b1 : tensor<1x2x8x4xf32> -> tensor<2x8x4xf32>
  %q0 = flashlight.slice %c0 offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %q1 = flashlight.slice %c0 offsets [1, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %q2 = flashlight.slice %c1 offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %q3 = flashlight.slice %c1 offsets [1, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %r0 = flashlight.reshape %q0 : tensor<1x8x4xf32> -> tensor<8x4xf32>
  %r1 = flashlight.reshape %q1 : tensor<1x8x4xf32> -> tensor<8x4xf32>
  %r2 = flashlight.reshape %q2 : tensor<1x8x4xf32> -> tensor<8x4xf32>
  %r3 = flashlight.reshape %q3 : tensor<1x8x4xf32> -> tensor<8x4xf32>
  %k0 = flashlight.slice %k offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x20x4xf32> -> tensor<1x20x4xf32>
  %k1 = flashlight.slice %k offsets [1, 0, 0] strides [1, 1, 1] : tensor<2x20x4xf32> -> tensor<1x20x4xf32>
  %l0 = flashlight.reshape %k0 : tensor<1x20x4xf32> -> tensor<20x4xf32>
  %l1 = flashlight.reshape %k1 : tensor<1x20x4xf32> -> tensor<20x4xf32>
  %s0 = flashlight.contract %r0, %l0 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %s1 = flashlight.contract %r1, %l0 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %s2 = flashlight.contract %r2, %l1 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %s3 = flashlight.contract %r3, %l1 "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %o0 = flashlight.contract %s0, %l0 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %o1 = flashlight.contract %s1, %l0 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %o2 = flashlight.contract %s2, %l1 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %o3 = flashlight.contract %s3, %l1 "mn,ne->me" : tensor<8x20xf32>, tensor<20x4xf32> -> tensor<8x4xf32>
  %u0 = flashlight.reshape %o0 : tensor<8x4xf32> -> tensor<1x8x4xf32>
  %u1 = flashlight.reshape %o1 : tensor<8x4xf32> -> tensor<1x8x4xf32>
  %u2 = flashlight.reshape %o2 : tensor<8x4xf32> -> tensor<1x8x4xf32>
  %u3 = flashlight.reshape %o3 : tensor<8x4xf32> -> tensor<1x8x4xf32>
  %o = flashlight.concat %u0, %u1, %u2, %u3 dim 0 : (tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>) -> tensor<4x8x4xf32>
  return %o : tensor<4x8x4xf32>
}

// A slope for each head.
// CHECK-LABEL: @slopes
// CHECK: %[[C:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK: flashlight.broadcast %[[C]] dims [0] : tensor<2xf32> -> tensor<2x1x8x20xf32>
// CHECK-NOT: flashlight.concat
func.func @slopes(%q: tensor<2x8x4xf32>, %k: tensor<20x4xf32>) -> tensor<2x8x4xf32> {
  %q0 = flashlight.slice %q offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %q1 = flashlight.slice %q offsets [1, 0, 0] strides [1, 1, 1] : tensor<2x8x4xf32> -> tensor<1x8x4xf32>
  %c0 = arith.constant dense<5.000000e-01> : tensor<f32>
  %c1 = arith.constant dense<2.500000e-01> : tensor<f32>
  %b0 = flashlight.broadcast %c0 dims [] : tensor<f32> -> tensor<1x8x20xf32>
  %b1 = flashlight.broadcast %c1 dims [] : tensor<f32> -> tensor<1x8x20xf32>
  %s0 = flashlight.contract %q0, %k "bmd,nd->bmn" : tensor<1x8x4xf32>, tensor<20x4xf32> -> tensor<1x8x20xf32>
  %s1 = flashlight.contract %q1, %k "bmd,nd->bmn" : tensor<1x8x4xf32>, tensor<20x4xf32> -> tensor<1x8x20xf32>
  %p0 = arith.mulf %s0, %b0 : tensor<1x8x20xf32>
  %p1 = arith.mulf %s1, %b1 : tensor<1x8x20xf32>
  %o0 = flashlight.contract %p0, %k "bmn,ne->bme" : tensor<1x8x20xf32>, tensor<20x4xf32> -> tensor<1x8x4xf32>
  %o1 = flashlight.contract %p1, %k "bmn,ne->bme" : tensor<1x8x20xf32>, tensor<20x4xf32> -> tensor<1x8x4xf32>
  %o = flashlight.concat %o0, %o1 dim 0 : (tensor<1x8x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8x4xf32>
  return %o : tensor<2x8x4xf32>
}
