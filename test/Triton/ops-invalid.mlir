// RUN: flashlight-opt %s --split-input-file --verify-diagnostics

// One case for every constraint of an op's description: @<op>_<constraint>; t1 is the dialect's.

// expected-error@+1 {{expected a pointer to a float or an integer of 8 to 64 bits, got 'i1'}}
tt.func public @ptr_c1(%x: !tt.ptr<i1>) {
  tt.return
}

// -----

// expected-error@+1 {{expected a kernel without results}}
tt.func public @func_c1(%x: i32) -> i32 {
  tt.return
}

// -----

tt.func public @t1_power(%x: f32) {
  // expected-error@+1 {{expected extents that are powers of two, got 'tensor<48xf32>'}}
  %t = tt.splat %x : f32 -> tensor<48xf32>
  tt.return
}

// -----

tt.func public @t1_size(%x: f32) {
  // expected-error@+1 {{expected at most 1048576 elements}}
  %t = tt.splat %x : f32 -> tensor<2048x1024xf32>
  tt.return
}

// -----

tt.func public @make_range_c1() {
  // expected-error@+1 {{expected a tile of 16 elements, got 'tensor<32xi32>'}}
  %i = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<32xi32>
  tt.return
}

// -----

tt.func public @splat_c1(%x: f32) {
  // expected-error@+1 {{expected a tile of 'f32', got 'tensor<16xf16>'}}
  %t = tt.splat %x : f32 -> tensor<16xf16>
  tt.return
}

// -----

tt.func public @expand_dims_c1_axis(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected an axis from 0 to 1, got 2}}
  %e = tt.expand_dims %t {axis = 2 : i32} : tensor<16xf32> -> tensor<16x1xf32>
  tt.return
}

// -----

tt.func public @expand_dims_c1_shape(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected the result to be 'tensor<1x16xf32>', got 'tensor<16x1xf32>'}}
  %e = tt.expand_dims %t {axis = 0 : i32} : tensor<16xf32> -> tensor<16x1xf32>
  tt.return
}

// -----

tt.func public @broadcast_c1(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected one rank and element type}}
  %e = tt.broadcast %t : tensor<16xf32> -> tensor<16x16xf32>
  tt.return
}

// -----

tt.func public @broadcast_c2(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected extent 1 or 32 of dim 0, got 16}}
  %e = tt.broadcast %t : tensor<16xf32> -> tensor<32xf32>
  tt.return
}

// -----

tt.func public @trans_c1(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16x32xf32>
  // expected-error@+1 {{expected a permutation of 2 dims, got [0, 0]}}
  %e = tt.trans %t {order = array<i32: 0, 0>} : tensor<16x32xf32> -> tensor<16x16xf32>
  tt.return
}

// -----

tt.func public @trans_c2(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16x32xf32>
  // expected-error@+1 {{expected the result to be 'tensor<32x16xf32>', got 'tensor<16x32xf32>'}}
  %e = tt.trans %t {order = array<i32: 1, 0>} : tensor<16x32xf32> -> tensor<16x32xf32>
  tt.return
}

// -----

tt.func public @reshape_c1(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16x32xf32>
  // expected-error@+1 {{expected as many elements of one type}}
  %e = tt.reshape %t : tensor<16x32xf32> -> tensor<256xf32>
  tt.return
}

// -----

tt.func public @addptr_c1(%x: !tt.ptr<f32>, %i: i32) {
  %p = tt.splat %x : !tt.ptr<f32> -> tensor<16x!tt.ptr<f32>>
  // expected-error@+1 {{expected an offset of the pointer's shape, got 'i32'}}
  %q = tt.addptr %p, %i : tensor<16x!tt.ptr<f32>>, i32
  tt.return
}

// -----

tt.func public @load_c1(%x: !tt.ptr<f32>, %zero: f32) {
  // expected-error@+1 {{expected a mask beside what masked elements become}}
  %v = "tt.load"(%x, %zero) <{operandSegmentSizes = array<i32: 1, 0, 1>}> : (!tt.ptr<f32>, f32) -> f32
  tt.return
}

