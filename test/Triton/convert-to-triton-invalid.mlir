// RUN: flashlight-opt %s --flashlight-convert-to-triton --split-input-file --verify-diagnostics

func.func @unknown_math(%y: memref<16xf32, strided<[1]>> {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %x = arith.constant dense<1.0> : tensor<16xf32>
  // expected-error@+1 {{'math.atan' op has no form in Triton}}
  %t = math.atan %x : tensor<16xf32>
  flashlight.store %t, %y[%c0] map affine_map<(i) -> (i)> : tensor<16xf32>, memref<16xf32, strided<[1]>>
  return
}

// -----

func.func @constant(%y: memref<2xf32, strided<[1]>> {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{expected one value in all elements of a tile, got 'tensor<2xf32>'}}
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  flashlight.store %x, %y[%c0] map affine_map<(i) -> (i)> : tensor<2xf32>, memref<2xf32, strided<[1]>>
  return
}

// -----

// expected-error@+1 {{expected 1 strides of argument 0, got array<i64: 1, 1>}}
func.func @strides(%y: memref<16xf32, strided<[?]>> {flashlight.output, flashlight.strides = array<i64: 1, 1>})
    attributes {flashlight.grid = []} {
  return
}

// -----

// expected-error@+1 {{expected 2 multiples of argument 0, got array<i64: 16>}}
func.func @multiples(%y: memref<16xf32, strided<[?]>> {flashlight.output, flashlight.divisibility = array<i64: 16>})
    attributes {flashlight.grid = []} {
  return
}

// -----

func.func @batch(%x: memref<64x128x128xf32, strided<[16384, 128, 1]>>, %y: memref<64x128x128xf32, strided<[16384, 128, 1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %a = flashlight.load %x[%c0, %c0, %c0] map affine_map<(b, i, j) -> (b, i, j)> : memref<64x128x128xf32, strided<[16384, 128, 1]>> -> tensor<64x128x128xf32>
  // expected-error@+1 {{expected a contraction that 'tt.dot' can take, or at most 1048576 products a tile, got 134217728}}
  %c = flashlight.contract %a, %a "bik,bkj->bij" : tensor<64x128x128xf32>, tensor<64x128x128xf32> -> tensor<64x128x128xf32>
  flashlight.store %c, %y[%c0, %c0, %c0] map affine_map<(b, i, j) -> (b, i, j)> : tensor<64x128x128xf32>, memref<64x128x128xf32, strided<[16384, 128, 1]>>
  return
}

// -----

func.func @extent(%y: memref<48xf32, strided<[1]>> {flashlight.output}) attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %x = arith.constant 1.0 : f32
  // expected-error@+1 {{expected extents that are powers of two, got 'tensor<48xf32>'}}
  %t = tensor.splat %x : tensor<48xf32>
  flashlight.store %t, %y[%c0] map affine_map<(i) -> (i)> : tensor<48xf32>, memref<48xf32, strided<[1]>>
  return
}
