// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// The gate of joined heads is read where head and value axis meet.
// CHECK-LABEL: @joined_heads
// CHECK: flashlight.kernel "kernel_0"
// CHECK: flashlight.read {{.*}} at affine_map<(m, b, e, n, d) -> (m, (b * 8) + e)>
// CHECK: flashlight.yield {{.*}} at [affine_map<(m, b, e, n, d) -> (m, (b * 8) + e)>]
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @joined_heads(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>, %v: tensor<2x20x8xf32>, %g: tensor<10x16xf32>) -> tensor<10x16xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x10x4xf32>, tensor<2x20x4xf32> -> tensor<2x10x20xf32>
  %p = math.exp %s : tensor<2x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x8xf32> -> tensor<2x10x8xf32>
  %t = flashlight.transpose %o [1, 0, 2] : tensor<2x10x8xf32> -> tensor<10x2x8xf32>
  %r = flashlight.reshape %t : tensor<10x2x8xf32> -> tensor<10x16xf32>
  %x = arith.mulf %r, %g : tensor<10x16xf32>
  return %x : tensor<10x16xf32>
}

// Two dims that went through the attention as one are two axes of the kernel.
// CHECK-LABEL: @split_batch
// CHECK: flashlight.kernel "kernel_0" axes(b = 3, h = 2, m = 10, e = 8, n = 20, d = 4)
// CHECK: flashlight.read {{.*}} -> (h + (b * 2), m, d)>
// CHECK: flashlight.read {{.*}} -> (b, h, m, e)>
func.func @split_batch(%q: tensor<6x10x4xf32>, %k: tensor<6x20x4xf32>, %v: tensor<6x20x8xf32>, %g: tensor<3x2x10x8xf32>) -> tensor<3x2x10x8xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<6x10x4xf32>, tensor<6x20x4xf32> -> tensor<6x10x20xf32>
  %p = math.exp %s : tensor<6x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<6x10x20xf32>, tensor<6x20x8xf32> -> tensor<6x10x8xf32>
  %r = flashlight.reshape %o : tensor<6x10x8xf32> -> tensor<3x2x10x8xf32>
  %x = arith.mulf %r, %g : tensor<3x2x10x8xf32>
  return %x : tensor<3x2x10x8xf32>
}

// Rows stay one axis: a tile has many of them.
// CHECK-LABEL: @split_rows
// CHECK: flashlight.kernel
// CHECK: flashlight.yield
// CHECK: arith.mulf
func.func @split_rows(%q: tensor<6x10x4xf32>, %k: tensor<6x20x4xf32>, %v: tensor<6x20x8xf32>, %g: tensor<6x5x2x8xf32>) -> tensor<6x5x2x8xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<6x10x4xf32>, tensor<6x20x4xf32> -> tensor<6x10x20xf32>
  %p = math.exp %s : tensor<6x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<6x10x20xf32>, tensor<6x20x8xf32> -> tensor<6x10x8xf32>
  %r = flashlight.reshape %o : tensor<6x10x8xf32> -> tensor<6x5x2x8xf32>
  %x = arith.mulf %r, %g : tensor<6x5x2x8xf32>
  return %x : tensor<6x5x2x8xf32>
}

// The queries again, as a residual: what they are read at for the scores is another index.
// CHECK-LABEL: @queries_twice
// CHECK-NEXT: flashlight.kernel {{.*}} = %arg0, {{.*}} = %arg1, {{.*}} = %arg2
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK-NEXT: flashlight.yield %[[SUM]]
// CHECK-NOT: arith.addf
func.func @queries_twice(%q: tensor<10x8xf32>, %k: tensor<20x8xf32>, %v: tensor<20x8xf32>) -> tensor<10x8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %x = arith.addf %q, %o : tensor<10x8xf32>
  return %x : tensor<10x8xf32>
}

// Two parts of the keys: the scores of each are one kernel's, however few there are.
// CHECK-LABEL: @two_parts
// CHECK-NOT: flashlight.contract %arg0
// CHECK-COUNT-2: flashlight.kernel
func.func @two_parts(%q: tensor<10x8xf32>, %k: tensor<20x8xf32>, %l: tensor<30x8xf32>, %v: tensor<20x8xf32>, %w: tensor<30x8xf32>) -> tensor<10x8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %t = flashlight.contract %q, %l "md,nd->mn" : tensor<10x8xf32>, tensor<30x8xf32> -> tensor<10x30xf32>
  %a = flashlight.reduce sum %s dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %b = flashlight.reduce sum %t dims [1] : tensor<10x30xf32> -> tensor<10xf32>
  %n = arith.addf %a, %b : tensor<10xf32>
  %o = flashlight.contract %s, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %u = flashlight.contract %t, %w "mn,ne->me" : tensor<10x30xf32>, tensor<30x8xf32> -> tensor<10x8xf32>
  %x = arith.addf %o, %u : tensor<10x8xf32>
  %d = flashlight.broadcast %n dims [0] : tensor<10xf32> -> tensor<10x8xf32>
  %y = arith.divf %x, %d : tensor<10x8xf32>
  return %y : tensor<10x8xf32>
}
