// The curves of nn/schedule.h. Each is a closed form of the step, where PyTorch's schedulers multiply the
// last rate; the two differ by roundings.
#include <linnet/nn/schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/fail.h"

namespace linnet::optim {
namespace {

void check_finite(double value, const char* name, const char* where) {
  check(std::isfinite(value) && value >= 0, where, "{} is {}; it must be a finite number, at least 0", name,
        value);
}

void check_count(int64_t value, const char* name, const char* where) {
  check(value >= 1, where, "{} is {}; expected at least 1", name, value);
}

void check_within(double value, double low, double high, const char* name, const char* where) {
  check(value >= low && value <= high, where, "{} is {}; it must be at least {} and at most {}", name, value,
        low, high);
}

void check_rising(const std::vector<int64_t>& milestones, const char* where) {
  for (size_t i = 0; i < milestones.size(); ++i) {
    check(milestones[i] > (i == 0 ? 0 : milestones[i - 1]), where,
          "the milestones are {}; they must rise, from at least 1", join(milestones, ", "));
  }
}

void check_curves(const std::vector<LrCurve>& curves, const char* where) {
  check(!curves.empty(), where, "there are no curves; expected at least one");
  for (size_t i = 0; i < curves.size(); ++i) {
    check(curves[i] != nullptr, where, "curve {} of {} is empty", i, curves.size());
  }
}

/// From `start` to `end` while `part` goes from 0 to 1.
double anneal_between(Anneal anneal, double start, double end, double part) {
  if (anneal == Anneal::Linear) return (end - start) * part + start;
  return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * part));
}

/// A part of a cycle: up to a step, from one rate to another. With or against it goes the momentum.
struct Phase {
  double end;
  double start_lr, end_lr;
  double start_momentum, end_momentum;
};

std::vector<Phase> phases_of(const OneCycleLROptions& o, double max_lr) {
  const double first = max_lr / o.div_factor, last = first / o.final_div_factor;
  const auto total = static_cast<double>(o.total_steps);
  const double peak = o.pct_start * total - 1;
  const Phase up{peak, first, max_lr, o.max_momentum, o.base_momentum};
  if (!o.three_phase) return {up, {total - 1, max_lr, last, o.base_momentum, o.max_momentum}};
  return {up,
          {2 * o.pct_start * total - 2, max_lr, first, o.base_momentum, o.max_momentum},
          {total - 1, first, last, o.max_momentum, o.max_momentum}};
}

ScheduledRate rate_at(const std::vector<Phase>& phases, const OneCycleLROptions& o, int64_t step) {
  const auto now = static_cast<double>(step);
  double start = 0;
  const Phase* phase = phases.data();
  while (now > phase->end && phase != &phases.back()) {
    start = phase->end;
    ++phase;
  }
  const double length = phase->end - start;
  const double part = length > 0 ? std::min((now - start) / length, 1.0) : 1;
  ScheduledRate rate{anneal_between(o.anneal, phase->start_lr, phase->end_lr, part)};
  if (o.cycle_momentum) {
    rate.momentum = anneal_between(o.anneal, phase->start_momentum, phase->end_momentum, part);
  }
  return rate;
}

}  // namespace

LrCurve step_lr(const StepLROptions& options) {
  check_count(options.step_size, "step_size", "step_lr");
  check_finite(options.gamma, "gamma", "step_lr");
  return [options](const ScheduleInput& at) {
    const int64_t passed = at.step / options.step_size;
    return ScheduledRate{at.base_lr * std::pow(options.gamma, static_cast<double>(passed))};
  };
}

LrCurve multi_step_lr(const MultiStepLROptions& options) {
  check_rising(options.milestones, "multi_step_lr");
  check_finite(options.gamma, "gamma", "multi_step_lr");
  return [options](const ScheduleInput& at) {
    const auto& all = options.milestones;
    const auto passed = std::upper_bound(all.begin(), all.end(), at.step) - all.begin();
    return ScheduledRate{at.base_lr * std::pow(options.gamma, static_cast<double>(passed))};
  };
}

