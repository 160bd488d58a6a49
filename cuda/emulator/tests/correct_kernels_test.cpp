// Correct kernels give the right results and no report, whatever order blocks and threads run in.
#include "correct_kernels.h"

#include <gtest/gtest.h>

#include <numeric>

#include "cuda_emulator.h"
#include "kernels.h"

namespace {

class CorrectKernels : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    cuda_emulator::reset();
    cuda_emulator::set_seed(static_cast<std::uint64_t>(GetParam()));
  }
  void TearDown() override {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << cuda_emulator::last_report();
    cuda_emulator::set_seed(0);
  }
};

std::vector<float> counted(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 17) - 8;
  return values;
}

TEST_P(CorrectKernels, Elementwise) {
  const std::vector<float> values = counted(1000);
  const Buffer<float> data(values);
  ASSERT_EQ(run_scale(data.get(), 1000, 3.0F), cudaSuccess) << cuda_emulator::last_report();
  std::vector<float> expected = values;
  for (float& value : expected) value *= 3.0F;
  EXPECT_EQ(data.values(), expected);
}

TEST_P(CorrectKernels, TreeReductionInTwoLaunches) {
  const std::vector<float> values = counted(5000);
  const Buffer<float> data(values);
  const Buffer<float> sums(7);
  const Buffer<float> total(1);
  ASSERT_EQ(run_block_sums(data.get(), 5000, sums.get(), 7), cudaSuccess) << cuda_emulator::last_report();
  ASSERT_EQ(run_block_sums(sums.get(), 7, total.get(), 1), cudaSuccess) << cuda_emulator::last_report();
  EXPECT_EQ(total.values()[0], std::accumulate(values.begin(), values.end(), 0.0F));
}

TEST_P(CorrectKernels, ShuffleReduction) {
  const std::vector<float> values = counted(300);
  const Buffer<float> data(values);
  const Buffer<float> sums(3);
  ASSERT_EQ(run_shuffle_sums(data.get(), 300, sums.get()), cudaSuccess) << cuda_emulator::last_report();
  const std::vector<float> got = sums.values();
  for (std::size_t block = 0; block < 3; ++block) {
    const auto first = values.begin() + static_cast<long>(block) * 128;
    EXPECT_EQ(got[block], std::accumulate(first, block == 2 ? values.end() : first + 128, 0.0F));
  }
}

TEST_P(CorrectKernels, TiledTranspose) {
  const int rows = 37;
  const int columns = 50;
  const std::vector<float> values = counted(static_cast<std::size_t>(rows * columns));
  const Buffer<float> in(values);
  const Buffer<float> out(values.size());
  ASSERT_EQ(run_transpose(in.get(), out.get(), rows, columns), cudaSuccess) << cuda_emulator::last_report();
  const std::vector<float> got = out.values();
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      ASSERT_EQ(got[static_cast<std::size_t>(j * rows + i)],
                values[static_cast<std::size_t>(i * columns + j)]);
    }
  }
}

TEST_P(CorrectKernels, TiledMatmul) {
  const int n = 40;
  const std::vector<float> values = counted(static_cast<std::size_t>(n * n));
  const Buffer<float> a(values);
  const Buffer<float> c(values.size());
  ASSERT_EQ(run_matmul(a.get(), a.get(), c.get(), n), cudaSuccess) << cuda_emulator::last_report();
  const std::vector<float> got = c.values();
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int k = 0; k < n; ++k) {
        sum += values[static_cast<std::size_t>(i * n + k)] * values[static_cast<std::size_t>(k * n + j)];
      }
      ASSERT_EQ(got[static_cast<std::size_t>(i * n + j)], sum);
    }
  }
}

TEST_P(CorrectKernels, AtomicCounters) {
  std::vector<unsigned char> values(2000);
  std::vector<unsigned> expected(256);
  for (std::size_t i = 0; i < values.size(); ++i)
    ++expected[values[i] = static_cast<unsigned char>(i * 7 % 200)];
  const Buffer<unsigned char> data(values);
  const Buffer<unsigned> bins(std::vector<unsigned>(256, 0));
  ASSERT_EQ(run_count_values(data.get(), 2000, bins.get()), cudaSuccess) << cuda_emulator::last_report();
  EXPECT_EQ(bins.values(), expected);
}

TEST_P(CorrectKernels, WarpScratch) {
  std::vector<int> values(64);
  std::iota(values.begin(), values.end(), 0);
  const Buffer<int> in(values);
  const Buffer<int> out(64);
  ASSERT_EQ(run_reverse_in_warps(in.get(), out.get()), cudaSuccess) << cuda_emulator::last_report();
  const std::vector<int> got = out.values();
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(got[static_cast<std::size_t>(i)], 2 * (i / 32 * 32 + 31 - (i % 32 ^ 1)));
  }
}

TEST_P(CorrectKernels, NeighbouringBytes) {
  const std::vector<float> values = counted(400);
  const Buffer<float> in(values);
  const Buffer<bool> out(400);
  ASSERT_EQ(run_mark_bytes(in.get(), out.get(), 400), cudaSuccess) << cuda_emulator::last_report();
  std::vector<unsigned char> got(400);
  ASSERT_EQ(cudaMemcpy(got.data(), out.get(), 400, cudaMemcpyDeviceToHost), cudaSuccess);
  for (std::size_t i = 0; i < 400; ++i) ASSERT_EQ(got[i] != 0, values[i] > 0) << i;
}

INSTANTIATE_TEST_SUITE_P(Seeds, CorrectKernels, testing::Range(0, 40));

}  // namespace
