// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// sum_n relu(q k) v: no softmax, two contractions, one kernel. Grouped heads are index arithmetic; the
// transpose and reshape after the output are its memory layout.
// CHECK-LABEL: @relu_attention
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, h = 8, m = 10, e = 4, n = 20, d = 4) stream "n"
// CHECK-SAME: flashlight.nodes = ["out"]
// CHECK: flashlight.read {{.*}} -> (b, h floordiv 4, n, d)>
// CHECK: flashlight.yield {{.*}} at [affine_map<(b, h, m, e, n, d) -> (b, m, e + (h * 4))>]
// CHECK-NOT: flashlight.reshape
func.func @relu_attention(%q: tensor<2x8x10x4xf32>, %k: tensor<2x2x20x4xf32>, %v: tensor<2x8x20x4xf32>) -> tensor<2x10x32xf32> {
  %k1 = flashlight.broadcast %k dims [0, 1, 3, 4] : tensor<2x2x20x4xf32> -> tensor<2x2x4x20x4xf32>
  %k2 = flashlight.reshape %k1 : tensor<2x2x4x20x4xf32> -> tensor<2x8x20x4xf32>
  %s = flashlight.contract %q, %k2 "bhmd,bhnd->bhmn" : tensor<2x8x10x4xf32>, tensor<2x8x20x4xf32> -> tensor<2x8x10x20xf32>
  %z = arith.constant dense<0.0> : tensor<2x8x10x20xf32>
  %p = arith.maximumf %s, %z : tensor<2x8x10x20xf32>
  %o = flashlight.contract %p, %v "bhmn,bhne->bhme" : tensor<2x8x10x20xf32>, tensor<2x8x20x4xf32> -> tensor<2x8x10x4xf32>
  %t = flashlight.transpose %o [0, 2, 1, 3] : tensor<2x8x10x4xf32> -> tensor<2x10x8x4xf32>
  %r = flashlight.reshape %t {flashlight.node = "out"} : tensor<2x10x8x4xf32> -> tensor<2x10x32xf32>
  return %r : tensor<2x10x32xf32>
}

// The same with weights is a feed-forward layer.
// CHECK-LABEL: @feed_forward
// CHECK-NOT: flashlight.kernel
// CHECK: flashlight.reason = "a contraction with a parameter is a projection"
// CHECK: return
func.func @feed_forward(%x: tensor<10x4xf32>, %w1: tensor<4x20xf32> {flashlight.parameter}, %w2: tensor<20x4xf32> {flashlight.parameter}) -> tensor<10x4xf32> {
  %s = flashlight.contract %x, %w1 "md,dn->mn" : tensor<10x4xf32>, tensor<4x20xf32> -> tensor<10x20xf32>
  %p = math.tanh %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %w2 "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// The normalisation after the value contraction, and the statistic itself as a second output.
// CHECK-LABEL: @late_normalisation
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 20, d = 4) stream "n"
// CHECK: flashlight.reduce sum
// CHECK: arith.divf
// CHECK: flashlight.yield
// CHECK-SAME: affine_map<(m, e, n, d) -> (m, e)>
// CHECK-SAME: affine_map<(m, e, n, d) -> (m)>
func.func @late_normalisation(%q: tensor<10x4xf32>, %k: tensor<20x4xf32>, %v: tensor<20x4xf32>) -> (tensor<10x4xf32>, tensor<10xf32>) {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  %l = flashlight.reduce sum %p dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %lb = flashlight.broadcast %l dims [0] : tensor<10xf32> -> tensor<10x4xf32>
  %r = arith.divf %o, %lb : tensor<10x4xf32>
  return %r, %l : tensor<10x4xf32>, tensor<10xf32>
}

