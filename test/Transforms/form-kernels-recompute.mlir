// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s --check-prefixes=CHECK,CPU
// RUN: flashlight-opt %s --flashlight-form-kernels="target=cuda arch=90" | FileCheck %s --check-prefixes=CHECK,GPU

// What follows from keys alone is computed in the kernel, again for every block of 64 rows, or made
// once: whatever costs the target less (docs/cost.md, "Recomputation").

// Once is once.
// CHECK-LABEL: @few_rows
// CHECK-NEXT: flashlight.kernel {{.*}} = %arg1, {{.*}} = %arg2
func.func @few_rows(%q: tensor<64x64xf32>, %k: tensor<2048x64xf32>, %c: tensor<2048x64xf32>, %v: tensor<2048x8xf32>) -> tensor<64x8xf32> {
  %t = arith.mulf %k, %c : tensor<2048x64xf32>
  %s = flashlight.contract %q, %t "md,nd->mn" : tensor<64x64xf32>, tensor<2048x64xf32> -> tensor<64x2048xf32>
  %p = math.exp %s : tensor<64x2048xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<64x2048xf32>, tensor<2048x8xf32> -> tensor<64x8xf32>
  return %o : tensor<64x8xf32>
}

// A table that turns keys is read as often as these. A GPU loads it 64 times in less time than
// another launch takes.
// CHECK-LABEL: @many_rows
// CPU: %[[T:.*]] = arith.mulf %arg1, %arg2
// CPU: flashlight.kernel {{.*}} = %[[T]]
// GPU-NEXT: flashlight.kernel {{.*}} = %arg1, {{.*}} = %arg2
func.func @many_rows(%q: tensor<4096x64xf32>, %k: tensor<2048x64xf32>, %c: tensor<2048x64xf32>, %v: tensor<2048x8xf32>) -> tensor<4096x8xf32> {
  %t = arith.mulf %k, %c : tensor<2048x64xf32>
  %s = flashlight.contract %q, %t "md,nd->mn" : tensor<4096x64xf32>, tensor<2048x64xf32> -> tensor<4096x2048xf32>
  %p = math.exp %s : tensor<4096x2048xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<4096x2048xf32>, tensor<2048x8xf32> -> tensor<4096x8xf32>
  return %o : tensor<4096x8xf32>
}

// Not so where 64 heads have keys of their own: the launch is the same, the reading is not.
// CHECK-LABEL: @many_heads
// CHECK: %[[T:.*]] = arith.mulf %arg1, %arg2
// CHECK: flashlight.kernel {{.*}} = %[[T]]
func.func @many_heads(%q: tensor<64x4096x64xf32>, %k: tensor<64x2048x64xf32>, %c: tensor<64x2048x64xf32>, %v: tensor<64x2048x8xf32>) -> tensor<64x4096x8xf32> {
  %t = arith.mulf %k, %c : tensor<64x2048x64xf32>
  %s = flashlight.contract %q, %t "hmd,hnd->hmn" : tensor<64x4096x64xf32>, tensor<64x2048x64xf32> -> tensor<64x4096x2048xf32>
  %p = math.exp %s : tensor<64x4096x2048xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<64x4096x2048xf32>, tensor<64x2048x8xf32> -> tensor<64x4096x8xf32>
  return %o : tensor<64x4096x8xf32>
}

// Rows that 64 heads share the keys with count like rows of their own.
// CHECK-LABEL: @shared_keys
// CPU: arith.mulf %arg1, %arg2
// CHECK: flashlight.kernel
// CHECK: return
func.func @shared_keys(%q: tensor<64x64x64xf32>, %k: tensor<2048x64xf32>, %c: tensor<2048x64xf32>, %v: tensor<2048x8xf32>) -> tensor<64x64x8xf32> {
  %t = arith.mulf %k, %c : tensor<2048x64xf32>
  %u = flashlight.broadcast %t dims [1, 2] : tensor<2048x64xf32> -> tensor<64x2048x64xf32>
  %w = flashlight.broadcast %v dims [1, 2] : tensor<2048x8xf32> -> tensor<64x2048x8xf32>
  %s = flashlight.contract %q, %u "hmd,hnd->hmn" : tensor<64x64x64xf32>, tensor<64x2048x64xf32> -> tensor<64x64x2048xf32>
  %p = math.exp %s : tensor<64x64x2048xf32>
  %o = flashlight.contract %p, %w "hmn,hne->hme" : tensor<64x64x2048xf32>, tensor<64x2048x8xf32> -> tensor<64x64x8xf32>
  return %o : tensor<64x64x8xf32>
}

// Keys that the program returns are in memory anyway.
// CHECK-LABEL: @returned_keys
// CHECK: %[[T:.*]] = arith.mulf %arg1, %arg2
// CHECK: flashlight.kernel {{.*}} = %[[T]]
func.func @returned_keys(%q: tensor<64x64xf32>, %k: tensor<2048x64xf32>, %c: tensor<2048x64xf32>, %v: tensor<2048x8xf32>) -> (tensor<64x8xf32>, tensor<2048x64xf32>) {
  %t = arith.mulf %k, %c : tensor<2048x64xf32>
  %s = flashlight.contract %q, %t "md,nd->mn" : tensor<64x64xf32>, tensor<2048x64xf32> -> tensor<64x2048xf32>
  %p = math.exp %s : tensor<64x2048xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<64x2048xf32>, tensor<2048x8xf32> -> tensor<64x8xf32>
  return %o, %t : tensor<64x8xf32>, tensor<2048x64xf32>
}

// A cast to a narrower type halves what is read in every block of rows; to a wider one it saves
// reading.
// CHECK-LABEL: @narrowed
// CPU: arith.truncf %arg1
// CHECK: flashlight.kernel
func.func @narrowed(%q: tensor<4096x64xbf16>, %k: tensor<2048x64xf32>, %v: tensor<2048x8xbf16>) -> tensor<4096x8xf32> {
  %t = arith.truncf %k : tensor<2048x64xf32> to tensor<2048x64xbf16>
  %s = flashlight.contract %q, %t "md,nd->mn" : tensor<4096x64xbf16>, tensor<2048x64xbf16> -> tensor<4096x2048xf32>
  %p = math.exp %s : tensor<4096x2048xf32>
  %h = arith.truncf %p : tensor<4096x2048xf32> to tensor<4096x2048xbf16>
  %o = flashlight.contract %h, %v "mn,ne->me" : tensor<4096x2048xbf16>, tensor<2048x8xbf16> -> tensor<4096x8xf32>
  return %o : tensor<4096x8xf32>
}

// CHECK-LABEL: @widened
// CHECK-NEXT: flashlight.kernel {{.*}} = %arg1
func.func @widened(%q: tensor<4096x64xf32>, %k: tensor<2048x64xbf16>, %v: tensor<2048x8xf32>) -> tensor<4096x8xf32> {
  %t = arith.extf %k : tensor<2048x64xbf16> to tensor<2048x64xf32>
  %s = flashlight.contract %q, %t "md,nd->mn" : tensor<4096x64xf32>, tensor<2048x64xf32> -> tensor<4096x2048xf32>
  %p = math.exp %s : tensor<4096x2048xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<4096x2048xf32>, tensor<2048x8xf32> -> tensor<4096x8xf32>
  return %o : tensor<4096x8xf32>
}
