// Optimisers: values checked by hand, state, moving parameters, bad options.
#include <gtest/gtest.h>

#include <cmath>

#include <linnet/autograd/ops.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/optim.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor leaf(const std::vector<double>& values) {
  Tensor made = NDArray::from_data(values, {static_cast<int64_t>(values.size())});
  return made.requires_grad_();
}

void set_grad(Tensor parameter, const std::vector<double>& values) {
  parameter.set_grad(NDArray::from_data(values, parameter.shape()).to(parameter.dtype()));
}

void expect_near(const Tensor& tensor, const std::vector<double>& expected) {
  const std::vector<double> values = tensor.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12) << "element " << i;
}

TEST(Sgd, WithoutMomentumSubtractsTheScaledGradient) {
  Tensor p = leaf({1, -2});
  optim::SGD sgd({p}, {.lr = 0.1});
  set_grad(p, {0.5, 4});
  sgd.step();
  expect_near(p, {1 - 0.05, -2 - 0.4});
}

TEST(Sgd, WeightDecayAddsToTheGradient) {
  Tensor p = leaf({1, -2});
  optim::SGD sgd({p}, {.lr = 0.1, .weight_decay = 0.5});
  set_grad(p, {0.5, 4});
  sgd.step();
  expect_near(p, {1 - 0.1 * (0.5 + 0.5), -2 - 0.1 * (4 - 1)});
}

