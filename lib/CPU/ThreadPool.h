//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Threads that run the programs of a grid.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_CPU_THREADPOOL_H
#define FLASHLIGHT_LIB_CPU_THREADPOOL_H

#include <cstddef>
#include <cstdint>
#include <functional>

namespace flashlight {

/// Calls `run(first, last, scratch)` for ranges that cover [0, count), on up to
/// `threads` threads, the caller's among them. Ranges are claimed as threads become
/// free: the programs of a causal grid differ in length. `scratch` has at least
/// `scratchBytes` bytes, aligned to 64, and belongs to the thread. A call made while
/// another is under way runs on the caller's thread alone. Safe after fork().
void parallelFor(int64_t count, unsigned threads, std::size_t scratchBytes,
                 const std::function<void(int64_t first, int64_t last, void *scratch)> &run);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_CPU_THREADPOOL_H
