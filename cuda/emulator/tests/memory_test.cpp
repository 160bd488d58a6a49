// Device memory: poisoned, guarded, limited, closed to the host; pinned memory; copies and their checks.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "correct_kernels.h"
#include "cuda_emulator.h"
#include "kernels.h"

namespace {

class Memory : public testing::Test {
 protected:
  void SetUp() override { cuda_emulator::reset(); }
  void TearDown() override {
    cuda_emulator::set_memory(std::size_t{4} << 30);
    cuda_emulator::set_devices(1);
    cuda_emulator::reset();
  }
};

TEST_F(Memory, IsAlignedAndPoisoned) {
  for (const std::size_t size : {1, 255, 256, 4096, 5000, 100000}) {
    const Buffer<unsigned char> buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 256, 0U);
    EXPECT_EQ(buffer.values(), std::vector<unsigned char>(size, 0xFF));
  }
}

TEST_F(Memory, NothingIsAllocatedForNoBytes) {
  void* memory = &memory;
  EXPECT_EQ(cudaMalloc(&memory, 0), cudaSuccess);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST_F(Memory, AddressesAreNotReused) {
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(cudaMalloc(&first, 64), cudaSuccess);
  ASSERT_EQ(cudaFree(first), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&second, 64), cudaSuccess);
  EXPECT_GT(second, first);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
}

TEST_F(Memory, IsLimited) {
  cuda_emulator::set_memory(1 << 20);
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(total, std::size_t{1} << 20);
  const std::size_t before = free;
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, before - 8192), cudaSuccess);
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, 8192U);
  void* more = memory;
  EXPECT_EQ(cudaMalloc(&more, 8193), cudaErrorMemoryAllocation);
  EXPECT_EQ(more, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&more, 8193), cudaSuccess);
  EXPECT_EQ(cudaFree(more), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&more, ~std::size_t{0}), cudaErrorMemoryAllocation);
}

TEST_F(Memory, StatisticsCountWhatLives) {
  const auto before = cuda_emulator::memory();
  {
    const Buffer<float> buffer(2000);
    const auto during = cuda_emulator::memory();
    EXPECT_EQ(during.live_bytes - before.live_bytes, 8192U);
    EXPECT_EQ(during.live_allocations, before.live_allocations + 1);
    EXPECT_EQ(during.allocations, before.allocations + 1);
  }
  EXPECT_EQ(cuda_emulator::memory().live_bytes, before.live_bytes);
  EXPECT_GE(cuda_emulator::memory().peak_bytes, before.live_bytes + 8192);
}

TEST_F(Memory, WrongFreesAreRefused) {
  float* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 400), cudaSuccess);
  EXPECT_EQ(cudaFree(memory + 4), cudaErrorInvalidValue);
  EXPECT_NE(std::string(cudaGetErrorString(cudaErrorInvalidValue))
                .find("no allocation begins here: at offset 16 of"),
            std::string::npos)
      << cudaGetErrorString(cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaErrorInvalidValue);
  EXPECT_NE(cuda_emulator::last_report().find("freed allocation #"), std::string::npos);
  int host = 0;
  EXPECT_EQ(cudaFree(&host), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(&host), cudaErrorInvalidValue);
}

