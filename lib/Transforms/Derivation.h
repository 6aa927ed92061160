//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel's online form: which sweep computes which statistic (DerivationPlan), and
// the kernel written again as sweeps (DerivationRewrite, DerivationExponents). For a
// sum r with exponent terms T over running statistics, after each block
//
//   r_new = r_old * exp(T(new) - T(old)) + sum over the block of f(x, new)
//
// Two ranges a, b that were swept apart merge by the same correction:
//
//   r = r_a * exp(T(new) - T(a)) + r_b * exp(T(new) - T(b))
//
// Where a running maximum is still -inf (a row masked so far), T is taken at 0
// instead, so that every intermediate is finite; a last factor exp(T(m) - T(ref(m)))
// gives such a row what eager gives it.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_DERIVATION_H
#define FLASHLIGHT_LIB_TRANSFORMS_DERIVATION_H

#include "Factorize.h"
#include "flashlight/IR/Reductions.h"

#include "mlir/IR/Builders.h"

namespace flashlight {

class Derivation {
public:
  explicit Derivation(KernelOp kernel)
      : kernel(kernel), dependence(kernel), builder(kernel.getContext()) {}

  /// Decides which sweep computes which statistic.
  void plan();
  unsigned getNumSweeps() const { return numSweeps; }

  /// A statistic that had to wait for the next sweep, and why.
  struct Blocked {
    mlir::Operation *op;
    Factorization why;
  };
  llvm::ArrayRef<Blocked> getBlocked() const { return blocked; }
  /// Says of every blocked statistic which op stood in the way.
  void remarkBlocked();

  /// Writes the kernel as sweeps.
  void rewrite();

private:
  using Memo = llvm::DenseMap<mlir::Value, mlir::Value>;
  using ValueAt = llvm::function_ref<mlir::Value(mlir::Value)>;

  /// What a scan carries from block to block; `lost` is null where nothing is.
  struct Carry {
    mlir::Value sum, lost;
  };

  bool isRunning(mlir::Operation *op, unsigned sweep) const {
    auto it = sweepOf.find(op);
    return it != sweepOf.end() && it->second == sweep;
  }
  bool movesIn(mlir::Value value, unsigned sweep) const {
    return llvm::any_of(dependence.statisticsOf(value),
                        [&](mlir::Operation *op) { return isRunning(op, sweep); });
  }

  // DerivationRewrite.cpp
  mlir::Value outside(mlir::Value value);
  mlir::Value inside(mlir::Value value, unsigned sweep, Memo &memo);
  mlir::Value scanInside(ScanOp scan, unsigned sweep, Memo &memo);
  Carry carryOn(ScanOp scan, mlir::Value block);
  void emitSweep(unsigned sweep);
  void emitMerge(StreamOp stream, llvm::ArrayRef<mlir::Operation *> statistics, unsigned sweep);
  mlir::Value corrected(mlir::Operation *op, mlir::Value state, unsigned sweep, Memo &atNew,
                        Memo &atOld);
  mlir::Value emitUpdate(mlir::Operation *op, mlir::Value old, unsigned sweep, Memo &atNew,
                         Memo &atOld);
  mlir::Value finish(mlir::Operation *op, mlir::Value state);
  mlir::Value apply(const Hoist &hoist, ReduceKind kind, mlir::Value state, mlir::Location loc);

  // DerivationExponents.cpp
  mlir::Value exponentOf(llvm::ArrayRef<ExponentTerm> terms, ValueAt at, ValueAt less,
                         mlir::Location loc);
  mlir::Value exponential(llvm::ArrayRef<ExponentTerm> terms, mlir::Value exponent,
                          mlir::Location loc);
  bool mayBeUnset(llvm::ArrayRef<ExponentTerm> terms, unsigned sweep);
  bool mayBeInfinite(const ExponentTerm &term, unsigned sweep);
  mlir::Value isUnset(llvm::ArrayRef<ExponentTerm> terms, unsigned sweep, ValueAt at,
                      mlir::Type like, mlir::Location loc);
  mlir::Value guarded(mlir::Operation *statistic, mlir::Value value);
  void guardTerms(llvm::ArrayRef<ExponentTerm> terms, unsigned sweep, Memo &memo,
                  mlir::Location loc);

  // DerivationBuilders.cpp
  mlir::Value constant(mlir::Type like, double value, mlir::Location loc);
  mlir::Value constant(mlir::Type like, mlir::Attribute value, mlir::Location loc);
  mlir::Value broadcastTo(mlir::Value value, mlir::Type like, mlir::Location loc);
  mlir::Value widen(mlir::Value value, mlir::Type elementType, mlir::Location loc);

  KernelOp kernel;
  StreamDependence dependence;
  mlir::OpBuilder builder;
  unsigned numSweeps = 0;
  llvm::DenseMap<mlir::Operation *, unsigned> sweepOf;
  llvm::DenseMap<mlir::Operation *, Factorization> factorizations;
  const Factorization *active = nullptr; // whose hoisted factors are left out
  std::vector<Blocked> blocked;
  Memo unguarded; // statistics of the region being written, unset ones as they are
  llvm::DenseMap<mlir::Operation *, Carry> carries; // of scans, in the sweep being written
  llvm::DenseSet<mlir::Value> guardedTerms;         // terms that have been guarded already
  Memo finished;                                    // old value -> new, outside of sweeps
  mlir::Operation *beforeSweep = nullptr; // where values that a sweep needs from outside go
};

inline mlir::Type elementTypeOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType();
}

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_DERIVATION_H
