// Pool2dGeometry: extents as PyTorch's, windows and their reverse, refusals; and what the operators check.
// Their values: check/cases_pool.cpp.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/ops.h>
#include <linnet/core/pool2d.h>
#include <linnet/core/random.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/pool_windows.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using pooling::Window;

Pool2dGeometry max_geometry(const Shape& x, const Pool2dOptions& options) {
  return Pool2dGeometry::make(PoolKind::Max, x, options);
}

TEST(Pool2dGeometry, ExtentsAreThoseOfPyTorch) {
  struct Row {
    int64_t in, kernel, stride, padding, dilation, floor, ceil;
  };
  const Row rows[] = {
      {28, 2, 2, 0, 1, 14, 14}, {112, 3, 2, 1, 1, 56, 57}, {7, 2, 2, 0, 1, 3, 4},  {5, 2, 3, 1, 1, 2, 2},
      {4, 2, 3, 1, 1, 2, 2},    {2, 4, 3, 0, 1, -1, 1},    {1, 2, 2, 1, 1, 1, 1},  {10, 3, 4, 1, 1, 3, 3},
      {10, 3, 4, 0, 1, 2, 3},   {6, 3, 2, 1, 1, 3, 4},     {7, 2, 1, 1, 3, 6, 6},  {8, 3, 3, 1, 2, 2, 3},
      {5, 1, 3, 0, 1, 2, 2},    {3, 5, 2, 2, 1, 2, 2},     {13, 3, 5, 1, 1, 3, 3},
  };
  for (const Row& row : rows) {
    for (const bool ceil : {false, true}) {
      const int64_t out = ceil ? row.ceil : row.floor;
      if (out < 0) continue;
      // One axis at a time, so that neither stands for the other.
      const Pool2dOptions down{.kernel = {row.kernel, 1},
                               .stride = {row.stride, 1},
                               .padding = {row.padding, 0},
                               .dilation = {row.dilation, 1},
                               .ceil_mode = ceil};
      const Pool2dOptions across{.kernel = {1, row.kernel},
                                 .stride = {1, row.stride},
                                 .padding = {0, row.padding},
                                 .dilation = {1, row.dilation},
                                 .ceil_mode = ceil};
      EXPECT_EQ(max_geometry({2, 3, row.in, 5}, down).output_shape(), (Shape{2, 3, out, 5}))
          << row.in << " " << row.kernel << " " << row.stride << " " << ceil;
      EXPECT_EQ(max_geometry({2, 3, 5, row.in}, across).output_shape(), (Shape{2, 3, 5, out}));
    }
  }
  EXPECT_EQ(Pool2dGeometry::upsample({1, 2, 5, 4}, {.scale_factor = {2.5, 1.3}}).output_shape(),
            (Shape{1, 2, 12, 5}));
  EXPECT_EQ(Pool2dGeometry::adaptive(PoolKind::Max, {4, 2, 5, 7}, {3, 9}).output_shape(),
            (Shape{4, 2, 3, 9}));
}

/// Each input's windows are those that see it, and those that see nothing of it beside them only by dilation.
void expect_reverse(const WindowAxis& axis, const std::string& what) {
  for (int64_t i = 0; i < axis.in; ++i) {
    const Window found = pooling::windows_of(axis, i);
    EXPECT_TRUE(found.count == 0 || (found.first >= 0 && found.first + found.count <= axis.out)) << what;
    for (int64_t p = 0; p < axis.out; ++p) {
      const Window seen = pooling::window(axis, p);
      const int64_t step = axis.kind == WindowKind::Strided ? axis.dilation : 1;
      const bool sees = i >= seen.first && i < seen.first + seen.count * step && (i - seen.first) % step == 0;
      const bool listed = p >= found.first && p < found.first + found.count;
      EXPECT_TRUE(listed || !sees) << what << ": window " << p << " sees " << i;
      EXPECT_TRUE(sees || !listed || step > 1) << what << ": window " << p << " does not see " << i;
    }
  }
}

