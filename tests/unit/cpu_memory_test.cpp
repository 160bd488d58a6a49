// What the cpu counts of its memory: arrays and scratch, the peak since the last trim_memory(), and what a
// training step takes from the system.
#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/device.h>
#include <linnet/core/ndarray.h>
#include <linnet/core/random.h>
#include <linnet/cpu/threads.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/pooling.h>
#include <linnet/nn/sequential.h>
#include "core/sanitized.h"
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
  EXPECT_GE(before.held, before.used);
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

TEST(CpuMemory, TrimmingGivesBackWhatIsNotUsed) {
  const Device cpu = device("cpu");
  cpu.trim_memory();
  const size_t before = cpu.memory_stats().held;
  NDArray::empty({1 << 20}, DType::Float32, cpu);
  cpu.trim_memory();
  EXPECT_EQ(cpu.memory_stats().held, before);
}

class Threads {
 public:
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  const int before_ = num_threads();
};

/// A small CNN in training.
class SteadyTraining {
 public:
  SteadyTraining() {
    manual_seed(0);
    images_ = random_normal({32, 1, 28, 28});
    labels_ = NDArray::zeros({32}, DType::Int64);
  }
  /// What a number of steps takes from the system.
  struct Taken {
    size_t uses, system_allocations, held;
  };
  Taken steps(int count) {
    const MemoryStats before = device("cpu").memory_stats();
    for (int i = 0; i < count; ++i) {
      optimizer_.zero_grad();
      cross_entropy(model_(images_), labels_).backward();
      optimizer_.step();
    }
    const MemoryStats after = device("cpu").memory_stats();
    return {after.allocations - before.allocations, after.system_allocations - before.system_allocations,
            after.held - before.held};
  }

 private:
  nn::Sequential model_{nn::Conv2d(1, 8, {.kernel = 3}), nn::BatchNorm2d(8), nn::ReLU(),
                        nn::MaxPool2d({.kernel = 2}),    nn::Flatten(),      nn::Linear(8 * 13 * 13, 10)};
  optim::Adam optimizer_{model_.parameters()};
  NDArray images_, labels_;
};

TEST(CpuMemory, ASteadyStepTakesNothingFromTheSystem) {
  if (kAddressSanitizer) GTEST_SKIP() << "under AddressSanitizer freed memory is not kept";
  const Threads one(1);
  SteadyTraining training;
  training.steps(3);
  const auto taken = training.steps(3);
  EXPECT_GT(taken.uses, 0U);
  EXPECT_EQ(taken.system_allocations, 0U);
  EXPECT_EQ(taken.held, 0U);
}

// Which thread takes a chunk is free, and the scratch of a thread grows when it first takes a large one.
TEST(CpuMemory, StepsOfSeveralThreadsSettleToo) {
  if (kAddressSanitizer) GTEST_SKIP() << "under AddressSanitizer freed memory is not kept";
  const Threads three(3);
  SteadyTraining training;
  int tries = 0;
  while (tries < 100 && training.steps(5).system_allocations > 0) ++tries;
  EXPECT_LT(tries, 100);
}

}  // namespace
}  // namespace linnet
