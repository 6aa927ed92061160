// RUN: flashlight-opt %s --flashlight-tile-to-linalg --split-input-file | FileCheck %s

// The scale and the row maximum share one loop; the broadcast is a map, the constant a scalar.
// CHECK-DAG: #[[FULL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @scores
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: math.fma
// CHECK: linalg.generic {indexing_maps = [#[[FULL]], #[[FULL]], #[[ROW]]], iterator_types = ["reduction", "parallel"]}
// CHECK: %[[S:.*]] = arith.mulf
// CHECK: arith.maximumf %{{.*}}, %[[S]]
// A use of the maximum needs all of it: another loop, with the sum.
// CHECK: linalg.generic {indexing_maps = [#[[FULL]], #[[ROW]], #[[FULL]], #[[ROW]]], iterator_types = ["reduction", "parallel"]}
// CHECK: math.exp
// CHECK: arith.addf
// CHECK-NOT: flashlight.broadcast
!k = memref<64x16xf32, strided<[?, ?], offset: ?>>
!q = memref<16x32xf32, strided<[?, ?], offset: ?>>
!p = memref<64x32xf32, strided<[?, ?], offset: ?>>
!l = memref<32xf32, strided<[?], offset: ?>>
func.func @scores(%k: !k, %q: !q, %p: !p {flashlight.output}, %l: !l {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 32 by 32>]} {
  %c0 = arith.constant 0 : index
  %scale = arith.constant dense<0.25> : tensor<64x32xf32>
  %kt = flashlight.load %k[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !k -> tensor<64x16xf32>
  %qt = flashlight.load %q[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !q -> tensor<16x32xf32>
  %dot = flashlight.contract %kt, %qt "nd,dm->nm" : tensor<64x16xf32>, tensor<16x32xf32> -> tensor<64x32xf32>
  %s = arith.mulf %dot, %scale : tensor<64x32xf32>
  %max = flashlight.reduce max %s dims [0] : tensor<64x32xf32> -> tensor<32xf32>
  %maxb = flashlight.broadcast %max dims [1] : tensor<32xf32> -> tensor<64x32xf32>
  %d = arith.subf %s, %maxb : tensor<64x32xf32>
  %e = math.exp %d : tensor<64x32xf32>
  %sum = flashlight.reduce sum %e dims [0] : tensor<64x32xf32> -> tensor<32xf32>
  flashlight.store %e, %p[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<64x32xf32>, !p
  flashlight.store %sum, %l[%c0] map affine_map<(i) -> (i)> : tensor<32xf32>, !l
  return
}

// -----

// The store of %a stays before the load, and the sum after it.
// CHECK-LABEL: func.func @order
!m = memref<16xi64, strided<[?], offset: ?>>
func.func @order(%x: !m, %y: !m {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %i = flashlight.iota : tensor<16xi64>
  // CHECK: linalg.index 0
  // CHECK: flashlight.store
  // CHECK: flashlight.load
  // CHECK: linalg.generic
  %a = arith.addi %i, %i : tensor<16xi64>
  flashlight.store %a, %y[%c0] map affine_map<(i) -> (i)> : tensor<16xi64>, !m
  %t = flashlight.load %x[%c0] map affine_map<(i) -> (i)> : !m -> tensor<16xi64>
  %b = arith.addi %a, %t : tensor<16xi64>
  flashlight.store %b, %y[%c0] map affine_map<(i) -> (i)> : tensor<16xi64>, !m
  return
}

// -----

// What only a product takes is not rounded for it.
// CHECK-LABEL: func.func @unrounded
// CHECK: %[[E:.*]] = linalg.generic
// CHECK: math.exp
// CHECK-NOT: arith.truncf
// CHECK: linalg.generic {{.*}} ins(%[[E]], %{{.*}} : tensor<16x16xf32>, tensor<16x16xbf16>)
!h = memref<16x16xbf16, strided<[?, ?], offset: ?>>
!f = memref<16x16xf32, strided<[?, ?], offset: ?>>
func.func @unrounded(%x: !f, %v: !h, %y: !f {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %xt = flashlight.load %x[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !f -> tensor<16x16xf32>
  %vt = flashlight.load %v[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !h -> tensor<16x16xbf16>
  %e = math.exp %xt : tensor<16x16xf32>
  %p = arith.truncf %e : tensor<16x16xf32> to tensor<16x16xbf16>
  %o = flashlight.contract %p, %vt "mn,ne->me" : tensor<16x16xbf16>, tensor<16x16xbf16> -> tensor<16x16xf32>
  flashlight.store %o, %y[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<16x16xf32>, !f
  return
}

// -----

// What is stored, too, is rounded for both.
// CHECK-LABEL: func.func @rounded
// CHECK: arith.truncf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<16x16xbf16>, tensor<16x16xbf16>)
!h = memref<16x16xbf16, strided<[?, ?], offset: ?>>
!f = memref<16x16xf32, strided<[?, ?], offset: ?>>
func.func @rounded(%x: !f, %v: !h, %y: !f {flashlight.output}, %z: !h {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %xt = flashlight.load %x[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !f -> tensor<16x16xf32>
  %vt = flashlight.load %v[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !h -> tensor<16x16xbf16>
  %e = math.exp %xt : tensor<16x16xf32>
  %p = arith.truncf %e : tensor<16x16xf32> to tensor<16x16xbf16>
  %o = flashlight.contract %p, %vt "mn,ne->me" : tensor<16x16xbf16>, tensor<16x16xbf16> -> tensor<16x16xf32>
  flashlight.store %o, %y[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<16x16xf32>, !f
  flashlight.store %p, %z[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<16x16xbf16>, !h
  return
}

// -----

// Nor where zero stands beyond the end of a stream.
// CHECK-LABEL: func.func @unrounded_within
// CHECK-NOT: arith.truncf
// CHECK: arith.select {{.*}} : f32
// CHECK-NOT: arith.truncf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<16x16xf32>, tensor<16x16xbf16>)
!h = memref<16x16xbf16, strided<[?, ?], offset: ?>>
!f = memref<16x16xf32, strided<[?, ?], offset: ?>>
func.func @unrounded_within(%x: !f, %v: !h, %y: !f {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 16 by 16>]} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<16x16xbf16>
  %one = arith.constant dense<1.0> : tensor<16x16xf32>
  %xt = flashlight.load %x[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !f -> tensor<16x16xf32>
  %vt = flashlight.load %v[%c0, %c0] map affine_map<(i, j) -> (i, j)> : !h -> tensor<16x16xbf16>
  %e = math.exp %xt : tensor<16x16xf32>
  %p = arith.truncf %e : tensor<16x16xf32> to tensor<16x16xbf16>
  %within = arith.cmpf olt, %xt, %one : tensor<16x16xf32>
  %w = arith.select %within, %p, %zero : tensor<16x16xi1>, tensor<16x16xbf16>
  %o = flashlight.contract %w, %vt "mn,ne->me" : tensor<16x16xbf16>, tensor<16x16xbf16> -> tensor<16x16xf32>
  flashlight.store %o, %y[%c0, %c0] map affine_map<(i, j) -> (i, j)> : tensor<16x16xf32>, !f
  return
}
