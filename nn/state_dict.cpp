// Parameters and buffers by name: out of a module, into it, and from one module into its copy.
#include <algorithm>
#include <unordered_map>

#include <linnet/nn/module.h>

#include "core/fail.h"
#include "core/printable.h"
#include "nn/misfits.h"
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

constexpr const char* kLoad = "load_state_dict";

/// Before what an error says of the state.
std::string source_of(const LoadOptions& options) {
  return options.source.empty() ? "" : options.source + ": ";
}

/// "features." + rest of "backbone.0.weight" by {"backbone.", "features."}, where a rename ends with a dot
/// and is of beginnings; else of whole names. The first that fits counts.
std::string renamed(const std::string& name, const LoadOptions& options) {
  for (const auto& [from, to] : options.rename) {
    if (from == name) return to;
    if (from.ends_with('.') && name.starts_with(from)) return to + name.substr(from.size());
  }
  return name;
}

/// The state under the names that the module is to find in it.
StateDict as_asked(const StateDict& state, const LoadOptions& options) {
  StateDict named;
  std::unordered_map<std::string, std::string> origins;
  for (const auto& [name, array] : state) {
    check(array.defined(), kLoad, "{}the state's \"{}\" is undefined; expected an array", source_of(options),
          printable(name));
    if (!name.starts_with(options.prefix)) continue;
    std::string asked = renamed(name.substr(options.prefix.size()), options);
    const auto [same, is_new] = origins.emplace(asked, name);
    check(is_new, kLoad, "{}{}", source_of(options),
          same->second == name
              ? format_text("the state has the name \"{}\" twice; names must differ", printable(name))
              : format_text("\"{}\" and \"{}\" of the state both become \"{}\"", printable(same->second),
                            printable(name), printable(asked)));
    named.push_back({std::move(asked), array});
  }
  check(!named.empty() || state.empty() || options.prefix.empty(), kLoad,
        "{}no name of the state begins with \"{}\"; the first is \"{}\"", source_of(options), options.prefix,
        state.empty() ? "" : printable(state.front().name));
  return named;
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
  const StateDict given = as_asked(state, options);
  const Misfits found = misfits(state_dict(), given);
  check(!found.any(options.strict), kLoad, "{}the state does not fit {}{}", source_of(options),
        type_name(*this), found.text(options.strict));

  std::unordered_map<std::string, const NDArray*> by_name;
  for (const auto& [name, array] : given) by_name.emplace(name, &array);
  std::vector<std::pair<Tensor, NDArray>> copies;  // converted before anything changes
  for (const auto& [name, tensor] : state_tensors(*this)) {
    const auto source = by_name.find(name);
    if (source == by_name.end()) continue;
    copies.emplace_back(tensor, source->second->to(tensor.device()).to(tensor.dtype()));
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
