// RUN: flashlight-opt %s --flashlight-split-kernels=prefer=most | FileCheck %s
// RUN: flashlight-opt %s --flashlight-split-kernels="prefer=most rows=read" | FileCheck %s --check-prefix=READS
// RUN: flashlight-opt %s --flashlight-split-kernels | FileCheck %s --check-prefix=WHOLE
// RUN: flashlight-opt %s --flashlight-split-kernels="target=cuda arch=90" 2>&1 | FileCheck %s --check-prefix=H100
// RUN: flashlight-opt %s --flashlight-split-kernels="target=cpu" 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not flashlight-opt %s --flashlight-split-kernels=target=tpu 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected the target to be cpu or cuda, got tpu

!s = tensor<8x16xf32, #flashlight.axes<m, n>>
!v = tensor<4x16xf32, #flashlight.axes<e, n>>
!w = tensor<2x16xf32, #flashlight.axes<f, n>>
!r = tensor<8xf32, #flashlight.axes<m>>
!o = tensor<8x4xf32, #flashlight.axes<m, e>>
!p = tensor<8x2xf32, #flashlight.axes<m, f>>

//   2 (x v) - y v: the first kernel finishes 2 (x v), the second reads it. The row of ones is the
//   same everywhere, and repeated by the one that needs it.
// CHECK-LABEL: @difference
// CHECK: %[[C:.*]] = flashlight.kernel "k_0" axes(m = 8, e = 4, n = 16) stream "n" (%{{.*}} = %arg0, %{{.*}} = %arg2)
// CHECK-SAME: -> (tensor<8x4xf32>) attributes {flashlight.nodes = [""], flashlight.part_of = "k"}
// CHECK: %[[SUM:.*]] = flashlight.contract
// CHECK: %[[TWICE:.*]] = arith.addf %[[SUM]], %[[SUM]]
// CHECK: flashlight.yield %[[TWICE]] at [affine_map<(m, e, n) -> (m, e)>]
// CHECK: %[[D:.*]] = flashlight.kernel "k_1" axes(m = 8, e = 4, n = 16) stream "n" (%{{.*}} = %arg1, %{{.*}} = %arg2, %[[M:.*]] = %[[C]])
// CHECK-SAME: attributes {flashlight.nodes = ["sub"], flashlight.part_of = "k"}
// CHECK: %[[GOT:.*]] = flashlight.read %[[M]] at affine_map<(m, e, n) -> (m, e)>
// CHECK: %[[OTHER:.*]] = flashlight.contract
// CHECK: arith.subf %[[GOT]], %[[OTHER]]
// CHECK: return %[[D]]
// WHOLE-LABEL: @difference
// WHOLE: flashlight.kernel "k" axes
// WHOLE-NOT: flashlight.part_of
func.func @difference(%x: tensor<8x16xf32>, %y: tensor<8x16xf32>, %z: tensor<4x16xf32>) -> tensor<8x4xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, e = 4, n = 16) stream "n" (%a = %x, %b = %y, %c = %z) : (tensor<8x16xf32>, tensor<8x16xf32>, tensor<4x16xf32>) -> (tensor<8x4xf32>) attributes {flashlight.nodes = ["sub"]} {
    %s = flashlight.read %a at affine_map<(m, e, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %t = flashlight.read %b at affine_map<(m, e, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %v = flashlight.read %c at affine_map<(m, e, n) -> (e, n)> : tensor<4x16xf32> -> !v
    %o = flashlight.contract %s, %v : !s, !v -> !o
    %u = flashlight.contract %t, %v : !s, !v -> !o
    %twice = arith.addf %o, %o : !o
    %d = arith.subf %twice, %u : !o
    flashlight.yield %d at [affine_map<(m, e, n) -> (m, e)>] : !o
  }
  return %0 : tensor<8x4xf32>
}

//   Two results with their own values: each kernel has one, with the axes that it needs. Both divide
//   by the row sum, which is computed again, or read. As a result itself it is the first kernel's.
// CHECK-LABEL: @results
// CHECK: %[[A:.*]]:2 = flashlight.kernel "k_0" axes(m = 8, e = 4, n = 16) {{.*}}flashlight.nodes = ["l", "o"]
// CHECK: flashlight.reduce sum
// CHECK: flashlight.yield {{.*}} at [affine_map<(m, e, n) -> (m)>, affine_map<(m, e, n) -> (e, m)>]
// CHECK: %[[B:.*]] = flashlight.kernel "k_1" axes(m = 8, f = 2, n = 16) {{.*}}flashlight.nodes = ["u"]
// CHECK: flashlight.reduce sum
// CHECK: flashlight.yield {{.*}} at [affine_map<(m, f, n) -> (m, f)>]
// CHECK: return %[[A]]#0, %[[B]], %[[A]]#1
// READS-LABEL: @results
// READS: %[[A:.*]]:2 = flashlight.kernel "k_0"
// READS: flashlight.kernel "k_1" {{.*}} %[[L:.*]] = %[[A]]#0)
// READS: flashlight.read %[[L]] at affine_map<(m, f, n) -> (m)>
// READS-NOT: flashlight.reduce
// READS: return
func.func @results(%x: tensor<8x16xf32>, %y: tensor<4x16xf32>, %z: tensor<2x16xf32>) -> (tensor<8xf32>, tensor<8x2xf32>, tensor<4x8xf32>) {
  %0:3 = flashlight.kernel "k" axes(m = 8, e = 4, f = 2, n = 16) stream "n" (%a = %x, %b = %y, %c = %z) : (tensor<8x16xf32>, tensor<4x16xf32>, tensor<2x16xf32>) -> (tensor<8xf32>, tensor<8x2xf32>, tensor<4x8xf32>) attributes {flashlight.nodes = ["l", "u", "o"]} {
    %s = flashlight.read %a at affine_map<(m, e, f, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %v = flashlight.read %b at affine_map<(m, e, f, n) -> (e, n)> : tensor<4x16xf32> -> !v
    %w = flashlight.read %c at affine_map<(m, e, f, n) -> (f, n)> : tensor<2x16xf32> -> !w
    %l = flashlight.reduce sum %s : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %q = arith.divf %s, %lb : !s
    %o = flashlight.contract %q, %v : !s, !v -> !o
    %u = flashlight.contract %q, %w : !s, !w -> !p
    flashlight.yield %l, %u, %o at [affine_map<(m, e, f, n) -> (m)>, affine_map<(m, e, f, n) -> (m, f)>, affine_map<(m, e, f, n) -> (e, m)>] : !r, !p, !o
  }
  return %0#0, %0#1, %0#2 : tensor<8xf32>, tensor<8x2xf32>, tensor<4x8xf32>
}

//   y = (x v) u with u over the stream again: what the second needs of the first is handed on, and
//   never the other way.
// CHECK-LABEL: @in_order
// CHECK: %[[C:.*]] = flashlight.kernel "k_0" {{.*}} (%{{.*}} = %arg0, %{{.*}} = %arg1)
// CHECK: flashlight.kernel "k_1" {{.*}} %{{.*}} = %[[C]])
func.func @in_order(%x: tensor<8x16xf32>, %y: tensor<4x16xf32>, %z: tensor<2x16xf32>) -> tensor<8x2xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, f = 2, e = 4, n = 16) stream "n" (%a = %x, %b = %y, %c = %z) : (tensor<8x16xf32>, tensor<4x16xf32>, tensor<2x16xf32>) -> (tensor<8x2xf32>) {
    %s = flashlight.read %a at affine_map<(m, f, e, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %v = flashlight.read %b at affine_map<(m, f, e, n) -> (e, n)> : tensor<4x16xf32> -> !v
    %w = flashlight.read %c at affine_map<(m, f, e, n) -> (f, n)> : tensor<2x16xf32> -> !w
    %o = flashlight.contract %s, %v : !s, !v -> !o
    %t = flashlight.contract %o, %v : !o, !v -> !s
    %u = flashlight.contract %t, %w : !s, !w -> !p
    flashlight.yield %u at [affine_map<(m, f, e, n) -> (m, f)>] : !p
  }
  return %0 : tensor<8x2xf32>
}

//   One wide statistic cannot be divided between kernels.
// CHECK-LABEL: @one
// CHECK: flashlight.kernel "k" axes
func.func @one(%x: tensor<8x16xf32>, %z: tensor<4x16xf32>) -> tensor<8x4xf32> {
  %0 = flashlight.kernel "k" axes(m = 8, e = 4, n = 16) stream "n" (%a = %x, %c = %z) : (tensor<8x16xf32>, tensor<4x16xf32>) -> (tensor<8x4xf32>) {
    %s = flashlight.read %a at affine_map<(m, e, n) -> (m, n)> : tensor<8x16xf32> -> !s
    %v = flashlight.read %c at affine_map<(m, e, n) -> (e, n)> : tensor<4x16xf32> -> !v
    %l = flashlight.reduce sum %s : !s -> !r
    %lb = flashlight.broadcast %l : !r -> !s
    %q = arith.divf %s, %lb : !s
    %o = flashlight.contract %q, %v : !s, !v -> !o
    flashlight.yield %o at [affine_map<(m, e, n) -> (m, e)>] : !o
  }
  return %0 : tensor<8x4xf32>
}

//   Two values of 512 under one softmax. On a GPU two accumulators leave room for 32 rows; alone,
//   each has 64 or 128, and the scores that are computed twice cost less than that gains. On a CPU
//   accumulators lie in the cache, where both have room.
// H100: remark: on cuda:sm_90, in 2 kernels: {{[0-9.]+}} us with {{[0-9]+}} and {{[0-9]+}} registers; not one kernel: {{[0-9.]+}} us with {{[0-9]+}} registers
// H100-LABEL: @one
// H100: flashlight.kernel "k" axes
// H100-LABEL: @wide
// H100: flashlight.kernel "wide_0"
// H100-SAME: flashlight.part_of = "wide", flashlight.undivided = "one kernel: {{.*}}"
// H100: flashlight.kernel "wide_1"
// CPU-NOT: remark
// CPU-LABEL: @one
// CPU-LABEL: @wide
// CPU: flashlight.kernel "wide" axes
// CPU-SAME: flashlight.in_parts = "2 kernels: {{[0-9.]+}} us"
!qk = tensor<8x2048x64xbf16>
!sc = tensor<8x2048x2048xf32, #flashlight.axes<h, m, n>>
!hf = tensor<8x2048x2048xbf16, #flashlight.axes<h, m, n>>
!row = tensor<8x2048xf32, #flashlight.axes<h, m>>
func.func @wide(%q: !qk, %k: !qk, %v: tensor<8x2048x512xbf16>, %u: tensor<8x2048x512xbf16>) -> (tensor<8x2048x512xf32>, tensor<8x2048x512xf32>) {
  %0:2 = flashlight.kernel "wide" axes(h = 8, m = 2048, e = 512, f = 512, n = 2048, d = 64) stream "n" (%a = %q, %b = %k, %c = %v, %w = %u) : (!qk, !qk, tensor<8x2048x512xbf16>, tensor<8x2048x512xbf16>) -> (tensor<8x2048x512xf32>, tensor<8x2048x512xf32>) {
    %ra = flashlight.read %a at affine_map<(h, m, e, f, n, d) -> (h, m, d)> : !qk -> tensor<8x2048x64xbf16, #flashlight.axes<h, m, d>>
    %rb = flashlight.read %b at affine_map<(h, m, e, f, n, d) -> (h, n, d)> : !qk -> tensor<8x2048x64xbf16, #flashlight.axes<h, n, d>>
    %rv = flashlight.read %c at affine_map<(h, m, e, f, n, d) -> (h, n, e)> : tensor<8x2048x512xbf16> -> tensor<8x512x2048xbf16, #flashlight.axes<h, e, n>>
    %ru = flashlight.read %w at affine_map<(h, m, e, f, n, d) -> (h, n, f)> : tensor<8x2048x512xbf16> -> tensor<8x512x2048xbf16, #flashlight.axes<h, f, n>>
    %s = flashlight.contract %ra, %rb : tensor<8x2048x64xbf16, #flashlight.axes<h, m, d>>, tensor<8x2048x64xbf16, #flashlight.axes<h, n, d>> -> !sc
    %m = flashlight.reduce max %s : !sc -> !row
    %mb = flashlight.broadcast %m : !row -> !sc
    %x = arith.subf %s, %mb : !sc
    %p = math.exp %x : !sc
    %l = flashlight.reduce sum %p : !sc -> !row
    %lb = flashlight.broadcast %l : !row -> !sc
    %y = arith.divf %p, %lb : !sc
    %half = arith.truncf %y : !sc to !hf
    %o = flashlight.contract %half, %rv : !hf, tensor<8x512x2048xbf16, #flashlight.axes<h, e, n>> -> tensor<8x2048x512xf32, #flashlight.axes<h, m, e>>
    %z = flashlight.contract %half, %ru : !hf, tensor<8x512x2048xbf16, #flashlight.axes<h, f, n>> -> tensor<8x2048x512xf32, #flashlight.axes<h, m, f>>
    flashlight.yield %o, %z at [affine_map<(h, m, e, f, n, d) -> (h, m, e)>, affine_map<(h, m, e, f, n, d) -> (h, m, f)>] : tensor<8x2048x512xf32, #flashlight.axes<h, m, e>>, tensor<8x2048x512xf32, #flashlight.axes<h, m, f>>
  }
  return %0#0, %0#1 : tensor<8x2048x512xf32>, tensor<8x2048x512xf32>
}
