// Operators on NDArrays: what they refuse, the dtypes they give and the corner cases that the operator cases
// (check/) do not reach.
#include <gtest/gtest.h>
#include <linnet/core/ops.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Elementwise, RefusesMixturesAndNamesThem) {
  const NDArray a = NDArray::ones({2, 3});
  EXPECT_ERROR(a + NDArray::ones({2, 4}), "[add] shapes (2, 3) and (2, 4) do not broadcast");
  EXPECT_ERROR(a * NDArray::ones({2, 3}, DType::Float64),
               "[mul] operands are float32 (2, 3) and float64 (2, 3)");
  EXPECT_ERROR(a < a.to(device("meta")), "[<] operands are on cpu (2, 3) and meta (2, 3)");
  EXPECT_ERROR(NDArray::ones({2}, DType::Int32) + 0.5, "[add] the number 0.5 is no int32");
  EXPECT_ERROR(NDArray::ones({2}, DType::Int32) / 2, "[div] operand is int32; expected float32 or float64");
  EXPECT_ERROR(exp(NDArray::ones({2}, DType::Int64)), "[exp] operand is int64");
  EXPECT_ERROR(NDArray::ones({2}, DType::Bool) + NDArray::ones({2}, DType::Bool), "[add] operands are bool");
  EXPECT_ERROR(relu(NDArray()), "[relu] an operand is undefined");
  EXPECT_ERROR(where(a, a, a), "[where] the condition (2, 3) is float32; expected bool");
  EXPECT_ERROR(where(a > 0, a, NDArray::ones({2, 3}, DType::Int32)), "[where] operands are float32");
}

TEST(Elementwise, IntegersAndNumbersKeepTheDtype) {
  const NDArray i = NDArray::from_data({int32_t{-3}, int32_t{4}}, {2});
  EXPECT_EQ((i * 2 - 1).dtype(), DType::Int32);
  EXPECT_EQ(abs(i).to_vector<int32_t>(), (std::vector<int32_t>{3, 4}));
  EXPECT_EQ((1 - i).to_vector<int32_t>(), (std::vector<int32_t>{4, -3}));
  EXPECT_EQ((i >= 4).dtype(), DType::Bool);
  EXPECT_EQ((2.0 / NDArray::full({1}, 4)).item<float>(), 0.5F);
}

TEST(Elementwise, NanFollowsNumPy) {
  const NDArray x = NDArray::from_data({kNan, 1.0F}, {2});
  const NDArray y = NDArray::from_data({1.0F, kNan}, {2});
  for (const NDArray& r : {maximum(x, y), minimum(x, y)}) {
    for (const float v : r.to_vector<float>()) EXPECT_TRUE(std::isnan(v));
  }
  EXPECT_TRUE(std::isnan(relu(x).to_vector<float>()[0]));
  EXPECT_TRUE(std::isnan(amax(x).item<float>()));
  EXPECT_EQ(argmax(y, 0).item<int>(), 1);
}

TEST(Elementwise, BroadcastsAndKeepsTheOrder) {
  const NDArray a = NDArray::arange(3).view({3, 1});
  const NDArray b = NDArray::arange(2);
  EXPECT_EQ((a * 10 + b).to_vector<float>(), (Floats{0, 1, 10, 11, 20, 21}));
  EXPECT_EQ(where(a == b, NDArray::scalar(1), 0).to_vector<float>(), (Floats{1, 0, 0, 1, 0, 0}));
  const NDArray t = NDArray::arange(6).view({2, 3}).transpose(0, 1);
  EXPECT_EQ((t + 1).strides(), t.strides());
  EXPECT_EQ((NDArray::zeros({0, 3}) + NDArray::zeros({3})).shape(), (Shape{0, 3}));
}

