// Groups of parameters with options of their own, moving rates and momentum, RMSprop's state.
#include <cmath>

#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
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

std::vector<std::string> names_of(const nn::StateDict& state) {
  std::vector<std::string> names;
  for (const auto& named : state) names.push_back(named.name);
  return names;
}

TEST(OptimGroups, EachStepsWithItsOwnOptions) {
  Tensor p = leaf({1}), q = leaf({1}), r = leaf({1});
  optim::SGD sgd({p}, {.lr = 0.1});
  sgd.add_group({q}, {.lr = 0.01, .momentum = 0.5});
  sgd.add_group({r}, {.lr = 0.2, .weight_decay = 1});
  for (const Tensor& t : {p, q, r}) set_grad(t, {2});
  sgd.step();
  sgd.step();
  EXPECT_NEAR(p.item<double>(), 1 - 0.1 * 4, 1e-15);
  EXPECT_NEAR(q.item<double>(), 1 - 0.01 * 2 - 0.01 * 3, 1e-15);
  const double once = 1 - 0.2 * 3;
  EXPECT_NEAR(r.item<double>(), once - 0.2 * (2 + once), 1e-15);
  EXPECT_EQ(sgd.groups(), 3U);
  EXPECT_EQ(sgd.parameters().size(), 3U);
  EXPECT_EQ(sgd.parameters(1).size(), 1U);
  EXPECT_EQ(sgd.parameters(1)[0].impl(), q.impl());
}

TEST(OptimGroups, RatesAreSetForOneOrForAll) {
  Tensor p = leaf({1}), q = leaf({1});
  optim::Adam adam({p}, {.lr = 0.1});
  adam.add_group({q}, {.lr = 0.2});
  adam.set_lr(0.5, 1);
  EXPECT_EQ(adam.lr(), 0.1);
  EXPECT_EQ(adam.lr(1), 0.5);
  set_grad(p, {1});
  set_grad(q, {1});
  adam.step();
  EXPECT_NEAR(p.item<double>(), 0.9, 1e-8);
  EXPECT_NEAR(q.item<double>(), 0.5, 1e-8);
  adam.set_lr(0.25);
  EXPECT_EQ(adam.lr(0), 0.25);
  EXPECT_EQ(adam.lr(1), 0.25);
  EXPECT_ERROR(adam.lr(2), "[Adam] there is no group 2; there are 2");
  EXPECT_ERROR(adam.set_lr(0.1, 2), "[Adam] there is no group 2; there are 2");
  EXPECT_ERROR(adam.parameters(7), "[Adam] there is no group 7; there are 2");
  EXPECT_ERROR(adam.set_lr(-1, 1), "[Adam] lr is -1");
  EXPECT_EQ(adam.lr(1), 0.25);
}

