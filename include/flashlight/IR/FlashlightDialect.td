//===- FlashlightDialect.td - the flashlight dialect ------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_IR_DIALECT_TD
#define FLASHLIGHT_IR_DIALECT_TD

include "mlir/IR/OpBase.td"

def Flashlight_Dialect : Dialect {
  let name = "flashlight";
  let cppNamespace = "::flashlight";
  let summary = "attention programs, from whole tensors to streamed tiles";
  let description = [{
    One dialect, three levels. A module is always at exactly one of them, and a
    pass moves it to the next:

    1. *program*: what is computed. Whole tensors with positional dims.
    2. *kernel*: what one kernel does. Inside `flashlight.kernel`, a tensor's
       `#flashlight.axes` encoding names its dims; a reduction over an axis
       that the kernel streams stands in a `flashlight.stream` once its online
       form has been derived.
    3. *tile*: how it streams. Static tiles, `scf.for`, loads and stores.

    Everything pointwise is `arith` or `math` on tensors at every level. No op
    of the dialect knows what attention, or a softmax, is.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

class Flashlight_Op<string mnemonic, list<Trait> traits = []>
    : Op<Flashlight_Dialect, mnemonic, traits>;

#endif // FLASHLIGHT_IR_DIALECT_TD
