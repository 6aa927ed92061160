// RUN: flashlight-opt %s --flashlight-expand-math | FileCheck %s

// CHECK-LABEL: func.func @exp
// CHECK-NOT: math.exp
// CHECK: arith.cmpf ogt
// CHECK: arith.shli {{.*}} : vector<16xi32>
// CHECK: return
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %r = math.exp %x : vector<16xf32>
  return %r : vector<16xf32>
}

// Half types go through f32.
// CHECK-LABEL: func.func @half
// CHECK: arith.extf
// CHECK-NOT: math.tanh
// CHECK: arith.truncf
func.func @half(%x: vector<8xbf16>) -> vector<8xbf16> {
  %r = math.tanh %x : vector<8xbf16>
  return %r : vector<8xbf16>
}

// Sines are reduced in f64; an element beyond its reach calls the C library.
// CHECK-LABEL: func.func @sine
// CHECK: %[[ANY:.*]] = vector.reduction <or>
// CHECK: math.fma {{.*}} : vector<4xf64>
// CHECK: scf.if %[[ANY]]
// CHECK-COUNT-4: math.sin %{{.*}} : f32
func.func @sine(%x: vector<4xf32>) -> vector<4xf32> {
  %r = math.sin %x : vector<4xf32>
  return %r : vector<4xf32>
}

// CHECK-LABEL: func.func @power
// CHECK-NOT: math.powf
// CHECK: math.fma {{.*}} : vector<4xf64>
// CHECK: return
func.func @power(%x: vector<4xf32>, %y: vector<4xf32>) -> vector<4xf32> {
  %r = math.powf %x, %y : vector<4xf32>
  return %r : vector<4xf32>
}

// What only the C library has is called once an element.
// CHECK-LABEL: func.func @library
// CHECK-COUNT-4: math.atan %{{.*}} : f32
// CHECK: vector.from_elements
func.func @library(%x: vector<4xf32>) -> vector<4xf32> {
  %r = math.atan %x : vector<4xf32>
  return %r : vector<4xf32>
}
