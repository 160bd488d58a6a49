// Max pooling on the CPU against plain loops: lines of results around the widths of vectors, equal elements,
// NaN, images in several orders in memory.
#include <gtest/gtest.h>
#include <linnet/core/ops.h>

#include <cmath>
#include <limits>

#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

struct Extreme {
  double value;
  int64_t place;
};

/// Of the window at (h, w) of a plane: the first of equals, or the last NaN.
Extreme largest(const std::vector<double>& x, int64_t plane, int64_t H, int64_t W, int64_t h, int64_t w,
                const Pool2dOptions& options) {
  Extreme best = {-std::numeric_limits<double>::infinity(), -1};
  for (int64_t r = 0; r < options.kernel.h; ++r) {
    for (int64_t s = 0; s < options.kernel.w; ++s) {
      const int64_t i = h + r * options.dilation.h, j = w + s * options.dilation.w;
      if (i < 0 || i >= H || j < 0 || j >= W) continue;
      const double value = x[static_cast<size_t>((plane * H + i) * W + j)];
      if (best.place < 0 || value > best.value || std::isnan(value)) best = {value, i * W + j};
    }
  }
  return best;
}

void expect_largest(const NDArray& x, const Pool2dOptions& options, const std::string& about) {
  const auto [y, places] = max_pool2d_with_indices(x, options);
  const NDArray alone = max_pool2d(x, options);
  const std::vector<double> all = x.to(DType::Float64).to_vector<double>();
  const std::vector<double> values = y.to(DType::Float64).to_vector<double>();
  const std::vector<double> again = alone.to(DType::Float64).to_vector<double>();
  const std::vector<int64_t> at = places.to_vector<int64_t>();
  const int64_t P = y.size(2), Q = y.size(3);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t plane = i / (P * Q), p = i / Q % P, q = i % Q;
    const Extreme e = largest(all, plane, x.size(2), x.size(3), p * options.stride.h - options.padding.h,
                              q * options.stride.w - options.padding.w, options);
    const auto k = static_cast<size_t>(i);
    ASSERT_EQ(at[k], e.place) << about << ", result " << i;
    ASSERT_TRUE(values[k] == e.value || (std::isnan(values[k]) && std::isnan(e.value))) << about << ", " << i;
    ASSERT_TRUE(again[k] == e.value || (std::isnan(again[k]) && std::isnan(e.value))) << about << ", " << i;
  }
}

/// Few different numbers, so that many are equal, and a NaN here and there.
NDArray picture(const Shape& shape, DType dtype) {
  std::vector<double> numbers(static_cast<size_t>(shape.product()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t mixed = i * 2654435761U >> 7;
    numbers[i] = mixed % 97 == 0 ? std::nan("") : double(mixed % 7);
  }
  return NDArray::from_data(numbers, shape).to(dtype);
}

TEST(CpuMaxPool, IsThatOfPlainLoops) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const Size2 kernel : {Size2(2), Size2(3), Size2(1), Size2(2, 1)}) {
        for (const int64_t dilation : {1, 2}) {
          for (const int64_t width : {4, 9, 16, 17, 34, 66}) {
            const Pool2dOptions options{.kernel = kernel,
                                        .stride = stride,
                                        .padding = kernel.w > 1 ? Size2(1) : Size2(0),
                                        .dilation = dilation};
            const NDArray x = picture({2, 3, 7, width}, dtype);
            const std::string about = "stride " + std::to_string(stride) + ", kernel " +
                                      std::to_string(kernel.h) + "x" + std::to_string(kernel.w) + ", width " +
                                      std::to_string(width) + ", dilation " + std::to_string(dilation);
            expect_largest(x, options, about);
            // Every second column, of an array whose last element is the last that may be read.
            const NDArray wide = picture({2, 3, 7, 2 * width - 1}, dtype);
            expect_largest(wide.slice(3, 0, 2 * width - 1, 2), options, about + ", every second column");
            expect_largest(x.permute({0, 1, 3, 2}), options, about + ", columns first");
          }
        }
      }
    }
  }
}

TEST(CpuMaxPool, OfChannelsThatAreNeighbours) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const int64_t channels : {1, 3, 8, 17, 40}) {
      const NDArray x = picture({2, 9, 12, channels}, dtype).permute({0, 3, 1, 2});
      expect_largest(x, {.kernel = 2, .stride = 2}, std::to_string(channels) + " channels");
      expect_largest(x, {.kernel = 3, .stride = 2, .padding = 1}, std::to_string(channels) + ", padded");
    }
  }
}

TEST(CpuMaxPool, WritesResultsInAnyOrder) {
  const NDArray x = picture({2, 5, 6, 20}, DType::Float32);
  const auto [y, places] = max_pool2d_with_indices(x, {.kernel = 2});
  const Pool2dGeometry g = Pool2dGeometry::make(PoolKind::Max, x.shape(), {.kernel = 2});
  for (const NDArray& image : {x, x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2})}) {
    for (const bool last : {false, true}) {
      const Shape shape = last ? Shape{2, 3, 10, 5} : Shape{10, 3, 5, 2};
      const Dims order = last ? Dims{0, 3, 1, 2} : Dims{3, 2, 1, 0};
      NDArray to = NDArray::zeros(shape, DType::Float32).permute(order);
      NDArray at = NDArray::zeros(shape, DType::Int64).permute(order);
      cpu_backend().max_pool2d(g, image.read_view(), to.write_view(), at.write_view());
      EXPECT_EQ(at.to_vector<int64_t>(), places.to_vector<int64_t>());
    }
  }
}

TEST(CpuMaxPool, RefusesPlanesWhosePixelsItCannotNumber) {
  float pixel = 1, result = 0;
  int64_t place = 0;
  const View x{&pixel, DType::Float32, {1, 1, 65536, 65536}, {0, 0, 0, 0}};
  const View y{&result, DType::Float32, {1, 1, 1, 1}, {1, 1, 1, 1}};
  const View at{&place, DType::Int64, {1, 1, 1, 1}, {1, 1, 1, 1}};
  const auto g = Pool2dGeometry::make(PoolKind::Max, x.shape, {.kernel = 1, .stride = 65536});
  EXPECT_ERROR(cpu_backend().max_pool2d(g, x, y, at),
               "[max_pool2d] a plane of 65536x65536 float32 pixels; expected at most 2147483647");
}

}  // namespace
}  // namespace linnet
