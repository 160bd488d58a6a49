// Convolution and its two gradients as operators of their own, over hard geometries: leftovers, padding on
// single sides and beyond the kernel, dilation, groups, kernels as large as the padded image.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

struct Geometry {
  const char* name;
  Shape x;
  Shape w;
  Conv2dOptions options;
};

std::vector<Geometry> geometries() {
  return {
      {"plain", {2, 2, 4, 5}, {3, 2, 3, 2}, {}},
      {"one pixel", {2, 3, 3, 2}, {2, 3, 1, 1}, {}},
      {"stride with leftovers", {1, 2, 6, 7}, {2, 2, 2, 3}, {.stride = {3, 2}}},
      {"stride beyond the kernel", {1, 1, 7, 6}, {2, 1, 2, 1}, {.stride = {3, 4}}},
      {"padding on each side", {1, 1, 3, 4}, {2, 1, 2, 3}, {.padding = {1, 0, 2, 1}}},
      {"padding beyond the kernel", {1, 1, 2, 3}, {1, 1, 2, 2}, {.stride = 2, .padding = {3, 2, 0, 4}}},
      {"same padding, even kernel", {1, 2, 5, 4}, {1, 2, 2, 4}, {.stride = 2, .padding = Padding::Same}},
      {"dilation", {1, 2, 6, 5}, {2, 2, 2, 3}, {.padding = 1, .dilation = {3, 2}}},
      {"groups", {2, 4, 3, 4}, {6, 2, 2, 2}, {.stride = {1, 2}, .padding = 1, .groups = 2}},
      {"depthwise", {1, 3, 4, 4}, {6, 1, 3, 2}, {.padding = 1, .groups = 3}},
      {"all at once",
       {2, 4, 7, 6},
       {2, 2, 3, 2},
       {.stride = {2, 3}, .padding = {1, 2, 0, 3}, .dilation = {2, 1}, .groups = 2}},
      {"kernel as large as the padded image", {1, 1, 2, 3}, {2, 1, 4, 4}, {.padding = {1, 1, 0, 1}}},
  };
}

class ConvGradcheck : public testing::TestWithParam<ConvAlgorithm> {};

TEST_P(ConvGradcheck, Forward) {
  for (Geometry g : geometries()) {
    SCOPED_TRACE(g.name);
    g.options.algorithm = GetParam();
    check_both([&](const Tensors& in) { return conv2d(in[0], in[1], in[2], g.options); },
               {randoms(g.x, 1), randoms(g.w, 2), randoms({g.w[0]}, 3)});
  }
}

// No sum of these draws comes within a step of ReLU's kink.
TEST_P(ConvGradcheck, ForwardWithRelu) {
  for (Geometry g : geometries()) {
    SCOPED_TRACE(g.name);
    g.options.algorithm = GetParam();
    check_both([&](const Tensors& in) { return conv2d_relu(in[0], in[1], in[2], g.options); },
               {randoms(g.x, 1), randoms(g.w, 2), randoms({g.w[0]}, 3)});
  }
}

TEST_P(ConvGradcheck, ForwardWithReluOfATemporary) {
  for (Geometry g : geometries()) {
    SCOPED_TRACE(g.name);
    g.options.algorithm = GetParam();
    check_both([&](const Tensors& in) { return relu(conv2d(in[0], in[1], in[2], g.options)); },
               {randoms(g.x, 1), randoms(g.w, 2), randoms({g.w[0]}, 3)});
  }
}

TEST_P(ConvGradcheck, ItsTwoGradients) {
  for (Geometry g : geometries()) {
    SCOPED_TRACE(g.name);
    g.options.algorithm = GetParam();
    const Conv2dGeometry geometry = Conv2dGeometry::make(g.x, g.w, g.options);
    check_both([&](const Tensors& in) { return conv2d_grad_input(in[0], in[1], geometry); },
               {randoms(geometry.output_shape(), 4), randoms(g.w, 5)});
    check_both([&](const Tensors& in) { return conv2d_grad_weight(in[0], in[1], geometry); },
               {randoms(g.x, 6), randoms(geometry.output_shape(), 7)});
  }
}

/// The derivative of f by x in a direction, itself differentiable.
Tensor along(const Tensor& f, const Tensor& x, const Tensor& direction) {
  return sum(autograd::grad(f, {x}, {.create_graph = true})[0] * direction);
}

// f = sum(y^3) with y = conv2d(x, w): along u, v, t its third derivative by x is 6 sum(y(u) y(v) y(t)); by x,
// x and w, with z = conv2d(., d), it is 6 sum(y(u) y(v) z(x)) + 6 sum(y (z(u) y(v) + y(u) z(v))).
TEST_P(ConvGradcheck, ThirdDerivatives) {
  const Geometry g = geometries().at(10);
  Conv2dOptions options = g.options;
  options.algorithm = GetParam();
  const auto draw = [](const Shape& shape) { return Tensor(random_normal(shape, DType::Float64)); };
  manual_seed(1);
  const Tensor x = draw(g.x).requires_grad_(), w = draw(g.w).requires_grad_();
  const Tensor u = draw(g.x), v = draw(g.x), t = draw(g.x), d = draw(g.w);
  const auto by = [&](const Tensor& image, const Tensor& filters) {
    return conv2d(image.data(), filters.data(), options);
  };
  const Tensor y = conv2d(x, w, options);
  const Tensor second = along(along(sum(y * y * y), x, u), x, v);
  const NDArray here = by(x, w), yu = by(u, w), yv = by(v, w);
  const double by_x = sum(yu * yv * by(t, w)).item<double>() * 6;
  EXPECT_NEAR(along(second, x, t).item<double>(), by_x, 1e-10 * std::abs(by_x));
  const double by_w = sum(yu * yv * by(x, d) + here * (by(u, d) * yv + yu * by(v, d))).item<double>() * 6;
  EXPECT_NEAR(along(second, w, d).item<double>(), by_w, 1e-10 * std::abs(by_w));
}

INSTANTIATE_TEST_SUITE_P(Algorithms, ConvGradcheck, testing::ValuesIn(conv_algorithms()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(ConvLayoutGradcheck, NhwcAndStridedOperands) {
  check_both(
      [](const Tensors& in) {
        return conv2d(in[0], in[1], in[2], {.stride = {2, 1}, .padding = 1, .layout = Layout::NHWC});
      },
      {randoms({2, 4, 3, 2}, 8), randoms({2, 3, 2, 3}, 9), randoms({3}, 10)});
  check_both(
      [](const Tensors& in) {
        return conv2d(in[0].to(MemoryOrder::ChannelsLast), in[1].to(MemoryOrder::ChannelsLast),
                      {.padding = 1});
      },
      {randoms({2, 3, 3, 4}, 11), randoms({2, 3, 2, 2}, 12)});
  check_both(
      [](const Tensors& in) {
        return conv2d(in[0].slice(2, 0, 8, 2).transpose(2, 3), in[1].transpose(0, 1), {.stride = 2});
      },
      {randoms({1, 2, 8, 5}, 13), randoms({2, 3, 2, 2}, 14)});
}

TEST(ConvLayoutGradcheck, AnEmptyBatch) {
  check_both([](const Tensors& in) { return conv2d(in[0], in[1]); },
             {randoms({0, 1, 3, 3}, 15), randoms({1, 1, 2, 2}, 16)});
}

}  // namespace
}  // namespace linnet
