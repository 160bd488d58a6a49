// Learning rates that move while a training goes on:
//   optim::Schedule schedule(optimizer, optim::sequential_lr({optim::linear_lr({.total_iters = 5}),
//                                                             optim::cosine_annealing_lr({.t_max = 95})},
//                                                             {5}));
//   ... optimizer.step();  schedule.step();  ...
//
// A curve is a function of the number of steps and a group's first learning rate, so a resumed run goes on
// with the same bits; formulas and defaults are those of PyTorch's schedulers of the same names. Curves are
// values: they can be nested, and a lambda is one. What a step is (a batch, an epoch) is the caller's choice.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <linnet/nn/module.h>
#include <linnet/nn/optim.h>

namespace linnet::optim {

struct ScheduleInput {
  int64_t step;    ///< 0 before the first call of Schedule::step().
  double base_lr;  ///< The group's learning rate when the schedule was made.
  size_t group = 0;
};
struct ScheduledRate {
  double lr;
  std::optional<double> momentum = {};  ///< Stays as it is where absent.
};
using LrCurve = std::function<ScheduledRate(const ScheduleInput&)>;

/// Moves the learning rates of all groups of an optimiser, which must stay where it is as long as this lives.
class Schedule {
 public:
  /// Sets the rates of step 0.
  Schedule(Optimizer& optimizer, LrCurve curve);

  /// Sets the next rates. Throws Error where the curve gives one that the optimiser refuses, or has ended;
  /// the schedule stays at its step then.
  void step();
  /// Steps taken.
  int64_t steps() const { return step_; }
  /// The rate that is set for a group.
  double lr(size_t group = 0) const { return optimizer_->lr(group); }

  /// "step", and "base_lr" with an element for each group.
  nn::StateDict state() const;
  /// Sets the rates of the state's step. Nothing changes where it throws.
  void load_state(const nn::StateDict& state);

 private:
  void apply(int64_t step, const std::vector<double>& base);

  Optimizer* optimizer_;
  LrCurve curve_;
  std::vector<double> base_;
  int64_t step_ = 0;
};

struct StepLROptions {
  int64_t step_size = 0;  ///< Needed.
  double gamma = 0.1;
};
/// base gamma^floor(step / step_size).
LrCurve step_lr(const StepLROptions& options);

struct MultiStepLROptions {
  std::vector<int64_t> milestones;
  double gamma = 0.1;
};
/// base gamma^(number of milestones that are at most step).
LrCurve multi_step_lr(const MultiStepLROptions& options);

struct CosineAnnealingLROptions {
  int64_t t_max = 0;  ///< Needed: half a period.
  double eta_min = 0;
};
/// eta_min + (base - eta_min) (1 + cos(pi step / t_max)) / 2; after t_max it rises again.
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
LrCurve cosine_annealing_lr(const CosineAnnealingLROptions& options);

struct LinearLROptions {
  double start_factor = 1.0 / 3;  ///< In (0, 1].
  double end_factor = 1;          ///< In [0, 1].
  int64_t total_iters = 5;
};
/// base times a factor that goes from start_factor to end_factor in total_iters steps and stays: a warm-up.
LrCurve linear_lr(const LinearLROptions& options = {});

enum class Anneal : uint8_t { Cosine, Linear };
struct OneCycleLROptions {
  double max_lr = 0;                 ///< Of every group; or
  std::vector<double> max_lrs = {};  ///< of each group, in place of max_lr.
  int64_t total_steps = 0;           ///< Needed.
  double pct_start = 0.3;            ///< The rising part, in [0, 1].
  Anneal anneal = Anneal::Cosine;
  bool cycle_momentum = true;  ///< From max_momentum to base_momentum and back, against the rate.
  double base_momentum = 0.85;
  double max_momentum = 0.95;
  double div_factor = 25;         ///< The first rate is max_lr / div_factor,
  double final_div_factor = 1e4;  ///< the last one max_lr / (div_factor final_div_factor).
  bool three_phase = false;       ///< Fall as fast as it rose, then to the last rate; else in one.
};
/// From max_lr / div_factor up to max_lr and down to almost nothing; the base rate does not count. A step
/// after the last keeps its rate, and one more throws Error. Cycles momentum where the optimiser has it, also
/// SGD's and RMSprop's that is 0. Smith and Topin, "Super-convergence", 2017.
LrCurve one_cycle_lr(const OneCycleLROptions& options);

/// curves[i] from milestone i - 1 on, counting its steps from there; curves[0] first. Throws Error unless
/// there is a milestone less than there are curves, and they rise.
LrCurve sequential_lr(std::vector<LrCurve> curves, std::vector<int64_t> milestones);

/// Each curve gets what the one before it gave as its base: factors multiply. The last momentum counts.
LrCurve chained_lr(std::vector<LrCurve> curves);

}  // namespace linnet::optim