TEST(PoolWindows, TheReverseOfWindowsIsTheirs) {
  for (int64_t in = 1; in <= 9; ++in) {
    for (int64_t kernel = 1; kernel <= 4; ++kernel) {
      for (int64_t stride = 1; stride <= 4; ++stride) {
        for (int64_t padding = 0; padding <= kernel / 2; ++padding) {
          if (kernel <= in + 2 * padding) {
            const Pool2dOptions options{.kernel = kernel, .stride = stride, .padding = padding};
            expect_reverse(max_geometry({1, 1, in, in}, options).h, "strided");
          }
          const Pool2dOptions dilated{
              .kernel = {kernel, 1}, .stride = {stride, 1}, .padding = {padding, 0}, .dilation = {2, 1}};
          if (2 * (kernel - 1) < in) expect_reverse(max_geometry({1, 1, in, in}, dilated).h, "dilated");
        }
      }
    }
    for (int64_t out = 1; out <= 20; ++out) {
      expect_reverse(Pool2dGeometry::adaptive(PoolKind::Average, {1, 1, in, in}, out).h, "adaptive");
      for (const bool aligned : {false, true}) {
        const UpsampleOptions linear{.size = out, .mode = UpsampleMode::Bilinear, .align_corners = aligned};
        expect_reverse(Pool2dGeometry::upsample({1, 1, in, in}, linear).h, "linear");
      }
      expect_reverse(Pool2dGeometry::upsample({1, 1, in, in}, {.size = out}).h, "nearest");
    }
    for (const double factor : {0.3, 0.7, 1.0, 1.3, 2.0, 2.5, 3.7, 11.1}) {
      if (std::floor(static_cast<double>(in) * factor) < 1) continue;
      for (const UpsampleMode mode : {UpsampleMode::Nearest, UpsampleMode::Bilinear}) {
        const UpsampleOptions options{.scale_factor = factor, .mode = mode};
        expect_reverse(Pool2dGeometry::upsample({1, 1, in, in}, options).h, name(mode));
      }
    }
  }
}

TEST(PoolWindows, WeightsOfAnUpsamplingSumToOne) {
  for (int64_t in = 1; in <= 7; ++in) {
    for (int64_t out = 1; out <= 15; ++out) {
      const UpsampleOptions options{.size = out, .mode = UpsampleMode::Bilinear};
      const WindowAxis axis = Pool2dGeometry::upsample({1, 1, in, in}, options).h;
      for (int64_t p = 0; p < out; ++p) {
        double sum = 0;
        for (int64_t i = 0; i < in; ++i) sum += pooling::weight(axis, p, i);
        EXPECT_DOUBLE_EQ(sum, 1);
      }
    }
  }
}

TEST(Pool2dGeometry, Refusals) {
  const Shape x{2, 3, 8, 6};
  EXPECT_ERROR(max_geometry({3, 8, 6}, {.kernel = 2}), "[max_pool2d] input (3, 8, 6); expected (N, C, H, W)");
  EXPECT_ERROR(max_geometry({2, 3, 0, 6}, {.kernel = 2}),
               "input (2, 3, 0, 6) has planes of 0x6; expected at least one pixel");
  EXPECT_ERROR(max_geometry(x, {}), "kernel 0x0; expected at least 1x1, as in {.kernel = 2}");
  EXPECT_ERROR(max_geometry(x, {.kernel = {2, 0}}), "kernel 2x0");
  EXPECT_ERROR(max_geometry(x, {.kernel = 2, .stride = {0, 1}}), "stride 0x1; expected at least 1");
  EXPECT_ERROR(max_geometry(x, {.kernel = 2, .stride = -1}), "stride -1x-1");
  EXPECT_ERROR(max_geometry(x, {.kernel = 2, .dilation = {1, 0}}), "dilation 1x0; expected at least 1");
  EXPECT_ERROR(max_geometry(x, {.kernel = {3, 2}, .padding = {2, 1}}),
               "padding 2x1; expected 0 to 1x1, half of kernel 3x2");
  EXPECT_ERROR(max_geometry(x, {.kernel = 2, .padding = {0, -1}}), "padding 0x-1");
  EXPECT_ERROR(
      max_geometry(x, {.kernel = {2, 5}, .stride = 2, .padding = {0, 1}, .dilation = {1, 2}}),
      "input (2, 3, 8, 6): in width a window spans 9 (kernel 5, dilation 2), the padded image 8 (6 + "
      "2 * 1), stride 2, ceil_mode false; expected at least one window; output = floor(");
  EXPECT_ERROR(max_geometry({1, 1, 2, 9}, {.kernel = {2, 1}, .padding = {1, 0}, .dilation = {3, 1}}),
               "in height window 0 (kernel 2, stride 2, padding 1, dilation 3) steps over all 2 elements");
  EXPECT_ERROR(Pool2dGeometry::make(PoolKind::Average, x, {.kernel = 2, .dilation = {1, 2}}),
               "[avg_pool2d] dilation 1x2; averages have none");
  EXPECT_ERROR(Pool2dGeometry::adaptive(PoolKind::Average, x, {0, 2}),
               "[adaptive_avg_pool2d] output size 0x2 for input (2, 3, 8, 6); expected at least 1x1");
}

