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
