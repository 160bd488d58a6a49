// The caching allocator of the CPU: what it hands out again, what it gives back.
#include "cpu/allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <linnet/core/device.h>

namespace linnet::cpu {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

size_t held() {
  return device("cpu").memory_stats().held;
}

TEST(CpuAllocator, BlocksAreAtMostAnEighthLarger) {
  EXPECT_EQ(Allocator::block_bytes(1), 64U);
  EXPECT_EQ(Allocator::block_bytes(64), 64U);
  EXPECT_EQ(Allocator::block_bytes(65), 128U);
  EXPECT_EQ(Allocator::block_bytes(1024), 1024U);
  EXPECT_EQ(Allocator::block_bytes(1025), 1152U);
  EXPECT_EQ(Allocator::block_bytes(8 * kMiB), 8 * kMiB);
  EXPECT_EQ(Allocator::block_bytes(8 * kMiB + 1), 9 * kMiB);
  for (size_t bytes = 600; bytes < 100 * kMiB; bytes += bytes / 7) {
    const size_t block = Allocator::block_bytes(bytes);
    EXPECT_GE(block, bytes);
    EXPECT_LE(block - bytes, bytes / 8) << bytes;
    EXPECT_EQ(Allocator::block_bytes(block), block) << bytes;
  }
}

TEST(CpuAllocator, TheBlockThatWasFreedLastIsHandedOutAgain) {
  Allocator allocator(true);
  void* const a = allocator.allocate(1000);
  void* const b = allocator.allocate(1000);
  allocator.deallocate(a, 1000);
  allocator.deallocate(b, 1000);
  EXPECT_EQ(allocator.allocate(990), b);
  EXPECT_EQ(allocator.allocate(1024), a);
  allocator.deallocate(a, 1024);
  allocator.deallocate(b, 990);
}

TEST(CpuAllocator, BlocksOfOtherSizesAreNotTaken) {
  Allocator allocator(true);
  // Two classes for each doubling; all their blocks freed, so that every one could be taken for another.
  std::vector<size_t> sizes;
  for (size_t bytes = 128; bytes <= 4 * kMiB; bytes *= 2) {
    sizes.push_back(bytes);
    sizes.push_back(bytes + bytes / 2);
  }
  std::vector<void*> blocks;
  for (const size_t bytes : sizes) blocks.push_back(allocator.allocate(bytes));
  for (size_t i = 0; i < sizes.size(); ++i) allocator.deallocate(blocks[i], sizes[i]);
  for (size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(allocator.allocate(sizes[i]), blocks[i]) << sizes[i];
  for (size_t i = 0; i < sizes.size(); ++i) allocator.deallocate(blocks[i], sizes[i]);
}

TEST(CpuAllocator, LargeBlocksBeginOnHugePages) {
  Allocator allocator(true);
  for (const size_t bytes : {size_t{1}, size_t{100}, kMiB, 2 * kMiB, 3 * kMiB + 1}) {
    void* const memory = allocator.allocate(bytes);
    const size_t alignment = bytes >= Allocator::kHugePage ? Allocator::kHugePage : Allocator::kAlignment;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0U) << bytes;
    std::memset(memory, 1, bytes);
    allocator.deallocate(memory, bytes);
  }
}

TEST(CpuAllocator, WhatIsKeptIsCountedAndTrimmed) {
  const size_t before = held();
  {
    Allocator allocator(true);
    void* const memory = allocator.allocate(3 * kMiB);
    EXPECT_EQ(held(), before + 3 * kMiB);
    EXPECT_EQ(allocator.kept(), 0U);
    allocator.deallocate(memory, 3 * kMiB);
    EXPECT_EQ(allocator.kept(), 3 * kMiB);
    EXPECT_EQ(held(), before + 3 * kMiB);
    allocator.trim();
    EXPECT_EQ(allocator.kept(), 0U);
    EXPECT_EQ(held(), before);
    allocator.deallocate(allocator.allocate(kMiB), kMiB);
  }
  EXPECT_EQ(held(), before);  // an allocator that ends keeps nothing
}

TEST(CpuAllocator, ClassesThatWereIdleLongestAreGivenUpFirst) {
  Allocator allocator(true);
  const size_t third = Allocator::kAlwaysKept / 4 + kMiB;
  const auto use = [&](size_t bytes) { allocator.deallocate(allocator.allocate(bytes), bytes); };
  use(third);
  use(third + 4 * kMiB);
  use(third);
  use(third + 8 * kMiB);  // too much now: the second goes
  EXPECT_LE(allocator.kept(), Allocator::kAlwaysKept);
  const size_t before = device("cpu").memory_stats().system_allocations;
  use(third);
  use(third + 8 * kMiB);
  EXPECT_EQ(device("cpu").memory_stats().system_allocations, before);
  use(third + 4 * kMiB);
  EXPECT_EQ(device("cpu").memory_stats().system_allocations, before + 1);
}

TEST(CpuAllocator, WhatWasInUseAtOnceIsKept) {
  Allocator allocator(true);
  std::vector<void*> blocks;
  for (int i = 0; i < 12; ++i) blocks.push_back(allocator.allocate(8 * kMiB));
  for (void* block : blocks) allocator.deallocate(block, 8 * kMiB);
  EXPECT_EQ(allocator.kept(), 96 * kMiB);
  allocator.trim();  // from here on it was nothing
  blocks.clear();
  for (int i = 0; i < 12; ++i) {
    void* const block = allocator.allocate(8 * kMiB + static_cast<size_t>(i) * kMiB);
    allocator.deallocate(block, 8 * kMiB + static_cast<size_t>(i) * kMiB);
  }
  EXPECT_LE(allocator.kept(), Allocator::kAlwaysKept);
}

TEST(CpuAllocator, WithoutCachesBlocksGoStraightBack) {
  Allocator allocator(false);
  const size_t before = held();
  void* const memory = allocator.allocate(1001);
  EXPECT_EQ(held(), before + 1001);
  allocator.deallocate(memory, 1001);
  EXPECT_EQ(held(), before);
}

TEST(CpuAllocator, MoreThanThereIsGivesNull) {
  Allocator allocator(true);
  EXPECT_EQ(allocator.allocate(size_t{1} << 60), nullptr);
  EXPECT_EQ(allocator.allocate(size_t{1} << 46), nullptr);
  EXPECT_EQ(allocator.kept(), 0U);
}

TEST(CpuAllocator, ServesThreadsAtOnce) {
  Allocator allocator(true);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&allocator, seed] {
      std::mt19937 draw(seed);
      std::vector<std::pair<unsigned char*, size_t>> blocks;
      for (int i = 0; i < 2000; ++i) {
        if (blocks.size() < 20 && draw() % 2 == 0) {
          const size_t bytes = 1 + draw() % 5000;
          auto* const memory = static_cast<unsigned char*>(allocator.allocate(bytes));
          std::memset(memory, static_cast<int>(seed), bytes);
          blocks.emplace_back(memory, bytes);
        } else if (!blocks.empty()) {
          const auto [memory, bytes] = blocks.back();
          EXPECT_EQ(memory[0], seed);
          EXPECT_EQ(memory[bytes - 1], seed);
          allocator.deallocate(memory, bytes);
          blocks.pop_back();
        }
      }
      for (const auto& [memory, bytes] : blocks) allocator.deallocate(memory, bytes);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace linnet::cpu
