// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// Weights that are summed over heads: rows and keys are kept, the heads are swept, and the maximum
// and the sum of a row come from the kernel that owns them.
// CHECK-LABEL: @mean_over_heads
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
func.func @grouped(%q: tensor<2x3x40x8xf32>, %k: tensor<2x50x8xf32>) -> tensor<40x50xf32> {
  %s = flashlight.contract %q, %k "gimd,gnd->gimn" : tensor<2x3x40x8xf32>, tensor<2x50x8xf32> -> tensor<2x3x40x50xf32>
  %p = math.absf %s : tensor<2x3x40x50xf32>
  %sum = flashlight.reduce sum %p dims [0, 1] : tensor<2x3x40x50xf32> -> tensor<40x50xf32>
  return %sum : tensor<40x50xf32>
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
