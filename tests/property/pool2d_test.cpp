// Random pooling geometries, on the device that LINNET_DEVICE names, in float64: a pooling is the reduction
// of the view of all its windows, and a gradient is its adjoint. See conv2d_test.cpp for what RC_PARAMS says.
#include <algorithm>
#include <limits>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/property/draws.h"

namespace linnet {
namespace {

struct Drawn {
  NDArray x;  ///< On the CPU, contiguous.
  Pool2dOptions options;
};

Drawn random_pooling(bool dilated) {
  Pool2dOptions o;
  o.kernel = {between(1, 4), between(1, 4)};
  o.stride = {between(0, 4), between(0, 4)};
  if (o.stride.h == 0 || o.stride.w == 0) o.stride = 0;
  o.padding = {between(0, o.kernel.h / 2), between(0, o.kernel.w / 2)};
  if (dilated) o.dilation = {between(1, 3), between(1, 3)};
  o.ceil_mode = *rc::gen::arbitrary<bool>();
  // No window steps over an image that is at least as large as a step.
  const int64_t H = std::max(o.dilation.h, extent_for(o.dilation.h * (o.kernel.h - 1) + 1, 2 * o.padding.h));
  const int64_t W = std::max(o.dilation.w, extent_for(o.dilation.w * (o.kernel.w - 1) + 1, 2 * o.padding.w));
  manual_seed(3);
  return {random_normal({between(1, 3), between(1, 3), H, W}, DType::Float64, device("cpu")), o};
}

/// (N, C, P, Q, kernel h, kernel w): the windows of x surrounded by `border`.
NDArray windows(const NDArray& x, const Pool2dGeometry& g, double border) {
  // Room for the windows that ceil_mode lets begin inside.
  const auto behind = [](const WindowAxis& a) {
    const int64_t end = (a.out - 1) * a.stride + a.dilation * (a.kernel - 1) + 1;
    return std::max<int64_t>(a.padding, end - a.padding - a.in);
  };
  const NDArray padded =
      pad(x, Padding(g.h.padding, behind(g.h), g.w.padding, behind(g.w)), {.value = border}).contiguous();
  const Strides& s = padded.strides();
  return padded.as_strided(
      {g.N, g.C, g.h.out, g.w.out, g.h.kernel, g.w.kernel},
      {s[0], s[1], g.h.stride * s[2], g.w.stride * s[3], g.h.dilation * s[2], g.w.dilation * s[3]});
}

RC_GTEST_PROP(Pooling, AMaximumIsThatOfItsWindow, ()) {
  const Drawn drawn = random_pooling(true);
  const Pool2dGeometry g = Pool2dGeometry::make(PoolKind::Max, drawn.x.shape(), drawn.options);
  const NDArray expected = amax(windows(drawn.x, g, -std::numeric_limits<double>::infinity()), {4, 5});
  const NDArray x = placed(drawn.x, *rc::gen::arbitrary<bool>());
  const Extremes<NDArray> y = max_pool2d_with_indices(x, drawn.options);
  expect_close(y.values, expected, "the maxima of the " + g.describe());
  expect_close(max_pool2d(x, drawn.options), expected, "the maxima, without indices, of the " + g.describe());
  const Shape planes{g.N, g.C, g.h.in * g.w.in};
  const NDArray at = y.indices.reshape({g.N, g.C, g.h.out * g.w.out});
  expect_close(gather(x.reshape(planes), 2, at).reshape(expected.shape()), expected,
               "the elements at the indices of the " + g.describe());

  const NDArray gy = random_normal(expected.shape(), DType::Float64, tested_device());
  const NDArray gx = scatter_add(planes, 2, at, gy.reshape(at.shape())).reshape(drawn.x.shape());
  expect_close(max_pool2d_grad(gy, y.indices, g), gx, "the gradient of the " + g.describe());
}

RC_GTEST_PROP(Pooling, AnAverageIsThatOfItsWindow, ()) {
  Drawn drawn = random_pooling(false);
  drawn.options.count_include_pad = *rc::gen::arbitrary<bool>();
  const Pool2dGeometry g = Pool2dGeometry::make(PoolKind::Average, drawn.x.shape(), drawn.options);
  // What counts: pixels, and padding where it is included; what ceil_mode adds behind does not.
  const double padding = drawn.options.count_include_pad ? 1 : 0;
  const Padding sides(g.h.padding, g.h.padding, g.w.padding, g.w.padding);
  const NDArray counted = pad(NDArray::ones(drawn.x.shape(), DType::Float64), sides, {.value = padding});
  Pool2dGeometry unpadded = g;
  unpadded.h.in += 2 * g.h.padding, unpadded.w.in += 2 * g.w.padding;
  unpadded.h.padding = unpadded.w.padding = 0;
  const NDArray divisor = sum(windows(counted, unpadded, 0), {4, 5});
  const NDArray expected = sum(windows(drawn.x, g, 0), {4, 5}) / divisor;
  const NDArray x = placed(drawn.x, *rc::gen::arbitrary<bool>());
  const NDArray y = avg_pool2d(x, drawn.options);
  expect_close(y, expected, "the averages of the " + g.describe());

  const NDArray gy = random_normal(y.shape(), DType::Float64, tested_device());
  expect_close(sum(avg_pool2d_grad(gy, g) * x), sum(gy * y), "the products for the " + g.describe(), 1);
}

RC_GTEST_PROP(Pooling, AnUpsamplingAndItsGradientAreAdjoint, ()) {
  UpsampleOptions options;
  options.size = {between(1, 9), between(1, 9)};
  options.mode = *rc::gen::arbitrary<bool>() ? UpsampleMode::Bilinear : UpsampleMode::Nearest;
  options.align_corners = options.mode == UpsampleMode::Bilinear && *rc::gen::arbitrary<bool>();
  manual_seed(4);
  const NDArray x = random_normal({between(1, 3), between(1, 3), between(1, 7), between(1, 7)},
                                  DType::Float64, tested_device());
  const Pool2dGeometry g = Pool2dGeometry::upsample(x.shape(), options);
  const NDArray y = upsample(x, options), gy = random_normal(y.shape(), DType::Float64, tested_device());
  expect_close(sum(avg_pool2d_grad(gy, g) * x), sum(gy * y), "the products for the " + g.describe(), 1);
  expect_close(upsample(NDArray::ones(x.shape(), DType::Float64, x.device()), options),
               NDArray::ones(y.shape(), DType::Float64, y.device()), "constants in the " + g.describe());
}

}  // namespace
}  // namespace linnet
