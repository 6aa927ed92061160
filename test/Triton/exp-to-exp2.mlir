// RUN: flashlight-opt %s --flashlight-exp-to-exp2 --canonicalize --cse --split-input-file | FileCheck %s

#tile = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i) -> (i)>

// exp(c x - y), y = c y0: F = c log2(e) = 0.180336878 for c = 1/8. The scaling of the tile is gone.
//   exp2(fma(x, F, -(F y0))), and F = 1/8 where |y| >= 2^31

// CHECK-LABEL: func.func @scaled
// CHECK-DAG: %[[F:.*]] = arith.constant dense<0.180336878> : tensor<16xf32>
// CHECK-DAG: %[[C:.*]] = arith.constant dense<1.250000e-01> : tensor<16xf32>
// CHECK: %[[X:.*]] = flashlight.load
// CHECK: %[[MAX:.*]] = flashlight.reduce  max %[[X]]
// CHECK: %[[Y:.*]] = arith.mulf %[[MAX]], %[[C]]
// CHECK: %[[SIZE:.*]] = math.absf %[[Y]]
// CHECK: %[[COMMON:.*]] = arith.cmpf olt, %[[SIZE]]
// CHECK: %[[FACTOR:.*]] = arith.select %[[COMMON]], %[[F]], %[[C]]
// CHECK: arith.mulf %[[MAX]], %[[FACTOR]]
// CHECK: %[[FMA:.*]] = math.fma %[[X]],
// CHECK: math.exp2 %[[FMA]]
// CHECK-NOT: math.exp %
func.func @scaled(%in: memref<16x32xf32, strided<[32, 1]>>, %out: memref<16x32xf32, strided<[32, 1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c = arith.constant dense<0.125> : tensor<16x32xf32>
  %x = flashlight.load %in[%c0, %c0] map #tile : memref<16x32xf32, strided<[32, 1]>> -> tensor<16x32xf32>
  %s = arith.mulf %x, %c : tensor<16x32xf32>
  %y = flashlight.reduce max %s dims [1] : tensor<16x32xf32> -> tensor<16xf32>
  %b = flashlight.broadcast %y dims [0] : tensor<16xf32> -> tensor<16x32xf32>
  %d = arith.subf %s, %b : tensor<16x32xf32>
  %p = math.exp %d : tensor<16x32xf32>
  flashlight.store %p, %out[%c0, %c0] map #tile : tensor<16x32xf32>, memref<16x32xf32, strided<[32, 1]>>
  return
}

// -----

#tile = affine_map<(i, j) -> (i, j)>

// A masking -inf is c times -inf, exactly; the lowest float is not 1/8 of a float: there the scaling
// stays in front of the select.

// CHECK-LABEL: func.func @masked
// CHECK: %[[X:.*]] = flashlight.load
// CHECK: %[[MASKED:.*]] = arith.select %{{.*}}, %[[X]], %{{.*}}
// CHECK: flashlight.reduce  max %[[MASKED]]
// CHECK: math.fma %[[MASKED]]
// CHECK: %[[S:.*]] = arith.mulf %[[X]]
// CHECK: %[[FILLED:.*]] = arith.select %{{.*}}, %[[S]], %{{.*}}
// CHECK: math.fma %[[FILLED]]
func.func @masked(%in: memref<16x32xf32, strided<[32, 1]>>, %out: memref<16x32xf32, strided<[32, 1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c = arith.constant dense<0.125> : tensor<16x32xf32>
  %inf = arith.constant dense<0xFF800000> : tensor<16x32xf32>
  %low = arith.constant dense<-3.40282347E+38> : tensor<16x32xf32>
  %zero = arith.constant dense<0.0> : tensor<16x32xf32>
  %x = flashlight.load %in[%c0, %c0] map #tile : memref<16x32xf32, strided<[32, 1]>> -> tensor<16x32xf32>
  %keep = arith.cmpf ogt, %x, %zero : tensor<16x32xf32>
  %s0 = arith.mulf %x, %c : tensor<16x32xf32>
  %s = arith.select %keep, %s0, %inf : tensor<16x32xi1>, tensor<16x32xf32>
  %y = flashlight.reduce max %s dims [1] : tensor<16x32xf32> -> tensor<16xf32>
  %b = flashlight.broadcast %y dims [0] : tensor<16xf32> -> tensor<16x32xf32>
  %d = arith.subf %s, %b : tensor<16x32xf32>
  %p = math.exp %d : tensor<16x32xf32>
  flashlight.store %p, %out[%c0, %c0] map #tile : tensor<16x32xf32>, memref<16x32xf32, strided<[32, 1]>>
  %t0 = arith.mulf %x, %c : tensor<16x32xf32>
  %t = arith.select %keep, %t0, %low : tensor<16x32xi1>, tensor<16x32xf32>
  %z = flashlight.reduce max %t dims [1] : tensor<16x32xf32> -> tensor<16xf32>
  %zb = flashlight.broadcast %z dims [0] : tensor<16xf32> -> tensor<16x32xf32>
  %e = arith.subf %t, %zb : tensor<16x32xf32>
  %r = math.exp %e : tensor<16x32xf32>
  flashlight.store %r, %out[%c0, %c0] map #tile : tensor<16x32xf32>, memref<16x32xf32, strided<[32, 1]>>
  return
}

// -----

#tile = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i) -> (i)>

// A loop that carries max(old, c x) carries max(old, x); the scaling comes after it.

// CHECK-LABEL: func.func @loop
// CHECK: %[[LOOP:.*]] = scf.for {{.*}} iter_args(%[[OLD:.*]] = %{{.*}})
// CHECK: %[[MAX:.*]] = flashlight.reduce  max
// CHECK: %[[NEW:.*]] = arith.maximumf %[[OLD]], %[[MAX]]
// CHECK: scf.yield %[[NEW]]
// CHECK: %[[SCALED:.*]] = arith.mulf %[[LOOP]]
// CHECK: flashlight.store %[[SCALED]]
func.func @loop(%in: memref<16x128xf32, strided<[128, 1]>>, %out: memref<16xf32, strided<[1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %c = arith.constant dense<0.3> : tensor<16x32xf32>
  %init = arith.constant dense<0xFF800000> : tensor<16xf32>
  %m = scf.for %n = %c0 to %c128 step %c32 iter_args(%old = %init) -> (tensor<16xf32>) {
    %x = flashlight.load %in[%c0, %n] map #tile : memref<16x128xf32, strided<[128, 1]>> -> tensor<16x32xf32>
    %s = arith.mulf %x, %c : tensor<16x32xf32>
    %y = flashlight.reduce max %s dims [1] : tensor<16x32xf32> -> tensor<16xf32>
    %new = arith.maximumf %old, %y : tensor<16xf32>
    scf.yield %new : tensor<16xf32>
  }
  flashlight.store %m, %out[%c0] map #row : tensor<16xf32>, memref<16xf32, strided<[1]>>
  return
}

// -----

#tile = affine_map<(i, j) -> (i, j)>

// 0.3 is no power of two, and the row's value does not have it as a factor: it stays.

// CHECK-LABEL: func.func @unmatched_scale
// CHECK: %[[S:.*]] = arith.mulf
// CHECK: math.fma %[[S]]
func.func @unmatched_scale(%in: memref<16x32xf32, strided<[32, 1]>>, %rows: memref<16xf32, strided<[1]>>,
                           %out: memref<16x32xf32, strided<[32, 1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c = arith.constant dense<0.3> : tensor<16x32xf32>
  %x = flashlight.load %in[%c0, %c0] map #tile : memref<16x32xf32, strided<[32, 1]>> -> tensor<16x32xf32>
  %y = flashlight.load %rows[%c0] map affine_map<(i) -> (i)> : memref<16xf32, strided<[1]>> -> tensor<16xf32>
  %s = arith.mulf %x, %c : tensor<16x32xf32>
  %b = flashlight.broadcast %y dims [0] : tensor<16xf32> -> tensor<16x32xf32>
  %d = arith.subf %s, %b : tensor<16x32xf32>
  %p = math.exp %d : tensor<16x32xf32>
  flashlight.store %p, %out[%c0, %c0] map #tile : tensor<16x32xf32>, memref<16x32xf32, strided<[32, 1]>>
  return
}
