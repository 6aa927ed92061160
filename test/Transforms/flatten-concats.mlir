// RUN: flashlight-opt %s --flashlight-flatten-concats | FileCheck %s

// A tensor that is filled part by part.
// CHECK-LABEL: @filled
// CHECK-NEXT: %[[R:.*]] = flashlight.concat %arg1, %arg2, %arg3 dim 0 {flashlight.node = "c"}
// CHECK-NEXT: return %[[R]]
func.func @filled(%zero: tensor<3x4xf32>, %x: tensor<1x4xf32>, %y: tensor<1x4xf32>, %z: tensor<1x4xf32>) -> tensor<3x4xf32> {
  %t0 = flashlight.slice %zero offsets [1, 0] strides [1, 1] : tensor<3x4xf32> -> tensor<2x4xf32>
  %a = flashlight.concat %x, %t0 dim 0 {flashlight.node = "a"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %h1 = flashlight.slice %a offsets [0, 0] strides [1, 1] : tensor<3x4xf32> -> tensor<1x4xf32>
  %t1 = flashlight.slice %a offsets [2, 0] strides [1, 1] : tensor<3x4xf32> -> tensor<1x4xf32>
  %b = flashlight.concat %h1, %y, %t1 dim 0 {flashlight.node = "b"} : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
  %h2 = flashlight.slice %b offsets [0, 0] strides [1, 1] : tensor<3x4xf32> -> tensor<2x4xf32>
  %c = flashlight.concat %h2, %z dim 0 {flashlight.node = "c"} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
  return %c : tensor<3x4xf32>
}

// What is cut is cut of the part itself.
// CHECK-LABEL: @cut
// CHECK: %[[Y:.*]] = flashlight.slice %arg1 offsets [0, 0] strides [1, 1] : tensor<2x4xf32> -> tensor<1x4xf32>
// CHECK: flashlight.concat %arg0, %[[Y]], %arg2 dim 0
// CHECK-NOT: flashlight.concat
func.func @cut(%x: tensor<2x4xf32>, %y: tensor<2x4xf32>, %z: tensor<1x4xf32>) -> tensor<4x4xf32> {
  %a = flashlight.concat %x, %y dim 0 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %h = flashlight.slice %a offsets [0, 0] strides [1, 1] : tensor<4x4xf32> -> tensor<3x4xf32>
  %c = flashlight.concat %h, %z dim 0 : (tensor<3x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}

// A slice of one part is one of that part; of two it stays, and so does one of another dim.
// CHECK-LABEL: @slices
// CHECK: %[[A:.*]] = flashlight.concat %arg0, %arg1 dim 0
// CHECK: %[[ONE:.*]] = flashlight.slice %arg1 offsets [1, 0] strides [1, 1] : tensor<2x4xf32> -> tensor<1x4xf32>
// CHECK: %[[TWO:.*]] = flashlight.slice %[[A]] offsets [1, 0]
// CHECK: %[[OTHER:.*]] = flashlight.slice %[[A]] offsets [0, 1]
// CHECK: return %[[ONE]], %[[TWO]], %[[OTHER]]
func.func @slices(%x: tensor<2x4xf32>, %y: tensor<2x4xf32>) -> (tensor<1x4xf32>, tensor<2x4xf32>, tensor<4x3xf32>) {
  %a = flashlight.concat %x, %y dim 0 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %one = flashlight.slice %a offsets [3, 0] strides [1, 1] : tensor<4x4xf32> -> tensor<1x4xf32>
  %two = flashlight.slice %a offsets [1, 0] strides [1, 1] : tensor<4x4xf32> -> tensor<2x4xf32>
  %other = flashlight.slice %a offsets [0, 1] strides [1, 1] : tensor<4x4xf32> -> tensor<4x3xf32>
  return %one, %two, %other : tensor<1x4xf32>, tensor<2x4xf32>, tensor<4x3xf32>
}
