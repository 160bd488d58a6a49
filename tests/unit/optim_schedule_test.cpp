// Schedules: what they set, state, curves of one's own, bad options. The curves' values are golden tests.
#include <cmath>

#include <gtest/gtest.h>
#include <linnet/nn/schedule.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor leaf() {
  return Tensor(NDArray::ones({1}, DType::Float64)).requires_grad_();
}

TEST(Schedule, SetsTheRatesOfAllGroups) {
  optim::SGD sgd({leaf()}, {.lr = 1});
  sgd.add_group({leaf()}, {.lr = 0.5});
  optim::Schedule schedule(sgd, optim::linear_lr({.start_factor = 0.5, .total_iters = 2}));
  EXPECT_EQ(schedule.steps(), 0);
  EXPECT_EQ(sgd.lr(0), 0.5);
  EXPECT_EQ(sgd.lr(1), 0.25);
  schedule.step();
  schedule.step();
  EXPECT_EQ(schedule.lr(0), 1);
  EXPECT_EQ(schedule.lr(1), 0.5);
}

TEST(Schedule, GoesOnFromASavedStateToTheSameBits) {
  const auto curve = optim::sequential_lr(
      {optim::linear_lr({.total_iters = 3}), optim::cosine_annealing_lr({.t_max = 9})}, {3});
  optim::SGD one({leaf()}, {.lr = 0.3});
  optim::Schedule first(one, curve);
  for (int i = 0; i < 5; ++i) first.step();
  optim::SGD two({leaf()}, {.lr = 0.7});  // another base: the state's counts
  optim::Schedule second(two, curve);
  second.load_state(first.state());
  EXPECT_EQ(second.steps(), 5);
  EXPECT_EQ(two.lr(), one.lr());
  for (int i = 0; i < 4; ++i) {
    first.step();
    second.step();
    EXPECT_EQ(two.lr(), one.lr());
  }
}

TEST(Schedule, RefusesAStateThatIsNotItsOwnAndStaysAsItWas) {
  optim::SGD sgd({leaf()}, {.lr = 1});
  optim::Schedule schedule(sgd, optim::step_lr({.step_size = 1}));
  const NDArray one = NDArray::scalar(1, DType::Int64), base = NDArray::ones({1}, DType::Float64);
  EXPECT_ERROR(schedule.load_state({{"step", one}}), "[Schedule] the state has no \"base_lr\"");
  EXPECT_ERROR(schedule.load_state({{"base_lr", base}}), "[Schedule] the state has no \"step\"");
  EXPECT_ERROR(schedule.load_state({{"step", one}, {"step", one}}), "the name \"step\" twice");
  EXPECT_ERROR(schedule.load_state({{"lr", one}}), "the state has \"lr\"; expected \"step\" and \"base_lr\"");
  EXPECT_ERROR(schedule.load_state({{"step", one}, {"base_lr", NDArray::ones({2}, DType::Float64)}}),
               "its \"base_lr\" (2,); expected () and (1,), for 1 groups");
  EXPECT_ERROR(schedule.load_state({{"step", NDArray::scalar(-1, DType::Int64)}, {"base_lr", base}}),
               "the state's \"step\" is -1");
  EXPECT_ERROR(schedule.load_state({{"step", one}, {"base_lr", NDArray::full({1}, -3, DType::Float64)}}),
               "the curve gives lr");
  EXPECT_EQ(schedule.steps(), 0);
  EXPECT_EQ(sgd.lr(), 1);
}

TEST(Schedule, TakesACurveOfOnesOwnAndRefusesBadRates) {
  optim::SGD sgd({leaf()}, {.lr = 2});
  optim::Schedule schedule(sgd, [](const optim::ScheduleInput& at) {
    return optim::ScheduledRate{at.base_lr * (1 - static_cast<double>(at.step) / 2)};
  });
  schedule.step();
  EXPECT_EQ(sgd.lr(), 1);
  schedule.step();
  EXPECT_ERROR(schedule.step(), "[Schedule] the curve gives lr -1 for group 0 at step 3");
  EXPECT_EQ(schedule.steps(), 2);
  EXPECT_EQ(sgd.lr(), 0);
  const auto fast = [](const optim::ScheduleInput&) { return optim::ScheduledRate{1, 1.0}; };
  EXPECT_ERROR(optim::Schedule(sgd, fast), "[Schedule] the curve gives momentum 1 for group 0 at step 0");
  EXPECT_ERROR(optim::Schedule(sgd, nullptr), "[Schedule] the curve is empty");
}

