// How a reduction combines two elements, shared by the backends' loops. Integers wrap; maxima and minima are
// NaN where an operand is.
#pragma once

#include <limits>
#include <type_traits>

#include "core/backend.h"
#include "core/elementwise.h"
#include "core/host_device.h"

namespace linnet {

/// What combines with anything to that.
template <ReduceKind K, class T>
LINNET_HOST_DEVICE T reduce_identity() {
  using Limits = std::numeric_limits<T>;
  if (K == ReduceKind::Sum) return T(0);
  if (std::is_floating_point_v<T>) return K == ReduceKind::Max ? -Limits::infinity() : Limits::infinity();
  return K == ReduceKind::Max ? Limits::min() : Limits::max();
}

template <ReduceKind K, class T>
LINNET_HOST_DEVICE T combine(T a, T b) {
  if constexpr (K == ReduceKind::Max) return vmath::maximum(a, b);
  if constexpr (K == ReduceKind::Min) return vmath::minimum(a, b);
  return functor::apply(functor::Add{}, a, b);
}

}  // namespace linnet
