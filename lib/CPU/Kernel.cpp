//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Object files in executable memory, through ORC: one JIT for the process, one
// dynamic library in it for every kernel.
//
//===----------------------------------------------------------------------===//

#include "flashlight/CPU/Kernel.h"
#include "ThreadPool.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <atomic>
#include <mutex>

using namespace flashlight;
namespace orc = llvm::orc;

struct CpuKernel::Code {
  orc::LLJIT &jit;
  orc::JITDylib &library;

  ~Code() {
    // Nothing can be done about a failure here, and nothing depends on it.
    llvm::consumeError(jit.getExecutionSession().removeJITDylib(library));
  }
};

/// The process's JIT. It is never destroyed: kernels may outlive any static object.
static llvm::Expected<orc::LLJIT *> getJit() {
  static std::mutex mutex;
  static orc::LLJIT *jit = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (jit)
    return jit;
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto made = orc::LLJITBuilder().create();
  if (!made)
    return made.takeError();
  jit = made->release();
  return jit;
}

CpuKernel::~CpuKernel() = default;

llvm::Expected<std::unique_ptr<CpuKernel>> CpuKernel::load(llvm::StringRef object,
                                                           llvm::StringRef kernel) {
  auto jit = getJit();
  if (!jit)
    return jit.takeError();
  static std::atomic<uint64_t> count{0};
  auto library = (*jit)->createJITDylib("kernel." + std::to_string(count++));
  if (!library)
    return library.takeError();
  std::unique_ptr<CpuKernel> result(new CpuKernel);
  result->code.reset(new Code{**jit, *library});
  if (llvm::Error error =
          (*jit)->addObjectFile(*library, llvm::MemoryBuffer::getMemBufferCopy(object, "kernel.o")))
    return std::move(error);
  auto find = [&](llvm::StringRef suffix) {
    return (*jit)->lookup(*library, (kernel + suffix).str());
  };
  auto run = find(".run"), programs = find(".programs"), scratch = find(".scratch");
  if (!run)
    return llvm::joinErrors(run.takeError(),
                            llvm::joinErrors(programs.takeError(), scratch.takeError()));
  if (!programs)
    return llvm::joinErrors(programs.takeError(), scratch.takeError());
  if (!scratch)
    return scratch.takeError();
  result->run = run->toPtr<void (*)(int64_t, int64_t, void *, const int64_t *)>();
  result->programs = programs->toPtr<int64_t (*)(const int64_t *)>();
  result->scratchBytes = *scratch->toPtr<const int64_t *>();
  return std::move(result);
}

void CpuKernel::launch(const int64_t *args, unsigned threads) const {
  parallelFor(programs(args), threads, scratchBytes,
              [&](int64_t first, int64_t last, void *scratch) { run(first, last, scratch, args); });
}
