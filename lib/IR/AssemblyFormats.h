//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The custom directives that the ops' declarative assembly formats name.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_IR_ASSEMBLYFORMATS_H
#define FLASHLIGHT_LIB_IR_ASSEMBLYFORMATS_H

#include "flashlight/IR/FlashlightDialect.h"

namespace flashlight {

/// `lhs, rhs -> result`, the init having the result's type.
mlir::ParseResult parseContractTypes(mlir::OpAsmParser &parser,
                                     std::optional<mlir::OpAsmParser::UnresolvedOperand> init,
                                     mlir::Type &lhs, mlir::Type &rhs, mlir::Type &initType,
                                     mlir::Type &result);
void printContractTypes(mlir::OpAsmPrinter &printer, ContractOp op, mlir::Value init,
                        mlir::Type lhs, mlir::Type rhs, mlir::Type initType, mlir::Type result);

/// An affine map whose inputs are called as the kernel's axes.
mlir::ParseResult parseAxisMap(mlir::OpAsmParser &parser, mlir::AffineMapAttr &map);
void printAxisMap(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::AffineMapAttr map);
mlir::ParseResult parseAxisMaps(mlir::OpAsmParser &parser, mlir::ArrayAttr &maps);
void printAxisMaps(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::ArrayAttr maps);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_IR_ASSEMBLYFORMATS_H
