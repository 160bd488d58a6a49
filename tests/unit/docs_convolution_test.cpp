// The code that docs/convolution.md shows, and the numbers it prints. tests/unit/docs_code_test.cpp holds the
// page against this file.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/linnet.h>
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using Values = std::vector<float>;

NDArray array(const Values& values, const Shape& shape) {
  return NDArray::from_data(values, shape);
}

// The page's example: an image of 3 x 3 pixels and a filter of 2 x 2.
const NDArray& image() {
  static const NDArray x = array({1, 2, 0, 0, 1, 3, 2, 1, 0}, {1, 1, 3, 3});
  return x;
}
const NDArray& filter() {
  static const NDArray f = array({1, -1, 2, 0}, {1, 1, 2, 2});
  return f;
}

TEST(DocsConvolution, TheDefinition) {
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    EXPECT_EQ(conv2d(image(), filter(), {.algorithm = algorithm}).to_vector<float>(), (Values{-1, 4, 3, 0}));
  }
}

TEST(DocsConvolution, Options) {
  const NDArray x = NDArray::ones({1, 4, 5, 6}), w = NDArray::ones({8, 1, 3, 3}), b = NDArray::zeros({8});
  NDArray y = conv2d(x, w, b, {.stride = {2, 1}, .padding = {1, 1, 0, 2}, .groups = 4});
  EXPECT_EQ(y.shape(), (Shape{1, 8, 3, 6}));
  EXPECT_ERROR(conv2d(x, NDArray::ones({8, 4, 9, 3})), "in height the filter spans 9");
}

TEST(DocsConvolution, StridesAndMemory) {
  NDArray a = NDArray::arange(36).reshape({6, 6});
  NDArray tiles = a.as_strided({3, 3, 2, 2}, {12, 2, 6, 1});
  EXPECT_EQ(a.strides(), (Strides{6, 1}));
  EXPECT_TRUE(tiles.shares_storage(a));
  EXPECT_EQ(tiles.select(0, 1).select(0, 2).to_vector<float>(), (Values{16, 17, 22, 23}));
  const Values memory = tiles.contiguous().storage().to_vector<float>();
  EXPECT_EQ(Values(memory.begin(), memory.begin() + 12), (Values{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));

  NDArray windows = a.as_strided({4, 4, 3, 3}, {6, 1, 6, 1});
  EXPECT_EQ(windows.numel(), 144);
  EXPECT_EQ(windows.select(0, 1).select(0, 2).to_vector<float>(), (Values{8, 9, 10, 14, 15, 16, 20, 21, 22}));
  EXPECT_ERROR(a.as_strided({5, 4, 3, 3}, {6, 1, 6, 1}), "as_strided");
}

TEST(DocsConvolution, EinsteinSumAndMatrixProduct) {
  const NDArray a = NDArray::arange(36).reshape({6, 6}), f = NDArray::arange(9).reshape({3, 3});
  const NDArray windows = a.as_strided({4, 4, 3, 3}, {6, 1, 6, 1});
  NDArray by_sum = einsum("hwkt,kt->hw", windows, f);
  NDArray columns = windows.contiguous().reshape({16, 9});
  NDArray by_product = matmul(columns, f.reshape({9, 1})).reshape({4, 4});
  const Values published = {366, 402, 438, 474, 582,  618,  654,  690,
                            798, 834, 870, 906, 1014, 1050, 1086, 1122};
  EXPECT_EQ(by_sum.to_vector<float>(), published);
  EXPECT_EQ(by_product.to_vector<float>(), published);
  EXPECT_EQ(columns.select(0, 1).to_vector<float>(), (Values{1, 2, 3, 7, 8, 9, 13, 14, 15}));
}

float patch(int64_t j, int64_t k) {
  const int64_t p = j / 2, q = j % 2, r = k / 2, s = k % 2;
  return image().select(2, p + r).select(2, q + s).item<float>();
}

TEST(DocsConvolution, AMatrixThatIsNotFormed) {
  Values patches;
  for (int64_t j = 0; j < 4; ++j) {
    for (int64_t k = 0; k < 4; ++k) patches.push_back(patch(j, k));
  }
  EXPECT_EQ(patches, (Values{1, 2, 0, 1, 2, 0, 1, 3, 0, 1, 2, 1, 1, 3, 1, 0}));
}

TEST(DocsConvolution, TheMatrixOfPatches) {
  EXPECT_EQ(image().as_strided({2, 2, 2, 2}, {3, 1, 3, 1}).contiguous().to_vector<float>(),
            (Values{1, 2, 0, 1, 2, 0, 1, 3, 0, 1, 2, 1, 1, 3, 1, 0}));
}

TEST(DocsConvolution, FewerMultiplications) {
  const Values d = {3, 1, -2, 5}, f = {2, -1, 4};
  const float m0 = (d[0] - d[2]) * f[0], m1 = (d[1] + d[2]) * (f[0] + f[1] + f[2]) / 2;
  const float m2 = (d[2] - d[1]) * (f[0] - f[1] + f[2]) / 2, m3 = (d[1] - d[3]) * f[2];
  const float y0 = m0 + m1 + m2, y1 = m1 - m2 - m3;
  EXPECT_EQ(y0, d[0] * f[0] + d[1] * f[1] + d[2] * f[2]);
  EXPECT_EQ(y1, d[1] * f[0] + d[2] * f[1] + d[3] * f[2]);
}

TEST(DocsConvolution, ChannelsLast) {
  const NDArray x = NDArray::arange(48).reshape({1, 4, 4, 3}), w = NDArray::ones({2, 2, 3, 5});
  NDArray y = conv2d(x, w, {.layout = Layout::NHWC, .algorithm = ConvAlgorithm::Shifted});
  NDArray windows = x.as_strided({1, 3, 3, 2, 2, 3}, {48, 12, 3, 12, 3, 1});
  NDArray same = einsum("bhwktc,ktcf->bhwf", windows, w);
  EXPECT_EQ(y.shape(), (Shape{1, 3, 3, 5}));
  EXPECT_EQ(same.to_vector<float>(), y.to_vector<float>());

  NDArray nchw = x.permute({0, 3, 1, 2});
  EXPECT_TRUE(nchw.is_channels_last());
  EXPECT_TRUE(conv2d(nchw, w.permute({3, 2, 0, 1})).is_channels_last());
}

TEST(DocsConvolution, GradientsByEveryAlgorithm) {
  const NDArray gy = array({0, 0.5, -1, 0}, {1, 1, 2, 2});
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    const Conv2dGeometry g =
        Conv2dGeometry::make(image().shape(), filter().shape(), {.algorithm = algorithm});
    EXPECT_EQ(conv2d_grad_input(gy, filter(), g).to_vector<float>(),
              (Values{0, 0.5, -0.5, -1, 2, 0, -2, 0, 0}));
    EXPECT_EQ(conv2d_grad_weight(image(), gy, g).to_vector<float>(), (Values{1, -1, -1.5, 0.5}));
  }
}