TEST(Pool2dGeometry, RefusalsOfUpsampling) {
  const Shape x{2, 3, 8, 6};
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {}), "size 0x0 and scale_factor 0x0; expected one of them");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.size = 4, .scale_factor = 2}),
               "size 4x4 and scale_factor 2x2; expected one of them");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.size = {4, 0}}), "size 4x0; expected at least 1x1");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.scale_factor = {2, -1}}), "scale_factor 2x-1; expected numbers");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.scale_factor = std::numeric_limits<double>::infinity()}),
               "scale_factor infxinf");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.scale_factor = 0.125}),
               "input (2, 3, 8, 6) with scale_factor 0.125x0.125 gives 1x0 pixels; expected at least one");
  EXPECT_ERROR(Pool2dGeometry::upsample(x, {.size = 4, .align_corners = true}),
               "align_corners with mode nearest; expected bilinear");
}

TEST(PoolOperators, CheckTheirOperands) {
  const NDArray x = NDArray::zeros({1, 2, 4, 4});
  const Pool2dGeometry max = max_geometry(x.shape(), {.kernel = 2});
  const Pool2dGeometry mean = Pool2dGeometry::make(PoolKind::Average, x.shape(), {.kernel = 2});
  const NDArray gy = NDArray::zeros({1, 2, 2, 2}), at = NDArray::zeros({1, 2, 2, 2}, DType::Int64);
  EXPECT_ERROR(max_pool2d(x.to(DType::Int32), {.kernel = 2}), "[max_pool2d] operand is int32");
  EXPECT_ERROR(adaptive_avg_pool2d(x.to(DType::Int32), 1), "[adaptive_avg_pool2d] operand is int32");
  EXPECT_ERROR(max_pool2d_grad(gy, at, mean), "the geometry is an avg_pool2d of (1, 2, 4, 4)");
  EXPECT_ERROR(max_pool2d_grad(gy, gy, max), "indices are float32; expected int64");
  EXPECT_ERROR(max_pool2d_grad(x, at, max),
               "output gradient (1, 2, 4, 4) and indices (1, 2, 2, 2) do not fit the max_pool2d of (1, 2, 4, "
               "4) to (1, 2, 2, 2) (height: kernel 2, stride 2, padding 0, dilation 1; width: kernel 2");
  EXPECT_ERROR(avg_pool2d_grad(gy, max), "the geometry is a max_pool2d");
  EXPECT_ERROR(avg_pool2d_grad(x, mean), "output gradient (1, 2, 4, 4) does not fit the avg_pool2d");
  NDArray wrong = at.clone();
  wrong.slice(3, 1, 2).fill_(16);
  EXPECT_ERROR(max_pool2d_grad(gy.to(device("cpu")), wrong.to(device("cpu")), max),
               "index 16 at (0, 0, 0, 1) is outside the plane of 4x4; expected 0 <= index < 16");
}