TEST(OptimGroups, GoOnFromASavedStateToTheSameBits) {
  Tensor p = leaf({0.5}), q = leaf({0.25, 1}), r = leaf({3});
  const auto make = [](const Tensors& first, const Tensors& second) {
    optim::SGD sgd(first, {.lr = 0.1, .momentum = 0.9});
    sgd.add_group(second, {.lr = 0.01});
    return sgd;
  };
  optim::SGD one = make({p}, {q, r});
  const auto step = [](optim::SGD& sgd, const Tensor& a, const Tensor& b, double g) {
    set_grad(a, {g});
    set_grad(b, {-g, 2 * g});
    sgd.step();
  };
  step(one, p, q, 1);
  step(one, p, q, -3);
  one.set_lr(0.02, 1);
  const nn::StateDict state = one.state();
  EXPECT_EQ(names_of(state), (std::vector<std::string>{"lr", "groups", "0.step", "0.momentum", "1.step"}));
  EXPECT_EQ(state[0].array.to_vector<double>(), (std::vector<double>{0.1, 0.02}));
  EXPECT_EQ(state[1].array.to_vector<int64_t>(), (std::vector<int64_t>{1, 2}));

  Tensor p2 = Tensor(p.data().clone()).requires_grad_(), q2 = Tensor(q.data().clone()).requires_grad_();
  optim::SGD two = make({p2}, {q2, r});
  two.load_state(state);
  EXPECT_EQ(two.lr(1), 0.02);
  for (const double g : {0.7, 0.1}) {
    step(one, p, q, g);
    step(two, p2, q2, g);
  }
  EXPECT_EQ(p.to_vector<double>(), p2.to_vector<double>());
  EXPECT_EQ(q.to_vector<double>(), q2.to_vector<double>());

  optim::SGD other = make({p2, r}, {q2});
  EXPECT_ERROR(other.load_state(state), "[SGD] the state's group 0 has 1 parameters; this optimiser's has 2");
  optim::SGD single({p2, q2, r}, {.momentum = 0.9});
  EXPECT_ERROR(single.load_state(state), "[SGD] the state's \"lr\" is (2,); expected shape ()");
  EXPECT_ERROR(two.load_state(single.state()), "[SGD] the state's \"lr\" is (); expected shape (2,)");
  EXPECT_EQ(two.lr(1), 0.02);
}

TEST(OptimGroups, RefusesAGroupThatFitsNoneAndStaysAsItWas) {
  Tensor p = leaf({1}), q = leaf({1, 2});
  optim::SGD sgd({p});
  EXPECT_ERROR(sgd.add_group({}, {}), "[SGD] there are no parameters in group 1");
  EXPECT_ERROR(sgd.add_group({q, p}, {}),
               "[SGD] parameter 1 of group 1, of shape (1,), is parameter 0 again");
  EXPECT_ERROR(sgd.add_group({q, q}, {}),
               "[SGD] parameter 1 of group 1, of shape (2,), is parameter 0 of group 1 again");
  EXPECT_ERROR(sgd.add_group({q}, {.lr = -2}), "[SGD] lr is -2");
  EXPECT_ERROR(sgd.add_group({q}, {.momentum = -2}), "[SGD] momentum is -2");
  EXPECT_EQ(sgd.groups(), 1U);
  EXPECT_EQ(sgd.parameters().size(), 1U);
  sgd.add_group({q}, {});
  set_grad(p, {1});
  set_grad(q, {1, 1});
  q.set_data(NDArray::zeros({3}, DType::Float64));
  EXPECT_ERROR(sgd.step(), "[SGD] parameter 0 of group 1 is float64 (3,) on cpu and its gradient");
}

TEST(OptimMomentum, CanBeMoved) {
  Tensor p = leaf({1});
  optim::SGD sgd({p}, {.lr = 0.1});
  EXPECT_TRUE(sgd.has_momentum());
  EXPECT_EQ(sgd.momentum(), 0);
  set_grad(p, {1});
  sgd.step();  // without momentum: 0.9
  sgd.set_momentum(0.5, 0);
  EXPECT_EQ(sgd.momentum(), 0.5);
  sgd.step();  // the buffer begins: 0.8
  sgd.step();  // 1.5 times the gradient: 0.65
  EXPECT_NEAR(p.item<double>(), 0.65, 1e-15);
  sgd.set_momentum(0, 0);
  sgd.step();
  EXPECT_NEAR(p.item<double>(), 0.55, 1e-15);

  optim::Adam adam({p}, {.beta1 = 0.7});
  EXPECT_EQ(adam.momentum(), 0.7);
  optim::RMSprop rmsprop({p});
  EXPECT_EQ(rmsprop.momentum(), 0);
  EXPECT_ERROR(adam.set_momentum(1, 0), "[Adam] momentum is 1; it must be at least 0 and less than 1");
  EXPECT_ERROR(adam.set_momentum(0.5, 1), "[Adam] there is no group 1");
  EXPECT_ERROR(adam.momentum(1), "[Adam] there is no group 1");
}

