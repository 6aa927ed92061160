// RUN: flashlight-opt %s --flashlight-form-kernels | FileCheck %s

// A bias for every key that weights make of it is computed once, whatever the width of the keys: its
// heads are no rows.
// CHECK-LABEL: @bias_of_keys
// CHECK: flashlight.contract %arg0, %arg3
// CHECK: flashlight.kernel "kernel_0" axes(b = 2, m = 20, e = 8, n = 20, d = 8)
// CHECK-SAME: = %arg1
// CHECK: flashlight.read {{.*}} -> (n, b)> : tensor<20x2xf32>
func.func @bias_of_keys(%x: tensor<20x1024xf32>, %q: tensor<2x20x8xf32>, %k: tensor<2x20x8xf32>, %w: tensor<1024x2xf32> {flashlight.parameter}) -> tensor<2x20x8xf32> {
  %g = flashlight.contract %x, %w "nc,ch->nh" : tensor<20x1024xf32>, tensor<1024x2xf32> -> tensor<20x2xf32>
  %t = flashlight.transpose %g [1, 0] : tensor<20x2xf32> -> tensor<2x20xf32>
  %b = flashlight.broadcast %t dims [0, 2] : tensor<2x20xf32> -> tensor<2x20x20xf32>
  %s = flashlight.contract %q, %k "hmd,hnd->hmn" : tensor<2x20x8xf32>, tensor<2x20x8xf32> -> tensor<2x20x20xf32>
  %a = arith.addf %s, %b : tensor<2x20x20xf32>
  %p = math.exp %a : tensor<2x20x20xf32>
  %o = flashlight.contract %p, %k "hmn,hne->hme" : tensor<2x20x20xf32>, tensor<2x20x8xf32> -> tensor<2x20x8xf32>
  return %o : tensor<2x20x8xf32>
}

// Queries that are weights make scores of projected keys.
// CHECK-LABEL: @learned_queries
// CHECK: flashlight.kernel "kernel_0" axes(m = 10, e = 8, n = 20, d = 8)
// CHECK: flashlight.contract {{.*}}<m, d>{{.*}}<n, d>
func.func @learned_queries(%k: tensor<20x8xf32>, %v: tensor<20x8xf32>, %w: tensor<10x8xf32> {flashlight.parameter}) -> tensor<10x8xf32> {
  %s = flashlight.contract %w, %k "md,nd->mn" : tensor<10x8xf32>, tensor<20x8xf32> -> tensor<10x20xf32>
  %p = math.exp %s : tensor<10x20xf32>
  %o = flashlight.contract %p, %v "mn,ne->me" : tensor<10x20xf32>, tensor<20x8xf32> -> tensor<10x8xf32>
  return %o : tensor<10x8xf32>
}

// Pairs (of residues) that an earlier product of rows and keys has made are in memory, for queries,
// keys and values are projected of them: so is their bias.
// CHECK-LABEL: @bias_of_pairs
// CHECK: %[[PAIRS:.*]] = math.tanh
// CHECK: %[[BIAS:.*]] = flashlight.contract %[[PAIRS]], %arg2
// CHECK: flashlight.kernel "kernel_0" axes(b = 20, m = 20, e = 8, n = 20, d = 8)
// CHECK-SAME: = %[[BIAS]]
// CHECK: flashlight.contract {{.*}}<b, m, d>{{.*}}<b, n, d>
func.func @bias_of_pairs(%x: tensor<20x20x8xf32>, %y: tensor<20x20x8xf32>, %wb: tensor<8xf32> {flashlight.parameter}, %wq: tensor<8x8xf32> {flashlight.parameter}) -> tensor<20x20x8xf32> {
  %z = flashlight.contract %x, %y "ikc,jkc->ijc" : tensor<20x20x8xf32>, tensor<20x20x8xf32> -> tensor<20x20x8xf32>
  %pairs = math.tanh %z : tensor<20x20x8xf32>
  %bias = flashlight.contract %pairs, %wb "mnc,c->mn" : tensor<20x20x8xf32>, tensor<8xf32> -> tensor<20x20xf32>
  %q = flashlight.contract %pairs, %wq "imc,cd->imd" : tensor<20x20x8xf32>, tensor<8x8xf32> -> tensor<20x20x8xf32>
  %s = flashlight.contract %q, %x "imd,ind->imn" : tensor<20x20x8xf32>, tensor<20x20x8xf32> -> tensor<20x20x20xf32>
  %b = flashlight.broadcast %bias dims [1, 2] : tensor<20x20xf32> -> tensor<20x20x20xf32>
  %a = arith.addf %s, %b : tensor<20x20x20xf32>
  %p = math.exp %a : tensor<20x20x20xf32>
  %o = flashlight.contract %p, %x "imn,ine->ime" : tensor<20x20x20xf32>, tensor<20x20x8xf32> -> tensor<20x20x8xf32>
  return %o : tensor<20x20x8xf32>
}
