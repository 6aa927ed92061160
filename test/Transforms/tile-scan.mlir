// RUN: flashlight-opt %s "--pass-pipeline=builtin.module(flashlight-derive-online,flashlight-schedule{target=cpu},flashlight-tile,canonicalize,cse,flashlight-verify-tile)" | FileCheck %s

// A sum from the last key: the partial block comes first, and what lies beyond the extent counts
// nothing; then the full blocks, from the last to the first.
// CHECK-LABEL: func.func @suffix
// CHECK: flashlight.load %{{.*}}[%{{.*}}, %c224] {{.*}}limits [0](%c106)
// CHECK: arith.select
// CHECK: flashlight.scan sum %{{.*}} dim 0 reverse : tensor<112x16xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c224 step %c112
// CHECK-NEXT: %[[N0:.*]] = arith.subi %c112, %[[I]]
// CHECK-NEXT: flashlight.load %{{.*}}[%{{.*}}, %[[N0]]] map
// CHECK-NOT: arith.select
// CHECK: flashlight.scan sum %{{.*}} dim 0 reverse : tensor<112x16xf32>
func.func @main(%x: tensor<16x330xf32>) -> tensor<16xf32> {
  %o = flashlight.kernel "suffix" axes(m = 16, n = 330) stream "n" (%mx = %x)
      : (tensor<16x330xf32>) -> (tensor<16xf32>) {
    %0 = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
        : tensor<16x330xf32> -> tensor<16x330xf32, #flashlight.axes<m, n>>
    %1 = flashlight.scan sum %0 along "n" reverse : tensor<16x330xf32, #flashlight.axes<m, n>>
    %2 = flashlight.reduce max %1 : tensor<16x330xf32, #flashlight.axes<m, n>>
        -> tensor<16xf32, #flashlight.axes<m>>
    flashlight.yield %2 at [affine_map<(m, n) -> (m)>] : tensor<16xf32, #flashlight.axes<m>>
  }
  return %o : tensor<16xf32>
}
