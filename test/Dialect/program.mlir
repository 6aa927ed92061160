// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @contract
func.func @contract(%q: tensor<2x8x128x64xf16>, %k: tensor<2x8x256x64xf16>, %x: tensor<4xf32>) {
  // CHECK: flashlight.contract %{{.*}}, %{{.*}} "bhmd,bhnd->bhmn" : tensor<2x8x128x64xf16>, tensor<2x8x256x64xf16> -> tensor<2x8x128x256xf32>
  %0 = flashlight.contract %q, %k "bhmd,bhnd->bhmn" : tensor<2x8x128x64xf16>, tensor<2x8x256x64xf16> -> tensor<2x8x128x256xf32>
  // CHECK: flashlight.contract %{{.*}}, %{{.*}} "i,i->" : tensor<4xf32>, tensor<4xf32> -> tensor<f32>
  %1 = flashlight.contract %x, %x "i,i->" : tensor<4xf32>, tensor<4xf32> -> tensor<f32>
  // CHECK: flashlight.contract %{{.*}}, %{{.*}} into %{{.*}} "i,i->" : tensor<4xf32>, tensor<4xf32> -> tensor<f32>
  %2 = flashlight.contract %x, %x into %1 "i,i->" : tensor<4xf32>, tensor<4xf32> -> tensor<f32>
  return
}

// A dynamic extent may equal any other.
// CHECK-LABEL: func.func @contract_dynamic
func.func @contract_dynamic(%a: tensor<?x64xf32, #flashlight.symbols<s0>>, %b: tensor<64x8xf32>) {
  // CHECK: flashlight.contract
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<?x64xf32, #flashlight.symbols<s0>>, tensor<64x8xf32> -> tensor<?x8xf32, #flashlight.symbols<s0>>
  return
}

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: tensor<2x3x4xf32>, %i: tensor<2x3xi64>, %p: tensor<2x3xi1>) {
  // CHECK: flashlight.reduce sum %{{.*}} dims [1] : tensor<2x3x4xf32> -> tensor<2x4xf32>
  %0 = flashlight.reduce sum %x dims [1] : tensor<2x3x4xf32> -> tensor<2x4xf32>
  // CHECK: flashlight.reduce prod %{{.*}} dims [0, 2]
  %1 = flashlight.reduce prod %x dims [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: flashlight.reduce max %{{.*}} dims [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  %2 = flashlight.reduce max %x dims [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  // CHECK: flashlight.reduce min
  %3 = flashlight.reduce min %i dims [0] : tensor<2x3xi64> -> tensor<3xi64>
  // CHECK: flashlight.reduce any
  %4 = flashlight.reduce any %p dims [1] : tensor<2x3xi1> -> tensor<2xi1>
  // CHECK: flashlight.reduce all
  %5 = flashlight.reduce all %p dims [1] : tensor<2x3xi1> -> tensor<2xi1>
  return
}

// CHECK-LABEL: func.func @broadcast
func.func @broadcast(%x: tensor<2x1xf32>, %s: tensor<f32>) {
  // CHECK: flashlight.broadcast %{{.*}} dims [0, 2] : tensor<2x1xf32> -> tensor<2x3x4xf32>
  %0 = flashlight.broadcast %x dims [0, 2] : tensor<2x1xf32> -> tensor<2x3x4xf32>
  // CHECK: flashlight.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<8xf32>
  %1 = flashlight.broadcast %s dims [] : tensor<f32> -> tensor<8xf32>
  return
}

// CHECK-LABEL: func.func @iota_and_size
func.func @iota_and_size() {
  // CHECK: flashlight.iota : tensor<1024xi64>
  %0 = flashlight.iota : tensor<1024xi64>
  // CHECK: flashlight.size "s0" : tensor<i64>
  %1 = flashlight.size "s0" : tensor<i64>
  return
}

// CHECK-LABEL: func.func @views
func.func @views(%x: tensor<2x128x512xf32>) {
  // CHECK: flashlight.transpose %{{.*}} [0, 2, 1] : tensor<2x128x512xf32> -> tensor<2x512x128xf32>
  %0 = flashlight.transpose %x [0, 2, 1] : tensor<2x128x512xf32> -> tensor<2x512x128xf32>
  // CHECK: flashlight.reshape %{{.*}} : tensor<2x128x512xf32> -> tensor<2x128x8x64xf32>
  %1 = flashlight.reshape %x : tensor<2x128x512xf32> -> tensor<2x128x8x64xf32>
  // CHECK: flashlight.slice %{{.*}} offsets [0, 64, 1] strides [1, 1, 2] : tensor<2x128x512xf32> -> tensor<2x64x255xf32>
  %2 = flashlight.slice %x offsets [0, 64, 1] strides [1, 1, 2] : tensor<2x128x512xf32> -> tensor<2x64x255xf32>
  return
}

// CHECK-LABEL: func.func @concat
func.func @concat(%a: tensor<8x64xf32>, %b: tensor<8x32xf32>) {
  // CHECK: flashlight.concat %{{.*}}, %{{.*}} dim 1 : (tensor<8x64xf32>, tensor<8x32xf32>) -> tensor<8x96xf32>
  %0 = flashlight.concat %a, %b dim 1 : (tensor<8x64xf32>, tensor<8x32xf32>) -> tensor<8x96xf32>
  // CHECK: flashlight.concat %{{.*}} dim 0 : (tensor<8x64xf32>) -> tensor<8x64xf32>
  %1 = flashlight.concat %a dim 0 : (tensor<8x64xf32>) -> tensor<8x64xf32>
  return
}

// CHECK-LABEL: func.func @gather
func.func @gather(%t: tensor<32x8xf32>, %i: tensor<128x128x8xi64>) {
  // CHECK: flashlight.gather %{{.*}}[%{{.*}}] at affine_map<(d0, d1, d2)[s0] -> (s0, d2)> : tensor<32x8xf32>, tensor<128x128x8xi64> -> tensor<128x128x8xf32>
  %0 = flashlight.gather %t[%i] at affine_map<(m, n, h)[i] -> (i, h)> : tensor<32x8xf32>, tensor<128x128x8xi64> -> tensor<128x128x8xf32>
  return
}

// CHECK-LABEL: func.func @scan
func.func @scan(%x: tensor<8x128xf32>) {
  // CHECK: flashlight.scan sum %{{.*}} dim 1 : tensor<8x128xf32>
  %0 = flashlight.scan sum %x dim 1 : tensor<8x128xf32>
  // CHECK: flashlight.scan max %{{.*}} dim 0 reverse : tensor<8x128xf32>
  %1 = flashlight.scan max %x dim 0 reverse : tensor<8x128xf32>
  // CHECK: flashlight.scan prod %{{.*}} dim 1 reverse exclusive : tensor<8x128xf32>
  %2 = flashlight.scan prod %x dim 1 reverse exclusive : tensor<8x128xf32>
  return
}

// CHECK-LABEL: func.func @torch_call
func.func @torch_call(%x: tensor<4x32xf32>) {
  // CHECK: flashlight.torch_call "aten.topk.default" "%0, 8"(%{{.*}}) : (tensor<4x32xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
  %0:2 = flashlight.torch_call "aten.topk.default" "%0, 8" (%x) : (tensor<4x32xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
  // CHECK: flashlight.torch_call "aten.rand.default" "[4]"() : () -> tensor<4xf32>
  %1 = flashlight.torch_call "aten.rand.default" "[4]" () : () -> tensor<4xf32>
  return
}
