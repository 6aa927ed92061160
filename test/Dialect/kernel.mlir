// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// Grouped heads, a slice of the value tensor and a transposed result are index arithmetic.
// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<2x8x128x64xf32>, %k: tensor<2x2x256x64xf32>, %v: tensor<2x2x256x80xf32>)
    -> tensor<2x128x8x64xf32> {
  // CHECK: flashlight.kernel "attention" axes(b = 2, h = 8, m = 128, e = 64, n = 256, d = 64) stream "n"
  // CHECK-SAME: schedule #flashlight.schedule<cpu, tiles(n = 64, m = 64), warps = 1, stages = 1>
  // CHECK-SAME: (%[[Q:.*]] = %{{.*}}, %[[K:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}}) : (tensor<2x8x128x64xf32>, tensor<2x2x256x64xf32>, tensor<2x2x256x80xf32>)
  // CHECK-SAME: -> (tensor<2x128x8x64xf32>) attributes {flashlight.nodes = ["output"]}
  %o = flashlight.kernel "attention"
      axes(b = 2, h = 8, m = 128, e = 64, n = 256, d = 64) stream "n"
      schedule #flashlight.schedule<cpu, tiles(n = 64, m = 64), warps = 1, stages = 1>
      (%mq = %q, %mk = %k, %mv = %v)
      : (tensor<2x8x128x64xf32>, tensor<2x2x256x64xf32>, tensor<2x2x256x80xf32>)
      -> (tensor<2x128x8x64xf32>) attributes {flashlight.nodes = ["output"]} {
    // CHECK: flashlight.read %[[Q]] at affine_map<(b, h, m, e, n, d) -> (b, h, m, d)>
    %0 = flashlight.read %mq at affine_map<(b, h, m, e, n, d) -> (b, h, m, d)>
        : tensor<2x8x128x64xf32> -> tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, d>>
    // CHECK: flashlight.read %[[K]] at affine_map<(b, h, m, e, n, d) -> (b, h floordiv 4, n, d)>
    %1 = flashlight.read %mk at affine_map<(b, h, m, e, n, d) -> (b, h floordiv 4, n, d)>
        : tensor<2x2x256x64xf32> -> tensor<2x8x256x64xf32, #flashlight.axes<b, h, n, d>>
    // CHECK: flashlight.read %[[V]] at affine_map<(b, h, m, e, n, d) -> (b, h floordiv 4, n, e + 16)>
    %2 = flashlight.read %mv at affine_map<(b, h, m, e, n, d) -> (b, h floordiv 4, n, e + 16)>
        : tensor<2x2x256x80xf32> -> tensor<2x8x64x256xf32, #flashlight.axes<b, h, e, n>>
    // CHECK: flashlight.contract %{{.*}}, %{{.*}} : tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, d>>
    %3 = flashlight.contract %0, %1
        : tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, d>>, tensor<2x8x256x64xf32, #flashlight.axes<b, h, n, d>>
        -> tensor<2x8x128x256xf32, #flashlight.axes<b, h, m, n>>
    // CHECK: flashlight.iota : tensor<256xi64, #flashlight.axes<n>>
    %4 = flashlight.iota : tensor<256xi64, #flashlight.axes<n>>
    // CHECK: flashlight.broadcast %{{.*}} : tensor<256xi64, #flashlight.axes<n>> -> tensor<128x256xi64, #flashlight.axes<m, n>>
    %5 = flashlight.broadcast %4 : tensor<256xi64, #flashlight.axes<n>> -> tensor<128x256xi64, #flashlight.axes<m, n>>
    // CHECK: flashlight.reduce max %{{.*}} : tensor<2x8x128x256xf32, #flashlight.axes<b, h, m, n>> -> tensor<2x8x128xf32, #flashlight.axes<b, h, m>>
    %6 = flashlight.reduce max %3
        : tensor<2x8x128x256xf32, #flashlight.axes<b, h, m, n>> -> tensor<2x8x128xf32, #flashlight.axes<b, h, m>>
    %7 = flashlight.contract %3, %2
        : tensor<2x8x128x256xf32, #flashlight.axes<b, h, m, n>>, tensor<2x8x64x256xf32, #flashlight.axes<b, h, e, n>>
        -> tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, e>>
    // CHECK: flashlight.yield %{{.*}} at [affine_map<(b, h, m, e, n, d) -> (b, m, h, e)>] : tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, e>>
    flashlight.yield %7 at [affine_map<(b, h, m, e, n, d) -> (b, m, h, e)>]
        : tensor<2x8x128x64xf32, #flashlight.axes<b, h, m, e>>
  }
  return %o : tensor<2x128x8x64xf32>
}

