// RUN: flashlight-opt %s --flashlight-verify-tile | FileCheck %s
// RUN: flashlight-opt %S/../Tile/attention.mlir --flashlight-verify-tile

// CHECK-LABEL: func.func @double
func.func @double(%x: memref<?xf32, strided<[?], offset: ?>>, %o: memref<?xf32, strided<[?], offset: ?>> {flashlight.output},
                  %s0: index {flashlight.symbol = "s0"})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = s0 by 16>]} {
  %c16 = arith.constant 16 : index
  %pid = flashlight.program_id
  %m0 = arith.muli %pid, %c16 : index
  %left = arith.subi %s0, %m0 : index
  %0 = flashlight.load %x[%m0] map affine_map<(i) -> (i)> limits [0] (%left) : memref<?xf32, strided<[?], offset: ?>> -> tensor<16xf32>
  %1 = arith.addf %0, %0 : tensor<16xf32>
  flashlight.store %1, %o[%m0] map affine_map<(i) -> (i)> limits [0] (%left) : tensor<16xf32>, memref<?xf32, strided<[?], offset: ?>>
  return
}

func.func @main(%x: tensor<?xf32, #flashlight.symbols<s0>>) -> tensor<?xf32, #flashlight.symbols<s0>> {
  %0 = flashlight.launch @double(%x) : (tensor<?xf32, #flashlight.symbols<s0>>) -> tensor<?xf32, #flashlight.symbols<s0>>
  return %0 : tensor<?xf32, #flashlight.symbols<s0>>
}
