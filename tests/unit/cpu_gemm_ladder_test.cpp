// Every rung of the ladder of matrix products against sums in float64, with the tolerance of
// cpu_gemm_test.cpp.
#include <linnet/cpu/gemm.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

double epsilon(DType dtype) {
  return dtype == DType::Float32 ? static_cast<double>(std::numeric_limits<float>::epsilon())
                                 : std::numeric_limits<double>::epsilon();
}

std::vector<double> values(const NDArray& array) {
  return array.to(DType::Float64).contiguous().to_vector<double>();
}

class GemmLadder : public testing::TestWithParam<std::tuple<GemmAlgorithm, DType>> {
 protected:
  GemmAlgorithm algorithm() const { return std::get<0>(GetParam()); }
  DType dtype() const { return std::get<1>(GetParam()); }
  NDArray draw(const Shape& shape) const { return random_normal(shape, dtype()); }

  void check_product(const NDArray& a, const NDArray& b) const {
    SCOPED_TRACE(testing::Message() << a.shape() << " by " << b.shape());
    const NDArray c = matmul(a, b, algorithm());
    const int64_t M = a.size(0), K = a.size(1), N = b.size(1);
    ASSERT_EQ(c.shape(), (Shape{M, N}));
    ASSERT_EQ(c.dtype(), dtype());
    const std::vector<double> left = values(a), right = values(b), result = values(c);
    for (int64_t i = 0; i < M; ++i) {
      for (int64_t j = 0; j < N; ++j) {
        double sum = 0, aa = 0, bb = 0;
        for (int64_t k = 0; k < K; ++k) {
          const double x = left[static_cast<size_t>(i * K + k)], y = right[static_cast<size_t>(k * N + j)];
          sum += x * y;
          aa += x * x;
          bb += y * y;
        }
        const double tolerance =
            2 * std::sqrt(static_cast<double>(K)) * epsilon(dtype()) * std::sqrt(aa * bb);
        ASSERT_NEAR(result[static_cast<size_t>(i * N + j)], sum, tolerance) << i << ", " << j;
      }
    }
  }
};

TEST_P(GemmLadder, AllShapes) {
  manual_seed(0);
  for (const int64_t M : {0, 1, 3, 17}) {
    for (const int64_t N : {0, 1, 5, 33}) {
      for (const int64_t K : {0, 1, 2, 31}) check_product(draw({M, K}), draw({K, N}));
    }
  }
}

// One less than a block, a block, one more; and several.
TEST_P(GemmLadder, EdgesOfBlocks) {
  manual_seed(1);
  for (const int64_t K : {63, 64, 65, 130}) {
    for (const int64_t N : {255, 256, 257}) check_product(draw({3, K}), draw({K, N}));
  }
  check_product(draw({9, 200}), draw({200, 600}));
}

TEST_P(GemmLadder, AnyStrides) {
  manual_seed(2);
  const NDArray a = draw({14, 70}), b = draw({70, 37});
  const NDArray a_transposed = draw({70, 14}).transpose(0, 1), b_transposed = draw({37, 70}).transpose(0, 1);
  const NDArray a_slice = draw({20, 150}).slice(0, 3, 17).slice(1, 2, 142, 2);
  const NDArray b_slice = draw({80, 120}).slice(0, 5, 75).slice(1, 1, 112, 3);
  const NDArray row = draw({1, 70}).broadcast_to({14, 70});
  for (const NDArray& left : {a, a_transposed, a_slice, row}) {
    for (const NDArray& right : {b, b_transposed, b_slice}) check_product(left, right);
  }
}

TEST_P(GemmLadder, WrongOperands) {
  const NDArray a = draw({2, 3});
  EXPECT_ERROR(
      matmul(a, draw({4, 5}), algorithm()),
      "[matmul] shapes (2, 3) and (4, 5); expected (..., M, K) and (..., K, N), but K is 3 on the left "
      "and 4 on the right");
  EXPECT_ERROR(matmul(a, draw({3}), algorithm()), "shapes (2, 3) and (3,); expected two matrices");
  EXPECT_ERROR(matmul(draw({2, 2, 3}), draw({3, 2}), algorithm()), "expected two matrices");
  const DType other = dtype() == DType::Float32 ? DType::Float64 : DType::Float32;
  EXPECT_ERROR(matmul(a, random_normal({3, 2}, other), algorithm()), "float64");
  EXPECT_ERROR(
      matmul(NDArray::zeros({2, 3}, DType::Int32), NDArray::zeros({3, 2}, DType::Int32), algorithm()),
      "int32");
  EXPECT_ERROR(matmul(NDArray(), a, algorithm()), "[matmul]");
  const Device meta = device("meta");
  EXPECT_ERROR(
      matmul(NDArray::zeros({2, 3}, dtype(), meta), NDArray::zeros({3, 2}, dtype(), meta), algorithm()),
      "the arrays are on meta; a GemmAlgorithm is chosen on the CPU only");
}

INSTANTIATE_TEST_SUITE_P(Rungs, GemmLadder,
                         testing::Combine(testing::ValuesIn(gemm_algorithms().begin(),
                                                            gemm_algorithms().end()),
                                          testing::Values(DType::Float32, DType::Float64)),
                         [](const auto& each) {
                           return std::string(name(std::get<0>(each.param))) + "_" +
                                  name(std::get<1>(each.param));
                         });

TEST(GemmAlgorithms, Names) {
  for (const GemmAlgorithm algorithm : gemm_algorithms()) {
    EXPECT_EQ(gemm_algorithm(name(algorithm)), algorithm);
  }
  EXPECT_ERROR(gemm_algorithm("fast"), "there is no algorithm 'fast'; there are naive, blocked, tuned");
}

// The tuned rung is what everyone gets.
TEST(GemmAlgorithms, TunedIsMatmul) {
  const NDArray a = random_normal({33, 65}), b = random_normal({65, 40});
  EXPECT_EQ(matmul(a, b, GemmAlgorithm::Tuned).to_vector<float>(), matmul(a, b).to_vector<float>());
}

}  // namespace
}  // namespace linnet
