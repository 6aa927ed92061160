// RUN: flashlight-opt %s --flashlight-to-tile | FileCheck %s
// RUN: not flashlight-opt %s --flashlight-to-kernel --flashlight-tile 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected a schedule: run flashlight-schedule first

// 164 keys: ten full blocks of 16, and 4 with limits and masks.
// CHECK-LABEL: func.func @main
// CHECK: flashlight.launch @kernel_0
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: flashlight.grid = [#flashlight.grid_axis<b = 64 by 1>, #flashlight.grid_axis<m = 1000 by 128>]
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: scf.for
// CHECK-NOT: limits
// CHECK: scf.yield
// CHECK: flashlight.load {{.*}} limits [0](%[[C4]])
// CHECK: arith.select
// CHECK: flashlight.contract {{.*}} into
// CHECK: flashlight.store {{.*}} limits [0]
func.func @main(%q: tensor<64x1000x16xf32>, %k: tensor<64x164x16xf32>, %v: tensor<64x164x16xf32>) -> tensor<64x1000x16xf32> {
  %s = flashlight.contract %q, %k "bmd,bnd->bmn" : tensor<64x1000x16xf32>, tensor<64x164x16xf32> -> tensor<64x1000x164xf32>
  %p = math.exp %s : tensor<64x1000x164xf32>
  %o = flashlight.contract %p, %v "bmn,bne->bme" : tensor<64x1000x164xf32>, tensor<64x164x16xf32> -> tensor<64x1000x16xf32>
  return %o : tensor<64x1000x16xf32>
}
