//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The algebra behind the online form, on the expression graph of a kernel.
//
// A reduction over the stream n combines f(x_n, r), where r are statistics that are
// themselves still running. This file looks for
//
//   sum:      f(x, r) = g(x, r') * h(r)      (* distributes over +)
//   max, min: f(x, r) = g(x) + h(r)          (+ distributes over max and min)
//
// A factor h that is a plain value is *hoisted*: pulled out of the sum, applied to
// the result. A factor that is an exponential, exp(T(r)), is *repaired* instead:
// f keeps it, so that its exponent x + T(r) stays in range, and the running sum is
// multiplied by exp(T(new) - T(old)) when r moves.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H
#define FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H

#include "flashlight/IR/FlashlightDialect.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallSet.h"

namespace flashlight {

/// How values of a kernel depend on its stream and on statistics along it.
class StreamDependence {
public:
  explicit StreamDependence(KernelOp kernel);

  /// The reductions over the stream, in order.
  llvm::ArrayRef<mlir::Operation *> getStatistics() const { return statistics; }
  /// True if the value has the streamed axis.
  bool isStreamed(mlir::Value value) const;
  /// The statistics that the value depends on, transitively.
  const llvm::SmallSetVector<mlir::Operation *, 4> &statisticsOf(mlir::Value value) const;

private:
  mlir::StringAttr stream;
  llvm::SmallVector<mlir::Operation *> statistics;
  llvm::DenseMap<mlir::Value, llvm::SmallSetVector<mlir::Operation *, 4>> depends;
};

/// A factor pulled out of a reduction: result = result (*) value.
struct Hoist {
  enum Kind { Multiply, Divide, Select, Add, Subtract } kind;
  mlir::Value value; // without the streamed axis; for Select, the condition under which it is not 0
};

/// An additive part of an exponent that depends on running statistics: factor exp(sign * value).
/// `scale` (may be null) is multiplied on, and is no function of the statistics.
struct ExponentTerm {
  mlir::Value value;
  bool negative;
  llvm::SmallVector<mlir::Value> scales;
  bool base2 = false;
};

/// f with its factors taken apart. `kept` says for an op on the way which operand remains when its
/// factor is hoisted.
struct Factorization {
  llvm::SmallVector<Hoist> hoists;
  llvm::SmallVector<ExponentTerm> repairs;
  llvm::DenseMap<mlir::Operation *, unsigned> kept;
  std::string blockedBy;                 // why there is none
  mlir::Operation *blockingOp = nullptr; // and where
};

/// Takes apart what a sum over the stream adds up (for a contraction, its factors' product).
/// Succeeds trivially where nothing depends on `running` statistics.
mlir::LogicalResult factorizeSum(mlir::ValueRange factors, const StreamDependence &dependence,
                                 llvm::function_ref<bool(mlir::Operation *)> running,
                                 Factorization &result);

/// The same for max and min: only additive terms can be hoisted.
mlir::LogicalResult factorizeExtremum(mlir::Value operand, const StreamDependence &dependence,
                                      llvm::function_ref<bool(mlir::Operation *)> running,
                                      Factorization &result);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_FACTORIZE_H
