//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "flashlight/InitAll.h"

#include "flashlight/CPU/Passes.h"
#include "flashlight/Conversion/FlashlightToTriton/Passes.h"
#include "flashlight/IR/FlashlightDialect.h"
#include "flashlight/Transforms/Passes.h"
#include "flashlight/Transforms/Pipelines.h"
#include "flashlight/Triton/TritonDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void flashlight::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<FlashlightDialect, mlir::affine::AffineDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect, mlir::tensor::TensorDialect, mlir::linalg::LinalgDialect,
                  mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect, tt::TritonDialect>();
}

void flashlight::registerAllPasses() {
  registerFlashlightTransformsPasses();
  registerPipelines();
  registerFlashlightCPUPasses();
  registerLowerToCpuPipeline();
  registerFlashlightToTritonPasses();
  mlir::registerTransformsPasses();
}
