// Element types as backends' loops see them: how each dtype lies in memory, and the conversions. Bool
// elements are the bytes 0 and 1: any number but 0 is stored as 1.
//
// Nothing here is undefined: integer arithmetic wraps, and a floating number outside an integer type's range
// becomes the nearest end of it (NaN becomes 0).
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/host_device.h"
#include "core/view.h"

namespace linnet {

/// static_cast, made total.
template <class To, class From>
LINNET_HOST_DEVICE To convert(From x) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    // 2^digits is a floating number, the largest integer often is not.
    constexpr From kAbove = static_cast<From>(uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2;
    constexpr From kLowest = static_cast<From>(std::numeric_limits<To>::min());
    if (!(x > kLowest)) return x <= kLowest ? std::numeric_limits<To>::min() : To(0);
    return x < kAbove ? static_cast<To>(x) : std::numeric_limits<To>::max();
  } else {
    return static_cast<To>(x);
  }
}

template <DType D, class S>
struct ElementOf {
  static constexpr DType kDType = D;
  using Stored = S;
  template <class From>
  LINNET_HOST_DEVICE static Stored store(From x) {
    if constexpr (D == DType::Bool) {
      return static_cast<Stored>(x != From(0));
    } else {
      return convert<Stored>(x);
    }
  }
  static Stored from(Scalar number) {
    return number.is_floating() ? store(number.to_double()) : store(number.to_int64());
  }
};

template <DType D>
struct Element;
template <>
struct Element<DType::Float32> : ElementOf<DType::Float32, float> {};
template <>
struct Element<DType::Float64> : ElementOf<DType::Float64, double> {};
template <>
struct Element<DType::Int32> : ElementOf<DType::Int32, int32_t> {};
template <>
struct Element<DType::Int64> : ElementOf<DType::Int64, int64_t> {};
template <>
struct Element<DType::UInt8> : ElementOf<DType::UInt8, uint8_t> {};
template <>
struct Element<DType::Bool> : ElementOf<DType::Bool, uint8_t> {};

/// Calls f(Element<dtype>{}).
template <class F>
void visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Float32:
      return f(Element<DType::Float32>{});
    case DType::Float64:
      return f(Element<DType::Float64>{});
    case DType::Int32:
      return f(Element<DType::Int32>{});
    case DType::Int64:
      return f(Element<DType::Int64>{});
    case DType::UInt8:
      return f(Element<DType::UInt8>{});
    case DType::Bool:
      return f(Element<DType::Bool>{});
  }
}

/// The same for the floating dtypes; nothing for the others.
template <class F>
void visit_floating(DType dtype, F&& f) {
  if (dtype == DType::Float32) f(Element<DType::Float32>{});
  if (dtype == DType::Float64) f(Element<DType::Float64>{});
}

/// Address of an element of a view.
inline char* element(const View& view, int64_t offset) {
  return static_cast<char*>(view.data) + offset * static_cast<int64_t>(size_of(view.dtype));
}

}  // namespace linnet
