// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// A bias by a bucket of the distance: the bucket is computed in the kernel, the table is read by it.
// CHECK-LABEL: @buckets
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 10, e = 4, n = 20, d = 4) stream "n"
// CHECK-SAME: = %arg3)
// CHECK: %[[BUCKET:.*]] = arith.minsi {{.*}} tensor<10x20xi64, #flashlight.axes<m, n>>
// CHECK: flashlight.read %{{.*}}[%[[BUCKET]]] at affine_map<(b, m, e, n, d)[s0] -> (s0, b)>
// CHECK-SAME: tensor<2x10x20xf32, #flashlight.axes<b, m, n>>
func.func @buckets(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>, %v: tensor<2x20x4xf32>, %table: tensor<8x2xf32>) -> tensor<2x10x4xf32> {
  %i = flashlight.iota : tensor<10xi64>
  %j = flashlight.iota : tensor<20xi64>
  %i2 = flashlight.broadcast %i dims [0] : tensor<10xi64> -> tensor<10x20xi64>
  %j2 = flashlight.broadcast %j dims [1] : tensor<20xi64> -> tensor<10x20xi64>
  %least = arith.constant dense<7> : tensor<10x20xi64>
  %sum = arith.addi %i2, %j2 : tensor<10x20xi64>
  %bucket = arith.minsi %sum, %least : tensor<10x20xi64>
  %at = flashlight.broadcast %bucket dims [1, 2] : tensor<10x20xi64> -> tensor<2x10x20xi64>
  %b = flashlight.gather %table[%at] at affine_map<(h, m, n)[i] -> (i, h)> : tensor<8x2xf32>, tensor<2x10x20xi64> -> tensor<2x10x20xf32>
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x10x4xf32>, tensor<2x20x4xf32> -> tensor<2x10x20xf32>
  %p = arith.addf %s, %b : tensor<2x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x4xf32> -> tensor<2x10x4xf32>
  return %o : tensor<2x10x4xf32>
}

// The position in a row of all distances is linear in row and key: no lookup.
// CHECK-LABEL: @distance
// CHECK: flashlight.read {{.*}} at affine_map<(b, m, e, n, d) -> (b, (n + (m * -1)) + 9)>
func.func @distance(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>, %v: tensor<2x20x4xf32>, %table: tensor<2x29xf32>) -> tensor<2x10x4xf32> {
  %i = flashlight.iota : tensor<10xi64>
  %j = flashlight.iota : tensor<20xi64>
  %i2 = flashlight.broadcast %i dims [0] : tensor<10xi64> -> tensor<10x20xi64>
  %j2 = flashlight.broadcast %j dims [1] : tensor<20xi64> -> tensor<10x20xi64>
  %nine = arith.constant dense<9> : tensor<10x20xi64>
  %zero = arith.constant dense<0> : tensor<10x20xi64>
  %extent = arith.constant dense<29> : tensor<10x20xi64>
  %difference = arith.subi %j2, %i2 : tensor<10x20xi64>
  %from = arith.addi %difference, %nine : tensor<10x20xi64>
  // From the end where it is negative, which it is not.
  %negative = arith.cmpi slt, %from, %zero : tensor<10x20xi64>
  %wrapped = arith.addi %from, %extent : tensor<10x20xi64>
  %position = arith.select %negative, %wrapped, %from : tensor<10x20xi1>, tensor<10x20xi64>
  %at = flashlight.broadcast %position dims [1, 2] : tensor<10x20xi64> -> tensor<2x10x20xi64>
  %b = flashlight.gather %table[%at] at affine_map<(h, m, n)[i] -> (h, i)> : tensor<2x29xf32>, tensor<2x10x20xi64> -> tensor<2x10x20xf32>
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x10x4xf32>, tensor<2x20x4xf32> -> tensor<2x10x20xf32>
  %p = arith.addf %s, %b : tensor<2x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x4xf32> -> tensor<2x10x4xf32>
  return %o : tensor<2x10x4xf32>
}

