// RUN: flashlight-opt %s --split-input-file --verify-diagnostics

// One case, or more, for every constraint of an op's description: @<op>_<constraint>, where
// "access" is what load and store share.

func.func @access_c1_offsets(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected 2 offsets and a map from 2 to 2 dims, got 1 offsets}}
  %0 = flashlight.load %x[%i] map affine_map<(i, j) -> (i, j)> : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c1_results(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected 2 offsets and a map from 2 to 2 dims, got 2 offsets and affine_map<(d0, d1) -> (d0)>}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i)> : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c1_inputs(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected 2 offsets and a map from 1 to 2 dims}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> : memref<8x64xf32> -> tensor<4xf32>
  return
}

// -----

func.func @access_c2_count(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected one limit for every limited dim (2), got 1}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> limits [0, 1] (%i) : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c2_range(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected ascending limited dims of a rank 2 tile, got 2}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> limits [2] (%i) : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c2_ascending(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected ascending limited dims of a rank 2 tile, got 0}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> limits [1, 0] (%i, %i) : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c3_element(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected a tile of 'f32', got 'tensor<4x4xf16>'}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> : memref<8x64xf32> -> tensor<4x4xf16>
  return
}

// -----

func.func @access_c3_static(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{result #0 must be statically shaped tensor of any type values, but got 'tensor<?x4xf32>'}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i, j)> : memref<8x64xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @access_c4_constant(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected a linear map}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i + 1, j)> : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c4_division(%x: memref<8x64xf32>, %i: index) {
  // expected-error@+1 {{expected a linear map}}
  %0 = flashlight.load %x[%i, %i] map affine_map<(i, j) -> (i floordiv 2, j)> : memref<8x64xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c1_symbols(%x: memref<8x64xf32>, %i: index, %t: tensor<4x4xi64>) {
  // expected-error@+1 {{expected 2 offsets and a map from 2 to 2 dims}}
  %0 = flashlight.load %x[%i, %i] gather(%t) map affine_map<(a, b) -> (a, b)> : memref<8x64xf32>, tensor<4x4xi64> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c5_shape(%x: memref<8x64xf32>, %i: index, %t: tensor<4xi64>) {
  // expected-error@+1 {{expected integer index tiles of the shape of 'tensor<4x4xf32>', got 'tensor<4xi64>'}}
  %0 = flashlight.load %x[%i, %i] gather(%t) map affine_map<(a, b)[i] -> (i, b)> : memref<8x64xf32>, tensor<4xi64> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c5_type(%x: memref<8x64xf32>, %i: index, %t: tensor<4x4xf32>) {
  // expected-error@+1 {{expected integer index tiles of the shape of 'tensor<4x4xf32>', got 'tensor<4x4xf32>'}}
  %0 = flashlight.load %x[%i, %i] gather(%t) map affine_map<(a, b)[i] -> (i, b)> : memref<8x64xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @access_c1_store(%x: memref<8x64xf32>, %i: index, %t: tensor<4x4xf32>) {
  // expected-error@+1 {{'flashlight.store' op expected 2 offsets}}
  flashlight.store %t, %x[%i] map affine_map<(i, j) -> (i, j)> : tensor<4x4xf32>, memref<8x64xf32>
  return
}

// -----

func.func @access_c3_store(%x: memref<8x64xf32>, %i: index, %t: tensor<4x4xf16>) {
  // expected-error@+1 {{'flashlight.store' op expected a tile of 'f32', got 'tensor<4x4xf16>'}}
  flashlight.store %t, %x[%i, %i] map affine_map<(i, j) -> (i, j)> : tensor<4x4xf16>, memref<8x64xf32>
  return
}

// -----

func.func @no_grid(%x: memref<4xf32>, %o: memref<4xf32>) {
  return
}
func.func @launch_c1(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected @no_grid to be a function with a grid}}
  %0 = flashlight.launch @no_grid(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @launch_c1_missing(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected @nowhere to be a function with a grid}}
  %0 = flashlight.launch @nowhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-note@+1 {{the kernel}}
func.func @kernel(%x: memref<4xf32>, %o: memref<4xf32> {flashlight.output}, %s0: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 4 by 4>]} {
  return
}
func.func @launch_c2(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected the kernel to have 4 arguments, got 3}}
  %0 = flashlight.launch @kernel(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}
