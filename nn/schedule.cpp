// Schedule, and its state.
#include <linnet/nn/schedule.h>

#include <cmath>
#include <utility>

#include "core/fail.h"

namespace linnet::optim {
namespace {

constexpr const char* kWhere = "Schedule";

}  // namespace

Schedule::Schedule(Optimizer& optimizer, LrCurve curve) : optimizer_(&optimizer), curve_(std::move(curve)) {
  check(curve_ != nullptr, kWhere, "the curve is empty; expected one as step_lr() gives");
  for (size_t group = 0; group < optimizer.groups(); ++group) base_.push_back(optimizer.lr(group));
  apply(0, base_);
}

/// All rates first, so that nothing is set where one is wrong.
void Schedule::apply(int64_t step, const std::vector<double>& base) {
  check(optimizer_->groups() == base.size(), kWhere,
        "the optimiser has {} groups and had {} when this schedule was made; add groups before",
        optimizer_->groups(), base.size());
  std::vector<ScheduledRate> rates;
  for (size_t group = 0; group < base.size(); ++group) {
    const ScheduledRate rate = curve_({step, base[group], group});
    check(std::isfinite(rate.lr) && rate.lr >= 0, kWhere,
          "the curve gives lr {} for group {} at step {}; it must be a finite number, at least 0", rate.lr,
          group, step);
    check(!rate.momentum || (*rate.momentum >= 0 && *rate.momentum < 1), kWhere,
          "the curve gives momentum {} for group {} at step {}; it must be at least 0 and less than 1",
          rate.momentum.value_or(0), group, step);
    rates.push_back(rate);
  }
  for (size_t group = 0; group < rates.size(); ++group) {
    optimizer_->set_lr(rates[group].lr, group);
    if (rates[group].momentum && optimizer_->has_momentum()) {
      optimizer_->set_momentum(*rates[group].momentum, group);
    }
  }
}

void Schedule::step() {
  apply(step_ + 1, base_);
  ++step_;
}

nn::StateDict Schedule::state() const {
  const Device cpu = device("cpu");
  return {{"step", NDArray::scalar(step_, DType::Int64, cpu)},
          {"base_lr", NDArray::from_data(base_, {static_cast<int64_t>(base_.size())}, cpu)}};
}

void Schedule::load_state(const nn::StateDict& state) {
  NDArray step, base;
  for (const auto& [name, array] : state) {
    NDArray& to = name == "step" ? step : base;
    check(name == "step" || name == "base_lr", kWhere,
          "the state has \"{}\"; expected \"step\" and \"base_lr\"", name);
    check(!to.defined(), kWhere, "the state has the name \"{}\" twice", name);
    check(array.defined(), kWhere, "the state's \"{}\" is undefined", name);
    to = array;
  }
  check(step.defined() && base.defined(), kWhere, "the state has no \"{}\"",
        step.defined() ? "base_lr" : "step");
  const Shape shape{static_cast<int64_t>(base_.size())};
  check(step.shape() == Shape{} && base.shape() == shape, kWhere,
        "the state's \"step\" is {} and its \"base_lr\" {}; expected () and {}, for {} groups", step.shape(),
        base.shape(), shape, base_.size());
  const auto steps = step.item<int64_t>();
  check(steps >= 0, kWhere, "the state's \"step\" is {}; expected at least 0", steps);
  const std::vector<double> rates = base.to_vector<double>();
  apply(steps, rates);
  step_ = steps;
  base_ = rates;
}

}  // namespace linnet::optim
