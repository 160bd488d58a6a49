// Values published in the literature that linnet implements, and a test for each known mistake of published
// code. arange(a..b) is row-major; convolution is cross-correlation.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/autograd/ops.h>
#include <linnet/nn/init.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>

namespace linnet {
namespace {

using Numbers = std::vector<double>;

/// first, first + 1, ... in that shape.
NDArray counting(int64_t first, const Shape& shape) {
  return NDArray::arange(first, first + shape.product()).reshape(shape);
}

NDArray list(const std::vector<float>& values) {
  return NDArray::from_data(values, {static_cast<int64_t>(values.size())});
}

Numbers numbers(const Tensor& x) {
  return x.to_vector<double>();
}

// Every way to compute a convolution has to give the published numbers.
class PublishedConvolution : public testing::TestWithParam<ConvAlgorithm> {
 protected:
  Conv2dOptions options(Conv2dOptions given = {}) const {
    given.algorithm = GetParam();
    return given;
  }
};
INSTANTIATE_TEST_SUITE_P(Algorithms, PublishedConvolution, testing::ValuesIn(conv_algorithms()));

TEST_P(PublishedConvolution, WindowSumOf6x6) {
  const NDArray y = conv2d(counting(0, {1, 1, 6, 6}), counting(0, {1, 1, 3, 3}), options());
  EXPECT_EQ(y.shape(), (Shape{1, 1, 4, 4}));
  EXPECT_EQ(numbers(y),
            (Numbers{366, 402, 438, 474, 582, 618, 654, 690, 798, 834, 870, 906, 1014, 1050, 1086, 1122}));
}

TEST_P(PublishedConvolution, WindowSumOf5x5) {
  const NDArray y = conv2d(counting(0, {1, 1, 5, 5}), counting(0, {1, 1, 3, 3}), options());
  EXPECT_EQ(numbers(y), (Numbers{312, 348, 384, 492, 528, 564, 672, 708, 744}));
}

TEST_P(PublishedConvolution, Stride2Padding1AndRelu) {
  const NDArray y = relu(conv2d(counting(1, {1, 1, 3, 4}), counting(1, {2, 1, 2, 2}), list({1, 2}),
                                options({.stride = 2, .padding = 1})));
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 3}));
  EXPECT_EQ(numbers(y), (Numbers{5, 19, 13, 47, 95, 45, 10, 40, 30, 104, 232, 126}));
}

TEST_P(PublishedConvolution, TwoInputChannels) {
  const NDArray x = counting(1, {1, 2, 3, 3});
  const NDArray w = counting(1, {2, 2, 2, 2});
  const NDArray b = list({1, 2});
  EXPECT_EQ(numbers(conv2d(x, w, b, options())), (Numbers{357, 393, 465, 501, 838, 938, 1138, 1238}));
  const NDArray padded = conv2d(x, w, b, options({.padding = 1}));
  EXPECT_EQ(padded.shape(), (Shape{1, 2, 4, 4}));
  EXPECT_EQ(numbers(padded),
            (Numbers{85,  170, 192, 94,  183, 357, 393, 187, 243, 465,  501,  235, 111, 206, 220, 100,
                     174, 363, 417, 215, 408, 838, 938, 476, 564, 1138, 1238, 620, 296, 591, 637, 317}));
  EXPECT_EQ(numbers(conv2d(padded, w, b, options())),
            (Numbers{15011, 20885, 16057, 23607, 32231, 24383, 18779, 25317, 18937, 35636, 50230, 39354,
                     57176, 79176, 61088, 47692, 65286, 49882}));
}

TEST_P(PublishedConvolution, Backward) {
  const Tensor x = Tensor(counting(1, {1, 1, 4, 4})).requires_grad_();
  const Tensor w = Tensor(counting(1, {2, 1, 2, 2})).requires_grad_();
  const Tensor b = Tensor(list({1, 1})).requires_grad_();
  const Tensor y = conv2d(x, w, b, options());
  y.backward(y.data() - 2);
  EXPECT_EQ(numbers(w.grad()), (Numbers{6042, 6879, 9390, 10227, 15018, 17079, 23262, 25323}));
  EXPECT_EQ(numbers(b.grad()), (Numbers{837, 2061}));
  // Without flipping the filters it would begin 964 2034 2494.
  EXPECT_EQ(numbers(x.grad()), (Numbers{538, 1358, 1674, 1032, 1920, 4620, 5396, 3196, 3328, 7724, 8500, 4892,
                                        2518, 5678, 6138, 3444}));
}

