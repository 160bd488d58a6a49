// Random geometries: every algorithm of the convolution and of its two gradients, on the device that
// LINNET_DEVICE names, against the direct loops of the CPU, in float64. RC_PARAMS ("max_success=500 seed=1")
// sets how many and which; a failure is shrunk to the smallest geometry that still fails and printed with
// what reproduces it.
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/property/draws.h"

namespace linnet {
namespace {

struct Geometry {
  Shape x, w;
  Conv2dOptions options;
};

Geometry random_geometry() {
  Geometry g;
  const int64_t groups = between(1, 3), C = between(1, 3), K = between(1, 3), R = between(1, 4),
                S = between(1, 4);
  Conv2dOptions& o = g.options;
  o.groups = groups;
  o.stride = {between(1, 4), between(1, 4)};
  o.dilation = {between(1, 3), between(1, 3)};
  o.padding = {between(0, 5), between(0, 5), between(0, 5), between(0, 5)};
  const int64_t H = extent_for(o.dilation.h * (R - 1) + 1, o.padding.top + o.padding.bottom);
  const int64_t W = extent_for(o.dilation.w * (S - 1) + 1, o.padding.left + o.padding.right);
  g.x = {between(1, 3), groups * C, H, W};
  g.w = {groups * K, C, R, S};
  return g;
}

RC_GTEST_PROP(Convolution, EveryAlgorithmIsTheDirectForm, ()) {
  const Geometry drawn = random_geometry();
  const bool last = *rc::gen::arbitrary<bool>();
  Conv2dOptions options = drawn.options;
  options.algorithm = ConvAlgorithm::Direct;
  Conv2dGeometry g = Conv2dGeometry::make(drawn.x, drawn.w, options);
  const Device cpu = device("cpu");
  manual_seed(1);
  const NDArray x = random_normal(drawn.x, DType::Float64, cpu),
                w = random_normal(drawn.w, DType::Float64, cpu),
                bias = random_normal({g.K}, DType::Float64, cpu),
                gy = random_normal(g.output_shape(), DType::Float64, cpu);
  const NDArray y = conv2d(x, w, bias, options), gx = conv2d_grad_input(gy, w, g),
                gw = conv2d_grad_weight(x, gy, g);
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    if (algorithm == ConvAlgorithm::Direct && tested_device() == cpu) continue;
    g.algorithm = options.algorithm = algorithm;
    const std::string by = std::string(name(algorithm)) + " for the " + g.describe();
    const NDArray xd = placed(x, last), wd = placed(w, last), gyd = placed(gy, last);
    expect_close(conv2d(xd, wd, bias.to(tested_device()), options), y, "conv2d by " + by);
    expect_close(conv2d_grad_input(gyd, wd, g), gx, "conv2d_grad_input by " + by);
    expect_close(conv2d_grad_weight(xd, gyd, g), gw, "conv2d_grad_weight by " + by);
  }
}

RC_GTEST_PROP(Convolution, TheTransposedOneIsTheAdjoint, ()) {
  const Geometry drawn = random_geometry();
  const Conv2dGeometry g = Conv2dGeometry::make(drawn.x, drawn.w, drawn.options);
  manual_seed(2);
  const Device on = tested_device();
  const NDArray x = random_normal(drawn.x, DType::Float64, on),
                w = random_normal(drawn.w, DType::Float64, on),
                y = random_normal(g.output_shape(), DType::Float64, on);
  const Tensor back = conv_transpose2d(y, w, {},
                                       {.stride = drawn.options.stride,
                                        .padding = drawn.options.padding,
                                        .output_padding = {g.leftover_h(), g.leftover_w()},
                                        .dilation = drawn.options.dilation,
                                        .groups = drawn.options.groups});
  RC_ASSERT(back.shape() == drawn.x);
  expect_close(sum(back.data() * x), sum(y * conv2d(x, w, drawn.options)),
               "the products for the " + g.describe(), 1);
}

}  // namespace
}  // namespace linnet
