// RUN: flashlight-opt %s --flashlight-vectorize-tiles --split-input-file | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: flashlight-opt %s --flashlight-vectorize-tiles=vector-bits=256 --split-input-file | FileCheck %s --check-prefixes=CHECK,NARROW

// 8 rows x 2 vectors of accumulators live in registers while k is swept (6 x 2 with AVX2).
// CHECK-LABEL: func.func @contraction
// WIDE: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c8
// WIDE: %{{.*}}:16 = scf.for {{.*}} iter_args
// WIDE-COUNT-16: math.fma {{.*}} : vector<16xf32>
// WIDE-COUNT-16: vector.store
// NARROW: %{{.*}}:12 = scf.for {{.*}} iter_args
// NARROW-COUNT-12: math.fma {{.*}} : vector<8xf32>
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @contraction(%a: memref<48x64xf32>, %b: memref<64x32xf32>, %c: memref<48x32xf32>)
    attributes {flashlight.grid = []} {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<48x64xf32>, memref<64x32xf32>) outs(%c : memref<48x32xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %r = math.fma %x, %y, %acc : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// A sum along the contiguous dim: lanes hold parts of it, and are added up at the end.
// CHECK-LABEL: func.func @lanes
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.addf {{.*}} : vector<
// CHECK: vector.reduction <add>
// CHECK: memref.store
#full = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @lanes(%a: memref<4x64xf32>, %r: memref<4xf32>) attributes {flashlight.grid = []} {
  linalg.generic {indexing_maps = [#full, #row], iterator_types = ["parallel", "reduction"]}
      ins(%a : memref<4x64xf32>) outs(%r : memref<4xf32>)
      attrs = {flashlight.starts = [0.0 : f32]} {
  ^bb0(%x: f32, %acc: f32):
    %s = arith.addf %x, %acc : f32
    linalg.yield %s : f32
  }
  return
}
