// The caching allocator: what it reuses, joins, gives back, and says when there is no more.
#include "cuda/allocator.h"

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <linnet/core/ndarray.h>
#include "cuda/backend.h"
#include "tests/unit/cuda_device.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

class CudaMemory : public test::CudaTest {
 protected:
  cuda::Allocator allocator_{true};
};

TEST_F(CudaMemory, AFreedBlockIsHandedOutAgain) {
  void* first = allocator_.allocate(1000);
  allocator_.deallocate(first);
  EXPECT_EQ(allocator_.allocate(900), first);
  const MemoryStats stats = allocator_.stats();
  EXPECT_EQ(stats.used, 1024U);
  EXPECT_EQ(stats.held, 2 * kMiB);
  EXPECT_EQ(stats.allocations, 2U);
  EXPECT_EQ(stats.system_allocations, 1U);
}

TEST_F(CudaMemory, NeighboursThatAreFreeAreOneBlock) {
  std::vector<void*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(allocator_.allocate(kMiB / 2));
  EXPECT_EQ(allocator_.stats().held, 2 * kMiB);
  for (const size_t i : {0U, 2U, 1U, 3U}) allocator_.deallocate(blocks[i]);
  EXPECT_EQ(allocator_.allocate(kMiB), blocks[0]);
  EXPECT_EQ(allocator_.allocate(kMiB), blocks[2]);
  EXPECT_EQ(allocator_.stats().held, 2 * kMiB);
}

TEST_F(CudaMemory, TheSmallestBlockThatFitsIsTaken) {
  void* large = allocator_.allocate(8000);
  void* between = allocator_.allocate(512);
  void* small = allocator_.allocate(2000);
  void* last = allocator_.allocate(512);
  allocator_.deallocate(large);
  allocator_.deallocate(small);
  EXPECT_EQ(allocator_.allocate(1800), small);
  EXPECT_EQ(allocator_.allocate(7000), large);
  allocator_.deallocate(between);
  allocator_.deallocate(last);
}

TEST_F(CudaMemory, LargeArraysShareSegmentsAndHugeOnesHaveTheirOwn) {
  void* a = allocator_.allocate(3 * kMiB);
  void* b = allocator_.allocate(3 * kMiB);
  EXPECT_EQ(static_cast<char*>(b) - static_cast<char*>(a), static_cast<ptrdiff_t>(3 * kMiB));
  EXPECT_EQ(allocator_.stats().held, 20 * kMiB);
  allocator_.allocate(33 * kMiB);
  EXPECT_EQ(allocator_.stats().held, 54 * kMiB);
}

TEST_F(CudaMemory, TrimGivesBackWhatHoldsNothing) {
  void* small = allocator_.allocate(100);
  void* large = allocator_.allocate(5 * kMiB);
  allocator_.deallocate(large);
  EXPECT_EQ(allocator_.stats().peak, 5 * kMiB + 512);
  allocator_.trim();
  EXPECT_EQ(allocator_.stats().held, 2 * kMiB);
  EXPECT_EQ(allocator_.stats().peak, 512U) << "a new one begins";
  allocator_.deallocate(small);
  allocator_.trim();
  EXPECT_EQ(allocator_.stats().held, 0U);
  EXPECT_EQ(allocator_.stats().used, 0U);
  EXPECT_EQ(allocator_.stats().peak, 0U);
}

TEST_F(CudaMemory, TrimmingADeviceKeepsItsArrays) {
  Backend& backend = cuda_.backend();
  const NDArray kept = NDArray::arange(5, DType::Float32, cuda_);
  cuda_.trim_memory();
  const size_t before = cuda_.memory_stats().held;
  backend.deallocate(backend.allocate(40 * kMiB), 40 * kMiB);
  cuda_.trim_memory();
  EXPECT_EQ(cuda_.memory_stats().held, before);
  EXPECT_EQ(kept.to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4}));
}

TEST_F(CudaMemory, BlocksNeverOverlap) {
  std::mt19937 random(1);
  std::map<char*, size_t> live;
  for (int i = 0; i < 3000; ++i) {
    if (live.size() > 60 || (!live.empty() && random() % 2 == 0)) {
      const auto victim = std::next(live.begin(), static_cast<ptrdiff_t>(random() % live.size()));
      allocator_.deallocate(victim->first);
      live.erase(victim);
      continue;
    }
    const size_t bytes = 1 + (random() % 3 == 0 ? random() % (3 * kMiB) : random() % 5000);
    char* memory = static_cast<char*>(allocator_.allocate(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 256, 0U);
    const auto next = live.lower_bound(memory);
    if (next != live.end()) {
      EXPECT_LE(memory + bytes, next->first);
    }
    if (next != live.begin()) {
      EXPECT_LE(std::prev(next)->first + std::prev(next)->second, memory);
    }
    live[memory] = bytes;
  }
  for (const auto& [memory, bytes] : live) allocator_.deallocate(memory);
  EXPECT_EQ(allocator_.stats().used, 0U);
  allocator_.trim();
  EXPECT_EQ(allocator_.stats().held, 0U);  // everything was joined again
}

TEST_F(CudaMemory, WithoutCacheEveryBlockIsOfTheSystem) {
  cuda::Allocator plain(false);
  void* first = plain.allocate(100);
  EXPECT_EQ(plain.stats().held, 100U);
  plain.deallocate(first);
  EXPECT_EQ(plain.stats().held, 0U);
  plain.deallocate(plain.allocate(100));
  EXPECT_EQ(plain.stats().system_allocations, 2U);
}

TEST_F(CudaMemory, MoreThanCanBeAddressedIsRefused) {
  const cuda::OperatorName name("empty");
  EXPECT_ERROR(allocator_.allocate(SIZE_MAX - 5),
               "[empty] the GPU has no memory for 18446744073709551610 bytes");
}

#if LINNET_EMULATED_CUDA
class CudaScarceMemory : public CudaMemory {
 protected:
  void SetUp() override {
    CudaMemory::SetUp();
    before_ = cuda_emulator::memory().total;
    cuda_emulator::set_memory(cuda_emulator::memory().live_bytes + 50 * kMiB);
  }
  void TearDown() override {
    cuda_emulator::set_memory(before_);
    cuda_emulator::reset();
  }
  size_t before_ = 0;
};

TEST_F(CudaScarceMemory, WhatIsKeptIsGivenUpForWhatIsAsked) {
  allocator_.deallocate(allocator_.allocate(30 * kMiB));
  EXPECT_EQ(allocator_.stats().held, 30 * kMiB);
  void* memory = allocator_.allocate(40 * kMiB);
  EXPECT_NE(memory, nullptr);
  EXPECT_EQ(allocator_.stats().held, 40 * kMiB);
  allocator_.deallocate(memory);
  allocator_.trim();
}

TEST_F(CudaScarceMemory, TheErrorHasTheNumbers) {
  const cuda::OperatorName name("conv2d");
  void* memory = allocator_.allocate(30 * kMiB);
  EXPECT_ERROR(allocator_.allocate(40 * kMiB), "[conv2d] the GPU has no memory for 41943040 bytes; ");
  EXPECT_ERROR(allocator_.allocate(40 * kMiB),
               "arrays use 31457280, and 31457280 are held; smaller batches need less");
  allocator_.deallocate(memory);
  allocator_.trim();
}
#endif

}  // namespace
}  // namespace linnet