TEST_F(Memory, CopiesAreChecked) {
  const Buffer<float> device(std::vector<float>(10, 1.0F));
  std::vector<float> host(20, 5.0F);
  EXPECT_EQ(cudaMemcpy(device.get(), host.data(), 44, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_NE(
      cuda_emulator::last_report().find("cudaMemcpy: destination of 44 bytes, at offset 0 of allocation #"),
      std::string::npos)
      << cuda_emulator::last_report();
  EXPECT_NE(cuda_emulator::last_report().find("(40 bytes), runs 4 bytes beyond its end"), std::string::npos);
  EXPECT_EQ(cudaMemcpy(host.data(), device.get() + 5, 24, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_NE(cuda_emulator::last_report().find("source of 24 bytes"), std::string::npos);
  EXPECT_EQ(cudaMemcpy(host.data(), device.get(), 40, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_NE(cuda_emulator::last_report().find("destination is host memory"), std::string::npos);
  EXPECT_EQ(cudaMemcpy(host.data(), host.data() + 10, 40, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_NE(cuda_emulator::last_report().find("source is host memory"), std::string::npos);
  EXPECT_EQ(cudaMemcpy(host.data(), device.get(), 40, static_cast<cudaMemcpyKind>(9)),
            cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(device.get(), 0, 41), cudaErrorInvalidValue);
  EXPECT_EQ(host, std::vector<float>(20, 5.0F));

  EXPECT_EQ(cudaMemcpy(host.data(), device.get(), 40, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(host[9], 1.0F);
  EXPECT_EQ(host[10], 5.0F);
  EXPECT_EQ(cudaMemset(device.get() + 1, 0, 4), cudaSuccess);
  EXPECT_EQ(device.values(), (std::vector<float>{1, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(cudaMemcpy(device.get() + 5, device.get(), 20, cudaMemcpyDeviceToDevice), cudaSuccess);
  EXPECT_EQ(device.values(), (std::vector<float>{1, 0, 1, 1, 1, 1, 0, 1, 1, 1}));
}

TEST_F(Memory, PointersAreKnown) {
  const Buffer<float> device(10);
  float* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 40), cudaSuccess);
  cudaPointerAttributes attributes{};
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, device.get() + 9), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.devicePointer, device.get() + 9);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, &attributes), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Memory, KernelsMayUsePinnedMemory) {
  float* pinned = nullptr;
  ASSERT_EQ(cudaHostAlloc(&pinned, 40, cudaHostAllocDefault), cudaSuccess);
  for (int i = 0; i < 10; ++i) pinned[i] = static_cast<float>(i);
  ASSERT_EQ(run_scale(pinned, 10, 2.0F), cudaSuccess) << cuda_emulator::last_report();
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(pinned[9], 18.0F);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Memory, BelongsToItsDevice) {
  cuda_emulator::set_devices(2);
  const Buffer<float> first(std::vector<float>(10, 1.0F));
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const Buffer<float> second(std::vector<float>(10, 2.0F));
  EXPECT_EQ(cudaMemcpy(second.get(), first.get(), 20, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(second.values(), (std::vector<float>{1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
  EXPECT_EQ(run_scale(first.get(), 10, 2.0F), cudaErrorIllegalAddress);
  EXPECT_NE(cuda_emulator::last_report().find("of device 0 from a kernel of device 1"), std::string::npos)
      << cuda_emulator::last_report();
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(run_scale(first.get(), 10, 2.0F), cudaSuccess) << "another device's fault";
  EXPECT_EQ(first.values(), std::vector<float>(10, 2.0F));
}

using MemoryDeathTest = Memory;

TEST_F(MemoryDeathTest, HostReads) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Buffer<float> device(std::vector<float>(10, 1.0F));
  EXPECT_DEATH(
      {
        volatile float value = device.get()[3];
        static_cast<void>(value);
      },
      "cuda emulator: host code reads device memory: offset 12 of allocation #[0-9]+ \\(40 bytes\\)");
}

TEST_F(MemoryDeathTest, HostWrites) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Buffer<float> device(std::vector<float>(10, 1.0F));
  EXPECT_DEATH(
      std::memset(device.get(), 0, 4),
      "cuda emulator: host code writes device memory: offset 0 of allocation #[0-9]+ \\(40 bytes\\)");
}

TEST_F(MemoryDeathTest, HostReadsAfterAKernelUsedIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Buffer<float> device(std::vector<float>(10, 1.0F));
  ASSERT_EQ(run_scale(device.get(), 10, 1.0F), cudaSuccess);
  EXPECT_DEATH(
      {
        volatile float value = device.get()[0];
        static_cast<void>(value);
      },
      "host code reads device memory: offset 0 of allocation");
}

TEST_F(MemoryDeathTest, OtherFaultsArePassedOn) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Buffer<float> device(1);
  EXPECT_EXIT(
      {
        volatile int* nothing = nullptr;
        *nothing = 1;
      },
      testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
