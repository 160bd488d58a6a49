// The measured ceilings: no more than a check that they are rates of the right size, and follow the dtype.
#include "cpu/machine_peak.h"

#include <gtest/gtest.h>

namespace linnet::cpu {
namespace {

TEST(CpuMachinePeak, MultiplyAdds) {
  const double single = peak_flops(DType::Float32, 0.02), twice = peak_flops(DType::Float64, 0.02);
  EXPECT_GT(single, 1e8);
  EXPECT_LT(single, 1e14) << "an operation that the compiler removed";
  EXPECT_GT(twice, 1e8);
  EXPECT_LT(twice, 1e14);
}

TEST(CpuMachinePeak, PlainLoops) {
  const Bandwidth bandwidth = plain_bandwidth(1 << 20, 0.02);
  for (const double rate : {bandwidth.relu, bandwidth.add}) {
    EXPECT_GT(rate, 1e7);
    EXPECT_LT(rate, 1e13);
  }
}

TEST(CpuMachinePeak, OneRunAtLeast) {
  EXPECT_GT(peak_flops(DType::Float32, 0), 0);
  EXPECT_GT(plain_bandwidth(100, 0).add, 0);
}

}  // namespace
}  // namespace linnet::cpu
