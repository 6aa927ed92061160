//===- ProgramOps.td - level 1, and the ops every level shares --*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is computed, on whole tensors. `contract`, `reduce`, `broadcast`, `scan`,
// `iota` and `size` also stand in kernels, where axes are named, and `contract`,
// `reduce`, `broadcast` and `scan` on tiles, where dims are positional again.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_PROGRAMOPS_TD
#define FLASHLIGHT_IR_PROGRAMOPS_TD

include "flashlight/IR/FlashlightAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Every level
//===----------------------------------------------------------------------===//

def Flashlight_ContractOp : Flashlight_Op<"contract", [Pure]> {
  let summary = "sum of products over shared axes (einsum of two operands)";
  let description = [{
    `result[out] = sum over the contracted dims of lhs[...] * rhs[...]`, products
    and sum in the result's element type. Operands narrower than the result are
    widened first, exactly: a contraction of `f16` into `f32` is what a tensor
    core does.

    Positional tensors name their dims by an einsum equation, one letter a dim:

    ```mlir
    %s = flashlight.contract %q, %k "bhmd,bhnd->bhmn"
        : tensor<2x8x128x64xf16>, tensor<2x8x256x64xf16> -> tensor<2x8x128x256xf32>
    ```

    In a kernel the axes say it, and there is no equation: what is not an axis of
    the result is contracted. On tiles, `into` gives the value that the sum
    starts from, so that a running accumulator is one operand of the op:

    ```mlir
    %acc1 = flashlight.contract %p, %v into %acc "mn,ne->me"
        : tensor<64x32xf16>, tensor<32x64xf16> -> tensor<64x64xf32>
    ```

    c1: an equation if and only if the operands carry no axes; it has one letter
        a dim, no letter twice in a term, no output letter that no operand has.
    c2: dims of one letter (axes of one name) have one extent.
    c3: every axis of the result is an axis of an operand.
    c4: an operand's element type is the result's, or a narrower one of its kind
        (float, integer).
    c5: `into` has the result's type.
  }];
  let arguments = (ins
    AnyRankedTensor:$lhs,            // left factor
    AnyRankedTensor:$rhs,            // right factor
    Optional<AnyRankedTensor>:$init, // what the sum starts from; zero if absent
    OptionalAttr<StrAttr>:$equation  // dims by letter, where no axes name them
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`into` $init^)? ($equation^)? attr-dict `:`
    custom<ContractTypes>(ref($init), type($lhs), type($rhs), type($init), type($result))
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$lhs,
                                 "::mlir::Value":$rhs,
                                 CArg<"::llvm::StringRef", "\"\"">:$equation)>];
  let extraClassDeclaration = [{
    /// The letters (or axis names) of the left and right operand and the result.
    struct Labels { ::llvm::SmallVector<::mlir::StringAttr> lhs, rhs, result; };
    Labels getLabels();
  }];
  let hasVerifier = 1;
}

def Flashlight_ReduceOp : Flashlight_Op<"reduce", [Pure]> {
  let summary = "combines all elements along dims";
  let description = [{
    `sum`, `prod`, `max`, `min` on numbers; `any`, `all` on booleans. `max` and
    `min` propagate NaN, as PyTorch's do. The reduced dims disappear. The element
    type does not change: an importer that wants a wider accumulator widens first.

    ```mlir
    %r = flashlight.reduce max %s dims [3] : tensor<2x8x128x256xf32> -> tensor<2x8x128xf32>
    ```

    In a kernel there are no dims: the axes that the result lacks are reduced.

    c1: `dims` if and only if the operand carries no axes; in range, ascending.
    c2: the result has the remaining dims (axes) in the operand's order.
    c3: `any` and `all` take `i1`, the other kinds do not.
    c4: the element type does not change.
  }];
  let arguments = (ins
    Flashlight_ReduceKindAttr:$kind,       // what combines two elements
    AnyRankedTensor:$operand,              // what is reduced
    OptionalAttr<DenseI64ArrayAttr>:$dims  // the reduced dims, where no axes name them
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $operand (`dims` $dims^)? attr-dict `:` type($operand) `->` type($result)
  }];
  let extraClassDeclaration = [{
    /// The positions of the reduced dims in the operand, at any level.
    ::llvm::SmallVector<int64_t> getReducedDims();
  }];
  let hasVerifier = 1;
}

