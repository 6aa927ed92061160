//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. The workers live as long as the process: a pool is never
// destroyed, so that no static destructor waits for them at exit.
//
//===----------------------------------------------------------------------===//

#include "ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

using namespace flashlight;

namespace {

/// Scratch memory of one thread; grows, and is freed with the thread.
class Scratch {
public:
  void *get(std::size_t bytes) {
    if (bytes > size) {
      release();
      memory = ::operator new(bytes, std::align_val_t(kAlignment));
      size = bytes;
    }
    return memory;
  }
  ~Scratch() { release(); }

private:
  static constexpr std::size_t kAlignment = 4096;
  void release() {
    if (memory)
      ::operator delete(memory, std::align_val_t(kAlignment));
    memory = nullptr;
    size = 0;
  }
  void *memory = nullptr;
  std::size_t size = 0;
};

/// One call of parallelFor.
struct Job {
  int64_t count, step;
  std::size_t scratchBytes;
  const std::function<void(int64_t, int64_t, void *)> *run;
  std::atomic<int64_t> next{0};

  void work() {
    thread_local Scratch scratch;
    void *memory = nullptr;
    for (;;) {
      int64_t first = next.fetch_add(step, std::memory_order_relaxed);
      if (first >= count)
        return;
      if (!memory)
        memory = scratch.get(scratchBytes);
      (*run)(first, std::min(first + step, count), memory);
    }
  }
};

class Pool {
public:
  /// False if the pool is taken.
  bool tryRun(Job &job, unsigned helpers) {
    std::unique_lock<std::mutex> owner(busy, std::try_to_lock);
    if (!owner)
      return false;
    {
      std::lock_guard<std::mutex> lock(mutex);
      for (; workers < helpers; ++workers)
        std::thread([this, id = workers] { serve(id); }).detach();
      current = &job;
      wanted = helpers;
      ++generation;
    }
    wake.notify_all();
    job.work();
    // A helper that has not woken up yet comes too late: nothing is left to claim.
    std::unique_lock<std::mutex> lock(mutex);
    current = nullptr;
    done.wait(lock, [this] { return running == 0; });
    return true;
  }

private:
  void serve(unsigned id) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return current && generation != seen; });
      seen = generation;
      if (id >= wanted)
        continue;
      Job *job = current;
      ++running;
      lock.unlock();
      job->work();
      lock.lock();
      if (--running == 0)
        done.notify_one();
    }
  }

  std::mutex busy; // held by the caller that owns the pool
  std::mutex mutex;
  std::condition_variable wake, done;
  Job *current = nullptr;
  unsigned workers = 0, wanted = 0, running = 0;
  uint64_t generation = 0;
};

} // namespace

/// The process's pool. After fork() the child has none of its threads: it takes a new one.
static Pool &getPool() {
  static std::atomic<Pool *> pool{nullptr};
  static std::mutex making;
  if (Pool *known = pool.load(std::memory_order_acquire))
    return *known;
  std::lock_guard<std::mutex> lock(making);
  if (!pool.load(std::memory_order_relaxed)) {
#ifndef _WIN32
    static bool registered = false;
    if (!registered)
      pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr, std::memory_order_release); });
    registered = true;
#endif
    pool.store(new Pool, std::memory_order_release);
  }
  return *pool.load(std::memory_order_relaxed);
}

void flashlight::parallelFor(int64_t count, unsigned threads, std::size_t scratchBytes,
                             const std::function<void(int64_t, int64_t, void *)> &run) {
  if (count <= 0)
    return;
  threads = static_cast<unsigned>(std::clamp<int64_t>(threads, 1, count));
  // Small steps balance uneven programs; very many programs share the cost of a claim.
  Job job{count, std::max<int64_t>(1, count / (int64_t(threads) * 32)), scratchBytes, &run, {0}};
  if (threads == 1 || !getPool().tryRun(job, threads - 1))
    job.work();
}
