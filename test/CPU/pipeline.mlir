// RUN: flashlight-opt %S/../Tile/attention.mlir --flashlight-lower-to-cpu | FileCheck %s
// RUN: flashlight-opt %S/../Tile/attention.mlir --flashlight-lower-to-cpu=vector-bits=256 | FileCheck %s

// CHECK: llvm.func internal @attention
// CHECK: llvm.intr.fma
// CHECK-NOT: llvm.call @exp
// CHECK: llvm.func @attention.run