def Flashlight_BroadcastOp : Flashlight_Op<"broadcast", [Pure]> {
  let summary = "repeats a tensor along new or unit dims";
  let description = [{
    `dims[i]` is the dim of the result that dim `i` of the operand becomes. A dim
    of the operand has the extent of that dim, or 1 (and is repeated).

    ```mlir
    %b = flashlight.broadcast %x dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x128xf32>
    ```

    In a kernel there are no dims: the result has the operand's axes and more.

    c1: `dims` if and only if the operand carries no axes; one for every dim of the
        operand, in range, ascending.
    c2: extents agree, or the operand's is 1 (never in a kernel).
    c3: in a kernel, every axis of the operand is an axis of the result.
    c4: the element type does not change.
  }];
  let arguments = (ins
    AnyRankedTensor:$operand,              // what is repeated
    OptionalAttr<DenseI64ArrayAttr>:$dims  // where its dims go
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $operand (`dims` $dims^)? attr-dict `:` type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Flashlight_IotaOp : Flashlight_Op<"iota", [Pure]> {
  let summary = "0, 1, 2, ... along one dim";
  let description = [{
    ```mlir
    %i = flashlight.iota : tensor<1024xi64>
    %n = flashlight.iota : tensor<1024xi64, #flashlight.axes<n>>
    ```
    In a `flashlight.stream`, along the streamed axis: the indices of the block.
    On tiles it starts from 0.

    c1: one dim. c2: integer elements.
  }];
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Flashlight_SizeOp : Flashlight_Op<"size", [Pure]> {
  let summary = "the run-time value of a symbol";
  let description = [{
    ```mlir
    %s = flashlight.size "s0" : tensor<i64>
    ```
    c1: the result is `tensor<i64>`.
  }];
  let arguments = (ins StrAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Flashlight_ScanOp : Flashlight_Op<"scan", [
    Pure, AllTypesMatch<["operand", "result"]>]> {
  let summary = "running combination along a dim";
  let description = [{
    Element `i` of the result combines the operand's elements `0 ... i`; with
    `reverse`, those from `i` to the last. With `exclusive`, element `i` itself does not
    count: the first one (with `reverse`, the last) is what combining nothing gives.

    ```mlir
    %c = flashlight.scan sum %x dim 1 reverse : tensor<8x128xf32>
    %before = flashlight.scan prod %x dim 1 exclusive : tensor<8x128xf32>
    ```
    In a kernel, `along` names the axis. In a `flashlight.stream`, along the streamed
    axis, it runs over the block alone: what came before is state.

    c1: `dim`, in range, if and only if the operand carries no axes; else `along` one of them.
    c2: not `any` or `all`.
  }];
  let arguments = (ins
    Flashlight_ReduceKindAttr:$kind, // what combines two elements
    AnyRankedTensor:$operand,        // what is combined
    OptionalAttr<I64Attr>:$dim,      // the dim, where no axes name them
    OptionalAttr<StrAttr>:$axis,     // the axis, in a kernel
    UnitAttr:$reverse,               // from the last element to the first
    UnitAttr:$exclusive              // without the element itself
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $operand (`dim` $dim^)? (`along` $axis^)? (`reverse` $reverse^)?
    (`exclusive` $exclusive^)? attr-dict `:` type($operand)
  }];
  let extraClassDeclaration = [{
    /// The position of the scanned dim, at any level.
    int64_t getScannedDim();
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Programs only
//===----------------------------------------------------------------------===//

def Flashlight_TransposeOp : Flashlight_Op<"transpose", [Pure]> {
  let summary = "permutes dims";
  let description = [{
    Dim `i` of the result is dim `permutation[i]` of the operand.

    ```mlir
    %t = flashlight.transpose %x [0, 2, 1] : tensor<2x8x64xf32> -> tensor<2x64x8xf32>
    ```
    c1: `permutation` is one of the operand's dims. c2: the result has the permuted shape.
  }];
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$permutation);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$operand $permutation attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Flashlight_ReshapeOp : Flashlight_Op<"reshape", [Pure]> {
  let summary = "the same elements in row-major order, with other dims";
  let description = [{
    ```mlir
    %r = flashlight.reshape %x : tensor<2x128x512xf32> -> tensor<2x128x8x64xf32>
    ```
    c1: as many elements, where both shapes are static. c2: one element type.
  }];
  let arguments = (ins AnyRankedTensor:$operand);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Flashlight_SliceOp : Flashlight_Op<"slice", [Pure]> {
  let summary = "a strided box of a tensor";
  let description = [{
    Element `i` of the result is element `offsets + i * strides` of the operand; in a
    dim with a negative stride, the offset counts from the last element: offset 0 and
    stride -1 reverse it.

    ```mlir
    %s = flashlight.slice %x offsets [0, 64] strides [1, 1]
        : tensor<8x128xf32> -> tensor<8x64xf32>
    ```
    c1: one offset (not negative) and one stride (not zero) a dim. c2: the box lies
    in the operand, where extents are static. c3: one rank and element type.
  }];
  let arguments = (ins AnyRankedTensor:$operand, DenseI64ArrayAttr:$offsets,
                       DenseI64ArrayAttr:$strides);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $operand `offsets` $offsets `strides` $strides attr-dict `:`
    type($operand) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Flashlight_ConcatOp : Flashlight_Op<"concat", [Pure]> {
  let summary = "tensors one after the other along a dim";
  let description = [{
    ```mlir
    %c = flashlight.concat %a, %b dim 1
        : (tensor<8x64xf32>, tensor<8x32xf32>) -> tensor<8x96xf32>
    ```
    c1: at least one operand; `dim` in range. c2: extents agree in every other dim.
    c3: the result's extent is the sum, where extents are static.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$operands, I64Attr:$dim);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $operands `dim` $dim attr-dict `:` functional-type($operands, $result)
  }];
  let hasVerifier = 1;
}

def Flashlight_GatherOp : Flashlight_Op<"gather", [Pure]> {
  let summary = "elements of a tensor, selected by index tensors";
  let description = [{
    `result[t] = source[map(t)[i0[t], i1[t], ...]]`: the map's dims are those of the
    result, its symbol `k` is the value of index tensor `k`, which has the result's
    shape (a broadcast is a view). Indices are not negative and in range: an importer
    wraps negative ones first.

    ```mlir
    %g = flashlight.gather %table[%i] at affine_map<(m, n, h)[i] -> (i, h)>
        : tensor<32x8xf32>, tensor<128x128x8xi64> -> tensor<128x128x8xf32>
    ```
    c1: integer indices of the result's shape.
    c2: the map has one dim per dim of the result, one symbol per index tensor, one
        result per dim of the source. c3: one element type.
  }];
  let arguments = (ins
    AnyRankedTensor:$source,            // what is selected from
    Variadic<AnyRankedTensor>:$indices, // the values of the map's symbols
    AffineMapAttr:$map                  // from an element of the result to one of the source
  );
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source `[` $indices `]` `at` custom<AxisMap>($map) attr-dict `:` type($source) (`,` type($indices)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Flashlight_TorchCallOp : Flashlight_Op<"torch_call", []> {
  let summary = "an ATen op that stays with PyTorch";
  let description = [{
    Every ATen op has a home: a row of the importer's table, or this. `target` is
    the full overload name, `arguments` the call as the user would write it, with
    `%i` for operand `i`; both are for the reader, the launch plan holds the call
    itself.

    ```mlir
    %v:2 = flashlight.torch_call "aten.topk.default" "%0, 8" (%x)
        : (tensor<4x32xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
    ```
  }];
  let arguments = (ins StrAttr:$target, StrAttr:$arguments, Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    $target $arguments `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)
  }];
}

#endif // FLASHLIGHT_IR_PROGRAMOPS_TD
