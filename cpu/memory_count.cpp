#include "cpu/memory_count.h"

#include <atomic>

namespace linnet::cpu {
namespace {

std::atomic<size_t> used{0}, peak{0}, held{0}, allocations{0}, system_allocations{0};

}  // namespace

void count_taken(size_t bytes) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const size_t now = used.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t highest = peak.load(std::memory_order_relaxed);
  while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
  }
}

void count_given_back(size_t bytes) noexcept {
  used.fetch_sub(bytes, std::memory_order_relaxed);
}

void count_held(size_t bytes) noexcept {
  system_allocations.fetch_add(1, std::memory_order_relaxed);
  held.fetch_add(bytes, std::memory_order_relaxed);
}

void count_let_go(size_t bytes) noexcept {
  held.fetch_sub(bytes, std::memory_order_relaxed);
}

MemoryStats counted_memory() noexcept {
  MemoryStats stats;
  stats.used = used.load(std::memory_order_relaxed);
  stats.peak = peak.load(std::memory_order_relaxed);
  stats.held = held.load(std::memory_order_relaxed);
  stats.system_allocations = system_allocations.load(std::memory_order_relaxed);
  stats.allocations = allocations.load(std::memory_order_relaxed);
  return stats;
}

void begin_peak() noexcept {
  peak.store(used.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace linnet::cpu
