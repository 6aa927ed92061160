// RUN: flashlight-opt %s --flashlight-to-tile | FileCheck %s
// RUN: not flashlight-opt %s --flashlight-to-kernel --flashlight-tile 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected a schedule: run flashlight-schedule first

// 164 keys: two full blocks of 64, and 36 with limits and masks.
// CHECK-LABEL: func.func @main
// CHECK: flashlight.launch @kernel_0
// CHECK-LABEL: func.func @kernel_0
// CHECK-SAME: flashlight.grid = [#flashlight.grid_axis<b = 2 by 1>, #flashlight.grid_axis<m = 100 by 64>]
// CHECK: %[[C36:.*]] = arith.constant 36 : index
// CHECK: scf.for
// CHECK-NOT: limits
// CHECK: scf.yield
// CHECK: flashlight.load {{.*}} limits [0](%[[C36]])
// CHECK: arith.select
// CHECK: flashlight.contract {{.*}} into
// CHECK: flashlight.store {{.*}} limits [0]
func.func @main(%q: tensor<2x100x16xf32>, %k: tensor<2x164x16xf32>, %v: tensor<2x164x16xf32>) -> tensor<2x100x16xf32> {
  %s = flashlight.contract %q, %k "bmd,bnd->bmn" : tensor<2x100x16xf32>, tensor<2x164x16xf32> -> tensor<2x100x164xf32>
  %p = math.exp %s : tensor<2x100x164xf32>
  %o = flashlight.contract %p, %v "bmn,bne->bme" : tensor<2x100x164xf32>, tensor<2x164x16xf32> -> tensor<2x100x16xf32>
  return %o : tensor<2x100x16xf32>
}
