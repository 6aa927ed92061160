// RUN: flashlight-opt %s --flashlight-cpu-to-llvm | FileCheck %s

// CHECK: llvm.func internal @kernel
// CHECK: llvm.func @kernel.run(%[[FIRST:.*]]: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr, %[[ARGS:.*]]: !llvm.ptr)
// A memref is its pointer, its sizes and its strides; then the symbol.
// CHECK: llvm.getelementptr %[[ARGS]][0]
// CHECK: llvm.getelementptr %[[ARGS]][4]
// CHECK: llvm.getelementptr %[[ARGS]][5]
// CHECK: llvm.call @kernel
// CHECK: llvm.mlir.global external constant @kernel.scratch(256 : i64)
// CHECK: llvm.func @kernel.programs
// CHECK: llvm.getelementptr {{.*}}[5]
// CHECK: llvm.udiv
func.func @kernel(%x: memref<4x?xf32, strided<[?, ?], offset: ?>>, %s: index {flashlight.symbol = "s0"},
                  %pid: index, %scratch: memref<256xi8>)
    attributes {flashlight.grid = [#flashlight.grid_axis<m = s0 by 64>]} {
  return
}
