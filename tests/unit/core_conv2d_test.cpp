// Conv2dGeometry: resolved extents, derived quantities checked by walking positions, and refusals; and what
// the conv2d operators check before a backend sees anything.
#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/conv2d.h>
#include <linnet/core/ops.h>

#include <vector>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

TEST(Conv2dGeometry, ShapeTableOfTheLiterature) {
  EXPECT_EQ(Conv2dGeometry::make({10, 8, 32, 32}, {16, 8, 3, 3}, {}).output_shape(), (Shape{10, 16, 30, 30}));
  EXPECT_EQ(Conv2dGeometry::make({10, 8, 32, 32}, {16, 8, 1, 1}, {}).output_shape(), (Shape{10, 16, 32, 32}));
  EXPECT_EQ(Conv2dGeometry::make({64, 3, 50, 50}, {15, 3, 4, 4}, {.stride = 2}).output_shape(),
            (Shape{64, 15, 24, 24}));
  EXPECT_EQ(Conv2dGeometry::make({1, 32, 14, 14}, {64, 32, 2, 2}, {.stride = 2, .padding = 1}).output_shape(),
            (Shape{1, 64, 8, 8}));
}

/// Every derived quantity from its definition, by enumerating where filters lie.
void check_axis(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                int64_t after) {
  const Conv2dGeometry g = Conv2dGeometry::make(
      {1, 1, extent, 1}, {1, 1, kernel, 1},
      {.stride = {stride, 1}, .padding = {before, after, 0, 0}, .dilation = {dilation, 1}});
  const int64_t padded = extent + before + after;
  int64_t outputs = 0;
  int64_t reached = 0;
  for (int64_t start = 0; start + dilation * (kernel - 1) < padded; start += stride) {
    ++outputs;
    reached = start + dilation * (kernel - 1) + 1;
  }
  EXPECT_EQ(g.P, outputs);
  EXPECT_EQ(g.leftover_h(), padded - reached);
  // A full convolution of the dilated output gradient gives back the input's extent.
  const Padding full = g.full_padding();
  EXPECT_EQ((g.P - 1) * stride + 1 + full.top + full.bottom - (g.span_h() - 1), extent);
  // Output 0 meets input row 0 through filter row `before / dilation`: the flipped filter starts there.
  EXPECT_EQ(full.top, g.span_h() - 1 - before);
}

TEST(Conv2dGeometry, DerivedQuantitiesAgreeWithEnumeration) {
  for (int64_t extent : {1, 2, 5, 8, 13}) {
    for (int64_t kernel : {1, 2, 3, 5}) {
      for (int64_t stride : {1, 2, 3, 5}) {
        for (int64_t dilation : {1, 2, 3}) {
          for (int64_t before : {0, 1, 4, 7}) {
            for (int64_t after : {0, 2, 5}) {
              if (extent + before + after < dilation * (kernel - 1) + 1) continue;
              check_axis(extent, kernel, stride, dilation, before, after);
            }
          }
        }
      }
    }
  }
}

TEST(Conv2dGeometry, SamePaddingKeepsTheExtentOverTheStride) {
  for (int64_t extent : {1, 4, 7, 28}) {
    for (int64_t kernel : {1, 2, 3, 5}) {
      for (int64_t stride : {1, 2, 3}) {
        const Conv2dGeometry g =
            Conv2dGeometry::make({1, 1, extent, extent + 1}, {1, 1, kernel, kernel},
                                 {.stride = stride, .padding = Padding::Same, .dilation = 2});
        EXPECT_EQ(g.P, (extent + stride - 1) / stride);
        EXPECT_EQ(g.Q, (extent + stride) / stride);
        EXPECT_TRUE(g.pad_bottom == g.pad_top || g.pad_bottom == g.pad_top + 1);
      }
    }
  }
}

TEST(Conv2dGeometry, WindowsTileOnlyWhereStrideIsKernel) {
  EXPECT_TRUE(Conv2dGeometry::make({1, 1, 8, 8}, {1, 1, 2, 2}, {.stride = 2}).windows_tile());
  EXPECT_FALSE(Conv2dGeometry::make({1, 1, 8, 8}, {1, 1, 2, 2}, {.stride = {2, 1}}).windows_tile());
  EXPECT_FALSE(Conv2dGeometry::make({1, 1, 8, 8}, {1, 1, 2, 2}, {.stride = 2, .dilation = 2}).windows_tile());
}

