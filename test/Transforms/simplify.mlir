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

// sum_d a[m, d] b[n, d] c = (contract a, b) c.
// CHECK-LABEL: @sum_of_products
// CHECK: %[[S:.*]] = flashlight.contract %arg0, %arg1 "ac,bc->ab" : tensor<8x4xf32>, tensor<6x4xbf16> -> tensor<8x6xf32>
// CHECK: arith.mulf %[[S]], %{{.*}} {flashlight.node = "s"}
func.func @sum_of_products(%a: tensor<8x4xf32>, %b: tensor<6x4xbf16>, %c: tensor<f32>) -> tensor<8x6xf32> {
  %0 = flashlight.reshape %a : tensor<8x4xf32> -> tensor<8x1x4xf32>
  %1 = flashlight.broadcast %0 dims [0, 1, 2] : tensor<8x1x4xf32> -> tensor<8x6x4xf32>
  %2 = arith.extf %b : tensor<6x4xbf16> to tensor<6x4xf32>
  %3 = flashlight.broadcast %2 dims [1, 2] : tensor<6x4xf32> -> tensor<8x6x4xf32>
  %4 = flashlight.broadcast %c dims [] : tensor<f32> -> tensor<8x6x4xf32>
  %5 = arith.mulf %1, %4 : tensor<8x6x4xf32>
  %6 = arith.mulf %5, %3 : tensor<8x6x4xf32>
  %7 = flashlight.reduce sum %6 dims [2] {flashlight.node = "s"} : tensor<8x6x4xf32> -> tensor<8x6xf32>
  return %7 : tensor<8x6xf32>
}

// A unit dim of the result that neither factor has.
// CHECK-LABEL: @sum_of_products_of_one_batch
// CHECK: flashlight.contract %{{.*}}, %{{.*}} "bd,cd->bc"
// CHECK: flashlight.reshape %{{.*}} : tensor<8x6xf32> -> tensor<1x8x6xf32>
func.func @sum_of_products_of_one_batch(%a: tensor<1x8x4xf32>, %b: tensor<1x4x6xf32>) -> tensor<1x8x6xf32> {
  %0 = flashlight.broadcast %a dims [0, 1, 3] : tensor<1x8x4xf32> -> tensor<1x8x6x4xf32>
  %1 = flashlight.transpose %b [0, 2, 1] : tensor<1x4x6xf32> -> tensor<1x6x4xf32>
  %2 = flashlight.broadcast %1 dims [0, 2, 3] : tensor<1x6x4xf32> -> tensor<1x8x6x4xf32>
  %3 = arith.mulf %0, %2 : tensor<1x8x6x4xf32>
  %4 = flashlight.reduce sum %3 dims [3] : tensor<1x8x6x4xf32> -> tensor<1x8x6xf32>
  return %4 : tensor<1x8x6xf32>
}

