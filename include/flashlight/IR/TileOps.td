//===- TileOps.td - level 3: tiles, loads and stores ------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel at this level is a `func.func` with `flashlight.grid`: memrefs of its
// inputs, then of its outputs (each marked `flashlight.output`), then one index
// for every symbol (marked `flashlight.symbol = "s0"`). One call is one program
// of the grid.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_TILEOPS_TD
#define FLASHLIGHT_IR_TILEOPS_TD

include "flashlight/IR/FlashlightAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Flashlight_ProgramIdOp : Flashlight_Op<"program_id", [Pure]> {
  let summary = "which program of the grid this is";
  let description = [{
    The linear index, from 0; see `#flashlight.grid_axis` for its order.

    ```mlir
    %pid = flashlight.program_id
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Flashlight_LoadOp : Flashlight_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "a tile of a memref";
  let description = [{
    Element `t` of the tile is `source[offsets + map(t)]`, or zero where `t` is
    beyond a limit: `t[limited[i]] >= limits[i]`. Nothing beyond a limit is read.
    The map is linear: one sum of `constant * tile dim` for each dim of the source.
    `gather` adds index tiles of the load's shape, the symbols of the map: their values at
    `t` stand in the sum. Beyond a limit they may be anything. Where the sum leaves the source
    nothing is read.

    ```mlir
    func.func @transposed_block(%k: memref<8x?x64xf32>, %h: index, %n0: index, %left: index) {
      %c0 = arith.constant 0 : index
      %t = flashlight.load %k[%h, %n0, %c0] map affine_map<(i, j) -> (0, j, i)> limits [1] (%left)
          : memref<8x?x64xf32> -> tensor<64x32xf32>
      return
    }
    ```

    c1: one offset and one map result per dim of the source; one map dim per dim of
        the tile, one symbol per index tile.
    c2: one limit per entry of `limited`; entries in range, ascending.
    c3: a static tile of the source's element type.
    c4: the map is linear, without constant terms.
    c5: index tiles are integers of the tile's shape; on the CPU they have one element along dims
        in which they do not vary.
  }];
  let arguments = (ins
    Arg<AnyMemRef, "the memory", [MemRead]>:$source, // where it is read from
    Variadic<Index>:$offsets,                        // the tile's first element
    Variadic<AnyStaticShapeTensor>:$indices,         // the values of the map's symbols
    Variadic<Index>:$limits,                         // how many are in bounds, for each limited dim
    AffineMapAttr:$map,                              // from tile dims to dims of the source
    DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$limited // the tile dims that may leave the bounds
  );
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = [{
    $source `[` $offsets `]` (`gather` `(` $indices^ `)`)? `map` $map
    (`limits` $limited^ `(` $limits `)`)? attr-dict
    `:` type($source) (`,` type($indices)^)? `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$source,
                                 "::mlir::ValueRange":$offsets, "::mlir::ValueRange":$limits,
                                 "::mlir::AffineMap":$map, "::llvm::ArrayRef<int64_t>":$limited), [{
    build($_builder, $_state, type, source, offsets, ::mlir::ValueRange(), limits, map, limited);
  }]>];
  let hasVerifier = 1;
}

def Flashlight_StoreOp : Flashlight_Op<"store", [AttrSizedOperandSegments]> {
  let summary = "writes a tile to a memref";
  let description = [{
    `target[offsets + map(t)] = value[t]` for every `t` within the limits; the rest
    is not written.

    ```mlir
    func.func @block(%t: tensor<64x64xf32>, %o: memref<8x?x64xf32>, %h: index, %m0: index, %left: index) {
      %c0 = arith.constant 0 : index
      flashlight.store %t, %o[%h, %m0, %c0] map affine_map<(i, j) -> (0, i, j)> limits [0] (%left)
          : tensor<64x64xf32>, memref<8x?x64xf32>
      return
    }
    ```

    c1 to c4: as for `flashlight.load`.
  }];
  let arguments = (ins
    AnyStaticShapeTensor:$value,                       // what is written
    Arg<AnyMemRef, "the memory", [MemWrite]>:$target,  // where to
    Variadic<Index>:$offsets, Variadic<Index>:$limits,
    AffineMapAttr:$map, DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$limited
  );
  let assemblyFormat = [{
    $value `,` $target `[` $offsets `]` `map` $map (`limits` $limited^ `(` $limits `)`)?
    attr-dict `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

def Flashlight_LaunchOp : Flashlight_Op<"launch", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a tile-level kernel on whole tensors";
  let description = [{
    What stands in the program in place of a `flashlight.kernel` once that has
    become a tile-level function. The results are new tensors.

    ```mlir
    func.func @kernel_0(%x: memref<64xf32>, %o: memref<64xf32> {flashlight.output})
        attributes {flashlight.grid = [#flashlight.grid_axis<m = 64 by 16>]} {
      return
    }
    func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
      %o = flashlight.launch @kernel_0(%x) : (tensor<64xf32>) -> tensor<64xf32>
      return %o : tensor<64xf32>
    }
    ```

    c1: `kernel` is a function with a grid. c2: it has as many arguments as there are
    operands, results and symbols.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel,       // the tile-level function
                       Variadic<AnyRankedTensor>:$inputs); // what it reads
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$kernel `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)";
}

#endif // FLASHLIGHT_IR_TILEOPS_TD