TEST(Sgd, MomentumStartsAsTheGradientAndIsDampenedAfterwards) {
  Tensor p = leaf({1});
  optim::SGD sgd({p}, {.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
  set_grad(p, {2});
  sgd.step();
  expect_near(p, {1 - 0.1 * 2});
  sgd.step();
  expect_near(p, {0.8 - 0.1 * (0.9 * 2 + 0.5 * 2)});
}

TEST(Sgd, NesterovLooksAhead) {
  Tensor p = leaf({1});
  optim::SGD sgd({p}, {.lr = 0.1, .momentum = 0.9, .nesterov = true});
  set_grad(p, {2});
  sgd.step();
  expect_near(p, {1 - 0.1 * (2 + 0.9 * 2)});
  const double b = 0.9 * 2 + 2;
  sgd.step();
  expect_near(p, {0.62 - 0.1 * (2 + 0.9 * b)});
}

double adam_by_hand(double p, const std::vector<double>& gradients, double lr, double decay, bool decoupled) {
  double m = 0, v = 0;
  for (size_t t = 1; t <= gradients.size(); ++t) {
    const double g = gradients[t - 1] + (decoupled ? 0 : decay * p);
    if (decoupled) p *= 1 - lr * decay;
    m = 0.9 * m + (1 - 0.9) * g;
    v = 0.999 * v + (1 - 0.999) * g * g;
    const double step = static_cast<double>(t);
    p -= lr * (m / (1 - std::pow(0.9, step))) / (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
  }
  return p;
}

TEST(Adam, TheFirstStepIsTheLearningRateAlongTheSign) {
  Tensor p = leaf({1, 1});
  optim::Adam adam({p});
  set_grad(p, {3, -0.2});
  adam.step();
  expect_near(p, {1 - 1e-3 * 3 / (3 + 1e-8), 1 + 1e-3 * 0.2 / (0.2 + 1e-8)});
}

TEST(Adam, FollowsItsFormula) {
  Tensor p = leaf({0.7});
  optim::Adam adam({p}, {.lr = 0.01, .weight_decay = 0.3});
  for (const double g : {2.0, -1.0, 0.5}) {
    set_grad(p, {g});
    adam.step();
  }
  expect_near(p, {adam_by_hand(0.7, {2, -1, 0.5}, 0.01, 0.3, false)});
}

TEST(AdamW, DecaysTheParameterNotTheGradient) {
  Tensor p = leaf({0.7});
  optim::AdamW adam({p}, {.lr = 0.01});
  for (const double g : {2.0, -1.0, 0.5}) {
    set_grad(p, {g});
    adam.step();
  }
  expect_near(p, {adam_by_hand(0.7, {2, -1, 0.5}, 0.01, 0.01, true)});
}

TEST(Optimizer, LearningRateCanChange) {
  Tensor p = leaf({1});
  optim::SGD sgd({p}, {.lr = 0.1});
  set_grad(p, {1});
  sgd.step();
  sgd.set_lr(0.5);
  EXPECT_EQ(sgd.lr(), 0.5);
  sgd.step();
  expect_near(p, {1 - 0.1 - 0.5});
}

TEST(Optimizer, SkipsParametersWithoutGradientAndTheirStateStays) {
  Tensor p = leaf({1}), q = leaf({1});
  optim::Adam adam({p, q}, {.lr = 0.01});
  set_grad(p, {1});
  adam.step();
  expect_near(q, {1});
  set_grad(p, {2});
  set_grad(q, {-3});
  adam.step();  // the second step of p, the first of q
  expect_near(p, {adam_by_hand(1, {1, 2}, 0.01, 0, false)});
  expect_near(q, {adam_by_hand(1, {-3}, 0.01, 0, false)});
  p.zero_grad();
  adam.step();
  expect_near(p, {adam_by_hand(1, {1, 2}, 0.01, 0, false)});
  expect_near(q, {adam_by_hand(1, {-3, -3}, 0.01, 0, false)});
  adam.zero_grad();
  EXPECT_FALSE(q.grad().defined());
}

TEST(Optimizer, StateFollowsAParameterToAnotherDtype) {
  nn::Linear fc(1, 1, {.bias = false});
  fc.weight.data().fill_(1);
  optim::Adam adam(fc.parameters(), {.lr = 0.01});
  set_grad(fc.weight, {1});
  adam.step();
  fc.to(DType::Float64);
  set_grad(fc.weight, {2});
  adam.step();
  EXPECT_NEAR(fc.weight.item<double>(), adam_by_hand(1, {1, 2}, 0.01, 0, false), 1e-6);
}

TEST(Optimizer, StateFollowsAParameterToAnotherDevice) {
  nn::Linear fc(2, 2);
  optim::SGD sgd(fc.parameters(), {.momentum = 0.9});
  fc.weight.set_grad(NDArray::ones({2, 2}));
  sgd.step();
  fc.to(device("meta"));
  sgd.step();
  EXPECT_EQ(sgd.state()[2].array.device().name(), "meta");
}

TEST(Optimizer, GoesOnFromASavedStateToTheSameBits) {
  const std::vector<double> gradients{0.3, -0.7, 1.1, 0.2};
  Tensor p = leaf({0.5, 0.25}), idle = leaf({1});
  optim::Adam one({p, idle}, {.lr = 0.02});
  const auto step = [](optim::Optimizer& optimizer, Tensor parameter, double g) {
    set_grad(parameter, {g, -2 * g});
    optimizer.step();
  };
  step(one, p, gradients[0]);
  step(one, p, gradients[1]);
  one.set_lr(0.03);
  const nn::StateDict state = one.state();
  std::vector<std::string> names;
  for (const auto& named : state) names.push_back(named.name);
  EXPECT_EQ(names, (std::vector<std::string>{"lr", "0.step", "0.mean", "0.square"}));

  Tensor q = Tensor(p.data().clone()).requires_grad_();
  optim::Adam two({q, idle});
  two.load_state(state);
  EXPECT_EQ(two.lr(), 0.03);
  for (const size_t i : {2, 3}) {
    step(one, p, gradients[i]);
    step(two, q, gradients[i]);
  }
  EXPECT_EQ(p.to_vector<double>(), q.to_vector<double>());
  EXPECT_EQ(state[1].array.item<int64_t>(), 2);  // a copy, whatever the optimiser did since
}

TEST(Optimizer, RefusesAStateThatIsNotItsOwn) {
  Tensor p = leaf({1, 2});
  optim::Adam adam({p});
  set_grad(p, {1, 1});
  adam.step();
  const nn::StateDict state = adam.state();
  optim::SGD sgd({p}, {.momentum = 0.9});
  EXPECT_ERROR(sgd.load_state(state),
               "[SGD] the state has no \"0.momentum\"; is it of another kind of optimiser?");
  optim::SGD plain({p});
  EXPECT_ERROR(plain.load_state(state),
               "[SGD] the state has what SGD over 1 parameters does not: 0.mean, 0.square");
  Tensor q = leaf({1});
  optim::Adam other({q});
  EXPECT_ERROR(other.load_state(state), "[Adam] the state's \"0.mean\" is (2,); expected shape (1,)");
  EXPECT_ERROR(adam.load_state({}), "[Adam] the state has no \"lr\"");
  EXPECT_ERROR(adam.load_state({state[0], state[0]}), "[Adam] the state has the name \"lr\" twice");
  EXPECT_ERROR(adam.load_state({{"lr", NDArray::scalar(-1, DType::Float64)}}), "[Adam] lr is -1");
  EXPECT_ERROR(adam.load_state({state[0], {"0.step", NDArray::scalar(0, DType::Int64)}}),
               "[Adam] the state's \"0.step\" is 0; expected at least 1");
  EXPECT_EQ(adam.state().size(), 4U);
}

TEST(Optimizer, RefusesParametersItCannotTrain) {
  Tensor p = leaf({1});
  EXPECT_ERROR(optim::SGD(Tensors{}), "[SGD] there are no parameters");
  EXPECT_ERROR(optim::SGD({p, Tensor()}), "[SGD] parameter 1 of 2 is undefined");
  EXPECT_ERROR(optim::Adam({p, leaf({2}), p}), "[Adam] parameter 2, of shape (1,), is parameter 0 again");
  EXPECT_ERROR(optim::Adam({p * 2}),
               "[Adam] parameter 0, of shape (1,), is the result of an operator; expected a leaf");
  EXPECT_ERROR(optim::Adam({Tensor(NDArray::zeros({1}, DType::Int64))}),
               "[Adam] parameter 0, of shape (1,), is int64; expected a floating dtype");
}

TEST(Optimizer, RefusesAGradientThatIsNotLikeItsParameter) {
  Tensor p = leaf({1}), q = leaf({1, 2});
  set_grad(p, {1});
  set_grad(q, {1, 1});
  q.set_data(NDArray::zeros({3}, DType::Float64));
  optim::SGD sgd({p, q});
  EXPECT_ERROR(sgd.step(), "[SGD] parameter 1 is float64 (3,) on cpu and its gradient float64 (2,) on cpu");
  expect_near(p, {1});
}

TEST(Optimizer, RefusesBadOptions) {
  const Tensors p{leaf({1})};
  const double nan = std::nan("");
  EXPECT_ERROR(optim::SGD(p, {.lr = -0.1}), "[SGD] lr is -0.1; it must be a finite number, at least 0");
  EXPECT_ERROR(optim::Adam(p, {.lr = nan}), "[Adam] lr is nan");
  EXPECT_ERROR(optim::SGD(p, {.momentum = -1}), "[SGD] momentum is -1");
  EXPECT_ERROR(optim::SGD(p, {.weight_decay = -1}), "[SGD] weight_decay is -1");
  EXPECT_ERROR(optim::SGD(p, {.dampening = nan}), "[SGD] dampening is nan");
  EXPECT_ERROR(optim::SGD(p, {.nesterov = true}),
               "[SGD] nesterov needs momentum above 0 and dampening 0; got momentum 0 and dampening 0");
  EXPECT_ERROR(optim::SGD(p, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}),
               "got momentum 0.9 and dampening 0.1");
  EXPECT_ERROR(optim::Adam(p, {.beta1 = 1}), "[Adam] beta1 is 1; it must be at least 0 and less than 1");
  EXPECT_ERROR(optim::AdamW(p, {.beta2 = -0.1}),
               "[AdamW] beta2 is -0.1; it must be at least 0 and less than 1");
  EXPECT_ERROR(optim::Adam(p, {.eps = -1}), "[Adam] eps is -1");
  EXPECT_ERROR(optim::AdamW(p, {.weight_decay = -1}), "[AdamW] weight_decay is -1");
  optim::SGD sgd(p);
  EXPECT_ERROR(sgd.set_lr(-1), "[SGD] lr is -1");
}

TEST(Optimizer, MinimisesAParabola) {
  Tensor p = leaf({4, -3});
  optim::Adam adam({p}, {.lr = 0.1});
  for (int i = 0; i < 500; ++i) {
    adam.zero_grad();
    sum(square(p - 1)).backward();
    adam.step();
  }
  EXPECT_NEAR(p.to_vector<double>()[0], 1, 1e-3);
  EXPECT_NEAR(p.to_vector<double>()[1], 1, 1e-3);
}

TEST(Optimizer, SteppingBetweenForwardAndBackwardIsAnError) {
  Tensor p = leaf({4});
  optim::SGD sgd({p});
  set_grad(p, {1});
  const Tensor y = sum(square(p));
  sgd.step();
  EXPECT_ERROR(y.backward(), "changed in place");
}

}  // namespace
}  // namespace linnet
