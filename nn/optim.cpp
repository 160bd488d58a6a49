// What all optimisers share: the groups of parameters, their state, and the 0-d arrays of step and learning
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

/// "parameter 3", "parameter 3 of group 1".
std::string place(size_t index, size_t group) {
  return group == 0 ? format_text("parameter {}", index)
                    : format_text("parameter {} of group {}", index, group);
}

}  // namespace

void Optimizer::add_parameters(const Tensors& parameters, double lr) {
  check_lr(lr, kind_);
  const size_t group = groups_.size();
  check(!parameters.empty(), kind_, "there are no parameters{}; expected at least one",
        group == 0 ? "" : format_text(" in group {}", group));
  std::unordered_map<const void*, size_t> seen;
  for (size_t i = 0; i < slots_.size(); ++i) seen.emplace(slots_[i].parameter.impl().get(), i);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    const std::string name = place(i, group);
    check(parameter.defined(), kind_, "{} of {} is undefined", name, parameters.size());
    const auto [first, is_new] = seen.emplace(parameter.impl().get(), slots_.size() + i);
    check(
        is_new, kind_, "{}, of shape {}, is {} again; each must be there once", name, parameter.shape(),
        first->second < slots_.size() ? name_of(first->second) : place(first->second - slots_.size(), group));
    check(is_floating(parameter.dtype()), kind_, "{}, of shape {}, is {}; expected a floating dtype", name,
          parameter.shape(), parameter.dtype());
    check(parameter.is_leaf(), kind_,
          "{}, of shape {}, is the result of an operator; expected a leaf, as parameters() gives", name,
          parameter.shape());
  }
  groups_.push_back({slots_.size(), parameters.size(), lr});
  for (const Tensor& parameter : parameters) slots_.push_back({parameter, group, 0, {}});
}

const Optimizer::Group& Optimizer::at(size_t group) const {
  check(group < groups_.size(), kind_, "there is no group {}; there are {}", group, groups_.size());
  return groups_[group];
}

std::string Optimizer::name_of(size_t slot) const {
  const size_t group = slots_[slot].group;
  return place(slot - groups_[group].first, group);
}

double Optimizer::lr(size_t group) const {
  return at(group).lr;
}

void Optimizer::set_lr(double lr) {
  check_lr(lr, kind_);
  for (Group& group : groups_) group.lr = lr;
}

void Optimizer::set_lr(double lr, size_t group) {
  at(group);
  check_lr(lr, kind_);
  groups_[group].lr = lr;
}

double* Optimizer::momentum_of(size_t) {
  return nullptr;
}

/// Derived classes say where it is, once, for reading and writing.
const double* Optimizer::read_momentum(size_t group) const {
  return const_cast<Optimizer*>(this)->momentum_of(group);
}

bool Optimizer::has_momentum() const {
  return read_momentum(0) != nullptr;
}

double Optimizer::momentum(size_t group) const {
  at(group);
  const double* momentum = read_momentum(group);
  check(momentum != nullptr, kind_, "this optimiser has no momentum");
  return *momentum;
}

void Optimizer::set_momentum(double momentum, size_t group) {
  at(group);
  double* to = momentum_of(group);
  check(to != nullptr, kind_, "this optimiser has no momentum");
  check(momentum >= 0 && momentum < 1, kind_, "momentum is {}; it must be at least 0 and less than 1",
        momentum);
  *to = momentum;
}

Tensors Optimizer::parameters() const {
  Tensors parameters;
  for (const Slot& slot : slots_) parameters.push_back(slot.parameter);
  return parameters;
}

Tensors Optimizer::parameters(size_t group) const {
  const auto [first, count, lr] = at(group);
  Tensors parameters;
  for (size_t i = first; i < first + count; ++i) parameters.push_back(slots_[i].parameter);
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
        "{} is {} {} on {} and its gradient {} {} on {}; they must agree", name_of(index), p.dtype(),
        p.shape(), p.device(), g.dtype(), g.shape(), g.device());
  while (slot.moments.size() < moment_names(slot.group).size()) {
    slot.moments.push_back(NDArray::empty_like_order(p.data(), p.shape(), p.dtype()).zero_());
  }
  for (NDArray& moment : slot.moments) moment = moment.to(p.device()).to(p.dtype());
}

