// The step that docs/autograd.md works by hand, with the same numbers; the tape it prints is compared too.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <cmath>
#include <fstream>
#include <sstream>

namespace linnet {
namespace {

Tensor leaf(std::initializer_list<float> values, const Shape& shape) {
  return Tensor(NDArray::from_data(values, shape)).requires_grad_();
}

void expect_near(const Tensor& got, const std::vector<double>& expected) {
  const std::vector<double> values = got.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 2e-6) << "element " << i;
}

struct Step {
  Tensor x = leaf({1, 2, 0, 0, 1, 3, 2, 1, 0}, {1, 1, 3, 3});
  Tensor f = leaf({1, -1, 2, 0}, {1, 1, 2, 2});
  Tensor b = leaf({-1}, {1});
  Tensor w = leaf({1, 0, 1, 2, 2, 1, -1, 1}, {2, 4});
  Tensor c = leaf({0, 1}, {2});
  Tensor label = NDArray::from_data<int64_t>({0}, {1});
  Tensor y, h, z, loss;

  void forward() {
    y = conv2d(x, f, b);
    h = relu(y).flatten(1);
    z = linear(h, w, c);
    loss = cross_entropy(z, label);
  }
};

TEST(DocsAutograd, ForwardByHand) {
  Step s;
  s.forward();
  expect_near(s.y, {-2, 3, 2, -1});
  expect_near(s.h, {0, 3, 2, 0});
  expect_near(s.z, {2, 2});
  expect_near(softmax(s.z, 1), {0.5, 0.5});
  expect_near(s.loss, {std::log(2.0)});
}

TEST(DocsAutograd, BackwardByHand) {
  Step s;
  s.forward();
  const Tensors middle = autograd::grad(s.loss, {s.z, s.h, s.y}, {.retain_graph = true});
  expect_near(middle[0], {-0.5, 0.5});
  expect_near(middle[1], {0.5, 0.5, -1, -0.5});
  expect_near(middle[2], {0, 0.5, -1, 0});
  s.loss.backward();
  expect_near(s.w.grad(), {0, -1.5, -1, 0, 0, 1.5, 1, 0});
  expect_near(s.c.grad(), {-0.5, 0.5});
  expect_near(s.f.grad(), {1, -1, -1.5, 0.5});
  expect_near(s.b.grad(), {-0.5});
  expect_near(s.x.grad(), {0, 0.5, -0.5, -1, 2, 0, -2, 0, 0});
}

TEST(DocsAutograd, TheStepLowersTheLoss) {
  Step s;
  s.forward();
  s.loss.backward();
  for (const Tensor& parameter : {s.f, s.b, s.w, s.c}) parameter.data().add_(parameter.grad().data(), -0.1);
  expect_near(s.f, {0.9, -0.9, 2.15, -0.05});
  expect_near(s.w, {1, 0.15, 1.1, 2, 2, 0.85, -1.1, 1});
  s.forward();
  expect_near(s.y, {-1.9, 2.85, 2.4, -0.6});
  expect_near(s.z, {3.1175, 0.7325});
  expect_near(s.loss, {std::log1p(std::exp(-2.385))});
}

TEST(DocsAutograd, ThePageShowsTheTape) {
  std::ifstream file(LINNET_SOURCE_DIR "/docs/autograd.md");
  ASSERT_TRUE(file) << "docs/autograd.md is missing";
  std::ostringstream page;
  page << file.rdbuf();
  Step s;
  s.forward();
  EXPECT_NE(page.str().find(print_tape(s.loss)), std::string::npos) << print_tape(s.loss);
}

}  // namespace
}  // namespace linnet