TEST_P(PublishedConvolution, OnePatchOfAnRgbImageGives10) {
  const NDArray image = NDArray::from_data<float>({1, 2, 3, 0, 1, 2, 1, 0, 1,   // red: -4
                                                   4, 5, 6, 3, 2, 1, 4, 3, 2,   // green: 9
                                                   7, 8, 9, 6, 5, 4, 7, 6, 5},  // blue: 5
                                                  {1, 3, 3, 3});
  const NDArray filter = NDArray::from_data<float>(
      {1, 0, -1, 1, 0, -1, 1, 0, -1, 0, 1, 0, 1, 0, -1, 1, 0, -1, -1, 0, 1, 0, 1, 0, -1, 0, 1}, {1, 3, 3, 3});
  EXPECT_EQ(numbers(conv2d(image, filter, options())), (Numbers{10}));
  const NDArray by_channel = conv2d(image, filter.reshape({3, 1, 3, 3}), options({.groups = 3}));
  EXPECT_EQ(numbers(by_channel), (Numbers{-4, 9, 5}));
}

// ---- known mistakes

TEST_P(PublishedConvolution, TheInputGradientTellsRowsFromColumns) {
  // One output, so the gradient is the filter itself; H, W, R and S all differ.
  const Tensor x = Tensor(NDArray::zeros({1, 1, 2, 5})).requires_grad_();
  const Tensor w = Tensor(counting(1, {1, 1, 2, 3}));
  conv2d(x, w, options({.stride = {1, 3}})).backward(NDArray::ones({1, 1, 1, 1}));
  EXPECT_EQ(numbers(x.grad()), (Numbers{1, 2, 3, 0, 0, 4, 5, 6, 0, 0}));
}

TEST_P(PublishedConvolution, TheInputGradientExistsForEveryStride) {
  for (const int64_t stride : {3, 4, 7}) {
    const int64_t extent = 2 * stride + 3;
    const Tensor x = Tensor(NDArray::zeros({1, 1, extent, extent})).requires_grad_();
    const Tensor w = Tensor(counting(1, {1, 1, 2, 2}));
    const Tensor y = conv2d(x, w, options({.stride = stride}));
    y.backward(NDArray::ones(y.shape()));
    Numbers expected(static_cast<size_t>(extent * extent), 0.0);
    for (int64_t p = 0; p < y.size(2); ++p) {
      for (int64_t q = 0; q < y.size(3); ++q) {
        for (int64_t r = 0; r < 2; ++r) {
          for (int64_t s = 0; s < 2; ++s) {
            expected[static_cast<size_t>((p * stride + r) * extent + q * stride + s)] +=
                static_cast<double>(2 * r + s + 1);
          }
        }
      }
    }
    EXPECT_EQ(numbers(x.grad()), expected) << "stride " << stride;
  }
}

TEST_P(PublishedConvolution, WeightAndBiasGradientsSumOverTheWholeBatch) {
  const NDArray images = counting(1, {3, 2, 4, 5});
  const NDArray weight = counting(1, {2, 2, 2, 3});
  NDArray sum_w = NDArray::zeros(weight.shape());
  NDArray sum_b = NDArray::zeros({2});
  const auto gradients = [&](const NDArray& x) {
    const Tensor w = Tensor(weight).requires_grad_();
    const Tensor b = Tensor(NDArray::zeros({2})).requires_grad_();
    const Tensor y = conv2d(x, w, b, options());
    y.backward(NDArray::ones(y.shape()));
    return Tensors{w.grad(), b.grad()};
  };
  for (int64_t n = 0; n < 3; ++n) {
    const Tensors one = gradients(images.slice(0, n, n + 1));
    sum_w = sum_w + one[0].data();
    sum_b = sum_b + one[1].data();
  }
  const Tensors all = gradients(images);
  EXPECT_EQ(numbers(all[0]), numbers(sum_w));
  EXPECT_EQ(numbers(all[1]), numbers(sum_b));
  EXPECT_EQ(numbers(all[1]), (Numbers{3 * 9, 3 * 9}));
}

TEST_P(PublishedConvolution, ABiasOfZerosIsStillABias) {
  const Tensor x = counting(1, {2, 1, 3, 3});
  const Tensor w = counting(1, {1, 1, 2, 2});
  const Tensor b = Tensor(NDArray::zeros({1})).requires_grad_();
  const Tensor y = conv2d(x, w, b, options());
  ASSERT_TRUE(y.requires_grad());
  y.backward(NDArray::ones(y.shape()));
  ASSERT_TRUE(b.grad().defined());
  EXPECT_EQ(numbers(b.grad()), (Numbers{8}));
}