// One tensor as rows, keys and values, and one index under two axes: several reads each.
// CHECK-LABEL: @self
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 10, d = 4) stream "n"
// CHECK-DAG: -> (m, d)>
// CHECK-DAG: -> (n, d)>
// CHECK-DAG: -> (n, e)>
// CHECK-DAG: flashlight.iota : tensor<10xi64, #flashlight.axes<m>>
// CHECK-DAG: flashlight.iota : tensor<10xi64, #flashlight.axes<n>>
func.func @self(%x: tensor<10x4xf32>) -> tensor<10x4xf32> {
  %s = flashlight.contract %x, %x "md,nd->mn" : tensor<10x4xf32>, tensor<10x4xf32> -> tensor<10x10xf32>
  %i = flashlight.iota : tensor<10xi64>
  %im = flashlight.broadcast %i dims [0] : tensor<10xi64> -> tensor<10x10xi64>
  %in = flashlight.broadcast %i dims [1] : tensor<10xi64> -> tensor<10x10xi64>
  %c = arith.cmpi sge, %im, %in : tensor<10x10xi64>
  %z = arith.constant dense<0.0> : tensor<10x10xf32>
  %p = arith.select %c, %s, %z : tensor<10x10xi1>, tensor<10x10xf32>
  %o = flashlight.contract %p, %x "mn,ne->me" : tensor<10x10xf32>, tensor<10x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// A norm within the rows reduces over the axis that the scores contract.
// CHECK-LABEL: @normed_rows
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 20, d = 8) stream "n"
// CHECK: flashlight.reduce sum {{.*}} tensor<10x8xf32, #flashlight.axes<m, d>> -> tensor<10xf32, #flashlight.axes<m>>
func.func @normed_rows(%q: tensor<10x8xf32>, %k: tensor<20x8xf32>, %v: tensor<20x4xf32>) -> tensor<10x4xf32> {
  %a = flashlight.reduce sum %q dims [1] : tensor<10x8xf32> -> tensor<10xf32>
  %b = flashlight.broadcast %a dims [0] : tensor<10xf32> -> tensor<10x8xf32>
  %x = arith.divf %q, %b : tensor<10x8xf32>
  %s = flashlight.contract %x, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// Queries that are a parameter are rows like any others: no projection.
// CHECK-LABEL: @learned_queries
// CHECK: flashlight.kernel "kernel_0"
func.func @learned_queries(%q: tensor<10x8xf32> {flashlight.parameter}, %k: tensor<20x8xf32>, %v: tensor<20x4xf32>) -> tensor<10x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// A maximum of scores alone is a sink: stored, the scores would be larger than what they come from.
// CHECK-LABEL: @row_maximum
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, n = 20, d = 4) stream "n"
// CHECK: flashlight.reduce max
// CHECK-NOT: flashlight.reduce max
func.func @row_maximum(%q: tensor<10x4xf32>, %k: tensor<20x4xf32>) -> tensor<10xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %x = flashlight.reduce max %s dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  return %x : tensor<10xf32>
}

// But not where the scores are in memory anyway, nor for values as large as what they come from.
// CHECK-LABEL: @returned_scores
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @returned_scores(%q: tensor<10x4xf32>, %k: tensor<20x4xf32>, %y: tensor<10x20xf32>) -> (tensor<10xf32>, tensor<10x20xf32>, tensor<10xf32>) {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %x = flashlight.reduce max %s dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %m = flashlight.reduce max %y dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %mb = flashlight.broadcast %m dims [0] : tensor<10xf32> -> tensor<10x20xf32>
  %e = arith.subf %y, %mb : tensor<10x20xf32>
  %l = flashlight.reduce sum %e dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  return %x, %s, %l : tensor<10xf32>, tensor<10x20xf32>, tensor<10xf32>
}

