// What the files of the elementwise operators share: applying a functor to one set of elements, and the
// error for a dtype an operator is not defined for (operators check first; a backend is called directly too).
//
// An operator is compiled to one function a dtype that handles a run of elements ("row"); the walk over the
// runs is compiled once.
#pragma once

#include <type_traits>

#include <linnet/core/dtype.h>
#include "core/elementwise.h"

namespace linnet::cpu {

template <class F, class... Fs>
inline constexpr bool is_one_of = (std::is_same_v<F, Fs> || ...);

/// Functors that are run in unsigned arithmetic on integers, where they wrap.
template <class F>
inline constexpr bool wraps =
    is_one_of<F, functor::Neg, functor::Square, functor::Add, functor::Sub, functor::Mul>;

template <class F, class V, class... Vs>
auto apply(F f, V first, Vs... others) {
  if constexpr (std::is_integral_v<V> && wraps<F>) {
    using U = std::make_unsigned_t<V>;
    return static_cast<V>(f(static_cast<U>(first), static_cast<U>(others)...));
  } else {
    return f(first, others...);
  }
}

/// Throws Error: the operator is not defined for that dtype.
[[noreturn]] void fail_dtype(const char* operator_name, DType dtype, bool works_on_integers);

}  // namespace linnet::cpu