TEST_P(PublishedConvolution, AStrideThatLeavesARemainderRoundsDown) {
  const Conv2dGeometry g =
      Conv2dGeometry::make({1, 1, 8, 10}, {1, 1, 3, 3}, {.stride = {2, 4}, .padding = {0, 1}});
  EXPECT_EQ(g.output_shape(), (Shape{1, 1, 3, 3}));
  EXPECT_EQ(g.leftover_h(), 1);
  EXPECT_EQ(g.leftover_w(), 1);
  // Output (p, q) reads from row p * stride: not every stride-th of an output that is already strided.
  const NDArray one = NDArray::ones({1, 1, 1, 1});
  const NDArray y = conv2d(counting(0, {1, 1, 5, 7}), one, options({.stride = {2, 3}}));
  EXPECT_EQ(numbers(y), (Numbers{0, 3, 6, 14, 17, 20, 28, 31, 34}));
}

TEST_P(PublishedConvolution, ShapeTable) {
  const NDArray nhwc = NDArray::zeros({10, 32, 32, 8});
  const auto in_nhwc = [&](const Shape& filters) {
    return conv2d(nhwc, NDArray::zeros(filters), options({.layout = Layout::NHWC})).shape();
  };
  EXPECT_EQ(in_nhwc({3, 3, 8, 16}), (Shape{10, 30, 30, 16}));
  EXPECT_EQ(in_nhwc({1, 1, 8, 16}), (Shape{10, 32, 32, 16}));
  EXPECT_EQ(
      conv2d(NDArray::zeros({64, 3, 50, 50}), NDArray::zeros({15, 3, 4, 4}), options({.stride = 2})).shape(),
      (Shape{64, 15, 24, 24}));
}

TEST(PublishedCases, SimpleCnnShapes) {
  const nn::SimpleCNN model;
  const Tensor x = NDArray::zeros({1, 1, 28, 28});
  const Tensor h1 = model.conv1(x);
  const Tensor h2 = model.conv2(h1);
  const Tensor h3 = model.conv3(h2);
  EXPECT_EQ(h1.shape(), (Shape{1, 32, 14, 14}));
  EXPECT_EQ(h2.shape(), (Shape{1, 64, 8, 8}));
  EXPECT_EQ(h3.shape(), (Shape{1, 128, 4, 4}));
  EXPECT_EQ(h3.flatten(1).shape(), (Shape{1, 2048}));
  EXPECT_EQ(model.fc1(h3.flatten(1)).shape(), (Shape{1, 250}));
  EXPECT_EQ(model(x).shape(), (Shape{1, 10}));
}

TEST(PublishedCases, AsStridedCutsTiles) {
  const NDArray tiles = counting(0, {6, 6}).as_strided({3, 3, 2, 2}, {12, 2, 6, 1});
  EXPECT_EQ(numbers(tiles.select(0, 0).select(0, 0)), (Numbers{0, 1, 6, 7}));
  const Numbers memory = numbers(tiles.contiguous().storage());
  EXPECT_EQ(Numbers(memory.begin(), memory.begin() + 16),
            (Numbers{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 12, 13, 18, 19}));
}

TEST(PublishedCases, AWindowViewWithTooManyRowsIsAnError) {
  const NDArray image = counting(0, {6, 6});
  const NDArray windows = image.as_strided({4, 4, 3, 3}, {6, 1, 6, 1});
  EXPECT_EQ(numbers(windows.select(0, 3).select(0, 3)), (Numbers{21, 22, 23, 27, 28, 29, 33, 34, 35}));
  try {
    image.as_strided({5, 4, 3, 3}, {6, 1, 6, 1});
    FAIL() << "read memory that is not the array's";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("[as_strided]"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("36"), std::string::npos) << error.what();
  }
}

TEST(PublishedCases, HeInitialisationHasStandardDeviationRootOf2OverFanIn) {
  manual_seed(0);
  const Tensor weight = NDArray::zeros({64, 32, 5, 5});
  nn::kaiming_normal_(weight);
  const double n = static_cast<double>(weight.numel());
  const double fan_in = 32 * 5 * 5;
  const double deviation = std::sqrt(sum(square(weight)).item<double>() / n);
  EXPECT_NEAR(deviation, std::sqrt(2 / fan_in), 0.02 * std::sqrt(2 / fan_in));
  EXPECT_NEAR(mean(weight).item<double>(), 0, 4 * std::sqrt(2 / fan_in / n));
}

}  // namespace
}  // namespace linnet
