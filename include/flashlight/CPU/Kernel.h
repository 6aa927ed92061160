//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Machine code for the host: from a tile program to an object file, and from an
// object file to a kernel that runs.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CPU_KERNEL_H
#define FLASHLIGHT_CPU_KERNEL_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace flashlight {

/// The machine that this process runs on, as LLVM sees it.
struct HostInfo {
  std::string cpu, features;
  unsigned vectorBits; // of its widest useful registers
};
const HostInfo &getHostInfo();

struct CompiledObject {
  std::string llvm;   // LLVM IR after optimization
  std::string object; // a relocatable object file
};

/// Lowers, optimizes and assembles one tile-level function of the module, which is
/// left as it is. `vectorBits`: 0 for the host's. Errors are diagnostics.
mlir::FailureOr<CompiledObject> compileForHost(mlir::ModuleOp module, llvm::StringRef kernel,
                                               unsigned vectorBits);

/// Assembly text of optimized LLVM IR.
llvm::Expected<std::string> assemblyOf(llvm::StringRef llvm);

/// A kernel in executable memory; the memory is freed with it.
class CpuKernel {
public:
  static llvm::Expected<std::unique_ptr<CpuKernel>> load(llvm::StringRef object,
                                                         llvm::StringRef kernel);
  ~CpuKernel();

  /// Runs the whole grid on up to `threads` threads, the caller's among them.
  /// `args`: see the pass flashlight-cpu-to-llvm.
  void launch(const int64_t *args, unsigned threads) const;

  int64_t getScratchBytes() const { return scratchBytes; }

private:
  CpuKernel() = default;
  struct Code;
  std::unique_ptr<Code> code;
  void (*run)(int64_t first, int64_t last, void *scratch, const int64_t *args) = nullptr;
  int64_t (*programs)(const int64_t *args) = nullptr;
  int64_t scratchBytes = 0;
};

} // namespace flashlight

#endif // FLASHLIGHT_CPU_KERNEL_H
