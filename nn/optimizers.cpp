// SGD, Adam and AdamW: options checked, then one backend call for parameters that step together. RMSprop is
// composed of array operators, so it runs on every device.
#include <linnet/nn/optim.h>

#include <cmath>

#include <linnet/core/ops.h>
#include "core/backend.h"
#include "core/elements.h"
#include "core/fail.h"
#include "core/optim_math.h"

namespace linnet::optim {
namespace {

void check_not_negative(double value, const char* name, const char* kind) {
  check(std::isfinite(value) && value >= 0, kind, "{} is {}; it must be a finite number, at least 0", name,
        value);
}

void check_beta(double value, const char* name, const char* kind) {
  check(value >= 0 && value < 1, kind, "{} is {}; it must be at least 0 and less than 1", name, value);
}

void check_sgd(const SGDOptions& options) {
  check_not_negative(options.momentum, "momentum", "SGD");
  check_not_negative(options.weight_decay, "weight_decay", "SGD");
  check(std::isfinite(options.dampening), "SGD", "dampening is {}; it must be a finite number",
        options.dampening);
  check(!options.nesterov || (options.momentum > 0 && options.dampening == 0), "SGD",
        "nesterov needs momentum above 0 and dampening 0; got momentum {} and dampening {}", options.momentum,
        options.dampening);
}

template <class Options>
void check_adam(const Options& options, const char* kind) {
  check_beta(options.beta1, "beta1", kind);
  check_beta(options.beta2, "beta2", kind);
  check_not_negative(options.eps, "eps", kind);
  check_not_negative(options.weight_decay, "weight_decay", kind);
}

void check_rmsprop(const RMSpropOptions& options) {
  check_beta(options.alpha, "alpha", "RMSprop");
  check_not_negative(options.eps, "eps", "RMSprop");
  check_not_negative(options.weight_decay, "weight_decay", "RMSprop");
  check_not_negative(options.momentum, "momentum", "RMSprop");
}

template <class Options, class Slots>
void step_adam(const Options& options, bool decoupled, const Slots& slots, const NDArray& lr,
               const NDArray& step) {
  const AdamSpec spec{options.beta1, options.beta2,  options.eps,     options.weight_decay,
                      decoupled,     lr.read_view(), step.read_view()};
  std::vector<AdamSlot> views;
  views.reserve(slots.size());
  for (const auto* slot : slots) {
    views.push_back({slot->parameter.data().write_view(), slot->parameter.grad().data().read_view(),
                     slot->moments[0].write_view(), slot->moments[1].write_view()});
  }
  lr.device().backend().adam(spec, views);
}

/// `moment` in place, zeros where it no longer counts (core/optim_math.h).
void store(const NDArray& moment, const NDArray& value, double tail) {
  moment.copy_(where(abs(value) < tail, 0, value));
}

void step_rmsprop(const RMSpropOptions& options, const NDArray& p, NDArray g,
                  const std::vector<NDArray>& moments, const NDArray& lr, double square_tail,
                  double mean_tail) {
  if (options.weight_decay != 0) g = g + p * options.weight_decay;
  const NDArray& square_mean = moments[0];
  store(square_mean, square_mean * options.alpha + square(g) * (1 - options.alpha), square_tail);
  NDArray variance = square_mean;
  if (options.centered) {
    const NDArray& mean = moments[1];
    store(mean, mean + (g - mean) * (1 - options.alpha), mean_tail);
    // Gradients that stay the same leave a difference of rounding errors, also below 0.
    variance = maximum(square_mean - square(mean), 0);
  }
  NDArray change = g / (sqrt(variance) + options.eps);
  if (options.momentum != 0) {
    const NDArray& buffer = moments[options.centered ? 2 : 1];
    store(buffer, buffer * options.momentum + change, mean_tail);
    change = buffer;
  }
  p.add_(change * lr, -1);
}

}  // namespace

SGD::SGD(const Tensors& parameters, const SGDOptions& options) : Optimizer("SGD") {
  add_group(parameters, options);
}

void SGD::add_group(const Tensors& parameters, const SGDOptions& options) {
  check_sgd(options);
  add_parameters(parameters, options.lr);
  options_.push_back(options);
}

std::vector<std::string> SGD::moment_names(size_t group) const {
  if (options_[group].momentum == 0) return {};
  return {"momentum"};
}

double* SGD::momentum_of(size_t group) {
  return &options_[group].momentum;
}

void SGD::update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  const SGDOptions& options = options_[group];
  const SgdSpec spec{options.momentum, options.dampening, options.weight_decay,
                     options.nesterov, lr.read_view(),    step.read_view()};
  std::vector<SgdSlot> views;
  views.reserve(slots.size());
  for (const Slot* slot : slots) {
    views.push_back({slot->parameter.data().write_view(), slot->parameter.grad().data().read_view(),
                     options.momentum == 0 ? View{} : slot->moments[0].write_view()});
  }
  lr.device().backend().sgd(spec, views);
}

Adam::Adam(const Tensors& parameters, const AdamOptions& options) : Optimizer("Adam") {
  add_group(parameters, options);
}

void Adam::add_group(const Tensors& parameters, const AdamOptions& options) {
  check_adam(options, "Adam");
  add_parameters(parameters, options.lr);
  options_.push_back(options);
}

std::vector<std::string> Adam::moment_names(size_t) const {
  return {"mean", "square"};
}

double* Adam::momentum_of(size_t group) {
  return &options_[group].beta1;
}

void Adam::update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  step_adam(options_[group], false, slots, lr, step);
}

AdamW::AdamW(const Tensors& parameters, const AdamWOptions& options) : Optimizer("AdamW") {
  add_group(parameters, options);
}

void AdamW::add_group(const Tensors& parameters, const AdamWOptions& options) {
  check_adam(options, "AdamW");
  add_parameters(parameters, options.lr);
  options_.push_back(options);
}

std::vector<std::string> AdamW::moment_names(size_t) const {
  return {"mean", "square"};
}

double* AdamW::momentum_of(size_t group) {
  return &options_[group].beta1;
}

void AdamW::update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  step_adam(options_[group], true, slots, lr, step);
}

RMSprop::RMSprop(const Tensors& parameters, const RMSpropOptions& options) : Optimizer("RMSprop") {
  add_group(parameters, options);
}

void RMSprop::add_group(const Tensors& parameters, const RMSpropOptions& options) {
  check_rmsprop(options);
  add_parameters(parameters, options.lr);
  options_.push_back(options);
}

// Momentum is last: it may come later, when a schedule moves it from 0.
std::vector<std::string> RMSprop::moment_names(size_t group) const {
  std::vector<std::string> names{"square"};
  if (options_[group].centered) names.emplace_back("mean");
  if (options_[group].momentum != 0) names.emplace_back("momentum");
  return names;
}

double* RMSprop::momentum_of(size_t group) {
  return &options_[group].momentum;
}

void RMSprop::update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray&) {
  for (const Slot* slot : slots) {
    const NDArray& p = slot->parameter.data();
    const NDArray rate = lr.to(p.dtype());
    visit_floating(p.dtype(), [&](auto element) {
      using T = typename decltype(element)::Stored;
      step_rmsprop(options_[group], p, slot->parameter.grad().data(), slot->moments, rate,
                   static_cast<double>(kSquareTail<T>), static_cast<double>(kMeanTail<T>));
    });
  }
}

}  // namespace linnet::optim
