// RUN: flashlight-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @transposes_compose
func.func @transposes_compose(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  // x[a, b, c] -> [b, a, c] -> [b, c, a]: one permutation of the first operand.
  // CHECK: %[[T:.*]] = flashlight.transpose %arg0 [1, 2, 0]
  // CHECK-NEXT: return %[[T]]
  %0 = flashlight.transpose %x [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  %1 = flashlight.transpose %0 [0, 2, 1] : tensor<3x2x4xf32> -> tensor<3x4x2xf32>
  return %1 : tensor<3x4x2xf32>
}

// -----

// CHECK-LABEL: func.func @inverse_transposes_vanish
func.func @inverse_transposes_vanish(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = flashlight.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = flashlight.transpose %0 [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: func.func @reshapes_compose
func.func @reshapes_compose(%x: tensor<2x12xf32>) -> tensor<4x6xf32> {
  // CHECK: flashlight.reshape %arg0 : tensor<2x12xf32> -> tensor<4x6xf32>
  // CHECK-NOT: flashlight.reshape
  %0 = flashlight.reshape %x : tensor<2x12xf32> -> tensor<24xf32>
  %1 = flashlight.reshape %0 : tensor<24xf32> -> tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// -----

// Two dynamic extents under two symbols need not be equal, but one type is one shape.
// CHECK-LABEL: func.func @dynamic_reshape_stays
func.func @dynamic_reshape_stays(%x: tensor<?x?xf32, #flashlight.symbols<s0, s1>>)
    -> tensor<?x?xf32, #flashlight.symbols<s1, s0>> {
  // CHECK: flashlight.reshape
  %0 = flashlight.reshape %x : tensor<?x?xf32, #flashlight.symbols<s0, s1>> -> tensor<?x?xf32, #flashlight.symbols<s1, s0>>
  return %0 : tensor<?x?xf32, #flashlight.symbols<s1, s0>>
}

// -----

// CHECK-LABEL: func.func @whole_slice
func.func @whole_slice(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK-NEXT: return %arg0
  %0 = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @broadcast_to_itself
func.func @broadcast_to_itself(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK-NEXT: return %arg0
  %0 = flashlight.broadcast %x dims [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// An op of PyTorch's may have effects: it stays although its result is not used.
// CHECK-LABEL: func.func @torch_call_stays
func.func @torch_call_stays(%x: tensor<4xf32>) {
  // CHECK-NEXT: flashlight.torch_call
  %0 = flashlight.torch_call "aten.bernoulli.default" "%0" (%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