// A factor with all dims of the other is no matrix product: a sum of gated values.
// CHECK-LABEL: @sum_of_gated
// CHECK-NOT: flashlight.contract
func.func @sum_of_gated(%a: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<8xf32> {
  %0 = flashlight.broadcast %b dims [1] : tensor<4xf32> -> tensor<8x4xf32>
  %1 = arith.mulf %a, %0 : tensor<8x4xf32>
  %2 = flashlight.reduce sum %1 dims [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// |exp(x)| = exp(x).
// CHECK-LABEL: @absolute_of_positive
// CHECK-NEXT: math.exp
// CHECK-NEXT: return
func.func @absolute_of_positive(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = math.exp %x : tensor<8xf32>
  %1 = math.absf %0 : tensor<8xf32>
  return %1 : tensor<8xf32>
}

// The maximum of exponentials, and of their shares of the sum, is that of the exponents.
// CHECK-LABEL: @maximum_of_shares
// CHECK: %[[E:.*]] = math.exp %arg0
// CHECK: %[[L:.*]] = flashlight.reduce sum %[[E]]
// CHECK: %[[M:.*]] = flashlight.reduce max %arg0
// CHECK: %[[X:.*]] = math.exp %[[M]]
// CHECK: arith.divf %[[X]], %[[L]]
func.func @maximum_of_shares(%s: tensor<4x8xf32>) -> tensor<4xf32> {
  %e = math.exp %s : tensor<4x8xf32>
  %l = flashlight.reduce sum %e dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  %b = flashlight.broadcast %l dims [0] : tensor<4xf32> -> tensor<4x8xf32>
  %w = arith.divf %e, %b : tensor<4x8xf32>
  %m = flashlight.reduce max %w dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  return %m : tensor<4xf32>
}

// But not of what need not grow: the divisor may be negative.
// CHECK-LABEL: @maximum_of_quotients
// CHECK: arith.divf
// CHECK: flashlight.reduce max
func.func @maximum_of_quotients(%s: tensor<4x8xf32>) -> tensor<4xf32> {
  %l = flashlight.reduce sum %s dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  %b = flashlight.broadcast %l dims [0] : tensor<4xf32> -> tensor<4x8xf32>
  %w = arith.divf %s, %b : tensor<4x8xf32>
  %m = flashlight.reduce max %w dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  return %m : tensor<4xf32>
}

// Every pair of row and position has a key of its own, but of eight keys in all: the product with
// the eight is selected from, instead of a product for every pair.
// CHECK-LABEL: @relative_keys
// CHECK: %[[P:.*]] = flashlight.contract %arg0, %arg1 "md,ad->ma" : {{.*}} -> tensor<10x8xf32>
// CHECK: flashlight.gather %[[P]][%arg2] at affine_map<(d0, d1)[s0] -> (d0, s0)> {flashlight.node = "einsum"} : tensor<10x8xf32>, tensor<10x20xi64> -> tensor<10x20xf32>
func.func @relative_keys(%q: tensor<10x4xf32>, %table: tensor<8x4xf32>, %i: tensor<10x20xi64>) -> tensor<10x20xf32> {
  %at = flashlight.broadcast %i dims [0, 1] : tensor<10x20xi64> -> tensor<10x20x4xi64>
  %keys = flashlight.gather %table[%at] at affine_map<(m, n, d)[i] -> (i, d)> : tensor<8x4xf32>, tensor<10x20x4xi64> -> tensor<10x20x4xf32>
  %s = flashlight.contract %q, %keys "md,mnd->mn" {flashlight.node = "einsum"} : tensor<10x4xf32>, tensor<10x20x4xf32> -> tensor<10x20xf32>
  return %s : tensor<10x20xf32>
}

// Keys by a table of positions are a matrix product as they are.
// CHECK-LABEL: @selected_keys
// CHECK: flashlight.gather
// CHECK-NEXT: flashlight.contract
func.func @selected_keys(%q: tensor<10x4xf32>, %k: tensor<8x4xf32>, %i: tensor<20xi64>) -> tensor<10x20xf32> {
  %at = flashlight.broadcast %i dims [0] : tensor<20xi64> -> tensor<20x4xi64>
  %keys = flashlight.gather %k[%at] at affine_map<(n, d)[i] -> (i, d)> : tensor<8x4xf32>, tensor<20x4xi64> -> tensor<20x4xf32>
  %s = flashlight.contract %q, %keys "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  return %s : tensor<10x20xf32>
}

// A dot of two inputs is no matrix product: the sum joins whatever reads it.
// CHECK-LABEL: @dot
// CHECK: %[[P:.*]] = arith.mulf %arg0, %arg1 : tensor<16xf32>
// CHECK: flashlight.reduce sum %[[P]] dims [0] {flashlight.node = "dot"} : tensor<16xf32> -> tensor<f32>
// CHECK-NOT: flashlight.contract
func.func @dot(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<f32> {
  %s = flashlight.contract %a, %b "d,d->" {flashlight.node = "dot"} : tensor<16xf32>, tensor<16xf32> -> tensor<f32>
  return %s : tensor<f32>
}

// CHECK-LABEL: @rows_by_rows
// CHECK: %[[T:.*]] = flashlight.transpose %arg1 [1, 0] : tensor<5x4xf32> -> tensor<4x5xf32>
// CHECK: %[[P:.*]] = arith.mulf %arg0, %[[T]]
// CHECK: flashlight.reduce sum %[[P]] dims [1] : tensor<4x5xf32> -> tensor<4xf32>
func.func @rows_by_rows(%a: tensor<4x5xf32>, %b: tensor<5x4xf32>) -> tensor<4xf32> {
  %s = flashlight.contract %a, %b "md,dm->m" : tensor<4x5xf32>, tensor<5x4xf32> -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// Weights of scalar values are what a kernel sweeps.
// CHECK-LABEL: @weights_of_numbers
// CHECK: flashlight.contract
func.func @weights_of_numbers(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<f32> {
  %p = math.exp %a : tensor<16xf32>
  %s = flashlight.contract %p, %b "d,d->" : tensor<16xf32>, tensor<16xf32> -> tensor<f32>
  return %s : tensor<f32>
}

// Heads that are used apart are computed apart, of halves of the weights.
// CHECK-LABEL: @sliced_heads
// CHECK: flashlight.slice %arg0 offsets [0, 0, 0]
// CHECK: flashlight.contract {{.*}} "hmn,hne->hme" {flashlight.node = "first"} : tensor<2x5x7xf32>, tensor<2x7x3xf32> -> tensor<2x5x3xf32>
// CHECK: flashlight.slice %arg0 offsets [2, 0, 0]
// CHECK: flashlight.contract {{.*}} "hmn,hne->hme" {flashlight.node = "second"} : tensor<2x5x7xf32>, tensor<2x7x3xf32> -> tensor<2x5x3xf32>
// CHECK-NOT: flashlight.contract
func.func @sliced_heads(%p: tensor<4x5x7xf32>, %v: tensor<4x7x3xf32>) -> tensor<2x5x3xf32> {
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<4x5x7xf32>, tensor<4x7x3xf32> -> tensor<4x5x3xf32>
  %a = flashlight.slice %o offsets [0, 0, 0] strides [1, 1, 1] {flashlight.node = "first"} : tensor<4x5x3xf32> -> tensor<2x5x3xf32>
  %b = flashlight.slice %o offsets [2, 0, 0] strides [1, 1, 1] {flashlight.node = "second"} : tensor<4x5x3xf32> -> tensor<2x5x3xf32>
  %d = arith.subf %a, %b : tensor<2x5x3xf32>
  return %d : tensor<2x5x3xf32>
}

// Rows that are left out are no heads: the kernel would have two kinds of rows.
// CHECK-LABEL: @sliced_rows
// CHECK: flashlight.contract {{.*}} -> tensor<4x5x3xf32>
func.func @sliced_rows(%p: tensor<4x5x7xf32>, %v: tensor<4x7x3xf32>) -> tensor<4x2x3xf32> {
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<4x5x7xf32>, tensor<4x7x3xf32> -> tensor<4x5x3xf32>
  %a = flashlight.slice %o offsets [0, 0, 0] strides [1, 1, 1] : tensor<4x5x3xf32> -> tensor<4x2x3xf32>
  return %a : tensor<4x2x3xf32>
}

// Flattened to be weighed by a product of matrices, and taken apart again.
// CHECK-LABEL: @weighed_flat
// CHECK: %[[W:.*]] = flashlight.broadcast {{.*}} dims [] : tensor<f32> -> tensor<2x5x7xf32>
// CHECK: %[[X:.*]] = arith.mulf %[[W]], %arg0 : tensor<2x5x7xf32>
// CHECK: return %[[X]]
func.func @weighed_flat(%p: tensor<2x5x7xf32>, %w: tensor<1xf32>) -> tensor<2x5x7xf32> {
  %flat = flashlight.reshape %p : tensor<2x5x7xf32> -> tensor<70xf32>
  %row = flashlight.broadcast %flat dims [1] : tensor<70xf32> -> tensor<1x70xf32>
  %of = flashlight.broadcast %w dims [0] : tensor<1xf32> -> tensor<1x70xf32>
  %x = arith.mulf %of, %row : tensor<1x70xf32>
  %r = flashlight.reshape %x : tensor<1x70xf32> -> tensor<2x5x7xf32>
  return %r : tensor<2x5x7xf32>
}

// A factor that differs from element to element keeps the flat shape.
// CHECK-LABEL: @weighed_flat_by_an_input
// CHECK: arith.mulf {{.*}} : tensor<70xf32>
func.func @weighed_flat_by_an_input(%p: tensor<2x5x7xf32>, %w: tensor<70xf32>) -> tensor<2x5x7xf32> {
  %flat = flashlight.reshape %p : tensor<2x5x7xf32> -> tensor<70xf32>
  %x = arith.mulf %w, %flat : tensor<70xf32>
  %r = flashlight.reshape %x : tensor<70xf32> -> tensor<2x5x7xf32>
  return %r : tensor<2x5x7xf32>
}
