// RUN: flashlight-opt %s --flashlight-convert-to-triton --canonicalize --cse --split-input-file | FileCheck %s

// Parameters. A stride is a constant where the type or `flashlight.strides` has it or the dim has one
// element, else an i64; a symbol is an i32. What is no kernel leaves the module.

// CHECK: module {
// CHECK-NEXT: tt.func public @parameters(%{{.*}}: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %{{.*}}: i64 {tt.divisibility = 16 : i32}, %{{.*}}: !tt.ptr<f32>, %{{.*}}: i64, %{{.*}}: i32) attributes {noinline = false}
// CHECK-NOT: @main
func.func @parameters(%x: memref<1x?x64xf16, strided<[?, ?, ?], offset: ?>>
        {flashlight.strides = array<i64: -9223372036854775808, -9223372036854775808, 1>,
         flashlight.divisibility = array<i64: 16, 1, 32, 1>},
    %y: memref<?xf32, strided<[?], offset: ?>> {flashlight.output},
    %s: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = s0 by 16>]} {
  return
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// Addresses. Constant strides that span less than 2^31 elements: all in 32 bits. Rows are 64 apart.

// CHECK-LABEL: tt.func public @static
// CHECK: %[[PID:.*]] = tt.get_program_id x : i32
// CHECK: %[[OFFSET:.*]] = arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: %[[BASE:.*]] = tt.addptr %{{.*}}, %[[OFFSET]] : !tt.ptr<f32>, i32
// CHECK: %[[ROWS:.*]] = tt.make_range {end = 16 : i32, start = 0 : i32}
// CHECK: %[[STEPS:.*]] = arith.muli %[[ROWS]], %{{.*}} : tensor<16xi32>
// CHECK: tt.splat %[[BASE]] : !tt.ptr<f32> -> tensor<16x1x!tt.ptr<f32>>
// CHECK: tt.addptr %{{.*}}, %{{.*}} : tensor<16x1x!tt.ptr<f32>>, tensor<16x1xi32>
// CHECK: tt.addptr %{{.*}}, %{{.*}} : tensor<16x64x!tt.ptr<f32>>, tensor<16x64xi32>
// CHECK: tt.load %{{[^,]*}} : tensor<16x64x!tt.ptr<f32>>
// CHECK-NOT: i64
// CHECK: tt.return
#tile = affine_map<(i, j) -> (i, j)>
func.func @static(%x: memref<128x64xf32, strided<[64, 1]>>, %y: memref<128x64xf32, strided<[64, 1]>> {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 128 by 16>]} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %pid = flashlight.program_id
  %m0 = arith.muli %pid, %c16 : index
  %t = flashlight.load %x[%m0, %c0] map #tile : memref<128x64xf32, strided<[64, 1]>> -> tensor<16x64xf32>
  flashlight.store %t, %y[%m0, %c0] map #tile : tensor<16x64xf32>, memref<128x64xf32, strided<[64, 1]>>
  return
}

// -----

// Strides that only the launch knows are 64-bit, and so is an offset that could exceed 2^31: 8 rows of
// 2^29 elements. A limit becomes a mask, in 32 bits.