LrCurve cosine_annealing_lr(const CosineAnnealingLROptions& options) {
  check_count(options.t_max, "t_max", "cosine_annealing_lr");
  check_finite(options.eta_min, "eta_min", "cosine_annealing_lr");
  return [options](const ScheduleInput& at) {
    const double angle = std::numbers::pi * static_cast<double>(at.step) / static_cast<double>(options.t_max);
    return ScheduledRate{options.eta_min + (at.base_lr - options.eta_min) * (1 + std::cos(angle)) / 2};
  };
}

LrCurve linear_lr(const LinearLROptions& options) {
  check(options.start_factor > 0 && options.start_factor <= 1, "linear_lr",
        "start_factor is {}; it must be above 0 and at most 1", options.start_factor);
  check_within(options.end_factor, 0, 1, "end_factor", "linear_lr");
  check_count(options.total_iters, "total_iters", "linear_lr");
  return [options](const ScheduleInput& at) {
    const auto [start, end, total] = options;
    const double part = static_cast<double>(std::min(at.step, total)) / static_cast<double>(total);
    return ScheduledRate{at.base_lr * (start + (end - start) * part)};
  };
}

LrCurve one_cycle_lr(const OneCycleLROptions& options) {
  constexpr const char* kWhere = "one_cycle_lr";
  const std::vector<double> rates =
      options.max_lrs.empty() ? std::vector<double>{options.max_lr} : options.max_lrs;
  check(options.max_lrs.empty() || options.max_lr == 0, kWhere,
        "max_lr is {} and max_lrs has {} numbers; give one of them", options.max_lr, options.max_lrs.size());
  for (const double rate : rates) {
    check(std::isfinite(rate) && rate > 0, kWhere, "max_lr is {}; it must be a finite number, above 0", rate);
  }
  check_count(options.total_steps, "total_steps", kWhere);
  check_within(options.pct_start, 0, 1, "pct_start", kWhere);
  check(!options.three_phase || options.pct_start <= 0.5, kWhere,
        "pct_start is {}; with three_phase it must be at most 0.5", options.pct_start);
  check(options.div_factor > 0 && options.final_div_factor > 0, kWhere,
        "div_factor is {} and final_div_factor {}; they must be above 0", options.div_factor,
        options.final_div_factor);
  check(options.base_momentum >= 0 && options.base_momentum < 1 && options.max_momentum >= 0 &&
            options.max_momentum < 1,
        kWhere, "base_momentum is {} and max_momentum {}; they must be at least 0 and less than 1",
        options.base_momentum, options.max_momentum);
  std::vector<std::vector<Phase>> phases;
  for (const double rate : rates) phases.push_back(phases_of(options, rate));
  return [options, phases](const ScheduleInput& at) {
    check(phases.size() == 1 || at.group < phases.size(), kWhere,
          "max_lrs has {} numbers and the optimiser a group {}; expected a number for each group",
          phases.size(), at.group);
    check(at.step <= options.total_steps, kWhere, "step {} is after the last; total_steps is {}", at.step,
          options.total_steps);
    return rate_at(phases.size() == 1 ? phases[0] : phases[at.group], options, at.step);
  };
}

LrCurve sequential_lr(std::vector<LrCurve> curves, std::vector<int64_t> milestones) {
  constexpr const char* kWhere = "sequential_lr";
  check_curves(curves, kWhere);
  check(milestones.size() + 1 == curves.size(), kWhere,
        "there are {} curves and {} milestones; expected a milestone between each two", curves.size(),
        milestones.size());
  check_rising(milestones, kWhere);
  return [curves = std::move(curves), milestones = std::move(milestones)](const ScheduleInput& at) {
    const auto passed = std::upper_bound(milestones.begin(), milestones.end(), at.step) - milestones.begin();
    ScheduleInput local = at;
    if (passed > 0) local.step -= milestones[static_cast<size_t>(passed - 1)];
    return curves[static_cast<size_t>(passed)](local);
  };
}

LrCurve chained_lr(std::vector<LrCurve> curves) {
  check_curves(curves, "chained_lr");
  return [curves = std::move(curves)](const ScheduleInput& at) {
    ScheduledRate rate{at.base_lr};
    for (const LrCurve& curve : curves) {
      const ScheduledRate next = curve({at.step, rate.lr, at.group});
      rate.lr = next.lr;
      if (next.momentum) rate.momentum = next.momentum;
    }
    return rate;
  };
}

}  // namespace linnet::optim
