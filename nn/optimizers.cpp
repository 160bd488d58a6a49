// SGD, Adam and AdamW: options checked, then one backend call for each group of parameters.
#include <linnet/nn/optim.h>

#include <cmath>

#include "core/backend.h"
#include "core/fail.h"

namespace linnet::optim {
namespace {

void check_not_negative(double value, const char* name, const char* kind) {
  check(std::isfinite(value) && value >= 0, kind, "{} is {}; it must be a finite number, at least 0", name,
        value);
}

void check_beta(double value, const char* name, const char* kind) {
  check(value >= 0 && value < 1, kind, "{} is {}; it must be at least 0 and less than 1", name, value);
}

const SGDOptions& checked(const SGDOptions& options) {
  check_not_negative(options.momentum, "momentum", "SGD");
  check_not_negative(options.weight_decay, "weight_decay", "SGD");
  check(std::isfinite(options.dampening), "SGD", "dampening is {}; it must be a finite number",
        options.dampening);
  check(!options.nesterov || (options.momentum > 0 && options.dampening == 0), "SGD",
        "nesterov needs momentum above 0 and dampening 0; got momentum {} and dampening {}", options.momentum,
        options.dampening);
  return options;
}

template <class Options>
const Options& checked_adam(const Options& options, const char* kind) {
  check_beta(options.beta1, "beta1", kind);
  check_beta(options.beta2, "beta2", kind);
  check_not_negative(options.eps, "eps", kind);
  check_not_negative(options.weight_decay, "weight_decay", kind);
  return options;
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

}  // namespace

SGD::SGD(const Tensors& parameters, const SGDOptions& options)
    : Optimizer("SGD", parameters, options.lr,
                options.momentum == 0 ? std::vector<std::string>{} : std::vector<std::string>{"momentum"}),
      options_(checked(options)) {}

void SGD::update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  const SgdSpec spec{options_.momentum, options_.dampening, options_.weight_decay,
                     options_.nesterov, lr.read_view(),     step.read_view()};
  std::vector<SgdSlot> views;
  views.reserve(slots.size());
  for (const Slot* slot : slots) {
    views.push_back({slot->parameter.data().write_view(), slot->parameter.grad().data().read_view(),
                     slot->moments.empty() ? View{} : slot->moments[0].write_view()});
  }
  lr.device().backend().sgd(spec, views);
}

Adam::Adam(const Tensors& parameters, const AdamOptions& options)
    : Optimizer("Adam", parameters, options.lr, {"mean", "square"}),
      options_(checked_adam(options, "Adam")) {}

void Adam::update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  step_adam(options_, false, slots, lr, step);
}

AdamW::AdamW(const Tensors& parameters, const AdamWOptions& options)
    : Optimizer("AdamW", parameters, options.lr, {"mean", "square"}),
      options_(checked_adam(options, "AdamW")) {}

void AdamW::update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) {
  step_adam(options_, true, slots, lr, step);
}

}  // namespace linnet::optim
