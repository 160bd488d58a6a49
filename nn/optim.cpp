// What all optimisers share: the list of parameters, their state, and the 0-d arrays of step and learning
// rate.
#include <linnet/nn/optim.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "core/fail.h"

namespace linnet::optim {
namespace {

void check_lr(double lr, const std::string& kind) {
  check(std::isfinite(lr) && lr >= 0, kind, "lr is {}; it must be a finite number, at least 0", lr);
}

}  // namespace

Optimizer::Optimizer(std::string kind, const Tensors& parameters, double lr, std::vector<std::string> moments)
    : kind_(std::move(kind)), lr_(lr), moments_(std::move(moments)) {
  check_lr(lr, kind_);
  check(!parameters.empty(), kind_, "there are no parameters; expected at least one");
  std::unordered_map<const void*, size_t> seen;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    check(parameter.defined(), kind_, "parameter {} of {} is undefined", i, parameters.size());
    const auto [first, is_new] = seen.emplace(parameter.impl().get(), i);
    check(is_new, kind_, "parameter {}, of shape {}, is parameter {} again; each must be there once", i,
          parameter.shape(), first->second);
    check(is_floating(parameter.dtype()), kind_,
          "parameter {}, of shape {}, is {}; expected a floating dtype", i, parameter.shape(),
          parameter.dtype());
    check(parameter.is_leaf(), kind_,
          "parameter {}, of shape {}, is the result of an operator; expected a leaf, as parameters() gives",
          i, parameter.shape());
    slots_.push_back({parameter, 0, {}});
  }
}

void Optimizer::set_lr(double lr) {
  check_lr(lr, kind_);
  lr_ = lr;
}

Tensors Optimizer::parameters() const {
  Tensors parameters;
  for (const Slot& slot : slots_) parameters.push_back(slot.parameter);
  return parameters;
}

void Optimizer::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.zero_grad();
}

/// Checks the gradient, and makes the state or brings it to where the parameter is.
void Optimizer::prepare(Slot& slot, size_t index) const {
  const Tensor& p = slot.parameter;
  const Tensor g = p.grad();
  check(g.shape() == p.shape() && g.dtype() == p.dtype() && g.device() == p.device(), kind_,
        "parameter {} is {} {} on {} and its gradient {} {} on {}; they must agree", index, p.dtype(),
        p.shape(), p.device(), g.dtype(), g.shape(), g.device());
  if (slot.moments.empty()) {
    for (size_t i = 0; i < moments_.size(); ++i) {
      slot.moments.push_back(NDArray::empty_like_order(p.data(), p.shape(), p.dtype()).zero_());
    }
  }
  for (NDArray& moment : slot.moments) moment = moment.to(p.device()).to(p.dtype());
}

/// The device's arrays for that step, of those not taken yet; best the ones that counted the step before it.
Optimizer::Clock& Optimizer::clock(Device device, int64_t step) {
  Clock* best = nullptr;
  for (Clock& clock : clocks_) {
    if (clock.taken || clock.lr.device() != device) continue;
    if (best == nullptr || clock.step_value == step - 1) best = &clock;
  }
  if (best == nullptr) {
    clocks_.push_back({NDArray::full({}, lr_, DType::Float64, device),
                       NDArray::full({}, step, DType::Int64, device), lr_, step, false});
    best = &clocks_.back();
  }
  if (best->lr_value != lr_) best->lr.fill_(lr_);
  if (best->step_value != step) best->step.fill_(step);
  best->lr_value = lr_;
  best->step_value = step;
  best->taken = true;
  return *best;
}

void Optimizer::step() {
  std::vector<Slot*> ready;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].parameter.grad().defined()) continue;
    prepare(slots_[i], i);
    ready.push_back(&slots_[i]);
  }
  for (Clock& clock : clocks_) clock.taken = false;
  while (!ready.empty()) {
    const Device device = ready.front()->parameter.device();
    const int64_t taken = ready.front()->step;
    const auto rest = std::stable_partition(ready.begin(), ready.end(), [&](const Slot* slot) {
      return slot->parameter.device() == device && slot->step == taken;
    });
    const std::vector<Slot*> group(ready.begin(), rest);
    ready.erase(ready.begin(), rest);
    for (Slot* slot : group) slot->step = taken + 1;
    const Clock& now = clock(device, taken + 1);
    update(group, now.lr, now.step);
  }
}

nn::StateDict Optimizer::state() const {
  nn::StateDict state{{"lr", NDArray::scalar(lr_, DType::Float64, device("cpu"))}};
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.step == 0) continue;
    state.push_back({format_text("{}.step", i), NDArray::scalar(slot.step, DType::Int64, device("cpu"))});
    for (size_t j = 0; j < moments_.size(); ++j) {
      state.push_back({format_text("{}.{}", i, moments_[j]), slot.moments[j].clone()});
    }
  }
  return state;
}

void Optimizer::load_state(const nn::StateDict& state) {
  std::unordered_map<std::string, NDArray> given;
  for (const auto& [name, array] : state) {
    check(given.emplace(name, array).second, kind_, "the state has the name \"{}\" twice", name);
  }
  const auto take = [&](const std::string& name, const Shape& shape) {
    const auto found = given.find(name);
    check(found != given.end(), kind_, "the state has no \"{}\"; is it of another kind of optimiser?", name);
    const NDArray array = found->second;
    check(array.defined() && array.shape() == shape, kind_, "the state's \"{}\" is {}; expected shape {}",
          name, array.defined() ? to_string(array.shape()) : "undefined", shape);
    given.erase(found);
    return array;
  };
  const double lr = take("lr", {}).item<double>();
  check_lr(lr, kind_);
  std::vector<Slot> slots;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot slot{slots_[i].parameter, 0, {}};
    const std::string step_name = format_text("{}.step", i);
    if (given.count(step_name) != 0) {
      slot.step = take(step_name, {}).item<int64_t>();
      check(slot.step >= 1, kind_, "the state's \"{}\" is {}; expected at least 1", step_name, slot.step);
      for (const std::string& moment : moments_) {
        const NDArray array = take(format_text("{}.{}", i, moment), slot.parameter.shape());
        slot.moments.push_back(array.clone().to(slot.parameter.device()).to(slot.parameter.dtype()));
      }
    }
    slots.push_back(std::move(slot));
  }
  if (!given.empty()) {
    std::set<std::string> unexpected;
    for (const auto& entry : given) unexpected.insert(entry.first);
    fail(kind_, "the state has what {} over {} parameters does not: {}", kind_, slots_.size(),
         join(unexpected, ", "));
  }
  lr_ = lr;
  slots_ = std::move(slots);
}

}  // namespace linnet::optim
