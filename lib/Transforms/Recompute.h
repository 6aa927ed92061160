//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether a kernel computes what follows from keys alone (a cast, a rotary embedding, a
// norm), which it does again for every block of rows, or reads what PyTorch made of it once:
//
//   in the kernel   repetitions * (operations / rate + bytes of what it comes from / rate)
//   once            repetitions * bytes of the result / rate of the shared cache
//                   + for each op of PyTorch: a launch, and its bytes / rate of memory
//
// in clocks of the whole target, with the rates of the cost model (CostTargets.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_RECOMPUTE_H
#define FLASHLIGHT_LIB_TRANSFORMS_RECOMPUTE_H

#include "CostModel.h"
#include "IndexSpace.h"

#include "llvm/ADT/DenseSet.h"

namespace flashlight {

/// What PyTorch takes to have a value in memory: a matter of the program alone, which is asked
/// again for every kernel and is told from what lies behind a value and who uses it. Found once a
/// value.
class MakingCosts {
public:
  explicit MakingCosts(const Target &target) : target(target) {}

  /// Clocks, where the kernel's border cuts through the node that makes `value`.
  double of(mlir::Value value);

private:
  /// What one op adds, where it is a step of PyTorch's, and whether nothing behind it counts.
  struct Step {
    double clocks = 0;
    bool isFree = false;
  };
  const Step &stepOf(mlir::Value value);
  double making(mlir::Value value, bool isCut, llvm::DenseSet<mlir::Value> &seen);
  double bytesOfSources(mlir::Operation *op, llvm::DenseSet<mlir::Value> &seen) const;

  const Target &target;
  llvm::DenseMap<mlir::Value, Step> steps;
  llvm::DenseMap<mlir::Value, double> known;
};

/// One decision. What lies behind the op may have any mixture of both ways: each value is had the
/// cheaper way.
class Recompute {
public:
  Recompute(const IndexSpace &axes, const Target &target, MakingCosts &makingCosts)
      : axes(axes), target(target), makingCosts(makingCosts) {}

  /// True if the result of `op`, needed at `index`, is to be computed in the kernel.
  bool isWorth(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> index);

private:
  /// Clocks. What is read for two operands is read once.
  struct Cost {
    double work = 0;
    llvm::SmallDenseMap<mlir::Value, double, 4> reads;
    double total() const;
    void add(const Cost &other);
  };

  Cost cheaper(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> index);
  Cost reading(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> index);
  Cost computing(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> index);
  double repetitions(llvm::ArrayRef<mlir::AffineExpr> index) const;

  const IndexSpace &axes;
  const Target &target;
  MakingCosts &makingCosts;
  llvm::DenseMap<mlir::Value, Cost> known;
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_RECOMPUTE_H