TEST(Schedule, NoticesGroupsThatCameLater) {
  optim::SGD sgd({leaf()}, {.lr = 2});
  optim::Schedule schedule(sgd, optim::linear_lr());
  sgd.add_group({leaf()}, {});
  EXPECT_ERROR(schedule.step(),
               "[Schedule] the optimiser has 2 groups and had 1 when this schedule was made");
}

TEST(OneCycle, EndsAndSaysSo) {
  optim::SGD sgd({leaf()}, {.momentum = 0.5});
  optim::Schedule schedule(
      sgd, optim::one_cycle_lr({.max_lr = 1, .total_steps = 4, .anneal = optim::Anneal::Linear}));
  for (int i = 0; i < 3; ++i) schedule.step();
  const double last = sgd.lr();
  EXPECT_NEAR(last, 1 / 25e4, 1e-15);
  schedule.step();  // after the last step of the training
  EXPECT_EQ(sgd.lr(), last);
  EXPECT_ERROR(schedule.step(), "[one_cycle_lr] step 5 is after the last; total_steps is 4");
}

TEST(OneCycle, CanBeOneStep) {
  optim::SGD sgd({leaf()});
  for (const double start : {0.0, 0.5, 1.0}) {
    optim::Schedule schedule(sgd, optim::one_cycle_lr({.max_lr = 1, .total_steps = 1, .pct_start = start}));
    EXPECT_TRUE(std::isfinite(sgd.lr())) << start;
  }
}

TEST(OneCycle, NeedsARateForEachGroup) {
  optim::SGD sgd({leaf()});
  sgd.add_group({leaf()}, {});
  sgd.add_group({leaf()}, {});
  EXPECT_ERROR(optim::Schedule(sgd, optim::one_cycle_lr({.max_lrs = {1, 2}, .total_steps = 9})),
               "[one_cycle_lr] max_lrs has 2 numbers and the optimiser a group 2");
}

TEST(LrCurves, RefuseBadOptions) {
  using namespace optim;
  EXPECT_ERROR(step_lr({}), "[step_lr] step_size is 0; expected at least 1");
  EXPECT_ERROR(step_lr({.step_size = 1, .gamma = -1}), "[step_lr] gamma is -1");
  EXPECT_ERROR(multi_step_lr({.milestones = {3, 3}}),
               "[multi_step_lr] the milestones are 3, 3; they must rise");
  EXPECT_ERROR(multi_step_lr({.milestones = {0}}), "the milestones are 0; they must rise, from at least 1");
  EXPECT_ERROR(cosine_annealing_lr({}), "[cosine_annealing_lr] t_max is 0; expected at least 1");
  EXPECT_ERROR(cosine_annealing_lr({.t_max = 1, .eta_min = -1}), "eta_min is -1");
  EXPECT_ERROR(linear_lr({.start_factor = 0}), "[linear_lr] start_factor is 0; it must be above 0");
  EXPECT_ERROR(linear_lr({.end_factor = 2}),
               "[linear_lr] end_factor is 2; it must be at least 0 and at most 1");
  EXPECT_ERROR(linear_lr({.total_iters = 0}), "[linear_lr] total_iters is 0");
  EXPECT_ERROR(one_cycle_lr({.total_steps = 1}),
               "[one_cycle_lr] max_lr is 0; it must be a finite number, above 0");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1}), "[one_cycle_lr] total_steps is 0");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1, .max_lrs = {1, 2}, .total_steps = 1}),
               "max_lr is 1 and max_lrs has 2 numbers; give one of them");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1, .total_steps = 1, .pct_start = 1.5}), "pct_start is 1.5");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1, .total_steps = 1, .pct_start = 0.6, .three_phase = true}),
               "pct_start is 0.6; with three_phase it must be at most 0.5");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1, .total_steps = 1, .div_factor = 0}), "div_factor is 0");
  EXPECT_ERROR(one_cycle_lr({.max_lr = 1, .total_steps = 1, .max_momentum = 1}), "max_momentum 1;");
  EXPECT_ERROR(sequential_lr({}, {}), "[sequential_lr] there are no curves");
  EXPECT_ERROR(sequential_lr({linear_lr()}, {1}), "[sequential_lr] there are 1 curves and 1 milestones");
  EXPECT_ERROR(sequential_lr({linear_lr(), nullptr}, {1}), "[sequential_lr] curve 1 of 2 is empty");
  EXPECT_ERROR(chained_lr({}), "[chained_lr] there are no curves");
}

}  // namespace
}  // namespace linnet
