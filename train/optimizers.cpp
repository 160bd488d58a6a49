// Optimisers and schedules by name.
#include <algorithm>
#include <array>
#include <utility>

#include <linnet/train/fit.h>
#include "core/fail.h"

namespace linnet::train {
namespace {

using Made = std::unique_ptr<optim::Optimizer>;
using Settings = OptimizerSettings;

Made make_adam(const Tensors& parameters, const Settings& s) {
  return std::make_unique<optim::Adam>(
      parameters, optim::AdamOptions{.lr = s.lr, .weight_decay = s.weight_decay.value_or(0)});
}
Made make_adamw(const Tensors& parameters, const Settings& s) {
  optim::AdamWOptions options{.lr = s.lr};
  options.weight_decay = s.weight_decay.value_or(options.weight_decay);
  return std::make_unique<optim::AdamW>(parameters, options);
}
Made make_rmsprop(const Tensors& parameters, const Settings& s) {
  return std::make_unique<optim::RMSprop>(
      parameters, optim::RMSpropOptions{.lr = s.lr, .weight_decay = s.weight_decay.value_or(0)});
}
Made make_sgd(const Tensors& parameters, const Settings& s) {
  return std::make_unique<optim::SGD>(
      parameters,
      optim::SGDOptions{.lr = s.lr, .momentum = s.momentum, .weight_decay = s.weight_decay.value_or(0)});
}

using Maker = Made (*)(const Tensors&, const Settings&);
constexpr std::array<std::pair<std::string_view, Maker>, 4> kMakers{
    {{"adam", make_adam}, {"adamw", make_adamw}, {"rmsprop", make_rmsprop}, {"sgd", make_sgd}}};

optim::LrCurve constant(int64_t, double) {
  return [](const optim::ScheduleInput& in) { return optim::ScheduledRate{in.base_lr}; };
}
optim::LrCurve steps(int64_t total, double) {
  const int64_t half = std::max<int64_t>(total / 2, 1);
  return optim::multi_step_lr({.milestones = {half, std::max(total * 3 / 4, half + 1)}});
}
optim::LrCurve cosine(int64_t total, double) {
  return optim::cosine_annealing_lr({.t_max = total});
}
optim::LrCurve one_cycle(int64_t total, double lr) {
  return optim::one_cycle_lr({.max_lr = lr, .total_steps = total + 1});
}

using Curve = optim::LrCurve (*)(int64_t total, double lr);
constexpr std::array<std::pair<std::string_view, Curve>, 4> kCurves{
    {{"constant", constant}, {"cosine", cosine}, {"one-cycle", one_cycle}, {"step", steps}}};

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, maker] : table) names.emplace_back(name);
  return names;
}

}  // namespace

std::vector<std::string> optimizer_names() {
  return names_of(kMakers);
}

std::unique_ptr<optim::Optimizer> make_optimizer(std::string_view name, const Tensors& parameters,
                                                 const OptimizerSettings& settings) {
  for (const auto& [known, maker] : kMakers) {
    if (name == known) return maker(parameters, settings);
  }
  fail("make_optimizer", "there is no optimizer '{}'; the names are {}", name, join(optimizer_names(), ", "));
}

std::vector<std::string> schedule_names() {
  return names_of(kCurves);
}

optim::LrCurve make_schedule(std::string_view name, int64_t steps, double lr) {
  check(steps >= 1, "make_schedule", "{} steps; expected at least 1", steps);
  for (const auto& [known, curve] : kCurves) {
    if (name == known) return curve(steps, lr);
  }
  fail("make_schedule", "there is no schedule '{}'; the names are {}", name, join(schedule_names(), ", "));
}

}  // namespace linnet::train