TEST(DocsConvolution, PhasesOfTheStride) {
  // One direction: 7 pixels, 3 taps, stride 2.
  const NDArray w = array({1, 10, 100}, {1, 1, 1, 3}), gy = array({1, 2, 3}, {1, 1, 1, 3});
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    const Conv2dGeometry g =
        Conv2dGeometry::make({1, 1, 1, 7}, w.shape(), {.stride = {1, 2}, .algorithm = algorithm});
    EXPECT_EQ(conv2d_grad_input(gy, w, g).to_vector<float>(), (Values{1, 10, 102, 20, 203, 30, 300}));
  }
}

TEST(DocsConvolution, BiasAndRelu) {
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    const Conv2dOptions options = {.algorithm = algorithm};
    const Tensor x = Tensor(image()).requires_grad_(), w = Tensor(filter()).requires_grad_();
    const Tensor b = Tensor(array({-3}, {1})).requires_grad_();
    Tensor y = conv2d_relu(x, w, b, options);
    EXPECT_EQ(y.to_vector<float>(), (Values{0, 1, 0, 0}));
    const Tensor gy = array({0, 0.5, -1, 0}, {1, 1, 2, 2});
    const Tensors g = autograd::grad(y, {x, w, b}, {.gy = gy});
    EXPECT_EQ(g[0].to_vector<float>(), (Values{0, 0.5, -0.5, 0, 1, 0, 0, 0, 0}));
    EXPECT_EQ(g[1].to_vector<float>(), (Values{1, 0, 0.5, 1.5}));
    EXPECT_EQ(g[2].to_vector<float>(), (Values{0.5}));
  }
}

TEST(DocsConvolution, ByName) {
  const NDArray x = image(), w = filter();
  NDArray y = conv2d(x, w, {.stride = 2, .algorithm = ConvAlgorithm::Phases});
  EXPECT_EQ(y.item<float>(), -1);
  EXPECT_EQ(conv_algorithm("im2col_view"), ConvAlgorithm::Im2colView);
  EXPECT_ERROR(conv_algorithm("fast"),
               "there is no algorithm 'fast'; there are auto, direct, im2col, implicit, winograd, shifted, "
               "im2col_view, einsum, "
               "dilate_flip, phases");
}

}  // namespace
}  // namespace linnet
