// RUN: flashlight-opt %s --flashlight-exp-to-exp2 --canonicalize --cse --split-input-file | FileCheck %s

#tile = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i) -> (i)>

// exp(c x - c y) = exp2((x - y) (c log2(e))): 0.180336878 for c = 1/8.

// CHECK-LABEL: func.func @scaled
// CHECK-DAG: %[[F:.*]] = arith.constant dense<0.180336878> : tensor<16x32xf32>
// CHECK: %[[X:.*]] = flashlight.load
// CHECK: %[[MAX:.*]] = flashlight.reduce  max %[[X]]
// CHECK: %[[Y:.*]] = flashlight.broadcast %[[MAX]]
// CHECK: %[[D:.*]] = arith.subf %[[X]], %[[Y]]
// CHECK: %[[E:.*]] = arith.mulf %[[D]], %[[F]]
// CHECK: math.exp2 %[[E]]
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
// CHECK: arith.subf %[[MASKED]]
// CHECK: math.exp2
// CHECK: %[[S:.*]] = arith.mulf %[[X]]
// CHECK: %[[FILLED:.*]] = arith.select %{{.*}}, %[[S]], %{{.*}}
// CHECK: %[[ROW:.*]] = flashlight.reduce  max %[[FILLED]]
// CHECK: arith.subf %[[FILLED]]
// CHECK: math.exp %
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

// The row's value does not have the factor: the exponential stays.

// CHECK-LABEL: func.func @unmatched_scale
// CHECK: %[[S:.*]] = arith.mulf
// CHECK: arith.subf %[[S]]
// CHECK: math.exp %
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

// -----

#row = affine_map<(i) -> (i)>

// Corrections have the form exp((-c x) - (-c y)); a factor above 1 could overflow where x - y does not.

// CHECK-LABEL: func.func @correction
// CHECK: %[[X:.*]] = flashlight.load
// CHECK: %[[Y:.*]] = flashlight.load
// CHECK: %[[D:.*]] = arith.subf %[[Y]], %[[X]]
// CHECK: %[[E:.*]] = arith.mulf %[[D]]
// CHECK: math.exp2 %[[E]]
// CHECK: math.exp %
func.func @correction(%in: memref<64xf32, strided<[1]>>, %out: memref<32xf32, strided<[1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c = arith.constant dense<0.3> : tensor<32xf32>
  %large = arith.constant dense<3.0> : tensor<32xf32>
  %x = flashlight.load %in[%c0] map #row : memref<64xf32, strided<[1]>> -> tensor<32xf32>
  %y = flashlight.load %in[%c32] map #row : memref<64xf32, strided<[1]>> -> tensor<32xf32>
  %xs = arith.mulf %x, %c : tensor<32xf32>
  %ys = arith.mulf %y, %c : tensor<32xf32>
  %nx = arith.negf %xs : tensor<32xf32>
  %ny = arith.negf %ys : tensor<32xf32>
  %d = arith.subf %nx, %ny : tensor<32xf32>
  %p = math.exp %d : tensor<32xf32>
  flashlight.store %p, %out[%c0] map #row : tensor<32xf32>, memref<32xf32, strided<[1]>>
  %xl = arith.mulf %x, %large : tensor<32xf32>
  %yl = arith.mulf %y, %large : tensor<32xf32>
  %e = arith.subf %xl, %yl : tensor<32xf32>
  %q = math.exp %e : tensor<32xf32>
  flashlight.store %q, %out[%c0] map #row : tensor<32xf32>, memref<32xf32, strided<[1]>>
  return
}
