// Reductions of more elements an output than one block combines: their parts, along rows and down columns.
#include <linnet/core/ops.h>

#include <vector>

#include "tests/unit/cuda_device.h"

namespace linnet {
namespace {

using CudaReduce = test::CudaTest;
using Values = std::vector<int64_t>;

constexpr int64_t kCount = 3 * 8192 + 5;

/// `lines` times the numbers from 0 (and kCount, ...) on; the extremes lie in the first and the last part.
NDArray numbers(int64_t lines, Device device) {
  return NDArray::arange(lines * kCount, DType::Int64, device).reshape({lines, kCount});
}
int64_t sum_of_line(int64_t line) {
  return kCount * (kCount - 1) / 2 + line * kCount * kCount;
}

void expect_reduced(const NDArray& x, int dim) {
  EXPECT_EQ(sum(x, {dim}).to_vector<int64_t>(), (Values{sum_of_line(0), sum_of_line(1), sum_of_line(2)}));
  EXPECT_EQ(amin(x, {dim}).to_vector<int64_t>(), (Values{0, kCount, 2 * kCount}));
  EXPECT_EQ(amax(x, {dim}).to_vector<int64_t>(), (Values{kCount - 1, 2 * kCount - 1, 3 * kCount - 1}));
}

TEST_F(CudaReduce, PartsOfRows) {
  expect_reduced(numbers(3, cuda_), 1);
}

TEST_F(CudaReduce, PartsOfColumns) {
  const NDArray columns = numbers(3, cuda_).permute({1, 0}).contiguous();
  expect_reduced(columns, 0);
}

TEST_F(CudaReduce, PartsOfEverything) {
  EXPECT_EQ(sum(numbers(3, cuda_)).to_vector<int64_t>(), (Values{3 * kCount * (3 * kCount - 1) / 2}));
}

}  // namespace
}  // namespace linnet
