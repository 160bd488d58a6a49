#include "nn/walk.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "autograd/parameter.h"
#include "core/fail.h"

namespace linnet::nn {
namespace {

// A module's fields() is not const because it hands out references; listing changes nothing.
Module& mutable_module(const Module& module) {
  return const_cast<Module&>(module);
}

using Ancestors = std::vector<const Module*>;

void check_not_within(const Ancestors& ancestors, const Module& module, const std::string& name) {
  check(std::find(ancestors.begin(), ancestors.end(), &module) == ancestors.end(), "fields",
        "{} contains itself, as its child \"{}\"; modules form a tree", type_name(module), name);
}

class Lister final : public Fields {
 public:
  explicit Lister(const Module& module) : module_(module) { mutable_module(module).fields(*this); }
  Listing take() { return std::move(listing_); }

 private:
  void on_parameter(const std::string& name, Tensor& parameter) override {
    check_name(name);
    listing_.parameters.emplace_back(name, &parameter);
  }
  void on_buffer(const std::string& name, Tensor& buffer) override {
    check_name(name);
    listing_.buffers.emplace_back(name, &buffer);
  }
  void on_child(const std::string& name, Module& child) override {
    check_name(name);
    listing_.children.emplace_back(name, &child);
  }

  void check_name(const std::string& name) {
    check(!name.empty(), "fields", "{} lists a member with an empty name; every member needs a name",
          type_name(module_));
    check(name.find('.') == std::string::npos, "fields",
          "{} lists the name \"{}\"; dots separate the names of nested modules and cannot be part of one",
          type_name(module_), name);
    check(std::find(names_.begin(), names_.end(), name) == names_.end(), "fields",
          "{} lists the name \"{}\" twice; parameters, buffers and children need different names",
          type_name(module_), name);
    names_.push_back(name);
  }

  const Module& module_;
  Listing listing_;
  std::vector<std::string> names_;
};

void walk_into(const Module& module, const std::string& path, Ancestors& ancestors,
               std::vector<Located>& found) {
  const size_t here = found.size();
  found.push_back({path, &mutable_module(module), Lister(module).take()});
  ancestors.push_back(&module);
  const auto children = found[here].members.children;  // a copy: found grows below
  for (const auto& [name, child] : children) {
    check_not_within(ancestors, *child, name);
    walk_into(*child, join_path(path, name), ancestors, found);
  }
  ancestors.pop_back();
}

// Runs on every outermost call while gradients are on, so it builds no names.
class Marker final : public Fields {
 public:
  void visit(const Module& module) {
    ancestors_.push_back(&module);
    mutable_module(module).fields(*this);
    ancestors_.pop_back();
  }

 private:
  void on_parameter(const std::string&, Tensor& parameter) override { autograd::mark_listed(parameter); }
  void on_buffer(const std::string&, Tensor&) override {}
  void on_child(const std::string& name, Module& child) override {
    check_not_within(ancestors_, child, name);
    visit(child);
  }

  Ancestors ancestors_;
};

}  // namespace

std::vector<Located> walk(const Module& root) {
  std::vector<Located> found;
  Ancestors ancestors;
  walk_into(root, "", ancestors, found);
  return found;
}

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

void mark_listed_parameters(const Module& root) {
  Marker().visit(root);
}

std::string type_name(const Module& module) {
  const char* mangled = typeid(module).name();
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  const std::string full = status == 0 ? demangled.get() : mangled;
  // The last "::" outside brackets ends the namespaces: "app::(anonymous namespace)::Net<app::Tag>" is
  // "Net<...>".
  size_t start = 0;
  int depth = 0;
  for (size_t i = 0; i < full.size(); ++i) {
    if (full[i] == '<' || full[i] == '(') ++depth;
    if (full[i] == '>' || full[i] == ')') --depth;
    if (depth == 0 && full.compare(i, 2, "::") == 0) start = i + 2;
  }
  return full.substr(start);
}

}  // namespace linnet::nn
