// RUN: flashlight-opt %s --flashlight-verify-tile --split-input-file --verify-diagnostics

// expected-error@+1 {{expected a kernel of one block without results}}
func.func @tile_r1(%x: memref<4xf32>) -> index attributes {flashlight.grid = []} {
  %pid = flashlight.program_id
  return %pid : index
}

// -----

// expected-error@+1 {{expected inputs, then outputs, then symbols, got argument 1 of the inputs after the outputs}}
func.func @tile_r2_order(%o: memref<4xf32> {flashlight.output}, %x: memref<4xf32>) attributes {flashlight.grid = []} {
  return
}

// -----

// expected-error@+1 {{expected argument 0 of the inputs to be a memref, got 'tensor<4xf32>'}}
func.func @tile_r2_memref(%x: tensor<4xf32>) attributes {flashlight.grid = []} {
  return
}

// -----

// expected-error@+1 {{expected argument 0 of the symbols to be an index, got 'i64'}}
func.func @tile_r2_index(%s: i64 {flashlight.symbol = "s0"}) attributes {flashlight.grid = []} {
  return
}

// -----

// expected-error@+1 {{declares symbol 's0' twice}}
func.func @tile_r2_twice(%s: index {flashlight.symbol = "s0"}, %t: index {flashlight.symbol = "s0"}) attributes {flashlight.grid = []} {
  return
}

// -----

// expected-note@+1 {{in this kernel}}
func.func @tile_r3_input(%x: memref<4xf32>) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %0 = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error@+1 {{expected argument 0 of the inputs to be only loaded}}
  flashlight.store %0, %x[%c0] map affine_map<(i) -> (i)> : tensor<4xf32>, memref<4xf32>
  return
}

// -----

// expected-note@+1 {{in this kernel}}
func.func @tile_r3_output(%o: memref<4xf32> {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{expected argument 0 of the outputs to be only stored to}}
  %0 = flashlight.load %o[%c0] map affine_map<(i) -> (i)> : memref<4xf32> -> tensor<4xf32>
  return
}

// -----

// expected-error@+1 {{expected 'flashlight.grid' to be an array of '#flashlight.grid_axis'}}
func.func @tile_r4_array() attributes {flashlight.grid = 4 : i64} {
  return
}

// -----

// expected-error@+1 {{expected an argument for symbol 's0', the extent of 'm'}}
func.func @tile_r4_symbol() attributes {flashlight.grid = [#flashlight.grid_axis<m = s0 by 4>]} {
  return
}

// -----

// expected-error@+1 {{expected 'flashlight.schedule' to be a '#flashlight.schedule'}}
func.func @tile_r4_schedule() attributes {flashlight.grid = [], flashlight.schedule = "fast"} {
  return
}

// -----

func.func @tile_r5() attributes {flashlight.grid = []} {
  // expected-error@+1 {{'flashlight.kernel' op is not part of a tile-level kernel}}
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    flashlight.yield
  }
  return
}

// -----

func.func @tile_r5_size() attributes {flashlight.grid = []} {
  // expected-error@+1 {{'flashlight.size' op is not part of a tile-level kernel}}
  %0 = flashlight.size "s0" : tensor<i64>
  return
}

// -----

func.func @tile_r6() attributes {flashlight.grid = []} {
  // expected-error@+1 {{expected static tensors without an encoding, and scalars, got 'tensor<4xi64, #flashlight.axes<n>>'}}
  %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
  return
}

// -----

func.func @tile_r6_dynamic(%n: index {flashlight.symbol = "s0"}) attributes {flashlight.grid = []} {
  %0 = arith.constant 0.0 : f32
  // expected-error@+1 {{expected static tensors without an encoding, and scalars, got 'tensor<?xf32>'}}
  %1 = tensor.splat %0[%n] : tensor<?xf32>
  return
}

// -----

func.func @tile_r7() {
  // expected-error@+1 {{'flashlight.program_id' op is not part of a program}}
  %0 = flashlight.program_id
  return
}

// -----

func.func @tile_r7_kernel() {
  // expected-error@+1 {{'flashlight.kernel' op is not part of a program}}
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    flashlight.yield
  }
  return
}
