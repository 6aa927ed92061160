//===- FlashlightAttrs.td - attributes and encodings ------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_ATTRS_TD
#define FLASHLIGHT_IR_ATTRS_TD

include "flashlight/IR/FlashlightDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"

class Flashlight_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Flashlight_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

def Flashlight_SymbolsAttr : Flashlight_Attr<"Symbols", "symbols", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "names the dynamic dims of a program-level tensor";
  let description = [{
    The `?` dims of a program-level tensor, in order, by the symbol whose value
    they have at run time. Two dims of one symbol are equal; nothing is known
    of two different symbols.

    ```mlir
    tensor<?x8x?x64xf32, #flashlight.symbols<s0, s1>>
    ```

    A symbol may be a product or sum that the program computed (`2*s0`); for
    the compiler it is a name, its value comes with the launch.

    c1: one symbol for every dynamic dim.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let hasCustomAssemblyFormat = 1;
}

def Flashlight_AxesAttr : Flashlight_Attr<"Axes", "axes", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "names the dims of a kernel-level tensor";
  let description = [{
    The axes of a kernel-level value, outermost first. Two values that share an
    axis are indexed together along it: this is einsum's notation.

    ```mlir
    tensor<2x8x1024x64xf32, #flashlight.axes<b, h, m, d>>
    ```

    c1: as many axes as dims. c2: no axis twice.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The position of `axis`, or -1.
    int64_t find(::mlir::StringAttr axis) const;
    bool contains(::mlir::StringAttr axis) const { return find(axis) >= 0; }
  }];
}

//===----------------------------------------------------------------------===//
// Axes, grids, schedules
//===----------------------------------------------------------------------===//

def Flashlight_AxisAttr : Flashlight_Attr<"Axis", "axis"> {
  let summary = "an axis and its extent";
  let description = [{
    `#flashlight.axis<m = 1024>`, or `#flashlight.axis<m = s0>` where the extent
    is the run-time value of a symbol.

    c1: a static extent is not negative.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "int64_t":$size,
                        "::mlir::StringAttr":$symbol);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool isDynamic() const { return static_cast<bool>(getSymbol()); }
    /// Prints and parses `m = 64`, without the brackets.
    void printBody(::llvm::raw_ostream &os) const;
    static ::mlir::FailureOr<AxisAttr> parseBody(::mlir::AsmParser &parser);
  }];
}

def Flashlight_ScheduleAttr : Flashlight_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel is tiled on a target";
  let description = [{
    The one place where the target shapes a kernel; written by
    `flashlight-schedule`, read by `flashlight-tile` and the backends.

    ```mlir
    #flashlight.schedule<cpu, tiles(n = 64, d = 64, m = 64, e = 64), warps = 1, stages = 1>
    ```

    `tiles` lists the axes that have more than one element in a tile, with the
    tile's size. Their order is the layout: a tile's dims stand in this order,
    the last one contiguous. An axis that is not listed has a tile of one
    element and becomes a scalar. `warps` and `stages` are for GPUs.

    c1: tiles are static and of at least 1, no axis twice. c2: `warps` and `stages`
    are at least 1.
  }];
  let parameters = (ins "::mlir::StringAttr":$target,
                        ArrayRefParameter<"::flashlight::AxisAttr">:$tiles,
                        "int64_t":$warps, "int64_t":$stages);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The tile size of `axis`: 1 where it is not listed.
    int64_t getTile(::mlir::StringAttr axis) const;
  }];
}

def Flashlight_GridAxisAttr : Flashlight_Attr<"GridAxis", "grid_axis"> {
  let summary = "an axis of a launch grid";
  let description = [{
    `#flashlight.grid_axis<m = 1024 by 64>`: the axis has 1024 elements, a program
    takes 64 of them. A kernel's grid has the product of `ceil(extent / tile)`
    programs; the last axis of the `flashlight.grid` array varies fastest.

    c1: the tile is at least 1.
  }];
  let parameters = (ins "::flashlight::AxisAttr":$axis, "int64_t":$tile);
  let genVerifyDecl = 1;
  let hasCustomAssemblyFormat = 1;
}

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

def Flashlight_ReduceKind : I32EnumAttr<"ReduceKind", "what a reduction combines with", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Any", 4, "any">, I32EnumAttrCase<"All", 5, "all">]> {
  let cppNamespace = "::flashlight";
  let genSpecializedAttr = 0;
}
def Flashlight_ReduceKindAttr
    : EnumAttr<Flashlight_Dialect, Flashlight_ReduceKind, "kind"> {
  let assemblyFormat = "$value";
}

#endif // FLASHLIGHT_IR_ATTRS_TD
