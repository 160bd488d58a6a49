#include "cpu/parallel.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "core/fail.h"

namespace linnet::cpu {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kSpins = 2000;  // tens of microseconds: the gap between two operators of a training step

thread_local bool inside_chunk = false;

int cores() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

#ifdef __linux__
int this_core() {
  return sched_getcpu();
}

/// Keeps the calling thread off one of the cores that it may use, where there are others. On a busy machine
/// the system wakes a worker beside its caller, and leaves it there: the two would take turns.
class OtherCores {
 public:
  OtherCores() { known_ = sched_getaffinity(0, sizeof(all_), &all_) == 0; }

  void leave(int core) {
    if (!known_ || core < 0 || core != this_core()) return;
    cpu_set_t others = all_;
    CPU_CLR(static_cast<size_t>(core), &others);
    if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof(others), &others);
  }

 private:
  cpu_set_t all_{};
  bool known_ = false;
};
#else
int this_core() {
  return -1;
}
struct OtherCores {
  void leave(int) {}
};
#endif

// Workers wait for `epoch_` to change, enter through `gate_` while it is open, take chunks, and leave. The
// caller closes the gate when no chunk is left and waits for those inside only: a worker that the system has
// not woken yet holds nobody up. The job's fields change only while the gate is closed and empty.
class Pool {
 public:
  Pool() : threads_(cores()) {}

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    const std::lock_guard lock(busy_);
    stop_workers();
    threads_.store(threads);
  }

  void run(int64_t chunks, void (*body)(void*, int64_t), void* context) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock.owns_lock() || threads() == 1) return run_here(chunks, body, context);
    start_workers();
    body_ = body;
    context_ = context;
    chunks_ = chunks;
    next_.store(0, std::memory_order_relaxed);
    failed_chunk_ = chunks;
    core_ = this_core();
    gate_.store(kOpen, std::memory_order_release);
    epoch_.fetch_add(1);
    epoch_.notify_all();
    take_chunks();
    gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
    wait_until_empty();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  static constexpr uint32_t kOpen = 1U << 31;

  static void run_here(int64_t chunks, void (*body)(void*, int64_t), void* context) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk);
  }

  void start_workers() {
    if (!workers_.empty()) return;
    spins_ = threads() <= cores() ? kSpins : 0;
    stopping_.store(false);
    try {
      for (int i = 1; i < threads(); ++i) workers_.emplace_back([this, seen = epoch_.load()] { work(seen); });
    } catch (const std::system_error&) {
      // The system has no more threads: go on with those there are.
    }
  }

  void stop_workers() {
    stopping_.store(true);
    epoch_.fetch_add(1);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void work(uint32_t seen) {
    OtherCores cores;
    while (true) {
      for (int i = 0; i < spins_ && epoch_.load(std::memory_order_acquire) == seen; ++i) pause();
      epoch_.wait(seen, std::memory_order_acquire);
      seen = epoch_.load(std::memory_order_acquire);
      if (stopping_.load()) return;
      if (!enter()) continue;
      cores.leave(core_);
      take_chunks();
      if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1) gate_.notify_one();
    }
  }

  bool enter() {
    uint32_t gate = gate_.load(std::memory_order_acquire);
    while ((gate & kOpen) != 0) {
      if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }

  void wait_until_empty() {
    for (int i = 0; i < spins_ && gate_.load(std::memory_order_acquire) != 0; ++i) pause();
    for (uint32_t inside = gate_.load(std::memory_order_acquire); inside != 0;) {
      gate_.wait(inside, std::memory_order_acquire);
      inside = gate_.load(std::memory_order_acquire);
    }
  }

  void take_chunks() {
    inside_chunk = true;
    int64_t chunk = 0;
    try {
      while ((chunk = next_.fetch_add(1, std::memory_order_relaxed)) < chunks_) body_(context_, chunk);
    } catch (...) {
      // Chunks before this one were all handed out already, so the first failing one is always among those
      // run.
      next_.store(chunks_, std::memory_order_relaxed);
      const std::lock_guard lock(error_mutex_);
      if (chunk < failed_chunk_) {
        failed_chunk_ = chunk;
        error_ = std::current_exception();
      }
    }
    inside_chunk = false;
  }

  std::atomic<int> threads_;
  std::mutex busy_;  // held by the user thread whose loop runs
  std::vector<std::thread> workers_;
  std::atomic<bool> stopping_{false};
  int spins_ = kSpins;
  alignas(64) std::atomic<uint32_t> epoch_{0};
  alignas(64) std::atomic<uint32_t> gate_{0};  // kOpen, plus the number of workers inside
  alignas(64) std::atomic<int64_t> next_{0};
  void (*body_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t chunks_ = 0;
  int core_ = -1;  // of the caller
  std::mutex error_mutex_;
  int64_t failed_chunk_ = 0;
  std::exception_ptr error_;
};

// Never destroyed: destructors of the program's own statics may still compute.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

}  // namespace

void run_chunks(int64_t chunks, void (*body)(void*, int64_t), void* context) {
  if (chunks <= 0) return;
  if (chunks == 1 || inside_chunk) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk);
    return;
  }
  pool().run(chunks, body, context);
}

}  // namespace linnet::cpu

namespace linnet {

int num_threads() {
  return cpu::pool().threads();
}

void set_num_threads(int threads) {
  check(threads >= 1 && threads <= cpu::kMaxThreads, "set_num_threads",
        "{} threads; expected a number from 1 to {}", threads, cpu::kMaxThreads);
  cpu::pool().resize(threads);
}

}  // namespace linnet
