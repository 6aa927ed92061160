//===- KernelOps.td - level 2: named axes -----------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_KERNELOPS_TD
#define FLASHLIGHT_IR_KERNELOPS_TD

include "flashlight/IR/FlashlightAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Flashlight_KernelOp : Flashlight_Op<"kernel", [
    IsolatedFromAbove, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "one fused group of ops, over named axes";
  let description = [{
    Reads whole tensors (its operands), writes whole tensors (its results), and
    keeps everything in between on chip. `axes` gives the extent of every axis
    that a value in the body may have; axes of one kernel are the iteration space
    that its results share. `stream` names the axis whose reductions are to be
    computed on the way, in one sweep or few.

    ```mlir
    func.func @main(%x: tensor<8x256xf32>) -> tensor<8xf32> {
      %o = flashlight.kernel "kernel_0" axes(m = 8, n = 256) stream "n" (%mx = %x)
          : (tensor<8x256xf32>) -> (tensor<8xf32>) {
        %0 = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
            : tensor<8x256xf32> -> tensor<8x256xf32, #flashlight.axes<m, n>>
        %1 = math.exp %0 : tensor<8x256xf32, #flashlight.axes<m, n>>
        %2 = flashlight.reduce sum %1
            : tensor<8x256xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
        flashlight.yield %2 at [affine_map<(m, n) -> (m)>] : tensor<8xf32, #flashlight.axes<m>>
      }
      return %o : tensor<8xf32>
    }
    ```

    c1: axis names are distinct, `stream` is one of them.
    c2: block arguments have the operands' types.
    c3: every axis of a body value is declared, with the extent of its dim.
    c4: the terminator yields one value a result, with one map each; a map takes
        the axes in order to the result's dims.
    c5: a yielded value has the element type of its result.
  }];
  let arguments = (ins
    StrAttr:$sym_name,                         // a name for reports and files
    TypedArrayAttrBase<Flashlight_AxisAttr, "axes">:$axes, // the iteration space
    StrAttr:$stream,                           // the axis that is swept
    Variadic<AnyRankedTensor>:$inputs,         // tensors in memory
    OptionalAttr<Flashlight_ScheduleAttr>:$schedule // how it is tiled, once chosen
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The declared axis called `name`, or null.
    AxisAttr getAxis(::mlir::StringAttr name);
    ::mlir::Block &getBlock() { return getBody().front(); }
  }];
}