TEST(RMSprop, FollowsItsFormula) {
  Tensor p = leaf({0.7});
  optim::RMSprop optimizer(
      {p}, {.lr = 0.01, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.5, .centered = true});
  double x = 0.7, v = 0, m = 0, b = 0;
  for (const double gradient : {2.0, -1.0, 0.5}) {
    set_grad(p, {gradient});
    optimizer.step();
    const double g = gradient + 0.1 * x;
    v = 0.9 * v + 0.1 * g * g;
    m = 0.9 * m + 0.1 * g;
    b = 0.5 * b + g / (std::sqrt(v - m * m) + 1e-3);
    x -= 0.01 * b;
  }
  EXPECT_NEAR(p.item<double>(), x, 1e-14);
}

TEST(RMSprop, CenteredTakesGradientsThatStayTheSame) {
  Tensor p = Tensor(NDArray::ones({4})).requires_grad_();
  optim::RMSprop optimizer({p}, {.alpha = 0.5, .eps = 1, .centered = true});
  for (int i = 0; i < 200; ++i) {
    p.set_grad(NDArray::from_data<float>({0.1F, 0.7F, 1e-18F, 3e7F}, {4}));
    optimizer.step();
    for (const float value : p.to_vector<float>()) ASSERT_TRUE(std::isfinite(value)) << "step " << i;
  }
}

TEST(RMSprop, KeepsWhatItsOptionsNeed) {
  Tensor p = leaf({1}), q = leaf({1});
  optim::RMSprop optimizer({p}, {});
  optimizer.add_group({q}, {.momentum = 0.9, .centered = true});
  set_grad(p, {1});
  set_grad(q, {1});
  optimizer.step();
  EXPECT_EQ(names_of(optimizer.state()),
            (std::vector<std::string>{"lr", "groups", "0.step", "0.square", "1.step", "1.square", "1.mean",
                                      "1.momentum"}));
  optim::RMSprop other({p});
  other.add_group({q}, {});
  EXPECT_ERROR(other.load_state(optimizer.state()),
               "[RMSprop] the state has what RMSprop over 2 parameters does not: 1.mean, 1.momentum");
}

TEST(RMSprop, RefusesBadOptions) {
  const Tensors p{leaf({1})};
  EXPECT_ERROR(optim::RMSprop(p, {.lr = -1}), "[RMSprop] lr is -1");
  EXPECT_ERROR(optim::RMSprop(p, {.alpha = 1}),
               "[RMSprop] alpha is 1; it must be at least 0 and less than 1");
  EXPECT_ERROR(optim::RMSprop(p, {.eps = -1}), "[RMSprop] eps is -1");
  EXPECT_ERROR(optim::RMSprop(p, {.weight_decay = -1}), "[RMSprop] weight_decay is -1");
  EXPECT_ERROR(optim::RMSprop(p, {.momentum = std::nan("")}), "[RMSprop] momentum is nan");
}

TEST(RMSprop, TakesEmptyAndChannelsLastParameters) {
  Tensor empty = Tensor(NDArray::zeros({0, 3}, DType::Float64)).requires_grad_();
  Tensor w =
      Tensor(NDArray::ones({2, 3, 2, 2}, DType::Float64).to(MemoryOrder::ChannelsLast)).requires_grad_();
  empty.set_grad(NDArray::zeros({0, 3}, DType::Float64));
  w.set_grad(NDArray::ones({2, 3, 2, 2}, DType::Float64));
  optim::RMSprop optimizer({empty, w}, {.lr = 0.1, .alpha = 0.75, .eps = 0});
  optimizer.step();
  for (const double value : w.to_vector<double>()) EXPECT_NEAR(value, 1 - 0.1 / 0.5, 1e-15);
  EXPECT_TRUE(w.data().is_channels_last());
}

}  // namespace
}  // namespace linnet