TEST(PoolOperators, AveragesOfOnesAreOnes) {
  const NDArray ones = NDArray::ones({2, 3, 14, 13});
  for (const int64_t kernel : {1, 2, 3, 5, 7}) {
    for (const float value : avg_pool2d(ones, {.kernel = kernel}).to_vector<float>()) EXPECT_EQ(value, 1);
  }
  for (const float value : adaptive_avg_pool2d(ones, {5, 3}).to_vector<float>()) EXPECT_EQ(value, 1);
}

TEST(PoolOperators, KeepTheOrderInMemoryAndCopyNothing) {
  const int64_t before = copies_made();
  const NDArray last = NDArray::ones({2, 3, 6, 4}).to(MemoryOrder::ChannelsLast);
  EXPECT_TRUE(max_pool2d(last, {.kernel = 2}).is_channels_last());
  const auto [y, indices] = max_pool2d_with_indices(last, {.kernel = 2});
  EXPECT_TRUE(y.is_channels_last() && indices.is_channels_last());
  EXPECT_TRUE(max_pool2d_grad(y, indices, max_geometry(last.shape(), {.kernel = 2})).is_channels_last());
  EXPECT_TRUE(avg_pool2d(last, {.kernel = 2}).is_channels_last());
  EXPECT_TRUE(adaptive_avg_pool2d(last, {3, 2}).is_channels_last());
  EXPECT_TRUE(upsample(last, {.scale_factor = 2}).is_channels_last());
  EXPECT_TRUE(max_pool2d(last.contiguous(), {.kernel = 2}).is_contiguous());
  EXPECT_EQ(copies_made(), before);
}

// An average over all pixels is one pixel, whose strides do not tell.
TEST(PoolOperators, GradientsOfAveragesKeepTheOrderOfTheInput) {
  for (const Size2 output : {Size2(1), Size2(3, 2)}) {
    Tensor last(NDArray::ones({2, 3, 6, 4}).to(MemoryOrder::ChannelsLast));
    last.requires_grad_();
    const NDArray gradient = autograd::grad(sum(adaptive_avg_pool2d(last, output)), {last})[0].data();
    EXPECT_TRUE(gradient.is_channels_last() && !gradient.is_contiguous());
    Tensor first(NDArray::ones({2, 3, 6, 4}));
    first.requires_grad_();
    EXPECT_TRUE(autograd::grad(sum(adaptive_avg_pool2d(first, output)), {first})[0].data().is_contiguous());
  }
}

TEST(PoolOperators, NothingReachesOtherWindows) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const NDArray x = NDArray::ones({1, 1, 4, 4});
  x.slice(2, 1, 2).slice(3, 1, 2).fill_(nan);
  const auto count_nan = [](const NDArray& y) {
    int count = 0;
    for (const float value : y.to_vector<float>()) count += std::isnan(value) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(count_nan(max_pool2d(x, {.kernel = 2})), 1);
  EXPECT_EQ(count_nan(avg_pool2d(x, {.kernel = 2, .stride = 1})), 4);
  EXPECT_EQ(count_nan(upsample(x, {.scale_factor = 3})), 9);
  const UpsampleOptions aligned{.size = 7, .mode = UpsampleMode::Bilinear, .align_corners = true};
  EXPECT_EQ(count_nan(upsample(x, aligned)), 9);
}

// ---- Layout::NHWC

const Dims kToNHWC{0, 2, 3, 1};

/// A result for NHWC images is that of the same images in NCHW, dense in its own order.
void expect_nhwc(const NDArray& actual, const NDArray& nchw, const char* what) {
  EXPECT_EQ(actual.shape(), nchw.permute(kToNHWC).shape()) << what;
  EXPECT_EQ(actual.to(DType::Float64).to_vector<double>(),
            nchw.permute(kToNHWC).to(DType::Float64).to_vector<double>())
      << what;
  EXPECT_TRUE(actual.is_contiguous()) << what;
}

