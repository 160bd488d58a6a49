// Gradient clipping: what stays, what is refused, and gradients that are views.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/nn/clip_grad.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor with_gradient(const std::vector<float>& gradient) {
  const Shape shape{static_cast<int64_t>(gradient.size())};
  Tensor made = Tensor(NDArray::zeros(shape)).requires_grad_();
  made.set_grad(NDArray::from_data(gradient, shape));
  return made;
}

std::vector<float> gradient_of(const Tensor& parameter) {
  return parameter.grad().to_vector<float>();
}

TEST(ClipGrad, ScalesToTheLargestNorm) {
  const Tensor p = with_gradient({3, 0}), q = with_gradient({-4});
  const NDArray total = optim::clip_grad_norm_({p, q}, 1);
  EXPECT_EQ(total.shape(), Shape{});
  EXPECT_EQ(total.item<float>(), 5);
  EXPECT_NEAR(gradient_of(p)[0], 0.6, 1e-6);
  EXPECT_NEAR(gradient_of(q)[0], -0.8, 1e-6);
}

TEST(ClipGrad, LeavesSmallGradientsToTheBit) {
  const Tensor p = with_gradient({0.1F, -0.7F});
  optim::clip_grad_norm_({p}, 1);
  EXPECT_EQ(gradient_of(p), (std::vector<float>{0.1F, -0.7F}));
  optim::clip_grad_value_({p}, 0.7F);
  EXPECT_EQ(gradient_of(p), (std::vector<float>{0.1F, -0.7F}));
}

TEST(ClipGrad, SkipsParametersWithoutGradient) {
  Tensor idle = Tensor(NDArray::zeros({2})).requires_grad_();
  const Tensor p = with_gradient({2});
  EXPECT_EQ(optim::clip_grad_norm_({idle, p}, 1).item<float>(), 2);
  EXPECT_FALSE(idle.grad().defined());
  EXPECT_EQ(optim::clip_grad_norm_({idle}, 1).item<float>(), 0);
  EXPECT_EQ(optim::clip_grad_norm_({}, 1).item<float>(), 0);
  optim::clip_grad_value_({idle}, 1);
}

TEST(ClipGrad, TakesGradientsThatAreBroadcastOrEmpty) {
  Tensor p = Tensor(NDArray::zeros({2, 3})).requires_grad_();
  Tensor q = Tensor(NDArray::zeros({0, 3})).requires_grad_();
  (sum(p) * 2 + sum(q)).backward();
  EXPECT_NEAR(optim::clip_grad_norm_({p, q}, 1).item<float>(), 2 * std::sqrt(6.0), 1e-6);
  for (const float g : gradient_of(p)) EXPECT_NEAR(g, 1 / std::sqrt(6.0), 1e-6);
  optim::clip_grad_norm_({q}, 1, std::numeric_limits<double>::infinity());
}

TEST(ClipGrad, LeavesArraysThatWereTakenBefore) {
  const Tensor p = with_gradient({2, -2});
  const Tensor before = p.grad();
  optim::clip_grad_value_({p}, 1);
  optim::clip_grad_norm_({p}, 0.5);
  EXPECT_EQ(before.to_vector<float>(), (std::vector<float>{2, -2}));
}

TEST(ClipGrad, LetsNaNThrough) {
  const float nan = std::nanf("");
  const Tensor p = with_gradient({nan, 5});
  optim::clip_grad_value_({p}, 1);
  EXPECT_TRUE(std::isnan(gradient_of(p)[0]));
  EXPECT_EQ(gradient_of(p)[1], 1);
  EXPECT_TRUE(std::isnan(optim::clip_grad_norm_({p}, 1).item<float>()));
}

TEST(ClipGrad, RefusesBadNumbers) {
  const Tensor p = with_gradient({1});
  const double nan = std::nan("");
  EXPECT_ERROR(optim::clip_grad_norm_({p}, -1), "[clip_grad_norm_] max_norm is -1; it must be at least 0");
  EXPECT_ERROR(optim::clip_grad_norm_({p}, nan), "max_norm is nan");
  EXPECT_ERROR(optim::clip_grad_norm_({p}, 1, 0), "norm_type is 0; it must be above 0");
  EXPECT_ERROR(optim::clip_grad_norm_({p, Tensor()}, 1), "parameter 1 of 2 is undefined");
  EXPECT_ERROR((optim::clip_grad_value_({p}, -1), 0), "[clip_grad_value_] clip_value is -1");
  EXPECT_ERROR((optim::clip_grad_value_({p}, nan), 0), "clip_value is nan");
}

}  // namespace
}  // namespace linnet
