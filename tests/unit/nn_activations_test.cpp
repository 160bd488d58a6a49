// Activation layers: their operators, what they say of themselves, and copies.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/clone.h>
#include <linnet/nn/sequential.h>
#include "tests/unit/expect_error.h"

namespace linnet::nn {
namespace {

const Tensor& points() {
  static const Tensor x(NDArray::from_data<float>({-4, -1, 0, 0.5, 2, 30}, {6}));
  return x;
}

template <class Layer>
void expect_layer(const Layer& layer, const Tensor& expected, const std::string& description) {
  EXPECT_EQ(layer(points()).template to_vector<float>(), expected.to_vector<float>()) << description;
  EXPECT_EQ(layer.describe(), description);
  const Layer copy = clone(layer);
  EXPECT_EQ(copy(points()).template to_vector<float>(), expected.to_vector<float>()) << description;
  EXPECT_EQ(copy.describe(), description);
}

TEST(ActivationLayers, AreTheOperatorsOfTheirNames) {
  const Tensor& x = points();
  expect_layer(ReLU(), relu(x), "ReLU");
  expect_layer(LeakyReLU(), leaky_relu(x, 0.01), "LeakyReLU(0.01)");
  expect_layer(LeakyReLU(0.3), leaky_relu(x, 0.3), "LeakyReLU(0.3)");
  expect_layer(ELU(), elu(x, 1), "ELU(1)");
  expect_layer(ELU(2.5), elu(x, 2.5), "ELU(2.5)");
  expect_layer(GELU(), gelu(x), "GELU");
  expect_layer(GELU(GeluApproximation::Tanh), gelu(x, GeluApproximation::Tanh), "GELU(tanh)");
  expect_layer(SiLU(), silu(x), "SiLU");
  expect_layer(Sigmoid(), sigmoid(x), "Sigmoid");
  expect_layer(Tanh(), tanh(x), "Tanh");
  expect_layer(Softplus(), softplus(x, 1, 20), "Softplus(beta=1, threshold=20)");
  expect_layer(Softplus(2, 5), softplus(x, 2, 5), "Softplus(beta=2, threshold=5)");
  expect_layer(Hardsigmoid(), hardsigmoid(x), "Hardsigmoid");
  expect_layer(Hardswish(), hardswish(x), "Hardswish");
}

TEST(ActivationLayers, CopiesKeepTheMode) {
  Softplus layer(2, 5);
  layer.eval();
  EXPECT_FALSE(clone(layer).is_training());
}

TEST(ActivationLayers, RefuseWhatHasNoMeaning) {
  EXPECT_ERROR(Softplus(0), "[Softplus] beta must not be 0; got Softplus(beta=0, threshold=20)");
  EXPECT_ERROR(softplus(points(), 0), "[softplus] beta 0 for (6,); expected any other number");
  EXPECT_ERROR(gelu(NDArray::zeros({2}, DType::Int32)), "[gelu]");
}

TEST(ActivationLayers, FarFromZero) {
  EXPECT_EQ(softplus(Tensor(NDArray::full({1}, 1000))).item<float>(), 1000);
  EXPECT_EQ(softplus(Tensor(NDArray::full({1}, -1000))).item<float>(), 0);
  EXPECT_EQ(elu(Tensor(NDArray::full({1}, -1000))).item<float>(), -1);
  // The untaken branch overflows, and gives no NaN to any gradient.
  const Tensor x = Tensor(NDArray::full({1}, 1000)).requires_grad_();
  const Tensor slope = autograd::grad(elu(x), {x}, {.create_graph = true})[0];
  EXPECT_EQ(slope.item<float>(), 1);
  EXPECT_EQ(autograd::grad(slope, {x})[0].item<float>(), 0);
}

}  // namespace
}  // namespace linnet::nn