TEST(Reduce, ShapesDtypesAndRefusals) {
  const NDArray x = NDArray::arange(24).view({2, 3, 4});
  EXPECT_EQ(sum(x, {0, -1}).to_vector<float>(), (Floats{60, 92, 124}));
  EXPECT_EQ(sum(x, {1}, true).shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(mean(x).item<float>(), 11.5F);
  EXPECT_EQ(amax(x, {0, 1}).to_vector<float>(), (Floats{20, 21, 22, 23}));
  EXPECT_EQ(argmin(x, 1, true).shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(sum(NDArray::ones({300}, DType::UInt8)).dtype(), DType::Int64);
  EXPECT_EQ(sum(NDArray::ones({300}, DType::UInt8)).item<int>(), 300);
  EXPECT_EQ(sum(x > 11.0).item<int>(), 12);
  EXPECT_EQ(sum(NDArray::zeros({0, 3}), {0}).to_vector<float>(), (Floats{0, 0, 0}));
  EXPECT_EQ(sum(NDArray::scalar(4)).item<float>(), 4.0F);
  EXPECT_ERROR(sum(x, {3}), "[sum] dimension 3 is outside [-3, 3)");
  EXPECT_ERROR(sum(x, {0, -3}), "name 0 twice");
  EXPECT_ERROR(amax(NDArray::zeros({0, 3}), {0}), "dimension 0 of shape (0, 3) is empty and has no extreme");
  EXPECT_ERROR(argmax(NDArray::zeros({2, 0}), 1), "is empty");
  EXPECT_ERROR(mean(NDArray::ones({2}, DType::Int32)), "[mean] operand is int32");
  EXPECT_EQ(sum_to(x, {3, 1}).to_vector<float>(), sum(x, {0, 2}).to_vector<float>());
  EXPECT_ERROR(sum_to(x, {5}), "[sum_to]");
}

TEST(Indexing, GatherScatterAndTheirRefusals) {
  const NDArray x = NDArray::arange(6).view({2, 3});
  const NDArray index = NDArray::from_data(Ints{2, 0, 1, 1}, {2, 2});
  EXPECT_EQ(gather(x, 1, index).to_vector<float>(), (Floats{2, 0, 4, 4}));
  EXPECT_EQ(scatter_add({2, 3}, 1, index, NDArray::ones({2, 2})).to_vector<float>(),
            (Floats{1, 0, 1, 0, 2, 0}));
  EXPECT_EQ(unslice(NDArray::ones({2, 2}), {2, 3}, 1, 0, 3, 2).to_vector<float>(),
            (Floats{1, 0, 1, 1, 0, 1}));
  EXPECT_ERROR(gather(x, 1, index.to(DType::Int32)), "index (2, 2) is int32; expected int64");
  EXPECT_ERROR(gather(x, 0, index), "expected equal extents but there");
  EXPECT_ERROR(gather(x, 1, NDArray::from_data(Ints{2, 0, 3, 1}, {2, 2})), "3");
  EXPECT_ERROR(scatter_add({2, 3}, 1, index, NDArray::ones({2, 3})), "expected equal shapes");
  EXPECT_ERROR(unslice(NDArray::ones({2, 3}), {2, 3}, 1, 0, 3, 2), "which is (2, 2)");
}

TEST(Linalg, MatmulRanksAndRefusals) {
  const NDArray v = NDArray::arange(3);
  const NDArray m = NDArray::arange(6).view({2, 3});
  EXPECT_EQ(matmul(v, v).item<float>(), 5.0F);
  EXPECT_EQ(matmul(m, v).to_vector<float>(), (Floats{5, 14}));
  EXPECT_EQ(matmul(v, m.transpose(0, 1)).to_vector<float>(), (Floats{5, 14}));
  EXPECT_EQ(matmul(NDArray::ones({4, 1, 2, 3}), NDArray::ones({5, 3, 2})).shape(), (Shape{4, 5, 2, 2}));
  EXPECT_EQ(matmul(NDArray::ones({4, 2, 3}), v).shape(), (Shape{4, 2}));
  EXPECT_EQ(matmul(v, NDArray::ones({4, 3, 2})).shape(), (Shape{4, 2}));
  EXPECT_EQ(matmul(NDArray::ones({2, 0}), NDArray::ones({0, 2})).to_vector<float>(), (Floats{0, 0, 0, 0}));
  EXPECT_EQ(matmul(NDArray::ones({0, 2, 3}), NDArray::ones({3, 4})).shape(), (Shape{0, 2, 4}));
  EXPECT_ERROR(
      matmul(m, m),
      "shapes (2, 3) and (2, 3); expected (..., M, K) and (..., K, N), but K is 3 on the left and 2");
  EXPECT_ERROR(matmul(NDArray::ones({2, 2, 3}), NDArray::ones({3, 3, 2})), "[matmul] shapes (2,) and (3,)");
  EXPECT_ERROR(matmul(NDArray::scalar(1), v), "at least one dimension each");
  EXPECT_ERROR(linear(m, NDArray::ones({4, 2})), "[linear] input (2, 3) and weight (4, 2)");
  EXPECT_ERROR(linear(m, NDArray::ones({4, 3}), NDArray::ones({3})),
               "bias (3,) for weight (4, 3); expected (4,)");
}

TEST(Linalg, StridedOperandsAreNotCopied) {
  const int64_t before = copies_made();
  const NDArray a = NDArray::arange(24).view({2, 3, 4});
  EXPECT_EQ(matmul(a.transpose(1, 2), a).to_vector<float>(),
            matmul(a.transpose(1, 2).contiguous(), a.contiguous()).to_vector<float>());
  EXPECT_EQ(linear(a, NDArray::ones({4, 5}).transpose(0, 1)).shape(), (Shape{2, 3, 5}));
  EXPECT_EQ(copies_made(), before);
  linear(a.transpose(0, 1), NDArray::ones({5, 4}));  // rows do not join: this one is counted
  EXPECT_EQ(copies_made(), before + 1);
}

TEST(Softmax, RowsAddToOneForAnyDimensionAndSize) {
  const NDArray x = NDArray::from_data({1000.0F, 1001.0F, -1000.0F, 0.0F}, {2, 2});
  for (const int dim : {0, 1, -1}) {
    for (const float total : sum(softmax(x, dim), {dim}).to_vector<float>()) EXPECT_NEAR(total, 1, 1e-6);
  }
  EXPECT_NEAR(log_softmax(x, 1).to_vector<float>()[2], -1000, 1e-3);
  EXPECT_ERROR(softmax(x, 2), "[softmax] dimension 2 is outside [-2, 2)");
  EXPECT_ERROR(softmax(x.to(DType::Int64), 1), "[softmax] operand is int64");
}

}  // namespace
}  // namespace linnet