// -----

tt.func public @dot_c1(%x: f16, %y: f32) {
  %a = tt.splat %x : f16 -> tensor<16x32xf16>
  %c = tt.splat %y : f32 -> tensor<16x16xf32>
  // expected-error@+1 {{expected [m, k] by [k, n] into [m, n]}}
  %d = tt.dot %a, %a, %c : tensor<16x32xf16> * tensor<16x32xf16> -> tensor<16x16xf32>
  tt.return
}

// -----

tt.func public @dot_c2(%x: f16, %y: f32) {
  %a = tt.splat %x : f16 -> tensor<16x16xf16>
  %c = tt.splat %y : f32 -> tensor<16x16xf32>
  // expected-error@+1 {{expected factors of one type of 8, 16 or 32 bits, got 'f16' and 'f32'}}
  %d = tt.dot %a, %c, %c : tensor<16x16xf16> * tensor<16x16xf32> -> tensor<16x16xf32>
  tt.return
}

// -----

tt.func public @dot_c3(%x: f16, %y: f32) {
  %a = tt.splat %x : f16 -> tensor<16x8xf16>
  %b = tt.splat %x : f16 -> tensor<8x16xf16>
  %c = tt.splat %y : f32 -> tensor<16x16xf32>
  // expected-error@+1 {{expected at least 16 products a sum, got 8}}
  %d = tt.dot %a, %b, %c : tensor<16x8xf16> * tensor<8x16xf16> -> tensor<16x16xf32>
  tt.return
}

// -----

tt.func public @reduce_c1(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected an axis below 1, got 1}}
  %r = "tt.reduce"(%c) <{axis = 1 : i32}> ({
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tt.reduce.return %s : f32
  }) : (tensor<16xf32>) -> f32
  tt.return
}

// -----

tt.func public @reduce_c2(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16x32xf32>
  // expected-error@+1 {{expected the result to be 'tensor<16xf32>', got 'tensor<32xf32>'}}
  %r = "tt.reduce"(%c) <{axis = 1 : i32}> ({
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tt.reduce.return %s : f32
  }) : (tensor<16x32xf32>) -> tensor<32xf32>
  tt.return
}

// -----

tt.func public @reduce_c3(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected a region that takes two 'f32' and returns one}}
  %r = "tt.reduce"(%c) <{axis = 0 : i32}> ({
  ^bb0(%a: f32):
    tt.reduce.return %a : f32
  }) : (tensor<16xf32>) -> f32
  tt.return
}

// -----

tt.func public @scan_c1(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected an axis below 1, got 1}}
  %r = "tt.scan"(%c) <{axis = 1 : i32, reverse = false}> ({
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tt.scan.return %s : f32
  }) : (tensor<16xf32>) -> tensor<16xf32>
  tt.return
}

// -----

tt.func public @scan_c2(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16x32xf32>
  // expected-error@+1 {{expected the results to be 'tensor<16x32xf32>', got 'tensor<16xf32>'}}
  %r = "tt.scan"(%c) <{axis = 1 : i32, reverse = false}> ({
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tt.scan.return %s : f32
  }) : (tensor<16x32xf32>) -> tensor<16xf32>
  tt.return
}

// -----

tt.func public @scan_c3(%y: f32) {
  %c = tt.splat %y : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected a region that takes two of 'f32' and returns one of each}}
  %r = "tt.scan"(%c) <{axis = 0 : i32, reverse = false}> ({
  ^bb0(%a: f32):
    tt.scan.return %a : f32
  }) : (tensor<16xf32>) -> tensor<16xf32>
  tt.return
}

// -----

tt.func public @bitcast_c1(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected one shape}}
  %e = tt.bitcast %t : tensor<16xf32> -> tensor<32xi32>
  tt.return
}

// -----

tt.func public @bitcast_c2(%x: f32) {
  %t = tt.splat %x : f32 -> tensor<16xf32>
  // expected-error@+1 {{expected elements of one width}}
  %e = tt.bitcast %t : tensor<16xf32> -> tensor<16xi16>
  tt.return
}