TEST(PoolingLayout, NHWCIsTheSameOnPermutedImages) {
  const NDArray x = random_normal({2, 3, 7, 6}, DType::Float32), last = x.permute(kToNHWC).contiguous();
  const Pool2dOptions nchw{.kernel = {3, 2}, .stride = 2, .padding = 1, .ceil_mode = true};
  Pool2dOptions nhwc = nchw;
  nhwc.layout = Layout::NHWC;
  const int64_t copies = copies_made();
  expect_nhwc(max_pool2d(last, nhwc), max_pool2d(x, nchw), "max");
  const Extremes<NDArray> found = max_pool2d_with_indices(last, nhwc);
  expect_nhwc(found.values, max_pool2d(x, nchw), "max with indices");
  expect_nhwc(found.indices, max_pool2d_with_indices(x, nchw).indices, "indices");
  expect_nhwc(avg_pool2d(last, nhwc), avg_pool2d(x, nchw), "average");
  expect_nhwc(adaptive_max_pool2d(last, {3, 2}, Layout::NHWC), adaptive_max_pool2d(x, {3, 2}), "adaptive");
  expect_nhwc(adaptive_max_pool2d_with_indices(last, {3, 2}, Layout::NHWC).indices,
              adaptive_max_pool2d_with_indices(x, {3, 2}).indices, "adaptive indices");
  expect_nhwc(adaptive_avg_pool2d(last, {3, 2}, Layout::NHWC), adaptive_avg_pool2d(x, {3, 2}), "adaptive");
  expect_nhwc(adaptive_avg_pool2d(last, 1, Layout::NHWC), adaptive_avg_pool2d(x, 1), "global");
  expect_nhwc(upsample(last, {.scale_factor = 2, .layout = Layout::NHWC}), upsample(x, {.scale_factor = 2}),
              "nearest");
  expect_nhwc(upsample(last, {.size = {9, 5}, .mode = UpsampleMode::Bilinear, .layout = Layout::NHWC}),
              upsample(x, {.size = {9, 5}, .mode = UpsampleMode::Bilinear}), "bilinear");
  EXPECT_EQ(copies_made(), copies);
}

TEST(PoolingLayout, NHWCHasTheSameGradients) {
  const NDArray images = random_normal({2, 3, 6, 7}, DType::Float64);
  const auto gradient = [&](const auto& pool) {
    Tensor x(images.clone());
    x.requires_grad_();
    sum(square(pool(x))).backward();
    return x.grad().data().to_vector<double>();
  };
  const auto nhwc = [&](const auto& pool) {
    return [pool](const Tensor& x) { return pool(x.permute(kToNHWC)).permute({0, 3, 1, 2}); };
  };
  EXPECT_EQ(
      gradient(nhwc([](const Tensor& x) { return max_pool2d(x, {.kernel = 2, .layout = Layout::NHWC}); })),
      gradient([](const Tensor& x) { return max_pool2d(x, {.kernel = 2}); }));
  EXPECT_EQ(gradient(nhwc([](const Tensor& x) {
              return avg_pool2d(x, {.kernel = 3, .padding = 1, .layout = Layout::NHWC});
            })),
            gradient([](const Tensor& x) { return avg_pool2d(x, {.kernel = 3, .padding = 1}); }));
  EXPECT_EQ(gradient(nhwc(
                [](const Tensor& x) { return upsample(x, {.scale_factor = 2, .layout = Layout::NHWC}); })),
            gradient([](const Tensor& x) { return upsample(x, {.scale_factor = 2}); }));
}

TEST(PoolingLayout, NHWCNeedsFourDimensions) {
  EXPECT_ERROR(max_pool2d(NDArray::ones({5, 6, 3}), {.kernel = 2, .layout = Layout::NHWC}),
               "[max_pool2d] input (5, 6, 3); expected (N, H, W, C)");
}

}  // namespace
}  // namespace linnet