// Pages of four keys: the page is looked up for every key, and so is the key's place in it.
// CHECK-LABEL: @pages
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 20, d = 4) stream "n"
// CHECK: %[[PLACE:.*]] = arith.divui
// CHECK: %[[PAGE:.*]] = flashlight.read %{{.*}}[%[[PLACE]]] at affine_map<(m, e, n, d)[s0] -> (s0)>
// CHECK: flashlight.read %{{.*}}[%[[PAGE]], %{{.*}}] at affine_map<(m, e, n, d)[s0, s1] -> (s0, s1, d)>
// CHECK-NOT: flashlight.gather
func.func @pages(%q: tensor<10x4xf32>, %k: tensor<7x4x4xf32>, %v: tensor<20x4xf32>, %table: tensor<5xi64>) -> tensor<10x4xf32> {
  %at = flashlight.broadcast %table dims [0] : tensor<5xi64> -> tensor<5x4x4xi64>
  %g = flashlight.gather %k[%at] at affine_map<(p, r, d)[i] -> (i, r, d)> : tensor<7x4x4xf32>, tensor<5x4x4xi64> -> tensor<5x4x4xf32>
  %keys = flashlight.reshape %g : tensor<5x4x4xf32> -> tensor<20x4xf32>
  %s = flashlight.contract %q, %keys "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// A key of its own for every pair would be read once a pair: it is selected outside.
// CHECK-LABEL: @key_of_a_pair
// CHECK: flashlight.gather
// CHECK: flashlight.kernel
func.func @key_of_a_pair(%q: tensor<10x4xf32>, %table: tensor<90x4xf32>, %v: tensor<20x4xf32>, %i: tensor<10x20xi64>) -> tensor<10x4xf32> {
  %at = flashlight.broadcast %i dims [0, 1] : tensor<10x20xi64> -> tensor<10x20x4xi64>
  %keys = flashlight.gather %table[%at] at affine_map<(m, n, d)[i] -> (i, d)> : tensor<90x4xf32>, tensor<10x20x4xi64> -> tensor<10x20x4xf32>
  %s = flashlight.contract %q, %keys "md,mnd->mn" : tensor<10x4xf32>, tensor<10x20x4xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// A padding that a reshape mixes with rows: each score is an element of one part. The product of
// which the parts are is no product at such places, and stays outside.
// CHECK-LABEL: @skewed
// CHECK: %[[PRODUCTS:.*]] = flashlight.contract %arg0, %arg2 "md,nd->mn"
// CHECK-NOT: flashlight.concat
// CHECK: flashlight.kernel "kernel_0" axes(m = 6, e = 4, n = 6, d = 4) stream "n"
// CHECK-SAME: = %[[PRODUCTS]]
// CHECK: %[[COLUMN:.*]] = arith.maxsi {{.*}} tensor<6x6xi64, #flashlight.axes<m, n>>
// CHECK: %[[ROW:.*]] = arith.divui
// CHECK: %[[READ:.*]] = flashlight.read %{{.*}}[%[[ROW]], %[[COLUMN]]] at affine_map<(m, e, n, d)[s0, s1] -> (s0, s1)>
// CHECK: %[[IN:.*]] = arith.cmpi sge
// CHECK: arith.select %[[IN]], %[[READ]]
func.func @skewed(%q: tensor<6x4xf32>, %k: tensor<6x4xf32>, %r: tensor<6x4xf32>, %v: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %products = flashlight.contract %q, %r "md,nd->mn" : tensor<6x4xf32>, tensor<6x4xf32> -> tensor<6x6xf32>
  %zero = arith.constant dense<0.0> : tensor<6x1xf32>
  %padded = flashlight.concat %zero, %products dim 1 : (tensor<6x1xf32>, tensor<6x6xf32>) -> tensor<6x7xf32>
  %mixed = flashlight.reshape %padded : tensor<6x7xf32> -> tensor<7x6xf32>
  %shift = flashlight.slice %mixed offsets [1, 0] strides [1, 1] : tensor<7x6xf32> -> tensor<6x6xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<6x4xf32>, tensor<6x4xf32> -> tensor<6x6xf32>
  %p = arith.addf %s, %shift : tensor<6x6xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<6x6xf32>, tensor<6x4xf32> -> tensor<6x4xf32>
  return %o : tensor<6x4xf32>
}

// A row's weight of one more key times its value: smaller than the result until they meet.
// CHECK-LABEL: @one_more_value
// CHECK: flashlight.kernel "kernel_0"
// CHECK-NOT: flashlight.broadcast {{.*}} dims
// CHECK: return
func.func @one_more_value(%q: tensor<10x4xf32>, %k: tensor<20x4xf32>, %v: tensor<20x8xf32>, %more: tensor<8xf32>) -> tensor<10x8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %m = flashlight.reduce max %s dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %weight = flashlight.broadcast %m dims [0] : tensor<10xf32> -> tensor<10x8xf32>
  %value = flashlight.broadcast %more dims [1] : tensor<8xf32> -> tensor<10x8xf32>
  %weighed = arith.mulf %weight, %value : tensor<10x8xf32>
  %o = flashlight.contract %s, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  %r = arith.addf %o, %weighed : tensor<10x8xf32>
  return %r : tensor<10x8xf32>
}
