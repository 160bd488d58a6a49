// Parameters and buffers by name: out of a module, into it, and from one module into its copy.
#include <algorithm>
#include <unordered_map>

#include <linnet/nn/module.h>

#include "core/fail.h"
#include "nn/walk.h"

namespace linnet::nn {
namespace {

struct Named {
  std::string name;
  Tensor tensor;
};

std::vector<Named> state_tensors(const Module& root) {
  std::vector<Named> found;
  for (const Located& at : walk(root)) {
    for (const auto& [name, tensor] : at.members.parameters)
      found.push_back({join_path(at.path, name), *tensor});
    for (const auto& [name, tensor] : at.members.buffers)
      found.push_back({join_path(at.path, name), *tensor});
  }
  return found;
}

using ByName = std::unordered_map<std::string, const NDArray*>;

ByName by_name(const StateDict& state) {
  ByName map;
  for (const auto& [name, array] : state) {
    check(array.defined(), "load_state_dict", "the state's \"{}\" is undefined; expected an array", name);
    check(map.emplace(name, &array).second, "load_state_dict",
          "the state has the name \"{}\" twice; names must differ", name);
  }
  return map;
}

/// Everything that does not fit, in one text; empty where all does.
std::string misfits(const std::vector<Named>& targets, const StateDict& state, const ByName& given,
                    bool strict) {
  std::vector<std::string> missing, unexpected, misshaped;
  std::unordered_map<std::string, bool> known;
  for (const auto& [name, tensor] : targets) {
    known.emplace(name, true);
    const auto found = given.find(name);
    if (found == given.end()) {
      missing.push_back(name);
    } else if (found->second->shape() != tensor.shape()) {
      misshaped.push_back(
          format_text("{} is {} and the state has {}", name, tensor.shape(), found->second->shape()));
    }
  }
  for (const auto& named : state) {
    if (known.find(named.name) == known.end()) unexpected.push_back(named.name);
  }
  std::string text;
  if (strict && !missing.empty()) text += format_text("; missing: {}", join(missing, ", "));
  if (strict && !unexpected.empty()) text += format_text("; unexpected: {}", join(unexpected, ", "));
  if (!misshaped.empty()) text += format_text("; shapes differ: {}", join(misshaped, ", "));
  return text;
}

/// The first difference between two lists of members, empty where there is none.
template <class Member>
std::string difference(const std::vector<std::pair<std::string, Member>>& from,
                       const std::vector<std::pair<std::string, Member>>& to, const std::string& path) {
  for (size_t i = 0; i < std::max(from.size(), to.size()); ++i) {
    const std::string ours = i < from.size() ? join_path(path, from[i].first) : "nothing";
    const std::string theirs = i < to.size() ? join_path(path, to[i].first) : "nothing";
    if (ours != theirs) return format_text("{} in the original is {} in the copy", ours, theirs);
  }
  return {};
}

void check_same_structure(const std::vector<Located>& from, const std::vector<Located>& to) {
  for (size_t i = 0; i < from.size(); ++i) {  // equal children keep the walks in step
    const Listing& a = from[i].members;
    const Listing& b = to[i].members;
    std::string text = difference(a.parameters, b.parameters, from[i].path);
    if (text.empty()) text = difference(a.buffers, b.buffers, from[i].path);
    if (text.empty()) text = difference(a.children, b.children, from[i].path);
    check(text.empty(), "clone",
          "a default-constructed {} differs from the one to copy: {}; give it a member `clone() const`",
          type_name(*from[0].module), text);
  }
}

void copy_tensor(const Tensor& from, Tensor& to, bool is_parameter) {
  to.set_data(from.data().clone());
  if (is_parameter) to.requires_grad_(from.requires_grad());
}

}  // namespace

StateDict Module::state_dict() const {
  StateDict state;
  for (auto& [name, tensor] : state_tensors(*this)) state.push_back({name, tensor.data()});
  return state;
}

void Module::load_state_dict(const StateDict& state, const LoadOptions& options) {
  const std::vector<Named> targets = state_tensors(*this);
  const ByName given = by_name(state);
  const std::string text = misfits(targets, state, given, options.strict);
  check(text.empty(), "load_state_dict", "the state does not fit {}{}", type_name(*this), text);

  std::vector<std::pair<Tensor, NDArray>> copies;  // converted before anything changes
  for (const auto& [name, tensor] : targets) {
    const auto found = given.find(name);
    if (found == given.end()) continue;
    copies.emplace_back(tensor, found->second->to(tensor.device()).to(tensor.dtype()));
  }
  for (auto& [tensor, source] : copies) tensor.data().copy_(source);
}

void detail::copy_state(const Module& from, Module& to) {
  const std::vector<Located> ours = walk(from);
  const std::vector<Located> theirs = walk(to);
  check_same_structure(ours, theirs);
  for (size_t i = 0; i < ours.size(); ++i) {
    const Listing& a = ours[i].members;
    const Listing& b = theirs[i].members;
    for (size_t j = 0; j < a.parameters.size(); ++j) {
      copy_tensor(*a.parameters[j].second, *b.parameters[j].second, true);
    }
    for (size_t j = 0; j < a.buffers.size(); ++j)
      copy_tensor(*a.buffers[j].second, *b.buffers[j].second, false);
  }
  // Flags differ between modules of one model, so each gets its own; parents come first and train() goes
  // down.
  for (size_t i = 0; i < ours.size(); ++i) theirs[i].module->train(ours[i].module->is_training());
}

}  // namespace linnet::nn
