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
    %o = flashlight.kernel "attention"
        axes(b = 2, h = 8, m = 128, e = 64, n = 256, d = 64) stream "n"
        (%q = %arg0, %k = %arg1, %v = %arg2)
        : (tensor<2x8x128x64xf32>, tensor<2x8x256x64xf32>, tensor<2x8x256x64xf32>)
        -> tensor<2x8x128x64xf32> {
      ...
      flashlight.yield %r at [affine_map<(b, h, m, e, n, d) -> (b, h, m, e)>] : ...
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
    %k = flashlight.read %arg1 at affine_map<(b, h, m, n, d) -> (b, h floordiv 4, n, d)>
        : tensor<2x2x256x64xf32> -> tensor<2x8x256x64xf32, #flashlight.axes<b, h, n, d>>
    ```
    c1: the map has one input per axis of the kernel, one result per dim of the source.
    c2: the result's axes are those that the map uses, in the kernel's order.
    c3: one element type.
    c4: it stands in a kernel.
  }];
  let arguments = (ins AnyRankedTensor:$source, AffineMapAttr:$map);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source `at` custom<AxisMap>($map) attr-dict `:` type($source) `->` type($result)
  }];
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
    %m = flashlight.stream "n" (%old = %init)
        : (tensor<2x8x128xf32, #flashlight.axes<b, h, m>>) {
      %s = ...
      %block = flashlight.reduce max %s : ...
      %new = arith.maximumf %old, %block : ...
      flashlight.yield %new : ...
    }
    ```
    c1: block arguments, results and yielded values have the types of the inits.
    c2: no init has the axis.
    c3: the terminator is a `flashlight.yield` without maps.
  }];
  let arguments = (ins
    StrAttr:$axis,                   // the axis that is swept
    Variadic<AnyRankedTensor>:$inits // the state before the first block
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

def Flashlight_YieldOp : Flashlight_Op<"yield", [
    Pure, Terminator, ParentOneOf<["KernelOp", "StreamOp"]>]> {
  let summary = "ends a kernel or a stream";
  let description = [{
    In a kernel, `at` gives for each value the map from the kernel's axes to the
    dims of the result that it is stored to; in a stream there is none.
  }];
  let arguments = (ins Variadic<AnyType>:$operands, OptionalAttr<AffineMapArrayAttr>:$maps);
  let assemblyFormat = "($operands^)? (`at` custom<AxisMaps>($maps)^)? attr-dict (`:` type($operands)^)?";
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$operands), [{
    build($_builder, $_state, operands, /*maps=*/nullptr);
  }]>];
}

#endif // FLASHLIGHT_IR_KERNELOPS_TD