def Flashlight_ReadOp : Flashlight_Op<"read", [Pure]> {
  let summary = "a memory tensor, seen through the kernel's axes";
  let description = [{
    Element `x` of the result is element `map(x)` of the source: transposes,
    slices, broadcasts, grouped heads and reshapes of an input are all index
    arithmetic here, never a copy. The map takes all axes of the kernel, in order.

    ```mlir
    func.func @grouped_heads(%k: tensor<2x256x64xf32>) {
      flashlight.kernel "kernel_0" axes(h = 8, m = 128, n = 256, d = 64) stream "n" (%mk = %k)
          : (tensor<2x256x64xf32>) -> () {
        %0 = flashlight.read %mk at affine_map<(h, m, n, d) -> (h floordiv 4, n, d)>
            : tensor<2x256x64xf32> -> tensor<8x256x64xf32, #flashlight.axes<h, n, d>>
        flashlight.yield
      }
      return
    }
    ```

    An index that is no affine function of axes is a value of the kernel, and a symbol
    of the map: a row of a table, by position (`buckets`), is

    ```mlir
    func.func @bias(%table: tensor<32x8xf32>, %buckets: tensor<128x256xi64>) {
      flashlight.kernel "kernel_0" axes(h = 8, m = 128, n = 256) stream "n"
          (%t = %table, %b = %buckets) : (tensor<32x8xf32>, tensor<128x256xi64>) -> () {
        %0 = flashlight.read %b at affine_map<(h, m, n) -> (m, n)>
            : tensor<128x256xi64> -> tensor<128x256xi64, #flashlight.axes<m, n>>
        %1 = flashlight.read %t[%0] at affine_map<(h, m, n)[s0] -> (s0, h)>
            : tensor<32x8xf32>, tensor<128x256xi64, #flashlight.axes<m, n>>
            -> tensor<8x128x256xf32, #flashlight.axes<h, m, n>>
        flashlight.yield
      }
      return
    }
    ```

    c1: the map has one dim per axis of the kernel, one symbol per index, one result
        per dim of the source.
    c2: the result's axes are those that the map and the indices have, in the kernel's order.
    c3: one element type; integer indices.
    c4: it stands in a kernel.
  }];
  let arguments = (ins
    AnyRankedTensor:$source,            // the memory
    Variadic<AnyRankedTensor>:$indices, // the values of the map's symbols
    AffineMapAttr:$map                  // from the axes to the dims of the source
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source (`[` $indices^ `]`)? `at` custom<AxisMap>($map) attr-dict
    `:` type($source) (`,` type($indices)^)? `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$source,
                                 "::mlir::AffineMap":$map), [{
    build($_builder, $_state, type, source, ::mlir::ValueRange(), map);
  }]>];
  let hasVerifier = 1;
}

def Flashlight_StreamOp : Flashlight_Op<"stream", [
    SingleBlock, RecursiveMemoryEffects]> {
  let summary = "one sweep along an axis, with a running state";
  let description = [{
    The derived online form. The axis is cut into blocks, in order, and the body
    runs once a block: inside, a value that has the axis stands for the block.
    Block arguments are the state before the block, `yield` gives it after, the
    results are the state after the last. The state never has the axis.

    The result does not depend on how the axis is cut, up to rounding: the
    interpreter checks this property, and both backends use it.

    ```mlir
    func.func @running_max(%x: tensor<8x256xf32>) -> tensor<8xf32> {
      %o = flashlight.kernel "kernel_0" axes(m = 8, n = 256) stream "n" (%mx = %x)
          : (tensor<8x256xf32>) -> (tensor<8xf32>) {
        %init = arith.constant dense<0xFF800000> : tensor<8xf32, #flashlight.axes<m>>
        %max = flashlight.stream "n" (%old = %init) : (tensor<8xf32, #flashlight.axes<m>>) {
          %s = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
              : tensor<8x256xf32> -> tensor<8x256xf32, #flashlight.axes<m, n>>
          %block = flashlight.reduce max %s
              : tensor<8x256xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
          %new = arith.maximumf %old, %block : tensor<8xf32, #flashlight.axes<m>>
          flashlight.yield %new : tensor<8xf32, #flashlight.axes<m>>
        }
        flashlight.yield %max at [affine_map<(m, n) -> (m)>] : tensor<8xf32, #flashlight.axes<m>>
      }
      return %o : tensor<8xf32>
    }
    ```
    `keep`, once inferred, says where the axis has anything to contribute: a block that
    meets none of these sets (over the kernel's axes, in order) leaves the state as it is.
    A condition in the body with `flashlight.inside = b` is `b` all over a block that lies in
    one of them.

    With `reverse` the blocks come from the last to the first. `merge`, where the
    derivation has one, joins the states of two ranges of the axis (its arguments: one
    state, then the other) that were swept apart, each from the inits:

    ```mlir
    func.func @mergeable_max(%x: tensor<8x256xf32>) -> tensor<8xf32> {
      %o = flashlight.kernel "kernel_0" axes(m = 8, n = 256) stream "n" (%mx = %x)
          : (tensor<8x256xf32>) -> (tensor<8xf32>) {
        %init = arith.constant dense<0xFF800000> : tensor<8xf32, #flashlight.axes<m>>
        %max = flashlight.stream "n" (%old = %init) : (tensor<8xf32, #flashlight.axes<m>>) {
          %s = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
              : tensor<8x256xf32> -> tensor<8x256xf32, #flashlight.axes<m, n>>
          %block = flashlight.reduce max %s
              : tensor<8x256xf32, #flashlight.axes<m, n>> -> tensor<8xf32, #flashlight.axes<m>>
          %new = arith.maximumf %old, %block : tensor<8xf32, #flashlight.axes<m>>
          flashlight.yield %new : tensor<8xf32, #flashlight.axes<m>>
        } merge (%a, %b) {
          %both = arith.maximumf %a, %b : tensor<8xf32, #flashlight.axes<m>>
          flashlight.yield %both : tensor<8xf32, #flashlight.axes<m>>
        }
        flashlight.yield %max at [affine_map<(m, n) -> (m)>] : tensor<8xf32, #flashlight.axes<m>>
      }
      return %o : tensor<8xf32>
    }
    ```

    c1: block arguments, results and yielded values have the types of the inits.
    c2: no init has the axis.
    c3: the terminator is a `flashlight.yield` without maps.
    c4: `keep` has sets over the kernel's axes and `keep_symbols`.
    c5: `merge`, if it is there, takes the state's types twice and yields them once.
  }];
  let arguments = (ins
    StrAttr:$axis,                            // the axis that is swept
    OptionalAttr<ArrayAttr>:$keep,            // where it contributes; everywhere if absent
    OptionalAttr<StrArrayAttr>:$keep_symbols, // the symbols of the sets, in order
    UnitAttr:$reverse,                        // from the last block to the first
    Variadic<AnyRankedTensor>:$inits          // the state before the first block
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body, AnyRegion:$merge);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

def Flashlight_YieldOp : Flashlight_Op<"yield", [
    Pure, Terminator, ParentOneOf<["KernelOp", "StreamOp"]>]> {
  let summary = "ends a kernel or a stream";
  let description = [{
    In a kernel, `at` gives for each value the map from the kernel's axes to the
    dims of the result that it is stored to; in a stream there is none.

    ```mlir
    func.func @transposed(%x: tensor<8x256xf32>) -> tensor<256x8xf32> {
      %o = flashlight.kernel "kernel_0" axes(m = 8, n = 256) stream "n" (%mx = %x)
          : (tensor<8x256xf32>) -> (tensor<256x8xf32>) {
        %0 = flashlight.read %mx at affine_map<(m, n) -> (m, n)>
            : tensor<8x256xf32> -> tensor<8x256xf32, #flashlight.axes<m, n>>
        flashlight.yield %0 at [affine_map<(m, n) -> (n, m)>]
            : tensor<8x256xf32, #flashlight.axes<m, n>>
      }
      return %o : tensor<256x8xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands, OptionalAttr<AffineMapArrayAttr>:$maps);
  let assemblyFormat = "($operands^)? (`at` custom<AxisMaps>($maps)^)? attr-dict (`:` type($operands)^)?";
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$operands), [{
    build($_builder, $_state, operands, /*maps=*/nullptr);
  }]>];
}

#endif // FLASHLIGHT_IR_KERNELOPS_TD