// CHECK-LABEL: tt.func public @large
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: tt.addptr %{{.*}}, %{{.*}} : !tt.ptr<f32>, i64
// CHECK: tt.addptr %{{.*}}, %{{.*}} : tensor<16x!tt.ptr<f32>>, tensor<16xi64>
// CHECK: %[[BOUND:.*]] = tt.splat %{{.*}} : i32 -> tensor<16xi32>
// CHECK: %[[MASK:.*]] = arith.cmpi slt, %{{.*}}, %[[BOUND]] : tensor<16xi32>
// CHECK: tt.load %{{.*}}, %[[MASK]], %{{.*}} : tensor<16x!tt.ptr<f32>>
// CHECK: tt.store %{{.*}}, %{{.*}}, %[[MASK]] : tensor<16x!tt.ptr<f32>>
#row = affine_map<(i) -> (0, i)>
func.func @large(%x: memref<8x?xf32, strided<[536870912, ?]>>, %y: memref<8x?xf32, strided<[536870912, ?]>> {flashlight.output},
                 %s: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = [#flashlight.grid_axis<b = 8 by 1>]} {
  %c0 = arith.constant 0 : index
  %pid = flashlight.program_id
  %t = flashlight.load %x[%pid, %c0] map #row limits [0] (%s) : memref<8x?xf32, strided<[536870912, ?]>> -> tensor<16xf32>
  flashlight.store %t, %y[%pid, %c0] map #row limits [0] (%s) : tensor<16xf32>, memref<8x?xf32, strided<[536870912, ?]>>
  return
}

// -----

// 64-bit integers of the program are computed in 32 bits where their range allows it (j - i here),
// and not where it does not (a product of two loaded numbers).

// CHECK-LABEL: tt.func public @integers
// CHECK: %[[J:.*]] = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
// CHECK: %[[D:.*]] = arith.subi %{{.*}}, %{{.*}} : tensor<32xi32>
// CHECK: arith.sitofp %[[D]] : tensor<32xi32> to tensor<32xf32>
// CHECK: arith.muli %{{.*}}, %{{.*}} : tensor<32xi64>
// CHECK: arith.sitofp %{{.*}} : tensor<32xi64> to tensor<32xf32>
#map = affine_map<(i) -> (i)>
func.func @integers(%x: memref<32xi64, strided<[1]>>, %y: memref<32xf32, strided<[1]>> {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 4096 by 1>]} {
  %c0 = arith.constant 0 : index
  %pid = flashlight.program_id
  %i = arith.index_cast %pid : index to i64
  %is = tensor.splat %i : tensor<32xi64>
  %j = flashlight.iota : tensor<32xi64>
  %d = arith.subi %j, %is : tensor<32xi64>
  %df = arith.sitofp %d : tensor<32xi64> to tensor<32xf32>
  %t = flashlight.load %x[%c0] map #map : memref<32xi64, strided<[1]>> -> tensor<32xi64>
  %tt = arith.muli %t, %t : tensor<32xi64>
  %tf = arith.sitofp %tt : tensor<32xi64> to tensor<32xf32>
  %r = arith.addf %df, %tf : tensor<32xf32>
  flashlight.store %r, %y[%c0] map #map : tensor<32xf32>, memref<32xf32, strided<[1]>>
  return
}

// -----

// Contractions. [m, d] x [d, n] is a dot; [n, d] x [m, d] into [m, n] is one with its factors swapped
// and one transposed; dims of one element are dropped and groups of dims merged; halves stay halves.

// CHECK-LABEL: tt.func public @dots
// CHECK: %[[Q:.*]] = tt.load {{.*}} : tensor<16x32x!tt.ptr<f16>>
// CHECK: %[[K:.*]] = tt.load {{.*}} : tensor<64x32x!tt.ptr<f16>>
// CHECK: %[[KT:.*]] = tt.trans %[[K]] {order = array<i32: 1, 0>} : tensor<64x32xf16> -> tensor<32x64xf16>
// CHECK: tt.dot %[[Q]], %[[KT]], %{{.*}} : tensor<16x32xf16> * tensor<32x64xf16> -> tensor<16x64xf32>
// CHECK: %[[G:.*]] = tt.reshape %{{.*}} : tensor<4x16x32xf16> -> tensor<64x32xf16>
// CHECK: tt.dot %[[G]], %{{.*}}, %{{.*}} : tensor<64x32xf16> * tensor<32x64xf16> -> tensor<64x64xf32>
// CHECK: tt.reshape %{{.*}} : tensor<64x64xf32> -> tensor<4x16x64xf32>
#qmap = affine_map<(i, j) -> (0, i, j)>
#gmap = affine_map<(g, i, j) -> (g, i, j)>
#kmap = affine_map<(i, j) -> (i, j)>
!q = memref<4x16x32xf16, strided<[512, 32, 1]>>
!k = memref<64x32xf16, strided<[32, 1]>>
!o = memref<4x16x64xf32, strided<[1024, 64, 1]>>
func.func @dots(%q: !q, %k: !k, %o: !o {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %qt = flashlight.load %q[%c0, %c0, %c0] map #qmap : !q -> tensor<16x32xf16>
  %kt = flashlight.load %k[%c0, %c0] map #kmap : !k -> tensor<64x32xf16>
  %s = flashlight.contract %kt, %qt "nd,md->mn" : tensor<64x32xf16>, tensor<16x32xf16> -> tensor<16x64xf32>
  flashlight.store %s, %o[%c0, %c0, %c0] map #qmap : tensor<16x64xf32>, !o
  %gt = flashlight.load %q[%c0, %c0, %c0] map #gmap : !q -> tensor<4x16x32xf16>
  %t = flashlight.contract %gt, %kt "gmd,nd->gmn" : tensor<4x16x32xf16>, tensor<64x32xf16> -> tensor<4x16x64xf32>
  flashlight.store %t, %o[%c0, %c0, %c0] map #gmap : tensor<4x16x64xf32>, !o
  return
}

// -----

// What no tensor core takes is a product and a sum: here a matrix and a vector, and `into`.

// CHECK-LABEL: tt.func public @no_dot
// CHECK-NOT: tt.dot
// CHECK: %[[PRODUCT:.*]] = arith.mulf %{{.*}}, %{{.*}} : tensor<64x32xf32>
// CHECK: %[[SUM:.*]] = "tt.reduce"(%[[PRODUCT]]) <{axis = 1 : i32}>
// CHECK: arith.addf %[[SUM]], %{{.*}} : tensor<64xf32>
#kmap = affine_map<(i, j) -> (i, j)>
#vmap = affine_map<(i) -> (0, i)>
!k = memref<64x32xf16, strided<[32, 1]>>
!o = memref<64xf32, strided<[1]>>
func.func @no_dot(%k: !k, %o: !o {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %kt = flashlight.load %k[%c0, %c0] map #kmap : !k -> tensor<64x32xf16>
  %qt = flashlight.load %k[%c0, %c0] map #vmap : !k -> tensor<32xf16>
  %s = flashlight.contract %kt, %qt into %one "nd,d->n" : tensor<64x32xf16>, tensor<32xf16> -> tensor<64xf32>
  flashlight.store %s, %o[%c0] map affine_map<(i) -> (i)> : tensor<64xf32>, !o
  return
}

// -----

// Reductions: NaN propagates, booleans go through i32, a tile of one dim becomes a scalar, and a tile
// without dims is one.

// CHECK-LABEL: tt.func public @reductions
// CHECK: %[[MAX:.*]] = "tt.reduce"(%{{.*}}) <{axis = 0 : i32}>
// CHECK: arith.maximumf
// CHECK: }) : (tensor<32xf32>) -> f32
// CHECK: %[[BITS:.*]] = arith.extui %{{.*}} : tensor<32xi1> to tensor<32xi32>
// CHECK: "tt.reduce"(%[[BITS]])
// CHECK: arith.ori %{{.*}}, %{{.*}} : i32
// CHECK: %[[ANY:.*]] = arith.cmpi ne, %{{.*}}, %{{.*}} : i32
// CHECK: %[[RESULT:.*]] = arith.select %[[ANY]], %[[MAX]], %{{.*}} : f32
// CHECK: tt.store %{{.*}}, %[[RESULT]] : !tt.ptr<f32>
#map = affine_map<(i) -> (i)>
func.func @reductions(%x: memref<32xf32, strided<[1]>>, %y: memref<f32, strided<[], offset: ?>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %none = arith.constant dense<0.0> : tensor<f32>
  %t = flashlight.load %x[%c0] map #map : memref<32xf32, strided<[1]>> -> tensor<32xf32>
  %max = flashlight.reduce max %t dims [0] : tensor<32xf32> -> tensor<f32>
  %positive = arith.cmpf ogt, %t, %zero : tensor<32xf32>
  %any = flashlight.reduce any %positive dims [0] : tensor<32xi1> -> tensor<i1>
  %r = arith.select %any, %max, %none : tensor<i1>, tensor<f32>
  flashlight.store %r, %y[] map affine_map<() -> ()> : tensor<f32>, memref<f32, strided<[], offset: ?>>
  return
}

// -----

// Loops count in i32 and keep Triton's attributes; what they carry has its full width.

// CHECK-LABEL: tt.func public @control
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} iter_args({{.*}}) -> (tensor<32xi64>) : i32
// CHECK: %[[IF:.*]] = scf.if %{{.*}} -> (tensor<32xi64>)
// CHECK: scf.yield %[[IF]] : tensor<32xi64>
// CHECK: } {tt.num_stages = 2 : i32}
func.func @control(%y: memref<32xi64, strided<[1]>> {flashlight.output}, %s: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %i = flashlight.iota : tensor<32xi64>
  %r = scf.for %n = %c0 to %s step %c1 iter_args(%old = %i) -> (tensor<32xi64>) {
    %late = arith.cmpi sge, %n, %c8 : index
    %new = scf.if %late -> (tensor<32xi64>) {
      scf.yield %old : tensor<32xi64>
    } else {
      %sum = arith.addi %old, %i : tensor<32xi64>
      scf.yield %sum : tensor<32xi64>
    }
    scf.yield %new : tensor<32xi64>
  } {tt.num_stages = 2 : i32}
  flashlight.store %r, %y[%c0] map affine_map<(i) -> (i)> : tensor<32xi64>, memref<32xi64, strided<[1]>>
  return
}
