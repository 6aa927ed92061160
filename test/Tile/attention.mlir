// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// Full attention over 100 queries and 100 keys in the layout of the CPU schedule: the score tile is
// [n, m], so that a running statistic is a vector over m and no tile is ever transposed but q's, once.
// 100 = 64 + 36: the sweep is a loop over full blocks and one over the rest, with limits and masks.
//
//   new = max(old, max_n s)      p = exp(s - new)     c = exp(old - new)
//   sum = c * sum + sum_n p      acc = c * acc + p v  out = acc / sum

// CHECK-LABEL: func.func @attention
// CHECK: scf.for
// CHECK: flashlight.contract {{.*}} into {{.*}} "nm,ne->me"
#mem = affine_map<(i, j) -> (0, 0, i, j)>
#trans = affine_map<(i, j) -> (0, 0, j, i)>
!mem = memref<2x8x100x64xf32, strided<[?, ?, ?, ?], offset: ?>>
func.func @attention(%q: !mem, %k: !mem, %v: !mem, %o: !mem {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<b = 2 by 1>, #flashlight.grid_axis<h = 8 by 1>,
                                   #flashlight.grid_axis<m = 100 by 64>],
                flashlight.schedule = #flashlight.schedule<cpu, tiles(n = 64, d = 64, m = 64, e = 64), warps = 1, stages = 1>} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %c100 = arith.constant 100 : index
  %c128 = arith.constant 128 : index
  %scale = arith.constant dense<0.125> : tensor<64x64xf32>
  %neg = arith.constant dense<0xFF800000> : tensor<64x64xf32>
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %max0 = arith.constant dense<0xFF800000> : tensor<64xf32>
  %sum0 = arith.constant dense<0.0> : tensor<64xf32>
  %pid = flashlight.program_id
  %mb = arith.remui %pid, %c2 : index
  %bh = arith.divui %pid, %c2 : index
  %h = arith.remui %bh, %c8 : index
  %b = arith.divui %bh, %c8 : index
  %m0 = arith.muli %mb, %c64 : index
  %mleft = arith.subi %c100, %m0 : index
  %qt = flashlight.load %q[%b, %h, %m0, %c0] map #trans limits [1] (%mleft) : !mem -> tensor<64x64xf32>
  %full:3 = scf.for %n0 = %c0 to %c64 step %c64 iter_args(%old = %max0, %sum = %sum0, %acc = %zero)
      -> (tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) {
    %kt = flashlight.load %k[%b, %h, %n0, %c0] map #mem : !mem -> tensor<64x64xf32>
    %dot = flashlight.contract %kt, %qt "nd,dm->nm" : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    %s = arith.mulf %dot, %scale : tensor<64x64xf32>
    %blockmax = flashlight.reduce max %s dims [0] : tensor<64x64xf32> -> tensor<64xf32>
    %new = arith.maximumf %old, %blockmax : tensor<64xf32>
    %newb = flashlight.broadcast %new dims [1] : tensor<64xf32> -> tensor<64x64xf32>
    %diff = arith.subf %s, %newb : tensor<64x64xf32>
    %p = math.exp %diff : tensor<64x64xf32>
    %move = arith.subf %old, %new : tensor<64xf32>
    %corr = math.exp %move : tensor<64xf32>
    %blocksum = flashlight.reduce sum %p dims [0] : tensor<64x64xf32> -> tensor<64xf32>
    %scaled = arith.mulf %corr, %sum : tensor<64xf32>
    %newsum = arith.addf %scaled, %blocksum : tensor<64xf32>
    %corrb = flashlight.broadcast %corr dims [0] : tensor<64xf32> -> tensor<64x64xf32>
    %accscaled = arith.mulf %corrb, %acc : tensor<64x64xf32>
    %vt = flashlight.load %v[%b, %h, %n0, %c0] map #mem : !mem -> tensor<64x64xf32>
    %newacc = flashlight.contract %p, %vt into %accscaled "nm,ne->me" : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    scf.yield %new, %newsum, %newacc : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>
  }
  %rest:3 = scf.for %n0 = %c64 to %c100 step %c64 iter_args(%old = %full#0, %sum = %full#1, %acc = %full#2)
      -> (tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) {
    %nleft = arith.subi %c100, %n0 : index
    %kt = flashlight.load %k[%b, %h, %n0, %c0] map #mem limits [0] (%nleft) : !mem -> tensor<64x64xf32>
    %dot = flashlight.contract %kt, %qt "nd,dm->nm" : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    %s0 = arith.mulf %dot, %scale : tensor<64x64xf32>
    %i = flashlight.iota : tensor<64xi64>
    %nleft64 = arith.index_cast %nleft : index to i64
    %nleftt = tensor.splat %nleft64 : tensor<64xi64>
    %inb = arith.cmpi slt, %i, %nleftt : tensor<64xi64>
    %in = flashlight.broadcast %inb dims [0] : tensor<64xi1> -> tensor<64x64xi1>
    %s = arith.select %in, %s0, %neg : tensor<64x64xi1>, tensor<64x64xf32>
    %blockmax = flashlight.reduce max %s dims [0] : tensor<64x64xf32> -> tensor<64xf32>
    %new = arith.maximumf %old, %blockmax : tensor<64xf32>
    %newb = flashlight.broadcast %new dims [1] : tensor<64xf32> -> tensor<64x64xf32>
    %diff = arith.subf %s, %newb : tensor<64x64xf32>
    %p = math.exp %diff : tensor<64x64xf32>
    %move = arith.subf %old, %new : tensor<64xf32>
    %corr = math.exp %move : tensor<64xf32>
    %blocksum = flashlight.reduce sum %p dims [0] : tensor<64x64xf32> -> tensor<64xf32>
    %scaled = arith.mulf %corr, %sum : tensor<64xf32>
    %newsum = arith.addf %scaled, %blocksum : tensor<64xf32>
    %corrb = flashlight.broadcast %corr dims [0] : tensor<64xf32> -> tensor<64x64xf32>
    %accscaled = arith.mulf %corrb, %acc : tensor<64x64xf32>
    %vt = flashlight.load %v[%b, %h, %n0, %c0] map #mem limits [0] (%nleft) : !mem -> tensor<64x64xf32>
    %newacc = flashlight.contract %p, %vt into %accscaled "nm,ne->me" : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    scf.yield %new, %newsum, %newacc : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>
  }
  %sumb = flashlight.broadcast %rest#1 dims [0] : tensor<64xf32> -> tensor<64x64xf32>
  %out = arith.divf %rest#2, %sumb : tensor<64x64xf32>
  flashlight.store %out, %o[%b, %h, %m0, %c0] map #mem limits [0] (%mleft) : tensor<64x64xf32>, !mem
  return
}
