// RUN: flashlight-opt %s --flashlight-select-concats | FileCheck %s

// A column that is filled, and what stands in its own place.
// CHECK-LABEL: @column
// CHECK-DAG: %[[ZEROS:.*]] = flashlight.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<3x8xf32>
// CHECK-DAG: %[[AT:.*]] = flashlight.iota : tensor<8xi64>
// CHECK-DAG: %[[BEFORE:.*]] = arith.cmpi slt, %[[AT]]
// CHECK-DAG: %[[FIRST:.*]] = flashlight.broadcast %[[BEFORE]] dims [1] : tensor<8xi1> -> tensor<3x8xi1>
// CHECK: %[[R:.*]] = arith.select %[[FIRST]], %[[ZEROS]], %arg0 {flashlight.node = "cat"}
// CHECK-NEXT: return %[[R]]
func.func @column(%x: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %column = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<3x1xf32>
  %tail = flashlight.slice %x offsets [0, 1] strides [1, 1] : tensor<3x8xf32> -> tensor<3x7xf32>
  %r = flashlight.concat %column, %tail dim 1 {flashlight.node = "cat"} : (tensor<3x1xf32>, tensor<3x7xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Functions of parts, one of them without the dim.
// CHECK-LABEL: @functions
// CHECK-DAG: %[[E:.*]] = math.exp %arg0 : tensor<3x8xf32>
// CHECK-DAG: %[[N:.*]] = arith.negf %arg0 : tensor<3x8xf32>
// CHECK: arith.select %{{.*}}, %[[E]], %[[N]]
// CHECK-NOT: flashlight.concat
func.func @functions(%x: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %first = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<3x8xf32> -> tensor<3x1xf32>
  %flat = flashlight.reshape %first : tensor<3x1xf32> -> tensor<3xf32>
  %e = math.exp %flat : tensor<3xf32>
  %column = flashlight.reshape %e : tensor<3xf32> -> tensor<3x1xf32>
  %tail = flashlight.slice %x offsets [0, 1] strides [1, 1] : tensor<3x8xf32> -> tensor<3x7xf32>
  %n = arith.negf %tail : tensor<3x7xf32>
  %r = flashlight.concat %column, %n dim 1 : (tensor<3x1xf32>, tensor<3x7xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// What is shifted, and another tensor, are put together as before.
// CHECK-LABEL: @others
// CHECK-COUNT-2: flashlight.concat
func.func @others(%x: tensor<3x8xf32>, %y: tensor<3x1xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %column = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<3x1xf32>
  %head = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<3x8xf32> -> tensor<3x7xf32>
  %tail = flashlight.slice %x offsets [0, 1] strides [1, 1] : tensor<3x8xf32> -> tensor<3x7xf32>
  %shifted = flashlight.concat %column, %head dim 1 : (tensor<3x1xf32>, tensor<3x7xf32>) -> tensor<3x8xf32>
  %other = flashlight.concat %y, %tail dim 1 : (tensor<3x1xf32>, tensor<3x7xf32>) -> tensor<3x8xf32>
  return %shifted, %other : tensor<3x8xf32>, tensor<3x8xf32>
}
