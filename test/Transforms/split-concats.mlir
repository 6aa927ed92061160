// RUN: flashlight-opt %s --flashlight-split-concats --canonicalize | FileCheck %s

// max(s ++ sink) = max(max(s), sink), and a slice of the result takes one part of it.
// CHECK-LABEL: @sink
// CHECK: %[[M:.*]] = flashlight.reduce max %arg0 dims [1] : tensor<8x64xf32>
// CHECK: %[[SINK:.*]] = flashlight.reshape %arg1 : tensor<8x1xf32> -> tensor<8xf32>
// CHECK: %[[MAX:.*]] = arith.maximumf %[[M]], %[[SINK]]
// CHECK: %[[B:.*]] = flashlight.broadcast %[[MAX]] dims [0] : tensor<8xf32> -> tensor<8x64xf32>
// CHECK: arith.subf %arg0, %[[B]] : tensor<8x64xf32>
// CHECK-NOT: flashlight.concat
func.func @sink(%s: tensor<8x64xf32>, %sink: tensor<8x1xf32>) -> tensor<8x64xf32> {
  %c = flashlight.concat %s, %sink dim 1 : (tensor<8x64xf32>, tensor<8x1xf32>) -> tensor<8x65xf32>
  %m = flashlight.reduce max %c dims [1] : tensor<8x65xf32> -> tensor<8xf32>
  %b = flashlight.broadcast %m dims [0] : tensor<8xf32> -> tensor<8x65xf32>
  %d = arith.subf %c, %b : tensor<8x65xf32>
  %r = flashlight.slice %d offsets [0, 0] strides [1, 1] : tensor<8x65xf32> -> tensor<8x64xf32>
  return %r : tensor<8x64xf32>
}

// The same behind a dynamic part: the sink's place is not known, nor needed.
// CHECK-LABEL: @dynamic_sink
// CHECK-NOT: flashlight.concat
// CHECK: return {{.*}} : tensor<8x?xf32, #flashlight.symbols<s0>>
func.func @dynamic_sink(%s: tensor<8x?xf32, #flashlight.symbols<s0>>, %sink: tensor<8x1xf32>) -> tensor<8x?xf32, #flashlight.symbols<s0>> {
  %c = flashlight.concat %s, %sink dim 1 : (tensor<8x?xf32, #flashlight.symbols<s0>>, tensor<8x1xf32>) -> tensor<8x?xf32, #flashlight.symbols<"s0 + 1">>
  %m = flashlight.reduce sum %c dims [1] : tensor<8x?xf32, #flashlight.symbols<"s0 + 1">> -> tensor<8xf32>
  %b = flashlight.broadcast %m dims [0] : tensor<8xf32> -> tensor<8x?xf32, #flashlight.symbols<"s0 + 1">>
  %d = arith.divf %c, %b : tensor<8x?xf32, #flashlight.symbols<"s0 + 1">>
  %r = flashlight.slice %d offsets [0, 0] strides [1, 1] : tensor<8x?xf32, #flashlight.symbols<"s0 + 1">> -> tensor<8x?xf32, #flashlight.symbols<s0>>
  return %r : tensor<8x?xf32, #flashlight.symbols<s0>>
}

// Parts of the contracted dim on both sides: (a ++ b) . (c ++ d) = a . c + b . d
// CHECK-LABEL: @contracted
// CHECK-DAG: %[[L:.*]] = flashlight.contract %arg0, %arg2 "md,nd->mn"
// CHECK-DAG: %[[R:.*]] = flashlight.contract %arg1, %arg3 "md,nd->mn"
// CHECK: arith.addf %[[L]], %[[R]] {flashlight.node = "scores"}
// CHECK-NOT: flashlight.concat
func.func @contracted(%a: tensor<8x64xf32>, %b: tensor<8x32xf32>, %c: tensor<9x64xf32>, %d: tensor<9x32xf32>) -> tensor<8x9xf32> {
  %q = flashlight.concat %a, %b dim 1 : (tensor<8x64xf32>, tensor<8x32xf32>) -> tensor<8x96xf32>
  %k = flashlight.concat %c, %d dim 1 : (tensor<9x64xf32>, tensor<9x32xf32>) -> tensor<9x96xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" {flashlight.node = "scores"} : tensor<8x96xf32>, tensor<9x96xf32> -> tensor<8x9xf32>
  return %s : tensor<8x9xf32>
}

// Stacked pairs become every second element.
// CHECK-LABEL: @interleaved
// CHECK-DAG: flashlight.slice %arg2 offsets [0, 0] strides [1, 2]
// CHECK-DAG: flashlight.slice %arg2 offsets [0, 1] strides [1, 2]
// CHECK-NOT: flashlight.concat
func.func @interleaved(%a: tensor<8x16x1xf32>, %b: tensor<8x16x1xf32>, %k: tensor<9x32xf32>) -> tensor<8x9xf32> {
  %c = flashlight.concat %a, %b dim 2 : (tensor<8x16x1xf32>, tensor<8x16x1xf32>) -> tensor<8x16x2xf32>
  %q = flashlight.reshape %c : tensor<8x16x2xf32> -> tensor<8x32xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x32xf32>, tensor<9x32xf32> -> tensor<8x9xf32>
  return %s : tensor<8x9xf32>
}

// Somebody needs the whole.
// CHECK-LABEL: @returned
// CHECK: flashlight.concat
func.func @returned(%a: tensor<8x4xf32>, %b: tensor<8x3xf32>) -> (tensor<8x7xf32>, tensor<8xf32>) {
  %c = flashlight.concat %a, %b dim 1 : (tensor<8x4xf32>, tensor<8x3xf32>) -> tensor<8x7xf32>
  %r = flashlight.reduce sum %c dims [1] : tensor<8x7xf32> -> tensor<8xf32>
  return %c, %r : tensor<8x7xf32>, tensor<8xf32>
}

// Old and new keys stay one tensor: their dim goes free through the scores' contraction.
// CHECK-LABEL: @cached_keys
// CHECK: flashlight.concat
func.func @cached_keys(%q: tensor<8x4xf32>, %old: tensor<20x4xf32>, %new: tensor<10x4xf32>) -> tensor<8xf32> {
  %k = flashlight.concat %old, %new dim 0 : (tensor<20x4xf32>, tensor<10x4xf32>) -> tensor<30x4xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<30x4xf32> -> tensor<8x30xf32>
  %r = flashlight.reduce max %s dims [1] : tensor<8x30xf32> -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// A projection is not cut in parts.
// CHECK-LABEL: @projected
// CHECK: flashlight.concat
func.func @projected(%a: tensor<8x4xf32>, %b: tensor<8x3xf32>, %w: tensor<7x5xf32> {flashlight.parameter}) -> tensor<8x5xf32> {
  %c = flashlight.concat %a, %b dim 1 : (tensor<8x4xf32>, tensor<8x3xf32>) -> tensor<8x7xf32>
  %r = flashlight.contract %c, %w "md,de->me" : tensor<8x7xf32>, tensor<7x5xf32> -> tensor<8x5xf32>
  return %r : tensor<8x5xf32>
}