// Sums of columns stream over the rows. The row statistic is another kernel's output; the heads are
// summed by the kernel that has the columns: a sum over two dims is two sums.
// CHECK-LABEL: @columns
// CHECK: %[[L:.*]] = flashlight.kernel {{.*}} axes(b = 2, m = 10, n = 20, d = 4) stream "n"
// CHECK: flashlight.reduce sum {{.*}} -> tensor<2x10xf32, #flashlight.axes<b, m>>
// CHECK: %[[C:.*]] = flashlight.kernel {{.*}} axes(m = 20, n = 10, {{.*}}) stream "n"
// CHECK-SAME: %[[L]]
// CHECK: flashlight.reduce sum {{.*}} -> tensor<20x2xf32, #flashlight.axes<m, d>>
// CHECK: flashlight.reduce sum {{.*}} -> tensor<20xf32, #flashlight.axes<m>>
// CHECK: }
// CHECK-NOT: flashlight.reduce
// CHECK: return %[[C]]
func.func @columns(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>) -> tensor<20xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x10x4xf32>, tensor<2x20x4xf32> -> tensor<2x10x20xf32>
  %p = math.exp %s : tensor<2x10x20xf32>
  %l = flashlight.reduce sum %p dims [2] : tensor<2x10x20xf32> -> tensor<2x10xf32>
  %lb = flashlight.broadcast %l dims [0, 1] : tensor<2x10xf32> -> tensor<2x10x20xf32>
  %w = arith.divf %p, %lb : tensor<2x10x20xf32>
  %c = flashlight.reduce sum %w dims [0, 1] : tensor<2x10x20xf32> -> tensor<20xf32>
  return %c : tensor<20xf32>
}

// Heads that are mixed are an inner axis of the scores, and squared distances have one as well.
// CHECK-LABEL: @mixed_heads
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 10, e = 4, n = 20, d = 2, d1 = 4) stream "n"
// CHECK: flashlight.reduce sum {{.*}} -> tensor<10x20x2xf32, #flashlight.axes<m, n, d>>
// CHECK: return
func.func @mixed_heads(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>, %v: tensor<2x20x4xf32>, %mix: tensor<2x2xf32>) -> tensor<2x10x4xf32> {
  %qb = flashlight.broadcast %q dims [0, 1, 3] : tensor<2x10x4xf32> -> tensor<2x10x20x4xf32>
  %kb = flashlight.broadcast %k dims [0, 2, 3] : tensor<2x20x4xf32> -> tensor<2x10x20x4xf32>
  %d = arith.subf %qb, %kb : tensor<2x10x20x4xf32>
  %dd = arith.mulf %d, %d : tensor<2x10x20x4xf32>
  %s = flashlight.reduce sum %dd dims [3] : tensor<2x10x20x4xf32> -> tensor<2x10x20xf32>
  %t = flashlight.contract %s, %mix "gmn,hg->hmn" : tensor<2x10x20xf32>, tensor<2x2xf32> -> tensor<2x10x20xf32>
  %p = math.exp %t : tensor<2x10x20xf32>
  %o = flashlight.contract %p, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x4xf32> -> tensor<2x10x4xf32>
  return %o : tensor<2x10x4xf32>
}