// CHECK-LABEL: func.func @running_max
func.func @running_max(%x: tensor<128x?xf32, #flashlight.symbols<s0>>) -> tensor<128xf32> {
  // CHECK: flashlight.kernel "max" axes(m = 128, n = s0) stream "n"
  %o = flashlight.kernel "max" axes(m = 128, n = s0) stream "n" (%mx = %x)
      : (tensor<128x?xf32, #flashlight.symbols<s0>>) -> (tensor<128xf32>) {
    %0 = arith.constant dense<0xFF800000> : tensor<128xf32, #flashlight.axes<m>>
    // CHECK: flashlight.stream "n" (%[[OLD:.*]] = %{{.*}}) : (tensor<128xf32, #flashlight.axes<m>>) {
    %1 = flashlight.stream "n" (%old = %0) : (tensor<128xf32, #flashlight.axes<m>>) {
      %s = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
          : tensor<128x?xf32, #flashlight.symbols<s0>> -> tensor<128x?xf32, #flashlight.axes<m, n>>
      %block = flashlight.reduce max %s
          : tensor<128x?xf32, #flashlight.axes<m, n>> -> tensor<128xf32, #flashlight.axes<m>>
      // CHECK: arith.maximumf %[[OLD]]
      %new = arith.maximumf %old, %block : tensor<128xf32, #flashlight.axes<m>>
      // CHECK: flashlight.yield %{{.*}} : tensor<128xf32, #flashlight.axes<m>>
      flashlight.yield %new : tensor<128xf32, #flashlight.axes<m>>
    }
    flashlight.yield %1 at [affine_map<(m, n) -> (m)>] : tensor<128xf32, #flashlight.axes<m>>
  }
  return %o : tensor<128xf32>
}

// CHECK-LABEL: func.func @indexed_scan_merge
func.func @indexed_scan_merge(%t: tensor<32x8xf32>, %b: tensor<256xi64>) -> tensor<8xf32> {
  %o = flashlight.kernel "k" axes(h = 8, n = 256) stream "n" (%mt = %t, %mb = %b)
      : (tensor<32x8xf32>, tensor<256xi64>) -> (tensor<8xf32>) {
    %zero = arith.constant dense<0.0> : tensor<8xf32, #flashlight.axes<h>>
    // CHECK: flashlight.stream "n" (%{{.*}} = %{{.*}}) : (tensor<8xf32, #flashlight.axes<h>>) attributes {reverse} {
    %sum = flashlight.stream "n" (%old = %zero) : (tensor<8xf32, #flashlight.axes<h>>) attributes {reverse} {
      %i = flashlight.read %mb at affine_map<(h, n) -> (n)>
          : tensor<256xi64> -> tensor<256xi64, #flashlight.axes<n>>
      // CHECK: flashlight.read %{{.*}}[%{{.*}}] at affine_map<(h, n)[s0] -> (s0, h)> : tensor<32x8xf32>, tensor<256xi64, #flashlight.axes<n>> -> tensor<8x256xf32, #flashlight.axes<h, n>>
      %x = flashlight.read %mt[%i] at affine_map<(h, n)[s0] -> (s0, h)>
          : tensor<32x8xf32>, tensor<256xi64, #flashlight.axes<n>> -> tensor<8x256xf32, #flashlight.axes<h, n>>
      // CHECK: flashlight.scan sum %{{.*}} along "n" reverse : tensor<8x256xf32, #flashlight.axes<h, n>>
      %c = flashlight.scan sum %x along "n" reverse : tensor<8x256xf32, #flashlight.axes<h, n>>
      %block = flashlight.reduce sum %c : tensor<8x256xf32, #flashlight.axes<h, n>> -> tensor<8xf32, #flashlight.axes<h>>
      %new = arith.addf %old, %block : tensor<8xf32, #flashlight.axes<h>>
      flashlight.yield %new : tensor<8xf32, #flashlight.axes<h>>
    // CHECK: } merge (%[[A:.*]], %[[B:.*]]) {
    } merge (%a, %c) {
      // CHECK: arith.addf %[[A]], %[[B]]
      %both = arith.addf %a, %c : tensor<8xf32, #flashlight.axes<h>>
      flashlight.yield %both : tensor<8xf32, #flashlight.axes<h>>
    }
    flashlight.yield %sum at [affine_map<(h, n) -> (h)>] : tensor<8xf32, #flashlight.axes<h>>
  }
  return %o : tensor<8xf32>
}
