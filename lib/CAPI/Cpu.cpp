//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Diagnostics become one text: the error, then its notes, each with
// its location.
//
//===----------------------------------------------------------------------===//

#include "flashlight-c/Cpu.h"

#include "flashlight/CPU/Kernel.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace flashlight;

namespace {
/// Calls back with results.
struct Reporter {
  FlashlightResultCallback callback;
  void *userData;

  void operator()(StringRef name, StringRef value) const {
    callback(wrap(name), wrap(value), userData);
  }
  void error(llvm::Error error) const { (*this)("error", llvm::toString(std::move(error))); }
};
} // namespace

static void print(llvm::raw_ostream &os, Diagnostic &diagnostic) {
  if (!isa<UnknownLoc>(diagnostic.getLocation()))
    os << diagnostic.getLocation() << ": ";
  os << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes()) {
    os << "note: ";
    print(os, note);
  }
}

void flashlightCpuHost(FlashlightResultCallback callback, void *userData) {
  Reporter report{callback, userData};
  const HostInfo &host = getHostInfo();
  report("cpu", host.cpu);
  report("features", host.features);
  report("vector-bits", std::to_string(host.vectorBits));
}

bool flashlightCpuCompile(MlirModule module, MlirStringRef kernel, unsigned vectorBits,
                          FlashlightResultCallback callback, void *userData) {
  Reporter report{callback, userData};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  ModuleOp op = unwrap(module);
  ScopedDiagnosticHandler handler(op.getContext(), [&](Diagnostic &diagnostic) {
    print(stream, diagnostic);
    return success();
  });
  FailureOr<CompiledObject> compiled = compileForHost(op, unwrap(kernel), vectorBits);
  if (failed(compiled)) {
    report("error", StringRef(messages).rtrim());
    return false;
  }
  report("llvm", compiled->llvm);
  report("object", compiled->object);
  return true;
}

bool flashlightCpuAssembly(MlirStringRef llvm, FlashlightResultCallback callback, void *userData) {
  Reporter report{callback, userData};
  llvm::Expected<std::string> assembly = assemblyOf(unwrap(llvm));
  if (!assembly) {
    report.error(assembly.takeError());
    return false;
  }
  report("assembly", *assembly);
  return true;
}

FlashlightCpuKernel flashlightCpuKernelLoad(MlirStringRef object, MlirStringRef kernel,
                                            FlashlightResultCallback callback, void *userData) {
  auto loaded = CpuKernel::load(unwrap(object), unwrap(kernel));
  if (!loaded) {
    Reporter{callback, userData}.error(loaded.takeError());
    return {nullptr};
  }
  return {loaded->release()};
}

static CpuKernel *get(FlashlightCpuKernel kernel) { return static_cast<CpuKernel *>(kernel.ptr); }

void flashlightCpuKernelDestroy(FlashlightCpuKernel kernel) { delete get(kernel); }

int64_t flashlightCpuKernelScratchBytes(FlashlightCpuKernel kernel) {
  return get(kernel)->getScratchBytes();
}

void flashlightCpuKernelLaunch(FlashlightCpuKernel kernel, const int64_t *args, unsigned threads) {
  get(kernel)->launch(args, threads);
}