// A scan of scores along the stream is carried; seen through a flip it runs from the last key on. A
// scan of keys is computed before the kernel.
// CHECK-LABEL: @scans
// CHECK: %[[C:.*]] = flashlight.scan sum %{{.*}} dim 0 : tensor<20xf32>
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 20, d = 4) stream "n" ({{.*}} = %[[C]]
// CHECK: flashlight.scan sum %{{.*}} along "n" : tensor<10x20xf32, #flashlight.axes<m, n>>
// CHECK: flashlight.scan max %{{.*}} along "n" reverse : tensor<10x20xf32, #flashlight.axes<m, n>>
// CHECK-NOT: flashlight.slice
// CHECK: return
func.func @scans(%q: tensor<10x4xf32>, %k: tensor<20x4xf32>, %v: tensor<20x4xf32>, %g: tensor<20xf32>) -> tensor<10x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %c = flashlight.scan sum %g dim 0 : tensor<20xf32>
  %cb = flashlight.broadcast %c dims [1] : tensor<20xf32> -> tensor<10x20xf32>
  %a = flashlight.scan sum %s dim 1 : tensor<10x20xf32>
  %f = flashlight.slice %s offsets [0, 0] strides [1, -1] : tensor<10x20xf32> -> tensor<10x20xf32>
  %x = flashlight.scan max %f dim 1 : tensor<10x20xf32>
  %r = flashlight.slice %x offsets [0, 0] strides [1, -1] : tensor<10x20xf32> -> tensor<10x20xf32>
  %p0 = arith.mulf %a, %r : tensor<10x20xf32>
  %p = arith.mulf %p0, %cb : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// What an op outside takes of the scores is in memory: the kernel that waits for it reads the same.
// CHECK-LABEL: @threshold_from_outside
// CHECK: %[[S:.*]] = flashlight.contract %arg0, %arg1
// CHECK: %[[T:.*]] = flashlight.torch_call
// CHECK: flashlight.kernel
// CHECK-SAME: = %[[S]]
// CHECK-NOT: flashlight.contract %arg0
func.func @threshold_from_outside(%q: tensor<10x8xf32>, %k: tensor<20x8xf32>, %v: tensor<20x8xf32>) -> tensor<10x8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %t = flashlight.torch_call "kth_of_rows" "%0" (%s) : (tensor<10x20xf32>) -> tensor<10xf32>
  %b = flashlight.broadcast %t dims [0] : tensor<10xf32> -> tensor<10x20xf32>
  %c = arith.cmpf oge, %s, %b : tensor<10x20xf32>
  %zero = arith.constant dense<0.0> : tensor<10x20xf32>
  %p = arith.select %c, %s, %zero : tensor<10x20xi1>, tensor<10x20xf32>
  %l = flashlight.reduce sum %p dims [1] : tensor<10x20xf32> -> tensor<10xf32>
  %d = flashlight.broadcast %l dims [0] : tensor<10xf32> -> tensor<10x20xf32>
  %r = arith.divf %p, %d : tensor<10x20xf32>
  %o = flashlight.contract %r, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  return %o : tensor<10x8xf32>
}

// Queries, keys and values may be products of what is no parameter: the later product is the sink,
// and no kernel stores the scores. Weights without a batch make no rows of it.
// CHECK-LABEL: @weights_as_arguments
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 10, e = 4, n = 10, d = 4) stream "n"
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @weights_as_arguments(%x: tensor<2x10x8xf32>, %a: tensor<8x4xf32>, %b: tensor<8x4xf32>, %c: tensor<8x4xf32>) -> tensor<2x10x4xf32> {
  %q = flashlight.contract %x, %a "bmd,de->bme" : tensor<2x10x8xf32>, tensor<8x4xf32> -> tensor<2x10x4xf32>
  %k = flashlight.contract %x, %b "bmd,de->bme" : tensor<2x10x8xf32>, tensor<8x4xf32> -> tensor<2x10x4xf32>
  %s = flashlight.contract %q, %k "bmd,bnd->bmn" : tensor<2x10x4xf32>, tensor<2x10x4xf32> -> tensor<2x10x10xf32>
  %p = math.exp %s : tensor<2x10x10xf32>
  %v = flashlight.contract %x, %c "bmd,de->bme" : tensor<2x10x8xf32>, tensor<8x4xf32> -> tensor<2x10x4xf32>
  %o = flashlight.contract %p, %v "bmn,bne->bme" : tensor<2x10x10xf32>, tensor<2x10x4xf32> -> tensor<2x10x4xf32>
  return %o : tensor<2x10x4xf32>
}

