// The functions elementwise functors call, for scalars. SIMD value types overload the same names beside
// their definition and are found by argument-dependent lookup through namespace vmath's callers.
//
// maximum and minimum give NaN where either operand is NaN, as NumPy's and PyTorch's do.
#pragma once

#include <cmath>
#include <type_traits>

#include "core/host_device.h"

namespace linnet::vmath {

template <class T>
requires std::is_arithmetic_v<T> LINNET_HOST_DEVICE T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}

template <class T>
requires std::is_arithmetic_v<T> LINNET_HOST_DEVICE T abs(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fabs(x);
  else
    return x < T(0) ? static_cast<T>(std::make_unsigned_t<T>(0) - static_cast<std::make_unsigned_t<T>>(x))
                    : x;
}

template <class T>
requires std::is_arithmetic_v<T> LINNET_HOST_DEVICE T sign(T x) {
  return static_cast<T>(static_cast<int>(T(0) < x) - static_cast<int>(x < T(0)));
}

template <class T>
requires std::is_arithmetic_v<T> LINNET_HOST_DEVICE T maximum(T a, T b) {
  return a != a || a > b ? a : b;
}

template <class T>
requires std::is_arithmetic_v<T> LINNET_HOST_DEVICE T minimum(T a, T b) {
  return a != a || a < b ? a : b;
}

template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T sqrt(T x) {
  return std::sqrt(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T exp(T x) {
  return std::exp(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T log(T x) {
  return std::log(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T tanh(T x) {
  return std::tanh(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T erf(T x) {
  return std::erf(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T erfc(T x) {
  return std::erfc(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T expm1(T x) {
  return std::expm1(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T log1p(T x) {
  return std::log1p(x);
}
template <class T>
requires std::is_floating_point_v<T> LINNET_HOST_DEVICE T pow(T x, T y) {
  return std::pow(x, y);
}

}  // namespace linnet::vmath
