// RUN: flashlight-opt %s "--pass-pipeline=builtin.module(flashlight-derive-online,flashlight-schedule{target=cpu},flashlight-tile,canonicalize,cse,flashlight-verify-tile)" | FileCheck %s

// A row of a paged memory: the page is a value, the place in it a map that divides a tiled axis;
// both are tiles of integers, symbols of the load's map. h and d stay linear.
// CHECK: #[[MAP:.*]] = affine_map<(d0, d1)[s0, s1] -> (s0, s1, 0, d1)>
// CHECK-LABEL: func.func @pages
// CHECK: scf.for %[[N0:.*]] = %c0 to %c256 step %c128
// CHECK: %[[PAGE:.*]] = flashlight.load %{{.*}}[%c0] gather(%{{.*}}) map #{{.*}} : memref<16xi32, {{.*}}>, tensor<128xi64> -> tensor<128xi32>
// CHECK: %[[PAGES:.*]] = flashlight.broadcast %[[PAGE]] dims [0] : tensor<128xi32> -> tensor<128x16xi32>
// CHECK: %[[PLACE:.*]] = arith.remui
// CHECK: %[[PLACES:.*]] = flashlight.broadcast %[[PLACE]] dims [0] : tensor<128xi64> -> tensor<128x16xi64>
// CHECK: flashlight.load %{{.*}}[%c0, %c0, %{{.*}}, %c0] gather(%[[PAGES]], %[[PLACES]])
// CHECK-SAME: map #[[MAP]] limits [1]
func.func @main(%pages: tensor<16xi32>, %memory: tensor<40x16x2x4xf32>) -> tensor<2x4xf32> {
  %o = flashlight.kernel "pages" axes(h = 2, n = 256, d = 4) stream "n"
      (%p = %pages, %m = %memory) : (tensor<16xi32>, tensor<40x16x2x4xf32>) -> (tensor<2x4xf32>) {
    %page = flashlight.read %p at affine_map<(h, n, d) -> (n floordiv 16)>
        : tensor<16xi32> -> tensor<256xi32, #flashlight.axes<n>>
    %k = flashlight.read %m[%page] at affine_map<(h, n, d)[s0] -> (s0, n mod 16, h, d)>
        : tensor<40x16x2x4xf32>, tensor<256xi32, #flashlight.axes<n>>
        -> tensor<2x256x4xf32, #flashlight.axes<h, n, d>>
    %s = flashlight.reduce sum %k : tensor<2x256x4xf32, #flashlight.axes<h, n, d>>
        -> tensor<2x4xf32, #flashlight.axes<h, d>>
    flashlight.yield %s at [affine_map<(h, n, d) -> (h, d)>] : tensor<2x4xf32, #flashlight.axes<h, d>>
  }
  return %o : tensor<2x4xf32>
}
