// RUN: flashlight-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-scan.sh' | FileCheck %s

// What the test script does not ask for goes.
// CHECK-NOT: @other
// CHECK: func.func @main
// CHECK: flashlight.scan
func.func @other(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = math.exp %x : tensor<8xf32>
  return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = flashlight.scan sum %x dim 0 : tensor<8xf32>
  return %0 : tensor<8xf32>
}
