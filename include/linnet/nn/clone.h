// clone(): the copy of a module, made by its own clone() where it has one, else by default construction and
// copying what its fields list. Included by module.h.
#pragma once

#include <concepts>
#include <type_traits>

#include <linnet/core/random.h>

namespace linnet::nn {

class Module;

namespace detail {

/// Puts the default generator back where it was: building a module to copy into draws nothing.
class KeepDefaultGenerator {
 public:
  KeepDefaultGenerator() : before_(default_generator()) {}
  ~KeepDefaultGenerator() { default_generator() = before_; }
  KeepDefaultGenerator(const KeepDefaultGenerator&) = delete;
  KeepDefaultGenerator& operator=(const KeepDefaultGenerator&) = delete;

 private:
  Generator before_;
};

/// Gives `to` copies of `from`'s parameters and buffers (dtype, device and memory order included), and its
/// requires_grad and training flags. Throws Error naming the first difference between the structures.
void copy_state(const Module& from, Module& to);

template <class M>
concept ClonesItself = requires(const M& module) {
  { module.clone() } -> std::same_as<M>;
};
template <class M>
concept Cloneable = ClonesItself<M> || std::is_default_constructible_v<M>;

}  // namespace detail

template <class M>
M clone(const M& module) {
  static_assert(detail::Cloneable<M>,
                "clone(module) needs a default constructor or a member `M clone() const`");
  if constexpr (detail::ClonesItself<M>) {
    return module.clone();
  } else {
    detail::KeepDefaultGenerator keep;
    M copy;
    detail::copy_state(module, copy);
    return copy;
  }
}

}  // namespace linnet::nn
