//===- TritonOps.td - ops of the tt exit dialect -------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRITON_OPS_TD
#define FLASHLIGHT_TRITON_OPS_TD

include "flashlight/Triton/TritonDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

def Triton_FuncOp : Triton_Op<"func", [
    AffineScope, AutomaticAllocationScope, FunctionOpInterface, IsolatedFromAbove]> {
  let summary = "a GPU kernel";
  let description = [{
    One call is one program of the launch grid. `tt.divisibility = 16 : i32` on an
    argument promises Triton a pointer aligned to 16 bytes, or a multiple of 16.

    ```mlir
    tt.func public @scale(%x: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %n: i32)
        attributes {noinline = false} {
      tt.return
    }
    ```
    c1: a kernel returns nothing.
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,                         // the kernel's name
    TypeAttrOf<FunctionType>:$function_type,          // its parameters
    OptionalAttr<StrAttr>:$sym_visibility,            // "public" for a kernel
    OptionalAttr<DictArrayAttr>:$arg_attrs,           // what is promised of arguments
    OptionalAttr<DictArrayAttr>:$res_attrs            // none
  );
  let regions = (region AnyRegion:$body);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::FunctionType":$type,
                                 "::llvm::ArrayRef<::mlir::DictionaryAttr>":$argAttrs)>];
  let extraClassDeclaration = [{
    // FunctionOpInterface
    ::mlir::Region *getCallableRegion() { return isExternal() ? nullptr : &getBody(); }
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
  }];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Triton_ReturnOp : Triton_Op<"return", [
    Pure, HasParent<"FuncOp">, ReturnLike, Terminator]> {
  let summary = "ends a kernel";
  let description = [{
    ```mlir
    tt.func public @nothing() attributes {noinline = false} {
      tt.return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Triton_GetProgramIdOp : Triton_Op<"get_program_id", [Pure]> {
  let summary = "which program of the grid this is";
  let description = [{
    ```mlir
    %pid = tt.get_program_id x : i32
    ```
  }];
  let arguments = (ins Triton_ProgramDim:$axis); // a dim of the grid
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

def Triton_MakeRangeOp : Triton_Op<"make_range", [Pure]> {
  let summary = "start, start + 1, ..., end - 1";
  let description = [{
    ```mlir
    %i = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    ```
    c1: one dim of `end - start` elements.
  }];
  let arguments = (ins I32Attr:$start, I32Attr:$end); // the first element, and one after the last
  let results = (outs StaticShapeTensorOf<[I32]>:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Triton_SplatOp : Triton_Op<"splat", [Pure]> {
  let summary = "a tile of one value";
  let description = [{
    ```mlir
    %t = tt.splat %x : f32 -> tensor<64x64xf32>
    ```
    c1: the tile's elements have the operand's type.
  }];
  let arguments = (ins AnyTypeOf<[Triton_Number, Triton_PtrType]>:$src); // the value
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

def Triton_ExpandDimsOp : Triton_Op<"expand_dims", [Pure]> {
  let summary = "a new dim of extent 1";
  let description = [{
    ```mlir
    %t = tt.expand_dims %x {axis = 1 : i32} : tensor<64xf32> -> tensor<64x1xf32>
    ```
    c1: the result has the operand's shape, with a 1 before position `axis`.
  }];
  let arguments = (ins Triton_Tile:$src, I32Attr:$axis); // the tile, and the new dim's position
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

def Triton_BroadcastOp : Triton_Op<"broadcast", [Pure]> {
  let summary = "repeats along dims of extent 1";
  let description = [{
    ```mlir
    %t = tt.broadcast %x : tensor<64x1xf32> -> tensor<64x32xf32>
    ```
    c1: one rank and element type. c2: extents agree, or the operand's is 1.
  }];
  let arguments = (ins Triton_Tile:$src); // what is repeated
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

def Triton_TransOp : Triton_Op<"trans", [Pure]> {
  let summary = "permutes dims";
  let description = [{
    Dim `i` of the result is dim `order[i]` of the operand.

    ```mlir
    %t = tt.trans %x {order = array<i32: 1, 0>} : tensor<64x32xf16> -> tensor<32x64xf16>
    ```
    c1: `order` is a permutation of the operand's dims. c2: the result has the permuted shape.
  }];
  let arguments = (ins Triton_Tile:$src, DenseI32ArrayAttr:$order); // the tile, and its dims in their new order
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

def Triton_BitcastOp : Triton_Op<"bitcast", [Pure]> {
  let summary = "the same bits, as another type";
  let description = [{
    Triton takes no `arith.bitcast` of tiles.

    ```mlir
    %t = tt.bitcast %x : tensor<64xf32> -> tensor<64xi32>
    ```
    c1: one shape. c2: elements of one width.
  }];
  let arguments = (ins AnyTypeOf<[Triton_Number, Triton_Tile]>:$src); // what is seen otherwise
  let results = (outs AnyTypeOf<[Triton_Number, Triton_Tile]>:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

def Triton_ReshapeOp : Triton_Op<"reshape", [Pure]> {
  let summary = "the same elements in row-major order, with other dims";
  let description = [{
    ```mlir
    %t = tt.reshape %x : tensor<4x32x64xf16> -> tensor<128x64xf16>
    ```
    c1: as many elements, of one type.
  }];
  let arguments = (ins Triton_Tile:$src); // the tile
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Triton_AddPtrOp : Triton_Op<"addptr", [Pure, AllTypesMatch<["ptr", "result"]>]> {
  let summary = "a pointer, moved by elements";
  let description = [{
    ```mlir
    %p = tt.addptr %x, %i : tensor<64x!tt.ptr<f16>>, tensor<64xi32>
    ```
    c1: the offset is a scalar for a pointer, a tile of the same shape for a tile.
  }];
  let arguments = (ins Triton_PtrLike:$ptr, Triton_IntLike:$offset); // where from, and by how many elements
  let results = (outs Triton_PtrLike:$result);
  let assemblyFormat = "$ptr `,` $offset attr-dict `:` type($result) `,` type($offset)";
  let hasVerifier = 1;
}

def Triton_LoadOp : Triton_Op<"load", [
    AttrSizedOperandSegments,
    TypesMatchWith<"result has the pointee's type", "ptr", "result", "getPointeeType($_self)">,
    TypesMatchWith<"mask has the pointer's shape", "ptr", "mask", "getMaskType($_self)",
                   "!::llvm::cast<::flashlight::tt::LoadOp>($_op).getMask() || std::equal_to<>()">,
    TypesMatchWith<"other has the pointee's type", "ptr", "other", "getPointeeType($_self)",
                   "!::llvm::cast<::flashlight::tt::LoadOp>($_op).getOther() || std::equal_to<>()">]> {
  let summary = "reads what a pointer, or a tile of pointers, points to";
  let description = [{
    Where `mask` is false nothing is read, and the element is that of `other`.

    ```mlir
    tt.func public @read(%p: tensor<64x!tt.ptr<f16>>, %mask: tensor<64xi1>, %zero: tensor<64xf16>)
        attributes {noinline = false} {
      %v = tt.load %p, %mask, %zero : tensor<64x!tt.ptr<f16>>
      tt.return
    }
    ```

    c1: `other` needs a mask.
  }];
  let arguments = (ins
    Arg<Triton_PtrLike, "the memory", [MemRead]>:$ptr, // where from
    Optional<Triton_BoolLike>:$mask,                   // which elements are read
    Optional<Triton_Value>:$other                      // what the others are
  );
  let results = (outs Triton_Value:$result);
  let assemblyFormat = "$ptr (`,` $mask^)? (`,` $other^)? attr-dict `:` type($ptr)";
  let hasVerifier = 1;
}

def Triton_StoreOp : Triton_Op<"store", [
    TypesMatchWith<"value has the pointee's type", "ptr", "value", "getPointeeType($_self)">,
    TypesMatchWith<"mask has the pointer's shape", "ptr", "mask", "getMaskType($_self)",
                   "$_op.getNumOperands() < 3 || std::equal_to<>()">]> {
  let summary = "writes to where a pointer, or a tile of pointers, points";
  let description = [{
    Where `mask` is false nothing is written.

    ```mlir
    tt.func public @write(%p: tensor<64x!tt.ptr<f16>>, %mask: tensor<64xi1>, %v: tensor<64xf16>)
        attributes {noinline = false} {
      tt.store %p, %v, %mask : tensor<64x!tt.ptr<f16>>
      tt.return
    }
    ```
  }];
  let arguments = (ins
    Arg<Triton_PtrLike, "the memory", [MemWrite]>:$ptr, // where to
    Triton_Value:$value,                                // what is written
    Optional<Triton_BoolLike>:$mask                     // which elements are
  );
  let assemblyFormat = "$ptr `,` $value (`,` $mask^)? attr-dict `:` type($ptr)";
}

//===----------------------------------------------------------------------===//
// Combining elements
//===----------------------------------------------------------------------===//

def Triton_DotOp : Triton_Op<"dot", [Pure, AllTypesMatch<["c", "result"]>]> {
  let summary = "c + a b, on tensor cores where the types allow it";
  let description = [{
    ```mlir
    tt.func public @multiply(%a: tensor<64x32xf16>, %b: tensor<32x64xf16>, %c: tensor<64x64xf32>)
        attributes {noinline = false} {
      %d = tt.dot %a, %b, %c : tensor<64x32xf16> * tensor<32x64xf16> -> tensor<64x64xf32>
      tt.return
    }
    ```

    `inputPrecision` is for f32 operands: `ieee`, the default, or `tf32`.

    c1: rank 2; a is [m, k], b is [k, n], c is [m, n]. c2: a and b have one element
    type, of 8, 16 or 32 bits. c3: k is at least 16.
  }];
  let arguments = (ins
    Triton_Tile:$a, Triton_Tile:$b, // the factors
    Triton_Tile:$c,                 // what the sum starts from
    DefaultValuedAttr<Triton_InputPrecision, "::flashlight::tt::InputPrecision::IEEE">:$inputPrecision, // how f32 is multiplied
    DefaultValuedAttr<I32Attr, "0">:$maxNumImpreciseAcc // fp8: 0 sums all products in f32
  );
  let results = (outs Triton_Tile:$result);
  let assemblyFormat = [{
    $a `,` $b `,` $c (`,` `inputPrecision` `=` $inputPrecision^)? attr-dict `:`
    type($a) `*` type($b) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Triton_ReduceOp : Triton_Op<"reduce", [Pure, SingleBlock]> {
  let summary = "combines all elements along a dim";
  let description = [{
    In MLIR's generic form, as Triton prints it. A tile of one dim becomes a scalar.

    ```mlir
    tt.func public @sum(%x: tensor<64x32xf32>) attributes {noinline = false} {
      %r = "tt.reduce"(%x) <{axis = 1 : i32}> ({
      ^bb0(%a: f32, %b: f32):
        %s = arith.addf %a, %b : f32
        tt.reduce.return %s : f32
      }) : (tensor<64x32xf32>) -> tensor<64xf32>
      tt.return
    }
    ```

    c1: `axis` is a dim of the operand. c2: the result lacks it. c3: the region takes
    two elements and returns one.
  }];
  let arguments = (ins Triton_Tile:$src, I32Attr:$axis); // what is reduced, and along what
  let results = (outs Triton_Value:$result);
  let regions = (region SizedRegion<1>:$combine);
  let hasRegionVerifier = 1;
}

def Triton_ReduceReturnOp : Triton_Op<"reduce.return", [
    Pure, HasParent<"ReduceOp">, ReturnLike, Terminator]> {
  let summary = "ends the region of a reduction";
  let description = [{
    ```mlir
    tt.func public @first(%x: tensor<64x32xf32>) attributes {noinline = false} {
      %r = "tt.reduce"(%x) <{axis = 1 : i32}> ({
      ^bb0(%a: f32, %b: f32):
        tt.reduce.return %a : f32
      }) : (tensor<64x32xf32>) -> tensor<64xf32>
      tt.return
    }
    ```
  }];
  let arguments = (ins Triton_Number:$result); // the two elements, combined
  let assemblyFormat = "$result attr-dict `:` type($result)";
}

def Triton_ScanOp : Triton_Op<"scan", [Pure, SingleBlock]> {
  let summary = "the running combination of elements along a dim";
  let description = [{
    In MLIR's generic form, as Triton prints it. Inclusive; `reverse` starts at the last element.
    Several operands are combined as tuples.

    ```mlir
    tt.func public @running(%x: tensor<64x32xf32>) attributes {noinline = false} {
      %r = "tt.scan"(%x) <{axis = 1 : i32, reverse = false}> ({
      ^bb0(%a: f32, %b: f32):
        %s = arith.addf %a, %b : f32
        tt.scan.return %s : f32
      }) : (tensor<64x32xf32>) -> tensor<64x32xf32>
      tt.return
    }
    ```

    c1: `axis` is a dim of the operands, which have one shape. c2: the results have the
    operands' types. c3: the region takes an element of every operand, twice, and returns one of
    every operand.
  }];
  let arguments = (ins
    Variadic<Triton_Tile>:$srcs, // what is combined
    I32Attr:$axis,               // along what
    BoolAttr:$reverse            // from the last element to the first
  );
  let results = (outs Variadic<Triton_Tile>:$results);
  let regions = (region SizedRegion<1>:$combine);
  let hasRegionVerifier = 1;
}

def Triton_ScanReturnOp : Triton_Op<"scan.return", [
    Pure, HasParent<"ScanOp">, ReturnLike, Terminator]> {
  let summary = "ends the region of a scan";
  let description = [{
    ```mlir
    tt.func public @last(%x: tensor<64x32xf32>) attributes {noinline = false} {
      %r = "tt.scan"(%x) <{axis = 1 : i32, reverse = true}> ({
      ^bb0(%a: f32, %b: f32):
        tt.scan.return %b : f32
      }) : (tensor<64x32xf32>) -> tensor<64x32xf32>
      tt.return
    }
    ```
  }];
  let arguments = (ins Variadic<Triton_Number>:$results); // the two elements, combined
  let assemblyFormat = "$results attr-dict `:` type($results)";
}

#endif // FLASHLIGHT_TRITON_OPS_TD
