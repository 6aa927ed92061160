// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// CHECK: #[[SAME:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK: #[[PART:.*]] = affine_map<(d0) -> (d0 * 2, 0)>
#same = affine_map<(i, j) -> (i, j)>

// CHECK-LABEL: func.func @copy
func.func @copy(%x: memref<?x64xf32, strided<[?, ?], offset: ?>>, %o: memref<?x64xf32> {flashlight.output},
                %s0: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = s0 by 32>]} {
  %c0 = arith.constant 0 : index
  // CHECK: flashlight.program_id
  %pid = flashlight.program_id
  // CHECK: flashlight.load %{{.*}}[%{{.*}}, %{{.*}}] map #[[SAME]] : memref<?x64xf32, strided<[?, ?], offset: ?>> -> tensor<32x64xf32>
  %0 = flashlight.load %x[%c0, %c0] map #same : memref<?x64xf32, strided<[?, ?], offset: ?>> -> tensor<32x64xf32>
  // CHECK: flashlight.load %{{.*}}[%{{.*}}, %{{.*}}] map #[[SAME]] limits [0, 1](%{{.*}}, %{{.*}})
  %1 = flashlight.load %x[%c0, %c0] map #same limits [0, 1] (%s0, %c0) : memref<?x64xf32, strided<[?, ?], offset: ?>> -> tensor<32x64xf32>
  // CHECK: flashlight.load %{{.*}} map #[[PART]]
  %2 = flashlight.load %x[%c0, %c0] map affine_map<(i) -> (i * 2, 0)> : memref<?x64xf32, strided<[?, ?], offset: ?>> -> tensor<16xf32>
  // CHECK: flashlight.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] map #[[SAME]] : tensor<32x64xf32>, memref<?x64xf32>
  flashlight.store %0, %o[%c0, %c0] map #same : tensor<32x64xf32>, memref<?x64xf32>
  // CHECK: flashlight.store %{{.*}} limits [0](%{{.*}})
  flashlight.store %1, %o[%c0, %c0] map #same limits [0] (%s0) : tensor<32x64xf32>, memref<?x64xf32>
  return
}

// A rank 0 memory: no offsets, and a tile without dims.
// CHECK-LABEL: func.func @scalar
func.func @scalar(%x: memref<f32, strided<[], offset: ?>>) {
  // CHECK: flashlight.load %{{.*}}[] map #{{.*}} : memref<f32, strided<[], offset: ?>> -> tensor<f32>
  %0 = flashlight.load %x[] map affine_map<() -> ()> : memref<f32, strided<[], offset: ?>> -> tensor<f32>
  return
}

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x64xf32, #flashlight.symbols<s0>>) -> tensor<?x64xf32, #flashlight.symbols<s0>> {
  // CHECK: flashlight.launch @copy(%{{.*}}) : (tensor<?x64xf32, #flashlight.symbols<s0>>) -> tensor<?x64xf32, #flashlight.symbols<s0>>
  %0 = flashlight.launch @copy(%x) : (tensor<?x64xf32, #flashlight.symbols<s0>>) -> tensor<?x64xf32, #flashlight.symbols<s0>>
  return %0 : tensor<?x64xf32, #flashlight.symbols<s0>>
}

// CHECK-LABEL: func.func @gathered
func.func @gathered(%x: memref<32x8xf32>, %i: tensor<16x8xi32>, %h: index) -> tensor<16x8xf32> {
  %c0 = arith.constant 0 : index
  // CHECK: flashlight.load %{{.*}}[%{{.*}}, %{{.*}}] gather(%{{.*}}) map #{{.*}} limits [0](%{{.*}}) : memref<32x8xf32>, tensor<16x8xi32> -> tensor<16x8xf32>
  %0 = flashlight.load %x[%c0, %c0] gather(%i) map affine_map<(a, b)[i] -> (i, -b)> limits [0] (%h)
      : memref<32x8xf32>, tensor<16x8xi32> -> tensor<16x8xf32>
  // CHECK: flashlight.scan sum %{{.*}} dim 0 reverse : tensor<16x8xf32>
  %1 = flashlight.scan sum %0 dim 0 reverse : tensor<16x8xf32>
  return %1 : tensor<16x8xf32>
}
