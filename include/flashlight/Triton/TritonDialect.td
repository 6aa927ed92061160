//===- TritonDialect.td - the tt exit dialect ----------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRITON_DIALECT_TD
#define FLASHLIGHT_TRITON_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Triton_Dialect : Dialect {
  let name = "tt";
  let cppNamespace = "::flashlight::tt";
  let summary = "the part of Triton's IR that we emit";
  let description = [{
    An exit dialect: the ops of Triton's `tt` dialect that `flashlight-convert-to-triton`
    emits, spelled so that a printed module is TTIR, which the parsers of Triton
    3.6 to 3.9 read. We do not link against Triton, its MLIR changes with every
    release; the border is text, and `test/python/test_triton_conformance.py`
    holds every op of this file against each installed Triton.

    No logic lives here: no folder, no canonicalization. Triton has its own.
    The verifiers say early, on our side and with our locations, what Triton would
    say late and on stderr.

    t1: every tile of every op has power-of-two extents and at most 1048576 elements.
  }];
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Triton_PtrType : TypeDef<Triton_Dialect, "Pointer"> {
  let mnemonic = "ptr";
  let summary = "a pointer to global memory";
  let description = [{
    `!tt.ptr<f16>`, and `tensor<128x64x!tt.ptr<f16>>` for a tile of pointers.

    c1: the pointee is an integer of 8 to 64 bits or a float.
  }];
  let parameters = (ins "::mlir::Type":$pointee);
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$pointee), [{
    return $_get(pointee.getContext(), pointee);
  }]>];
  let assemblyFormat = "`<` $pointee `>`";
  let genVerifyDecl = 1;
}

def Triton_Number : AnyTypeOf<[AnySignlessInteger, AnyFloat], "number">;
/// What a register holds: a number or a pointer, or a static tile of either.
def Triton_Tile : AnyTypeOf<[StaticShapeTensorOf<[Triton_Number, Triton_PtrType]>], "tile">;
def Triton_Value : AnyTypeOf<[Triton_Number, Triton_PtrType, Triton_Tile], "number, pointer or tile">;
def Triton_PtrLike : AnyTypeOf<[Triton_PtrType, StaticShapeTensorOf<[Triton_PtrType]>],
                               "pointer or tile of pointers">;
def Triton_IntLike : AnyTypeOf<[AnySignlessInteger, StaticShapeTensorOf<[AnySignlessInteger]>],
                               "integer or tile of integers">;
def Triton_BoolLike : AnyTypeOf<[I1, StaticShapeTensorOf<[I1]>], "i1 or tile of i1">;

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class Triton_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::flashlight::tt";
}
def Triton_ProgramDim : Triton_Enum<"ProgramDim", "a dim of the launch grid", [
    I32EnumAttrCase<"X", 0, "x">, I32EnumAttrCase<"Y", 1, "y">, I32EnumAttrCase<"Z", 2, "z">]>;
/// How f32 operands of a dot are multiplied; the numbers are Triton's.
def Triton_InputPrecision : Triton_Enum<"InputPrecision", "how f32 operands are multiplied", [
    I32EnumAttrCase<"TF32", 0, "tf32">, I32EnumAttrCase<"TF32x3", 1, "tf32x3">,
    I32EnumAttrCase<"IEEE", 2, "ieee">]>;

/// t1 of the dialect, for every op.
def Triton_TileSizes : NativeOpTrait<"TileSizes"> {
  let cppNamespace = "::flashlight::tt";
}

class Triton_Op<string mnemonic, list<Trait> traits = []>
    : Op<Triton_Dialect, mnemonic, !listconcat(traits, [Triton_TileSizes])>;

#endif // FLASHLIGHT_TRITON_DIALECT_TD
