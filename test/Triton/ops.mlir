// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// Every op of the exit dialect in the form that Triton's own parser reads: the conformance test
// gives this file to it as it stands.

// CHECK-LABEL: tt.func public @ops
// CHECK-SAME: (%{{.*}}: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %{{.*}}: !tt.ptr<f32>, %{{.*}}: i64, %{{.*}}: i32) attributes {noinline = false}
tt.func public @ops(%x: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32>, %stride: i64, %n: i32)
    attributes {noinline = false} {
  // CHECK: tt.get_program_id x : i32
  %pid = tt.get_program_id x : i32
  // CHECK: tt.get_program_id y : i32
  %y0 = tt.get_program_id y : i32
  // CHECK: tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %i = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  // CHECK: tt.addptr %{{.*}}, %{{.*}} : !tt.ptr<f16>, i32
  %x0 = tt.addptr %x, %pid : !tt.ptr<f16>, i32
  // CHECK: tt.splat %{{.*}} : !tt.ptr<f16> -> tensor<32x1x!tt.ptr<f16>>
  %p0 = tt.splat %x0 : !tt.ptr<f16> -> tensor<32x1x!tt.ptr<f16>>
  // CHECK: tt.expand_dims %{{.*}} {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
  %i1 = tt.expand_dims %i {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
  %i0 = tt.expand_dims %i {axis = 0 : i32} : tensor<32xi32> -> tensor<1x32xi32>
  %wide = arith.extsi %i1 : tensor<32x1xi32> to tensor<32x1xi64>
  %strides = tt.splat %stride : i64 -> tensor<32x1xi64>
  %rows = arith.muli %wide, %strides : tensor<32x1xi64>
  // CHECK: tt.addptr %{{.*}}, %{{.*}} : tensor<32x1x!tt.ptr<f16>>, tensor<32x1xi64>
  %p1 = tt.addptr %p0, %rows : tensor<32x1x!tt.ptr<f16>>, tensor<32x1xi64>
  // CHECK: tt.broadcast %{{.*}} : tensor<32x1x!tt.ptr<f16>> -> tensor<32x32x!tt.ptr<f16>>
  %p2 = tt.broadcast %p1 : tensor<32x1x!tt.ptr<f16>> -> tensor<32x32x!tt.ptr<f16>>
  %columns = tt.broadcast %i0 : tensor<1x32xi32> -> tensor<32x32xi32>
  %p = tt.addptr %p2, %columns : tensor<32x32x!tt.ptr<f16>>, tensor<32x32xi32>
  %bound = tt.splat %n : i32 -> tensor<32x32xi32>
  %mask = arith.cmpi slt, %columns, %bound : tensor<32x32xi32>
  %zero = arith.constant dense<0.0> : tensor<32x32xf16>
  // CHECK: tt.load %{{.*}}, %{{.*}}, %{{.*}} : tensor<32x32x!tt.ptr<f16>>
  %a = tt.load %p, %mask, %zero : tensor<32x32x!tt.ptr<f16>>
  // CHECK: tt.load %{{[^,]*}} : tensor<32x32x!tt.ptr<f16>>
  %b0 = tt.load %p : tensor<32x32x!tt.ptr<f16>>
  // CHECK: tt.load %{{[^,]*}} : !tt.ptr<f32>
  %s = tt.load %y : !tt.ptr<f32>
  // CHECK: tt.trans %{{.*}} {order = array<i32: 1, 0>} : tensor<32x32xf16> -> tensor<32x32xf16>
  %b1 = tt.trans %b0 {order = array<i32: 1, 0>} : tensor<32x32xf16> -> tensor<32x32xf16>
  // CHECK: tt.reshape %{{.*}} : tensor<32x32xf16> -> tensor<2x16x32xf16>
  %b2 = tt.reshape %b1 : tensor<32x32xf16> -> tensor<2x16x32xf16>
  %b = tt.reshape %b2 : tensor<2x16x32xf16> -> tensor<32x32xf16>
  %c = tt.splat %s : f32 -> tensor<32x32xf32>
  // CHECK: tt.dot %{{.*}}, %{{.*}}, %{{[^,]*}} : tensor<32x32xf16> * tensor<32x32xf16> -> tensor<32x32xf32>
  %d0 = tt.dot %a, %b, %c : tensor<32x32xf16> * tensor<32x32xf16> -> tensor<32x32xf32>
  %af = arith.extf %a : tensor<32x32xf16> to tensor<32x32xf32>
  // CHECK: tt.dot %{{.*}}, %{{.*}}, %{{[^,]*}} : tensor<32x32xf32> * tensor<32x32xf32> -> tensor<32x32xf32>
  %d1 = tt.dot %af, %af, %d0 : tensor<32x32xf32> * tensor<32x32xf32> -> tensor<32x32xf32>
  // CHECK: tt.dot %{{.*}}, inputPrecision = tf32 : tensor<32x32xf32> * tensor<32x32xf32> -> tensor<32x32xf32>
  %d = tt.dot %af, %af, %d1, inputPrecision = tf32 : tensor<32x32xf32> * tensor<32x32xf32> -> tensor<32x32xf32>
  // CHECK: "tt.reduce"(%{{.*}}) <{axis = 1 : i32}> ({
  // CHECK: tt.reduce.return %{{.*}} : f32
  // CHECK: }) : (tensor<32x32xf32>) -> tensor<32xf32>
  %r = "tt.reduce"(%d) <{axis = 1 : i32}> ({
  ^bb0(%u: f32, %v: f32):
    %w = arith.maximumf %u, %v : f32
    tt.reduce.return %w : f32
  }) : (tensor<32x32xf32>) -> tensor<32xf32>
  // CHECK: "tt.scan"(%{{.*}}) <{axis = 1 : i32, reverse = true}> ({
  // CHECK: tt.scan.return %{{.*}} : f32
  // CHECK: }) : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %sums = "tt.scan"(%d) <{axis = 1 : i32, reverse = true}> ({
  ^bb0(%u: f32, %v: f32):
    %w = arith.addf %u, %v : f32
    tt.scan.return %w : f32
  }) : (tensor<32x32xf32>) -> tensor<32x32xf32>
  // CHECK: "tt.scan"(%{{.*}}, %{{.*}}) <{axis = 0 : i32, reverse = false}> ({
  // CHECK: tt.scan.return %{{.*}}, %{{.*}} : f32, f32
  // CHECK: }) : (tensor<32x32xf32>, tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>)
  %pairs:2 = "tt.scan"(%d, %sums) <{axis = 0 : i32, reverse = false}> ({
  ^bb0(%u0: f32, %u1: f32, %v0: f32, %v1: f32):
    %w = arith.addf %u1, %v0 : f32
    tt.scan.return %w, %v1 : f32, f32
  }) : (tensor<32x32xf32>, tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>)
  // CHECK: }) : (tensor<32xf32>) -> f32
  %t = "tt.reduce"(%r) <{axis = 0 : i32}> ({
  ^bb0(%u: f32, %v: f32):
    %w = arith.addf %u, %v : f32
    tt.reduce.return %w : f32
  }) : (tensor<32xf32>) -> f32
  // CHECK: tt.store %{{[^,]*}}, %{{[^,]*}} : !tt.ptr<f32>
  tt.store %y, %t : !tt.ptr<f32>
  // CHECK: tt.bitcast %{{.*}} : tensor<32x32xf32> -> tensor<32x32xi32>
  %bits = tt.bitcast %sums : tensor<32x32xf32> -> tensor<32x32xi32>
  %odd = arith.xori %bits, %columns : tensor<32x32xi32>
  %e = tt.bitcast %odd : tensor<32x32xi32> -> tensor<32x32xf32>
  %h = arith.truncf %e : tensor<32x32xf32> to tensor<32x32xf16>
  // CHECK: tt.store %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}} : tensor<32x32x!tt.ptr<f16>>
  tt.store %p, %h, %mask : tensor<32x32x!tt.ptr<f16>>
  // CHECK: tt.return
  tt.return
}
