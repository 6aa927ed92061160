//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a kernel costs on a target with given tiles: registers, shared memory, traffic,
// arithmetic, and time. Nothing is compiled for it. `test_cost.py` holds its
// registers and shared memory against what Triton's compiler makes of the same kernels.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_COSTMODEL_H
#define FLASHLIGHT_LIB_TRANSFORMS_COSTMODEL_H

#include "AxisRoles.h"

#include <optional>
#include <string>

namespace flashlight {

/// Of a scheduled kernel and its tile-level function: the estimate.
constexpr llvm::StringLiteral kCostAttr = "flashlight.cost";
/// Of a kernel that could have more or fewer sweeps: the estimate of the form that it did not get.
constexpr llvm::StringLiteral kOtherFormAttr = "flashlight.other_form";

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

/// How a target multiplies matrices of half types.
enum class MatrixUnit {
  Vector,          // no unit of its own
  FromRegisters,   // operands are fragments in registers (sm_80, consumer GPUs)
  FromShared,      // the right operand lies in shared memory (sm_90)
  OwnAccumulators, // and the sums in a memory of their own (sm_100)
};

/// Rates are a clock and a processor: a GPU's multiprocessor, or a core.
struct Target {
  std::string kind;           // "cpu" or "cuda"
  int64_t arch = 0;           // 90 for sm_90
  int64_t processors;         // of the largest device of the kind
  double clock;               // GHz
  MatrixUnit matrixUnit;      //
  double halfFlops;           // contractions of half types
  double floatFlops;          // contractions of f32
  double specials;            // exponentials, logarithms, quotients
  double pointwise;           // other operations on f32
  double nearBytes;           // from the cache that processors share
  double farBytes;            // from memory, a clock, for the whole device
  int64_t registersPerThread; // of 32 bits
  int64_t registers;          // of a processor
  int64_t threads;            // of a processor
  int64_t sharedPerProgram;   // bytes
  int64_t shared;             // bytes, of a processor
  int64_t accumulatorColumns; // of 128 f32; 0 without a memory of their own
  int64_t cache, firstCache;  // bytes of a core's second and first level cache (cpu)
  double refillBytes;         // from the second to the first
  double launch;              // microseconds until an op that PyTorch runs has begun
  double exposed;             // part of work beside the products that nothing hides

  bool isGpu() const { return kind == "cuda"; }
  std::string str() const { return isGpu() ? "cuda:sm_" + std::to_string(arch) : kind; }
  /// None for a kind that is not known. `arch` 0 is the default of the kind; an architecture
  /// that is not known is the newest before it.
  static std::optional<Target> get(llvm::StringRef kind, int64_t arch = 0);
};

//===----------------------------------------------------------------------===//
// Estimates
//===----------------------------------------------------------------------===//

/// Tiles in the order of the layout, as in `#flashlight.schedule`.
struct Tiling {
  llvm::SmallVector<AxisAttr> tiles;
  int64_t warps = 1, stages = 1;

  int64_t getTile(mlir::StringAttr axis) const;
  std::string str() const;
};

struct CostEstimate {
  Tiling tiling;
  bool feasible = true;
  std::string reason; // why not

  int64_t registers = 0;    // of 32 bits a thread
  int64_t accumulators = 0; // those of them that hold the running state
  int64_t shared = 0;       // bytes a program
  int64_t columns = 0;      // of the accumulators' own memory
  int64_t workingSet = 0;   // bytes of the tiles that products of one block read and write (cpu)
  int64_t sweeps = 0;       // over the stream
  int64_t programs = 0;     // of the grid
  double flops = 0;         // of contractions, padding included
  double recomputed = 0;    // those of them that another tiling or form would not spend
  double specials = 0;      // exponentials and their kin
  double pointwise = 0;     // other operations
  double nearBytes = 0;     // loaded and stored by all programs
  double farBytes = 0;      // of which once: each input and output
  double time = 0;          // microseconds

  /// For `flashlight.cost`.
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
};

/// The cost of a kernel, scheduled or not, with the given tiles. A dynamic extent is taken as 1024.
CostEstimate estimate(KernelOp kernel, const AxisRoles &roles, const Target &target,
                      const Tiling &tiling);

/// All tilings worth a look, feasible ones first, the fastest first; never empty.
llvm::SmallVector<CostEstimate> searchTilings(KernelOp kernel, const AxisRoles &roles,
                                              const Target &target);

/// The cost with the best tiling: what decides between two forms of one kernel.
CostEstimate estimate(KernelOp kernel, const Target &target);

/// Whether `a` is to be preferred: it is feasible and the other is not, or it is faster; of two
/// infeasible ones the one that needs fewer registers.
bool isBetter(const CostEstimate &a, const CostEstimate &b);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_COSTMODEL_H
