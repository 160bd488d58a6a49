// What the cpu counts of its memory: arrays and scratch, the peak since the last trim_memory().
#include <gtest/gtest.h>
#include <linnet/core/device.h>
#include <linnet/core/ndarray.h>
#include "cpu/scratch.h"

namespace linnet {
namespace {

constexpr size_t kKi = 1024;

TEST(CpuMemory, CountsArraysAndScratchWhileTheyAreInUse) {
  const Device cpu = device("cpu");
  const MemoryStats before = cpu.memory_stats();
  {
    const NDArray array = NDArray::empty({256}, DType::Float32, cpu);
    EXPECT_EQ(cpu.memory_stats().used, before.used + kKi);
    const cpu::Scratch<double> scratch(1024);
    EXPECT_EQ(cpu.memory_stats().used, before.used + 9 * kKi);
    EXPECT_EQ(cpu.memory_stats().allocations, before.allocations + 2);
  }
  EXPECT_EQ(cpu.memory_stats().used, before.used);
  EXPECT_EQ(cpu.memory_stats().held, 0U);
}

TEST(CpuMemory, ThePeakStaysUntilMemoryIsTrimmed) {
  const Device cpu = device("cpu");
  cpu.trim_memory();
  const size_t before = cpu.memory_stats().used;
  EXPECT_EQ(cpu.memory_stats().peak, before);
  NDArray::empty({256}, DType::Float32, cpu);
  EXPECT_EQ(cpu.memory_stats().peak, before + kKi);
  NDArray::empty({1}, DType::Float32, cpu);
  EXPECT_EQ(cpu.memory_stats().peak, before + kKi);
  cpu.trim_memory();
  EXPECT_EQ(cpu.memory_stats().peak, before);
}

}  // namespace
}  // namespace linnet
