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

// One new key beside old ones is one term more: its score is a sum of products, its value is weighed.
// CHECK-LABEL: @one_new_key
// CHECK-NOT: flashlight.concat
// CHECK: %[[OLD:.*]] = flashlight.contract %arg0, %arg1 "md,nd->mn"
// CHECK: %[[Q:.*]] = flashlight.broadcast %arg0 dims [0, 2] : tensor<8x4xf32> -> tensor<8x1x4xf32>
// CHECK: %[[K:.*]] = flashlight.broadcast %arg2 dims [1, 2] : tensor<1x4xf32> -> tensor<8x1x4xf32>
// CHECK: %[[QK:.*]] = arith.mulf %[[Q]], %[[K]]
// CHECK: %[[NEW:.*]] = flashlight.reduce sum %[[QK]] dims [2]
// CHECK: flashlight.reduce max %[[OLD]] dims [1]
// CHECK: arith.maximumf
// CHECK: flashlight.contract %{{.*}}, %arg3 "mn,ne->me"
// CHECK: arith.addf
func.func @one_new_key(%q: tensor<8x4xf32>, %k: tensor<20x4xf32>, %new: tensor<1x4xf32>, %v: tensor<20x5xf32>, %newv: tensor<1x5xf32>) -> tensor<8x5xf32> {
  %values = flashlight.concat %v, %newv dim 0 : (tensor<20x5xf32>, tensor<1x5xf32>) -> tensor<21x5xf32>
  %keys = flashlight.concat %k, %new dim 0 : (tensor<20x4xf32>, tensor<1x4xf32>) -> tensor<21x4xf32>
  %s = flashlight.contract %q, %keys "md,nd->mn" : tensor<8x4xf32>, tensor<21x4xf32> -> tensor<8x21xf32>
  %m = flashlight.reduce max %s dims [1] : tensor<8x21xf32> -> tensor<8xf32>
  %b = flashlight.broadcast %m dims [0] : tensor<8xf32> -> tensor<8x21xf32>
  %d = arith.subf %s, %b : tensor<8x21xf32>
  %o = flashlight.contract %d, %values "mn,ne->me" : tensor<8x21xf32>, tensor<21x5xf32> -> tensor<8x5xf32>
  return %o : tensor<8x5xf32>
}

