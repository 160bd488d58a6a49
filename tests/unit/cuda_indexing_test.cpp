// Mistakes in the indices of gather and scatter_add that many threads find at a time.
#include <linnet/core/ops.h>

#include <string>
#include <vector>

#include "tests/unit/cuda_device.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using CudaIndexing = test::CudaTest;

TEST_F(CudaIndexing, OfManyMistakesOneIsTold) {
  const NDArray x = NDArray::arange(10, DType::Float32, cuda_);
  const NDArray beyond = NDArray::full({1000}, 10, DType::Int64, cuda_);
  const NDArray y = gather(x, 0, beyond);
  EXPECT_ERROR(cuda_.synchronize(), "[gather] index 10 at element ");
  EXPECT_NO_THROW(cuda_.synchronize());
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(1000));
  const NDArray sums = scatter_add({10}, 0, beyond, NDArray::ones({1000}, DType::Float32, cuda_));
  EXPECT_ERROR(cuda_.synchronize(), "[scatter_add] index 10 at element 0 of");
  EXPECT_EQ(sum(sums).item<float>(), 0.0F);
}

TEST_F(CudaIndexing, AMistakeIsToldByItsPlaceInTheIndices) {
  const NDArray x = NDArray::zeros({3, 2, 4}, DType::Float32, cuda_);
  for (int dim = 0; dim < 3; ++dim) {
    for (const int64_t wrong : {0, 1, 6, 17, 23}) {
      std::vector<int64_t> values(24, 0);
      values[static_cast<size_t>(wrong)] = -1;
      const NDArray index = NDArray::from_data(values, {3, 2, 4}, cuda_);
      const std::string told = "index -1 at element " + std::to_string(wrong) + " of the indices";
      gather(x, dim, index);
      EXPECT_ERROR(cuda_.synchronize(), "[gather] " + told);
      scatter_add({3, 2, 4}, dim, index, x);
      EXPECT_ERROR(cuda_.synchronize(), "[scatter_add] " + told);
    }
  }
}

}  // namespace
}  // namespace linnet