/// The group's arrays on a device for that step, of those not taken yet; best the ones that counted the step
/// before it.
Optimizer::Clock& Optimizer::clock(Device device, size_t group, int64_t step) {
  const double lr = groups_[group].lr;
  Clock* best = nullptr;
  for (Clock& clock : clocks_) {
    if (clock.taken || clock.group != group || clock.lr.device() != device) continue;
    if (best == nullptr || clock.step_value == step - 1) best = &clock;
  }
  if (best == nullptr) {
    clocks_.push_back({NDArray::full({}, lr, DType::Float64, device),
                       NDArray::full({}, step, DType::Int64, device), group, lr, step, false});
    best = &clocks_.back();
  }
  if (best->lr_value != lr) best->lr.fill_(lr);
  if (best->step_value != step) best->step.fill_(step);
  best->lr_value = lr;
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
    const size_t group = ready.front()->group;
    const int64_t taken = ready.front()->step;
    const auto rest = std::stable_partition(ready.begin(), ready.end(), [&](const Slot* slot) {
      return slot->parameter.device() == device && slot->group == group && slot->step == taken;
    });
    const std::vector<Slot*> together(ready.begin(), rest);
    ready.erase(ready.begin(), rest);
    for (Slot* slot : together) slot->step = taken + 1;
    const Clock& now = clock(device, group, taken + 1);
    update(group, together, now.lr, now.step);
  }
}

nn::StateDict Optimizer::state() const {
  const Device cpu = device("cpu");
  nn::StateDict state;
  if (groups_.size() == 1) {
    state.push_back({"lr", NDArray::scalar(groups_[0].lr, DType::Float64, cpu)});
  } else {
    std::vector<double> rates;
    std::vector<int64_t> counts;
    for (const Group& group : groups_) {
      rates.push_back(group.lr);
      counts.push_back(static_cast<int64_t>(group.count));
    }
    const Shape shape{static_cast<int64_t>(groups_.size())};
    state.push_back({"lr", NDArray::from_data(rates, shape, cpu)});
    state.push_back({"groups", NDArray::from_data(counts, shape, cpu)});
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.step == 0) continue;
    state.push_back({format_text("{}.step", i), NDArray::scalar(slot.step, DType::Int64, cpu)});
    const std::vector<std::string> names = moment_names(slot.group);
    for (size_t j = 0; j < std::min(names.size(), slot.moments.size()); ++j) {
      state.push_back({format_text("{}.{}", i, names[j]), slot.moments[j].clone()});
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
  std::vector<Group> groups = groups_;
  const bool one = groups.size() == 1;
  const Shape per_group = one ? Shape{} : Shape{static_cast<int64_t>(groups.size())};
  const std::vector<double> rates = take("lr", per_group).to_vector<double>();
  const std::vector<int64_t> counts =
      one ? std::vector<int64_t>{} : take("groups", per_group).to_vector<int64_t>();
  for (size_t g = 0; g < groups.size(); ++g) {
    check_lr(rates[g], kind_);
    groups[g].lr = rates[g];
    check(one || counts[g] == static_cast<int64_t>(groups[g].count), kind_,
          "the state's group {} has {} parameters; this optimiser's has {}", g, one ? 0 : counts[g],
          groups[g].count);
  }
  std::vector<Slot> slots;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot slot{slots_[i].parameter, slots_[i].group, 0, {}};
    const std::string step_name = format_text("{}.step", i);
    if (given.count(step_name) != 0) {
      slot.step = take(step_name, {}).item<int64_t>();
      check(slot.step >= 1, kind_, "the state's \"{}\" is {}; expected at least 1", step_name, slot.step);
      for (const std::string& moment : moment_names(slot.group)) {
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
  groups_ = std::move(groups);
  slots_ = std::move(slots);
}

}  // namespace linnet::optim
