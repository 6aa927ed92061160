// RUN: flashlight-opt %s --flashlight-to-kernel | FileCheck %s

// sum_n select(m >= n, x, 0): zeros change no sum. (The pipeline derives the stream first.)
// CHECK-LABEL: @causal_sum
// CHECK: keep = [#[[CAUSAL:.*]]]
// CHECK: arith.cmpi sge, {{.*}} {flashlight.inside = true}

// A fill that is no identity of the sum keeps every block.
// CHECK-LABEL: @filled_sum
// CHECK-NOT: keep
// CHECK-NOT: flashlight.inside
// CHECK: return
func.func @causal_sum(%q: tensor<16x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x4xf32>) -> tensor<16x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<16x4xf32>, tensor<16x4xf32> -> tensor<16x16xf32>
  %i = flashlight.iota : tensor<16xi64>
  %im = flashlight.broadcast %i dims [0] : tensor<16xi64> -> tensor<16x16xi64>
  %in = flashlight.broadcast %i dims [1] : tensor<16xi64> -> tensor<16x16xi64>
  %c = arith.cmpi sge, %im, %in : tensor<16x16xi64>
  %z = arith.constant dense<0.0> : tensor<16x16xf32>
  %p = arith.select %c, %s, %z : tensor<16x16xi1>, tensor<16x16xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<16x16xf32>, tensor<16x4xf32> -> tensor<16x4xf32>
  return %o : tensor<16x4xf32>
}

func.func @filled_sum(%q: tensor<16x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x4xf32>) -> tensor<16x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<16x4xf32>, tensor<16x4xf32> -> tensor<16x16xf32>
  %i = flashlight.iota : tensor<16xi64>
  %im = flashlight.broadcast %i dims [0] : tensor<16xi64> -> tensor<16x16xi64>
  %in = flashlight.broadcast %i dims [1] : tensor<16xi64> -> tensor<16x16xi64>
  %c = arith.cmpi sge, %im, %in : tensor<16x16xi64>
  %z = arith.constant dense<0.5> : tensor<16x16xf32>
  %p = arith.select %c, %s, %z : tensor<16x16xi1>, tensor<16x16xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<16x16xf32>, tensor<16x4xf32> -> tensor<16x4xf32>
  return %o : tensor<16x4xf32>
}
