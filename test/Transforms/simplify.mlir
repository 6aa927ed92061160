// RUN: flashlight-opt %s --flashlight-simplify --canonicalize | FileCheck %s

// CHECK-LABEL: @rounding_between_ops
// CHECK-NEXT: math.exp %arg0 : tensor<8xf32>
func.func @rounding_between_ops(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = arith.truncf %x : tensor<8xf32> to tensor<8xbf16>
  %1 = arith.extf %0 : tensor<8xbf16> to tensor<8xf32>
  %2 = math.exp %1 : tensor<8xf32>
  return %2 : tensor<8xf32>
}

// A view moves elements and computes nothing.
// CHECK-LABEL: @rounding_across_a_view
// CHECK-NEXT: %[[T:.*]] = flashlight.transpose %arg0
// CHECK-NEXT: return %[[T]]
func.func @rounding_across_a_view(%x: tensor<8x4xf32>) -> tensor<4x8xf32> {
  %0 = arith.truncf %x : tensor<8x4xf32> to tensor<8x4xbf16>
  %1 = flashlight.transpose %0 [1, 0] : tensor<8x4xbf16> -> tensor<4x8xbf16>
  %2 = arith.extf %1 : tensor<4x8xbf16> to tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// A mask chooses between a rounded score and a constant.
// CHECK-LABEL: @rounding_across_a_select
// CHECK: %[[INF:.*]] = arith.constant dense<0xFF800000> : tensor<8xf32>
// CHECK-NEXT: arith.select %arg1, %arg0, %[[INF]] : tensor<8xi1>, tensor<8xf32>
func.func @rounding_across_a_select(%x: tensor<8xf32>, %c: tensor<8xi1>) -> tensor<8xf32> {
  %inf = arith.constant dense<0xFF80> : tensor<8xbf16>
  %0 = arith.truncf %x : tensor<8xf32> to tensor<8xbf16>
  %1 = arith.select %c, %0, %inf : tensor<8xi1>, tensor<8xbf16>
  %2 = arith.extf %1 : tensor<8xbf16> to tensor<8xf32>
  return %2 : tensor<8xf32>
}

// What was never wider stays.
// CHECK-LABEL: @widening_alone
// CHECK-NEXT: arith.extf
func.func @widening_alone(%x: tensor<8xbf16>) -> tensor<8xf32> {
  %0 = arith.extf %x : tensor<8xbf16> to tensor<8xf32>
  return %0 : tensor<8xf32>
}

// max(x - r) = max(x) - r where r is the same along the dim.
// CHECK-LABEL: @shifted_maximum
// CHECK-NEXT: %[[M:.*]] = flashlight.reduce max %arg0 dims [1]
// CHECK-NEXT: arith.subf %[[M]], %arg1 : tensor<8xf32>
func.func @shifted_maximum(%x: tensor<8x4xf32>, %r: tensor<8xf32>) -> tensor<8xf32> {
  %b = flashlight.broadcast %r dims [0] : tensor<8xf32> -> tensor<8x4xf32>
  %d = arith.subf %x, %b : tensor<8x4xf32>
  %m = flashlight.reduce max %d dims [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}

// max(r - x) = r - min(x).
// CHECK-LABEL: @maximum_of_negated
// CHECK: %[[M:.*]] = flashlight.reduce min %arg0 dims [1]
// CHECK: arith.subf %{{.*}}, %[[M]] : tensor<8xf32>
func.func @maximum_of_negated(%x: tensor<8x4xf32>, %r: tensor<8x1xf32>) -> tensor<8xf32> {
  %b = flashlight.broadcast %r dims [0, 1] : tensor<8x1xf32> -> tensor<8x4xf32>
  %d = arith.subf %b, %x : tensor<8x4xf32>
  %m = flashlight.reduce max %d dims [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}