TEST(Conv2dGeometry, Refusals) {
  EXPECT_ERROR(Conv2dGeometry::make({128, 3, 28, 28}, {32, 1, 2, 2}, {}),
               "input (128, 3, 28, 28) has 3 channels, filters (32, 1, 2, 2) with groups=1 read 1");
  EXPECT_ERROR(Conv2dGeometry::make({3, 28, 28}, {32, 3, 2, 2}, {}), "expected input (N, C, H, W)");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 2, 9}, {1, 1, 3, 3}, {}),
               "in height the filter spans 3 (kernel 3, dilation 1), the padded image 2 (2 + 0 + 0)");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 2}, {1, 1, 1, 2}, {.dilation = 4}),
               "in width the filter spans 5");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 2}, {1, 1, 1, 3}, {}),
               "output = floor((input + padding - dilation * (kernel - 1) - 1) / stride) + 1");
  EXPECT_ERROR(Conv2dGeometry::make({1, 4, 9, 9}, {6, 1, 3, 3}, {.groups = 3}), "groups 3");
  EXPECT_ERROR(Conv2dGeometry::make({1, 4, 9, 9}, {6, 2, 3, 3}, {.groups = 0}), "groups 0");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 9}, {1, 1, 3, 3}, {.stride = 0}),
               "stride 0x0; expected at least 1");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 9}, {1, 1, 3, 3}, {.dilation = {1, 0}}), "dilation 1x0");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 9}, {1, 1, 3, 3}, {.padding = {0, -1}}),
               "padding 0, 0, -1, -1");
  EXPECT_ERROR(Conv2dGeometry::make({1, 1, 9, 9}, {1, 1, 3, 3}, {.kernel = 2}), "the options say kernel 2x2");
}

TEST(Conv2dOperator, ChecksItsOperands) {
  const NDArray x = NDArray::zeros({1, 2, 4, 4});
  const NDArray w = NDArray::zeros({3, 2, 2, 2});
  EXPECT_ERROR(conv2d(x, w.to(DType::Float64)), "float32 (1, 2, 4, 4) and float64 (3, 2, 2, 2)");
  EXPECT_ERROR(conv2d(x.to(DType::Int32), w.to(DType::Int32)),
               "operand is int32; expected float32 or float64");
  EXPECT_ERROR(conv2d(x, w.to(device("meta"))), "cpu (1, 2, 4, 4) and meta (3, 2, 2, 2)");
  EXPECT_ERROR(conv2d(x, w, NDArray::zeros({2})), "bias (2,) for filters (3, 2, 2, 2); expected (3,)");
  EXPECT_ERROR(conv2d(x, NDArray::zeros({3, 1, 2, 2})), "[conv2d] input (1, 2, 4, 4) has 2 channels");
  const Conv2dGeometry g = Conv2dGeometry::make(x.shape(), w.shape(), {});
  EXPECT_ERROR(conv2d_grad_input(x, w, g),
               "output gradient (1, 2, 4, 4) and filters (3, 2, 2, 2) do not fit the conv2d");
  EXPECT_ERROR(conv2d_grad_weight(x, w, g), "input (1, 2, 4, 4) and output gradient (3, 2, 2, 2) do not fit");
}

TEST(Conv2dOperator, WithReluSpeaksInItsOwnName) {
  const NDArray x = NDArray::zeros({1, 2, 4, 4});
  const NDArray w = NDArray::zeros({3, 2, 2, 2});
  EXPECT_ERROR(conv2d_relu(x, w.to(DType::Float64)), "[conv2d_relu] ");
  EXPECT_ERROR(conv2d_relu(x.to(DType::Int32), w.to(DType::Int32)), "[conv2d_relu] ");
  EXPECT_ERROR(conv2d_relu(x, w, NDArray::zeros({2})),
               "[conv2d_relu] bias (2,) for filters (3, 2, 2, 2); expected (3,)");
  EXPECT_ERROR(conv2d_relu(x, NDArray::zeros({3, 1, 2, 2})),
               "[conv2d_relu] input (1, 2, 4, 4) has 2 channels, filters (3, 1, 2, 2) with groups=1 read 1");
  EXPECT_ERROR(conv2d_relu(x, w, {.dilation = 4}), "[conv2d_relu] input (1, 2, 4, 4) and filters");
  EXPECT_ERROR(conv2d_relu(x, w, {.dilation = 4, .padding_mode = PaddingMode::Reflect}),
               "[conv2d_relu] input (1, 2, 4, 4) and filters");
  EXPECT_ERROR(conv2d_relu(x.reshape({8, 4}), w, {.layout = Layout::NHWC}),
               "[conv2d_relu] input (8, 4), filters (3, 2, 2, 2); expected input (N, H, W, C)");
  EXPECT_ERROR(conv2d_relu(Tensor(x), Tensor(w), Tensor(NDArray::zeros({2})), {.layout = Layout::NCHW}),
               "[conv2d_relu] bias (2,)");
}