// Three keys are three such terms; a mask of all keys is cut at their places, from its end.
// CHECK-LABEL: @few_keys_behind
// CHECK-NOT: flashlight.concat
// CHECK: flashlight.slice %arg3 offsets [0, 0] strides [1, 1] : tensor<8x?xf32, #flashlight.symbols<"s0 + 3">> -> tensor<8x?xf32, #flashlight.symbols<s0>>
// CHECK: flashlight.slice %arg3 offsets [0, 2] strides [1, -1] : {{.*}} -> tensor<8x1xf32>
// CHECK: flashlight.slice %arg3 offsets [0, 1] strides [1, -1] : {{.*}} -> tensor<8x1xf32>
// CHECK: flashlight.slice %arg3 offsets [0, 0] strides [1, -1] : {{.*}} -> tensor<8x1xf32>
func.func @few_keys_behind(%q: tensor<8x4xf32>, %k: tensor<?x4xf32, #flashlight.symbols<s0>>, %new: tensor<3x4xf32>, %mask: tensor<8x?xf32, #flashlight.symbols<"s0 + 3">>) -> tensor<8xf32> {
  %keys = flashlight.concat %k, %new dim 0 : (tensor<?x4xf32, #flashlight.symbols<s0>>, tensor<3x4xf32>) -> tensor<?x4xf32, #flashlight.symbols<"s0 + 3">>
  %s = flashlight.contract %q, %keys "md,nd->mn" : tensor<8x4xf32>, tensor<?x4xf32, #flashlight.symbols<"s0 + 3">> -> tensor<8x?xf32, #flashlight.symbols<"s0 + 3">>
  %masked = arith.addf %s, %mask : tensor<8x?xf32, #flashlight.symbols<"s0 + 3">>
  %m = flashlight.reduce max %masked dims [1] : tensor<8x?xf32, #flashlight.symbols<"s0 + 3">> -> tensor<8xf32>
  return %m : tensor<8xf32>
}

// Scores of long parts of the keys are the scores of all keys; what is done to some of them alone is
// done to the others with a neutral operand. So are their sums.
// CHECK-LABEL: @scores_in_parts
// CHECK-DAG: %[[K:.*]] = flashlight.concat %arg1, %arg2 dim 0
// CHECK-DAG: %[[MASK:.*]] = flashlight.concat %arg5, %{{.*}} dim 1 : (tensor<8x20xi1>, tensor<8x30xi1>)
// CHECK: %[[QK:.*]] = flashlight.contract %arg0, %[[K]] "md,nd->mn"
// CHECK: %[[S:.*]] = arith.select %[[MASK]], %{{.*}}, %[[QK]]
// CHECK: %[[M:.*]] = flashlight.reduce max %[[S]] dims [1] : tensor<8x50xf32> -> tensor<8xf32>
// CHECK: %[[D:.*]] = arith.subf %[[S]]
// CHECK: %[[V:.*]] = flashlight.concat %arg3, %arg4 dim 0
// CHECK: flashlight.contract %[[D]], %[[V]] "mn,ne->me" {flashlight.node = "out"}
func.func @scores_in_parts(%q: tensor<8x4xf32>, %ka: tensor<20x4xf32>, %kb: tensor<30x4xf32>, %va: tensor<20x5xf32>, %vb: tensor<30x5xf32>, %mask: tensor<8x20xi1>) -> tensor<8x5xf32> {
  %sa = flashlight.contract %q, %ka "md,nd->mn" : tensor<8x4xf32>, tensor<20x4xf32> -> tensor<8x20xf32>
  %sb = flashlight.contract %q, %kb "md,nd->mn" : tensor<8x4xf32>, tensor<30x4xf32> -> tensor<8x30xf32>
  %fill = arith.constant dense<-1.0e9> : tensor<8x20xf32>
  %masked = arith.select %mask, %fill, %sa : tensor<8x20xi1>, tensor<8x20xf32>
  %s = flashlight.concat %masked, %sb dim 1 : (tensor<8x20xf32>, tensor<8x30xf32>) -> tensor<8x50xf32>
  %m = flashlight.reduce max %s dims [1] : tensor<8x50xf32> -> tensor<8xf32>
  %b = flashlight.broadcast %m dims [0] : tensor<8xf32> -> tensor<8x50xf32>
  %d = arith.subf %s, %b : tensor<8x50xf32>
  %da = flashlight.slice %d offsets [0, 0] strides [1, 1] : tensor<8x50xf32> -> tensor<8x20xf32>
  %db = flashlight.slice %d offsets [0, 20] strides [1, 1] : tensor<8x50xf32> -> tensor<8x30xf32>
  %oa = flashlight.contract %da, %va "mn,ne->me" : tensor<8x20xf32>, tensor<20x5xf32> -> tensor<8x5xf32>
  %ob = flashlight.contract %db, %vb "mn,ne->me" : tensor<8x30xf32>, tensor<30x5xf32> -> tensor<8x5xf32>
  %o = arith.addf %oa, %ob {flashlight.node = "out"} : tensor<8x5xf32>
  return %o : tensor<8x5xf32>
}

// Scores of one tensor of keys are not cut for a mask in parts.
// CHECK-LABEL: @mask_in_parts
// CHECK: flashlight.concat
func.func @mask_in_parts(%q: tensor<8x4xf32>, %k: tensor<30x4xf32>, %a: tensor<8x20xf32>, %b: tensor<8x10xf32>) -> tensor<8xf32> {
  %mask = flashlight.concat %a, %b dim 1 : (tensor<8x20xf32>, tensor<8x10xf32>) -> tensor<8x30xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<30x4xf32> -> tensor<8x30xf32>
  %masked = arith.addf %s, %mask : tensor<8x30xf32>
  %m = flashlight.reduce max %masked dims [1] : tensor<8x30xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}

// Nor for values in parts.
// CHECK-LABEL: @values_in_parts
// CHECK: flashlight.concat
func.func @values_in_parts(%q: tensor<8x4xf32>, %k: tensor<30x4xf32>, %a: tensor<20x5xf32>, %b: tensor<10x5xf32>) -> tensor<8x5xf32> {
  %values = flashlight.concat %a, %b dim 0 : (tensor<20x5xf32>, tensor<10x5xf32>) -> tensor<30x5xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<30x4xf32> -> tensor<8x30xf32>
  %e = math.exp %s : tensor<8x30xf32>
  %o = flashlight.contract %e, %values "mn,ne->me" : tensor<8x30xf32>, tensor<30x5xf32> -> tensor<8x5xf32>
  return %o : tensor<8x5xf32>
}

// A projection is not cut in parts.
// CHECK-LABEL: @projected
// CHECK: flashlight.concat
func.func @projected(%a: tensor<8x4xf32>, %b: tensor<8x3xf32>, %w: tensor<7x5xf32> {flashlight.parameter}) -> tensor<8x5xf32> {
  %c = flashlight.concat %a, %b dim 1 : (tensor<8x4xf32>, tensor<8x3xf32>) -> tensor<8x7xf32>
  %r = flashlight.contract %c, %w "md,de->me" : tensor<8x7xf32>, tensor<7x5xf32> -> tensor<8x5xf32>
  return %r : tensor<8x5xf32>
}

// An online softmax over two blocks of keys, of which the sums are moved to the last maximum:
//   (sum_A exp(s - a)) exp(a - m) + sum_B exp(s - m) = sum_{A ++ B} exp(s - m),  m = max(a, b)
// CHECK-LABEL: @gathered_by_blocks
// CHECK-NOT: flashlight.slice
// CHECK-DAG: %[[S:.*]] = flashlight.contract %arg0, %arg1 "md,nd->mn" {{.*}} -> tensor<8x64xf32>
// CHECK-DAG: flashlight.reduce max %{{.*}} dims [1] : tensor<8x64xf32>
// CHECK-DAG: flashlight.reduce sum %{{.*}} dims [1] : tensor<8x64xf32>
// CHECK-DAG: flashlight.contract %{{.*}}, %arg2 "mn,ne->me" : tensor<8x64xf32>, tensor<64x4xf32>
// CHECK-NOT: tensor<8x32xf32>
func.func @gathered_by_blocks(%q: tensor<8x4xf32>, %k: tensor<64x4xf32>, %v: tensor<64x4xf32>) -> (tensor<8xf32>, tensor<8x4xf32>) {
  %k0 = flashlight.slice %k offsets [0, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %k1 = flashlight.slice %k offsets [32, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %v0 = flashlight.slice %v offsets [0, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %v1 = flashlight.slice %v offsets [32, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %s0 = flashlight.contract %q, %k0 "md,nd->mn" : tensor<8x4xf32>, tensor<32x4xf32> -> tensor<8x32xf32>
  %a = flashlight.reduce max %s0 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %ab = flashlight.broadcast %a dims [0] : tensor<8xf32> -> tensor<8x32xf32>
  %d0 = arith.subf %s0, %ab : tensor<8x32xf32>
  %p0 = math.exp %d0 : tensor<8x32xf32>
  %l0 = flashlight.reduce sum %p0 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %o0 = flashlight.contract %p0, %v0 "mn,ne->me" : tensor<8x32xf32>, tensor<32x4xf32> -> tensor<8x4xf32>
  %s1 = flashlight.contract %q, %k1 "md,nd->mn" : tensor<8x4xf32>, tensor<32x4xf32> -> tensor<8x32xf32>
  %b = flashlight.reduce max %s1 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %m = arith.maximumf %a, %b : tensor<8xf32>
  %mb = flashlight.broadcast %m dims [0] : tensor<8xf32> -> tensor<8x32xf32>
  %d1 = arith.subf %s1, %mb : tensor<8x32xf32>
  %p1 = math.exp %d1 : tensor<8x32xf32>
  %moved = arith.subf %a, %m : tensor<8xf32>
  %c = math.exp %moved : tensor<8xf32>
  %lc = arith.mulf %l0, %c : tensor<8xf32>
  %l1 = flashlight.reduce sum %p1 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %l = arith.addf %lc, %l1 : tensor<8xf32>
  %cb = flashlight.broadcast %c dims [0] : tensor<8xf32> -> tensor<8x4xf32>
  %oc = arith.mulf %o0, %cb : tensor<8x4xf32>
  %o1 = flashlight.contract %p1, %v1 "mn,ne->me" : tensor<8x32xf32>, tensor<32x4xf32> -> tensor<8x4xf32>
  %o = arith.addf %oc, %o1 : tensor<8x4xf32>
  return %l, %o : tensor<8xf32>, tensor<8x4xf32>
}

// Two softmaxes have a reference each: their sum is no sum over all keys.
// CHECK-LABEL: @two_references
// CHECK-COUNT-2: flashlight.contract {{.*}} "mn,ne->me" : tensor<8x32xf32>
func.func @two_references(%s: tensor<8x64xf32>, %q: tensor<8x4xf32>, %k: tensor<64x4xf32>, %v: tensor<64x4xf32>) -> tensor<8x4xf32> {
  %k0 = flashlight.slice %k offsets [0, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %k1 = flashlight.slice %k offsets [32, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %v0 = flashlight.slice %v offsets [0, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %v1 = flashlight.slice %v offsets [32, 0] strides [1, 1] : tensor<64x4xf32> -> tensor<32x4xf32>
  %s0 = flashlight.contract %q, %k0 "md,nd->mn" : tensor<8x4xf32>, tensor<32x4xf32> -> tensor<8x32xf32>
  %a = flashlight.reduce max %s0 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %ab = flashlight.broadcast %a dims [0] : tensor<8xf32> -> tensor<8x32xf32>
  %d0 = arith.subf %s0, %ab : tensor<8x32xf32>
  %p0 = math.exp %d0 : tensor<8x32xf32>
  %o0 = flashlight.contract %p0, %v0 "mn,ne->me" : tensor<8x32xf32>, tensor<32x4xf32> -> tensor<8x4xf32>
  %s1 = flashlight.contract %q, %k1 "md,nd->mn" : tensor<8x4xf32>, tensor<32x4xf32> -> tensor<8x32xf32>
  %b = flashlight.reduce max %s1 dims [1] : tensor<8x32xf32> -> tensor<8xf32>
  %bb = flashlight.broadcast %b dims [0] : tensor<8xf32> -> tensor<8x32xf32>
  %d1 = arith.subf %s1, %bb : tensor<8x32xf32>
  %p1 = math.exp %d1 : tensor<8x32xf32>
  %o1 = flashlight.contract %p1, %v1 "mn,ne->me" : tensor<8x32xf32>, tensor<32x4xf32> -> tensor<8x4xf32>
  %o = arith.addf %o0, %o1 : tensor<8x4xf32>
  return %o : tensor<8x4xf32>
}
