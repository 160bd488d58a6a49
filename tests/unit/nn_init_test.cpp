// Initialisers: bounds, scales, order of draws.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <linnet/core/random.h>
#include <linnet/nn/init.h>
#include <linnet/nn/layers.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

struct Moments {
  double mean, deviation, low, high;
};

Moments moments_of(const Tensor& tensor) {
  const std::vector<double> values = tensor.to_vector<double>();
  const double n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / n), *std::min_element(values.begin(), values.end()),
          *std::max_element(values.begin(), values.end())};
}

Tensor weights(const Shape& shape) {
  manual_seed(1);
  return NDArray::zeros(shape, DType::Float64);
}

// Standard errors of 180 x 60 x 3 x 3 = 97200 draws are 0.23 % of the deviation; 2 % is far outside chance.
const Shape kFilters{180, 60, 3, 3};
constexpr double kFanIn = 60 * 9;
constexpr double kFanOut = 180 * 9;

void expect_normal(const Tensor& w, double deviation) {
  const Moments m = moments_of(w);
  EXPECT_NEAR(m.mean, 0, 0.02 * deviation);
  EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
  EXPECT_GT(m.high, 3 * deviation);
}

void expect_uniform(const Tensor& w, double bound) {
  const Moments m = moments_of(w);
  EXPECT_GE(m.low, -bound);
  EXPECT_LE(m.high, bound);
  EXPECT_NEAR(m.low, -bound, 0.001 * bound);
  EXPECT_NEAR(m.high, bound, 0.001 * bound);
  EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), 0.02 * bound);
}

TEST(Init, FansCountTheWindow) {
  EXPECT_EQ(nn::fans({180, 60, 3, 3}).in, 540);
  EXPECT_EQ(nn::fans({180, 60, 3, 3}).out, 1620);
  EXPECT_EQ(nn::fans({10, 250}).in, 250);
  EXPECT_EQ(nn::fans({10, 250}).out, 10);
  EXPECT_ERROR(nn::fans({10}), "[fans] a weight of shape (10,) has no fan-in");
}

TEST(Init, HeNormalHasScaleRootOfTwoByFanIn) {
  const Tensor w = weights(kFilters);
  nn::kaiming_normal_(w);
  expect_normal(w, std::sqrt(2 / kFanIn));  // not 2 / sqrt(fan_in)
  nn::kaiming_normal_(w, {.fan = nn::Fan::Out});
  expect_normal(w, std::sqrt(2 / kFanOut));
  nn::kaiming_normal_(w, {.a = 2});
  expect_normal(w, std::sqrt(2 / (5 * kFanIn)));
}

TEST(Init, HeUniformHasTheSameVariance) {
  const Tensor w = weights(kFilters);
  nn::kaiming_uniform_(w);
  expect_uniform(w, std::sqrt(6 / kFanIn));
}

TEST(Init, XavierUsesBothFans) {
  const Tensor w = weights(kFilters);
  nn::xavier_normal_(w);
  expect_normal(w, std::sqrt(2 / (kFanIn + kFanOut)));
  nn::xavier_uniform_(w);
  expect_uniform(w, std::sqrt(6 / (kFanIn + kFanOut)));
  nn::xavier_uniform_(w, {.gain = 0.5});
  expect_uniform(w, 0.5 * std::sqrt(6 / (kFanIn + kFanOut)));
}

TEST(Init, LayersStartAsPyTorchsDo) {
  manual_seed(2);
  const nn::Conv2d conv(64, 900, {.kernel = {3, 2}});
  expect_uniform(conv.weight, 1 / std::sqrt(64.0 * 6));
  EXPECT_LE(moments_of(conv.bias).high, 1 / std::sqrt(64.0 * 6));
  EXPECT_GT(moments_of(conv.bias).high, 0.95 / std::sqrt(64.0 * 6));
  const nn::Linear fc(100, 900);
  expect_uniform(fc.weight, 0.1);
  EXPECT_GT(moments_of(fc.bias).high, 0.095);
  const nn::Conv2d grouped(64, 960, {.kernel = 3, .groups = 4});
  expect_uniform(grouped.weight, 1 / std::sqrt(16.0 * 9));
}

TEST(Init, DrawsWeightBeforeBiasFromTheDefaultGenerator) {
  manual_seed(5);
  const nn::Linear fc(4, 3);
  manual_seed(5);
  const Tensor w = NDArray::zeros({3, 4});
  const Tensor b = NDArray::zeros({3});
  nn::uniform_(w, -0.5, 0.5);
  nn::uniform_(b, -0.5, 0.5);
  EXPECT_EQ(fc.weight.to_vector<float>(), w.to_vector<float>());
  EXPECT_EQ(fc.bias.to_vector<float>(), b.to_vector<float>());
}

TEST(Init, NormalAndUniformTakeTheirParameters) {
  const Tensor w = weights({200, 200});
  nn::normal_(w, 5, 0.5);
  EXPECT_NEAR(moments_of(w).mean, 5, 0.02);
  EXPECT_NEAR(moments_of(w).deviation, 0.5, 0.01);
  nn::uniform_(w, 2, 3);
  EXPECT_NEAR(moments_of(w).mean, 2.5, 0.01);
  EXPECT_GE(moments_of(w).low, 2);
  EXPECT_LT(moments_of(w).high, 3);
}

}  // namespace
}  // namespace linnet