// The kernels in one pass, the composed algorithms in two: by all the result is relu(conv2d(...)), in every
// bit and in its order of memory.
TEST(Conv2dOperator, WithReluIsReluOfIt) {
  const NDArray x = random_normal({2, 4, 9, 7}), w = random_normal({6, 2, 3, 3}), bias = random_normal({6});
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    for (const PaddingMode mode : {PaddingMode::Zeros, PaddingMode::Circular}) {
      SCOPED_TRACE(name(algorithm));
      Conv2dOptions options = {.stride = {2, 1}, .padding = 1, .groups = 2, .algorithm = algorithm};
      options.padding_mode = mode;
      const auto expect_same = [](const NDArray& y, const NDArray& of) {
        EXPECT_EQ(y.to_vector<float>(), relu(of).to_vector<float>());
        EXPECT_EQ(y.strides(), of.strides());
      };
      expect_same(conv2d_relu(x, w, bias, options), conv2d(x, w, bias, options));
      expect_same(conv2d_relu(x, w, options), conv2d(x, w, options));
      const NDArray last = x.to(MemoryOrder::ChannelsLast);
      expect_same(conv2d_relu(last, w, bias, options), conv2d(last, w, bias, options));
      options.layout = Layout::NHWC;
      const NDArray pixels = x.permute({0, 2, 3, 1}), taps = w.permute({2, 3, 1, 0});
      expect_same(conv2d_relu(pixels, taps, bias, options), conv2d(pixels, taps, bias, options));
    }
  }
}

TEST(Conv2dOperator, NoCopyForNchwAndNhwc) {
  const int64_t before = copies_made();
  const NDArray x = NDArray::ones({2, 3, 5, 6});
  const NDArray w = NDArray::ones({4, 3, 2, 2});
  const NDArray y = conv2d(x, w);
  EXPECT_TRUE(y.is_contiguous());
  const NDArray last = conv2d(x.to(MemoryOrder::ChannelsLast), w);
  EXPECT_TRUE(last.is_channels_last());
  EXPECT_EQ(last.to_vector<float>(), y.to_vector<float>());
  const NDArray nhwc =
      conv2d(NDArray::ones({2, 5, 6, 3}), NDArray::ones({2, 2, 3, 4}), {.layout = Layout::NHWC});
  EXPECT_EQ(nhwc.shape(), (Shape{2, 4, 5, 4}));
  EXPECT_TRUE(nhwc.is_contiguous());
  const NDArray one_channel =
      conv2d(NDArray::ones({2, 5, 6, 1}), NDArray::ones({2, 2, 1, 4}), {.layout = Layout::NHWC});
  EXPECT_TRUE(one_channel.is_contiguous());
  EXPECT_EQ(copies_made(), before);
}

TEST(Conv2dOperator, TheFirstLayerOfANetworkInChannelsLastOrder) {
  const NDArray x = NDArray::ones({2, 1, 5, 6}), w = NDArray::ones({4, 1, 2, 2});
  const auto is_last = [](const NDArray& y) { return y.is_channels_last() && !y.is_contiguous(); };
  EXPECT_TRUE(is_last(conv2d(x, w.to(MemoryOrder::ChannelsLast))));
  EXPECT_TRUE(is_last(conv2d(x.to(MemoryOrder::ChannelsLast), w)));
  EXPECT_FALSE(is_last(conv2d(x, w)));
}

}  // namespace
}  // namespace linnet
