// RUN: flashlight-opt %s --flashlight-tile-to-linalg --flashlight-bufferize-tiles --split-input-file | FileCheck %s

// The accumulator is scaled and added to where it lies: two places, no move.
// CHECK-LABEL: func.func @in_place
// CHECK-SAME: %[[PID:.*]]: index, %[[SCRATCH:.*]]: memref<{{[0-9]+}}xi8>)
// CHECK-COUNT-2: memref.view %[[SCRATCH]][{{.*}} to memref<16x16xf32>
// CHECK-NOT: memref.view
// CHECK: scf.for %{{.*}} = %{{.*}} to %c9 step
// CHECK-NEXT: linalg.generic
// CHECK-SAME: ins(%[[ACC:[a-z0-9_]*]] : {{.*}}) outs(%[[ACC]] :
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[X:[a-z0-9_]*]], %[[X]] : {{.*}}) outs(%[[ACC]] :
// CHECK-NOT: linalg.generic
// CHECK: return
// CHECK-NOT: flashlight.program_id
!m = memref<16x16xf32, strided<[?, ?], offset: ?>>
func.func @in_place(%x: !m, %o: !m {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %pid = flashlight.program_id
  %t = flashlight.load %x[%pid, %c0] map affine_map<(i, j) -> (i, j)> : !m -> tensor<16x16xf32>
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %r = scf.for %i = %c0 to %c9 step %c1 iter_args(%acc = %zero) -> (tensor<16x16xf32>) {
    %s = arith.mulf %acc, %acc : tensor<16x16xf32>
    %n = flashlight.contract %t, %t into %s "ab,bc->ac" : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    scf.yield %n : tensor<16x16xf32>
  }
  flashlight.store %r, %o[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<16x16xf32>, !m
  return
}

// -----

// Half types are f32 in the buffer; widening them is nothing, rounding to them is kept.
// CHECK-LABEL: func.func @half
// CHECK: memref.view {{.*}} to memref<16xf32>
// CHECK: vector.load {{.*}} vector<16xbf16>
// CHECK: arith.extf {{.*}} vector<16xbf16> to vector<16xf32>
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[IN]], %[[IN]]
// CHECK-NEXT: %[[N:.*]] = arith.truncf %[[SUM]] : f32 to bf16
// CHECK-NEXT: arith.extf %[[N]] : bf16 to f32
// CHECK: arith.truncf {{.*}} vector<16xf32> to vector<16xbf16>
// CHECK: vector.store
!h = memref<16xbf16, strided<[?], offset: ?>>
func.func @half(%x: !h, %o: !h {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %t = flashlight.load %x[%c0] map affine_map<(i) -> (i)> : !h -> tensor<16xbf16>
  %w = arith.extf %t : tensor<16xbf16> to tensor<16xf32>
  %s = arith.addf %w, %w : tensor<16xf32>
  %n = arith.truncf %s : tensor<16xf32> to tensor<16xbf16>
  flashlight.store %n, %o[%c0] map affine_map<(i) -> (i)> : tensor<16xbf16>, !h
  return
}
