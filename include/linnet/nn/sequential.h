// Sequential: modules called one after the other, named "0", "1", ...
//   nn::Sequential model{nn::Conv2d(1, 32, {.kernel = 2, .stride = 2}), nn::ReLU(), nn::Flatten()};
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <linnet/nn/module.h>

namespace linnet::nn {

namespace detail {

/// A module of any type, and how to copy it.
class AnyModule {
 public:
  template <class M>
  explicit AnyModule(std::in_place_type_t<M>, M&& module)
      : module_(std::make_unique<M>(std::move(module))), clone_(&clone_as<M>) {}

  Module& operator*() const { return *module_; }
  /// Throws Error where M has neither a default constructor nor clone().
  AnyModule clone() const { return AnyModule(clone_(*module_), clone_); }

 private:
  using Clone = std::unique_ptr<Module> (*)(const Module&);
  AnyModule(std::unique_ptr<Module> module, Clone how) : module_(std::move(module)), clone_(how) {}

  template <class M>
  static std::unique_ptr<Module> clone_as(const Module& module) {
    if constexpr (Cloneable<M>) {
      return std::make_unique<M>(nn::clone(static_cast<const M&>(module)));
    } else {
      fail_not_cloneable(module);
    }
  }
  [[noreturn]] static void fail_not_cloneable(const Module& module);

  std::unique_ptr<Module> module_;
  Clone clone_;
};

}  // namespace detail

class Sequential : public Module {
 public:
  /// What the braces take: any module that is moved in. A Sequential among them stays one child.
  class Child {
   public:
    template <class M>
    requires(!std::is_lvalue_reference_v<M> && std::derived_from<M, Module>)
        Child(M&& module)  // NOLINT(google-explicit-constructor)
        : module_(std::in_place_type<M>, std::move(module)) {}

   private:
    friend class Sequential;
    mutable detail::AnyModule module_;  // initializer lists are const, and modules only move
  };

  Sequential() = default;
  Sequential(std::initializer_list<Child> children);

  /// Puts a module at the end.
  template <class M>
  requires(!std::is_lvalue_reference_v<M> && std::derived_from<M, Module>) Sequential& add(M&& module) {
    children_.emplace_back(std::in_place_type<M>, std::move(module));
    return *this;
  }

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  Sequential clone() const;

  size_t size() const { return children_.size(); }
  /// Throws Error unless i < size().
  Module& operator[](size_t i) const;

 private:
  std::vector<detail::AnyModule> children_;
};

}  // namespace linnet::nn
