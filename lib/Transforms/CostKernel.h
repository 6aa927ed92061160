//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One kernel with one choice of tiles, looked at from both sides: the work that it does
// (CostModel.cpp) and the room that it takes (CostResources.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_COSTKERNEL_H
#define FLASHLIGHT_LIB_TRANSFORMS_COSTKERNEL_H

#include "CostModel.h"

namespace flashlight {

/// What all tilings of a kernel share.
struct CostCache {
  llvm::DenseMap<mlir::Operation *, ContractOp::Labels> labels;
  llvm::DenseMap<mlir::Operation *, double> visited; // the part of its blocks that a sweep visits
};

class CostKernel {
public:
  CostKernel(KernelOp kernel, const AxisRoles &roles, const Target &target, const Tiling &tiling,
             CostCache &cache)
      : kernel(kernel), roles(roles), target(target), tiling(tiling), cache(cache) {}

  CostEstimate compute();

private:
  /// What one run of a block does.
  struct Work {
    double halfFlops = 0, halfUnits = 0, floatFlops = 0, specials = 0, pointwise = 0, bytes = 0;
    double refills = 0; // bytes that products find in the second level cache only
    Work &add(const Work &other, double times);
  };
  /// A contraction, with its labels' extents in a tile.
  struct Product {
    int64_t rows, columns, depth, all;
    bool isMatrix; // rather than a product over all labels and a sum
    bool isHalf;
  };

  // CostModel.cpp
  int64_t extentOf(mlir::StringAttr axis);
  int64_t elements(mlir::Type type);
  const ContractOp::Labels &labelsOf(ContractOp op);
  Product productOf(ContractOp op);
  double visitedPart(StreamOp stream);
  bool warpsStandInRows();
  double efficiency(const Product &product);
  Work workOf(mlir::Operation *op);
  Work workOf(mlir::Block &block);
  std::pair<int64_t, int64_t> contracted(mlir::Block &block);
  double blocksOf(StreamOp stream);
  int64_t programs(bool whole);
  double seconds(const CostEstimate &cost, const Work &once, double steps, const Work &all);

  // CostResources.cpp
  int64_t elementBytes(mlir::Type type);
  double registersOf(mlir::Value value);
  bool hasOwnAccumulators();
  bool isRecomputed(mlir::Value value);
  bool isStaged(mlir::Value value);
  bool isElsewhere(mlir::Value value);
  bool isMatrix(mlir::Operation *op, mlir::Value init);
  double registersOfBlock(mlir::Block &block);
  double unrolled(const Product &product);
  double fragments(mlir::Block &block);
  int64_t sharedOfBlock(mlir::Block &block, bool swept);
  int64_t columnsOf(mlir::Block &block);
  void addResources(CostEstimate &cost);

  KernelOp kernel;
  const AxisRoles &roles;
  const Target &target;
  const Tiling &tiling;
  CostCache &cache;
  // Of this tiling.
  std::optional<bool> standInRows, ownAccumulators;
  llvm::DenseMap<mlir::Operation *, Product> products;
  llvm::DenseMap<mlir::Value, bool> recomputed;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_COSTKERNEL_H