// What has one dim for the distance of row and key is a table: a network makes it once.
// CHECK-LABEL: @table_of_distances
// CHECK: %[[T:.*]] = flashlight.contract
// CHECK: flashlight.kernel "kernel_0" {{.*}} = %[[T]]
// CHECK: flashlight.read %{{.*}} at affine_map<{{.*}} -> ((m + (n * -1)) + 9)> : tensor<19xf32>
// CHECK: return
func.func @table_of_distances(%q: tensor<10x4xf32>, %k: tensor<10x4xf32>, %v: tensor<10x4xf32>, %x: tensor<19x8xf32>, %w: tensor<8xf32>) -> tensor<10x4xf32> {
  %t = flashlight.contract %x, %w "id,d->i" : tensor<19x8xf32>, tensor<8xf32> -> tensor<19xf32>
  %at = flashlight.iota : tensor<10xi64>
  %m = flashlight.broadcast %at dims [0] : tensor<10xi64> -> tensor<10x10xi64>
  %n = flashlight.broadcast %at dims [1] : tensor<10xi64> -> tensor<10x10xi64>
  %nine = arith.constant dense<9> : tensor<10x10xi64>
  %mn = arith.subi %m, %n : tensor<10x10xi64>
  %i = arith.addi %mn, %nine : tensor<10x10xi64>
  %bias = flashlight.gather %t[%i] at affine_map<(d0, d1)[s0] -> (s0)> : tensor<19xf32>, tensor<10x10xi64> -> tensor<10x10xf32>
  %s0 = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<10x4xf32> -> tensor<10x10xf32>
  %s = arith.addf %s0, %bias : tensor<10x10xf32>
  %p = math.exp %s : tensor<10x10xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x10xf32>, tensor<10x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// A reduction of rows alone is no secret of the kernel: the keys may be made of it, too.
// CHECK-LABEL: @lengths
// CHECK: %[[L:.*]] = flashlight.reduce sum
// CHECK: %[[K:.*]] = flashlight.torch_call
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 4, n = 20, d = 4{{.*}}) stream "n" ({{.*}} = %[[K]]
// CHECK: flashlight.contract
// CHECK: return
func.func @lengths(%q: tensor<10x4xf32>, %x: tensor<20x4xf32>, %v: tensor<20x4xf32>, %t: tensor<20xf32>) -> tensor<10x4xf32> {
  %l = flashlight.reduce sum %t dims [0] : tensor<20xf32> -> tensor<f32>
  %lk = flashlight.broadcast %l dims [] : tensor<f32> -> tensor<20x4xf32>
  %a = arith.mulf %x, %lk : tensor<20x4xf32>
  %k = flashlight.torch_call "opaque" "%0" (%a) : (tensor<20x4xf32>) -> tensor<20x4xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<10x4xf32>, tensor<20x4xf32> -> tensor<10x20xf32>
  %ls = flashlight.broadcast %l dims [] : tensor<f32> -> tensor<10x20xf32>
  %m = arith.mulf %s, %ls : tensor<10x20xf32>
  %p = math.exp %m : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x4xf32> -> tensor<10x4xf32>
  return %o : tensor<10x4xf32>
}

// Heads that are mixed before (beside themselves) and after: three axes of heads, not one.
// CHECK-LABEL: @heads_mixed_twice
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 10, e = 4, n = 20, {{.*}} = 2, {{.*}} = 2, {{.*}}) stream "n"
// CHECK-NOT: flashlight.kernel
// CHECK: return
func.func @heads_mixed_twice(%q: tensor<2x10x4xf32>, %k: tensor<2x20x4xf32>, %v: tensor<2x20x4xf32>, %before: tensor<2x2xf32>, %after: tensor<2x2xf32>) -> tensor<2x10x4xf32> {
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x10x4xf32>, tensor<2x20x4xf32> -> tensor<2x10x20xf32>
  %t = flashlight.contract %s, %before "gmn,hg->hmn" : tensor<2x10x20xf32>, tensor<2x2xf32> -> tensor<2x10x20xf32>
  %u = arith.addf %s, %t : tensor<2x10x20xf32>
  %p = math.exp %u : tensor<2x10x20xf32>
  %w = flashlight.contract %p, %after "gmn,hg->hmn" : tensor<2x10x20xf32>, tensor<2x2xf32> -> tensor<2x10x20xf32>
  %o = flashlight.contract %w, %v "hmn,hne->hme" : tensor<2x10x20xf32>, tensor<2x20x4xf32> -> tensor<2x10x4xf32>
  return %o : tensor<2x10x4xf32>
}
