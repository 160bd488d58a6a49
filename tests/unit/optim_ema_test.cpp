// Averages of weights: by hand, in and out of the model, buffers, state, other devices.
#include <gtest/gtest.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/layers.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

struct Model : nn::Module {
  nn::Linear fc{1, 1};
  Tensor count = NDArray::zeros({}, DType::Int64);
  Tensor forward(const Tensor& x) const override { return fc(x); }
  void fields(nn::Fields& f) override { f("fc", fc).buffer("count", count); }
  void set(double weight, double bias, int64_t n) {
    fc.weight.data().fill_(weight);
    fc.bias.data().fill_(bias);
    count.data().fill_(n);
  }
  std::vector<double> values() const {
    return {fc.weight.item<double>(), fc.bias.item<double>(), static_cast<double>(count.item<int64_t>())};
  }
};
using Values = std::vector<double>;

TEST(Ema, AveragesParametersAndCopiesBuffers) {
  Model model;
  model.set(100, 100, 0);
  optim::EMA ema(model, {.decay = 0.75});
  model.set(1, 8, 1);
  ema.update();  // the first one copies
  model.set(5, 0, 2);
  ema.update();
  EXPECT_EQ(ema.updates(), 2);
  EXPECT_EQ(model.values(), (Values{5, 0, 2}));
  ema.swap();
  EXPECT_TRUE(ema.swapped());
  EXPECT_EQ(model.values(), (Values{2, 6, 2}));
  EXPECT_ERROR(ema.update(), "[EMA] the averages are in the model; call swap() to take them out first");
  EXPECT_ERROR(ema.state(), "the averages are in the model");
  EXPECT_ERROR(ema.copy_to(model), "the averages are in the model");
  EXPECT_ERROR(ema.load_state({}), "the averages are in the model");
  EXPECT_ERROR(optim::UseAverages{ema}, "the averages are in the model");
  ema.swap();
  EXPECT_EQ(model.values(), (Values{5, 0, 2}));
}

TEST(Ema, UseAveragesPutsThemBack) {
  Model model;
  model.set(1, 1, 1);
  optim::EMA ema(model);
  model.set(3, 3, 3);
  {
    const optim::UseAverages averages(ema);
    EXPECT_EQ(model.values(), (Values{1, 1, 1}));
  }
  EXPECT_EQ(model.values(), (Values{3, 3, 3}));
  EXPECT_FALSE(ema.swapped());
}

TEST(Ema, CopiesIntoACloneAndFollowsAMovedModel) {
  Model model;
  model.set(1, 2, 3);
  optim::EMA ema(model, {.decay = 0.5});
  ema.update();
  Model moved = std::move(model);
  moved.set(3, 4, 5);
  ema.update();
  Model copy = nn::clone(moved);
  ema.copy_to(copy);
  EXPECT_EQ(copy.values(), (Values{2, 3, 5}));
  EXPECT_EQ(moved.values(), (Values{3, 4, 5}));
  nn::Linear other(1, 1);
  EXPECT_ERROR(ema.copy_to(other),
               "[EMA] the other model has weight, bias; the averages are of fc.weight, fc.bias, count");
}

TEST(Ema, FollowsTheModelToAnotherDtypeAndDevice) {
  Model model;
  model.set(1, 2, 3);
  optim::EMA ema(model, {.decay = 0.5});
  ema.update();
  model.to(DType::Float64);
  model.set(3, 4, 5);
  ema.update();
  EXPECT_EQ(ema.state()[1].array.dtype(), DType::Float64);
  EXPECT_EQ(ema.state()[1].array.item<double>(), 2);
  model.to(device("meta"));
  ema.update();
  EXPECT_EQ(ema.state()[1].array.device().name(), "meta");
}

TEST(Ema, GoesOnFromASavedState) {
  Model model;
  model.set(1, 2, 3);
  optim::EMA ema(model, {.decay = 0.5});
  ema.update();
  const nn::StateDict state = ema.state();
  EXPECT_EQ(state[0].name, "updates");
  EXPECT_EQ(state[1].name, "average.fc.weight");
  EXPECT_EQ(state[3].name, "average.count");
  model.set(9, 9, 9);
  optim::EMA other(model, {.decay = 0.5});
  other.load_state(state);
  EXPECT_EQ(other.updates(), 1);
  model.set(3, 4, 5);
  ema.update();
  other.update();
  other.swap();
  EXPECT_EQ(model.values(), (Values{2, 3, 5}));
}

TEST(Ema, RefusesWhatDoesNotFit) {
  Model model;
  EXPECT_ERROR(optim::EMA(model, {.decay = 1.5}), "[EMA] decay is 1.5; it must be at least 0 and at most 1");
  EXPECT_ERROR(optim::EMA(nn::Flatten()), "[EMA] the model has no parameters");
  optim::EMA ema(model);
  const nn::StateDict state = ema.state();
  EXPECT_ERROR(ema.load_state({}), "[EMA] the state has no \"updates\"");
  EXPECT_ERROR(ema.load_state({state[0], state[0]}), "[EMA] the state has the name \"updates\" twice");
  EXPECT_ERROR(ema.load_state({{"updates", NDArray::scalar(-1, DType::Int64)}}), "\"updates\" is -1");
  EXPECT_ERROR(ema.load_state({state[0], state[1]}), "[EMA] the state has no \"average.fc.bias\"");
  EXPECT_ERROR(ema.load_state({state[0], state[1], state[2], {"average.count", NDArray::zeros({2})}}),
               "the state's \"average.count\" is (2,); expected shape ()");
  EXPECT_ERROR(ema.load_state({state[0], state[1], state[2], state[3], {"more", NDArray::zeros({})}}),
               "the state has what the model does not: more");
}

}  // namespace
}  // namespace linnet
