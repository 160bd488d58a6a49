// A number given to an operator. It takes the dtype of the array it meets.
#pragma once

#include <cstdint>
#include <type_traits>

#include <linnet/core/dtype.h>

namespace linnet {

class Scalar {
 public:
  /// Implicit: `x * 2` should read like that.
  template <class T>
  requires std::is_arithmetic_v<T> Scalar(T value)  // NOLINT(google-explicit-constructor)
      : floating_(std::is_floating_point_v<T>),
        real_(static_cast<double>(value)),
        integer_(std::is_floating_point_v<T> ? 0 : static_cast<int64_t>(value)) {}

  bool is_floating() const { return floating_; }
  double to_double() const { return real_; }
  /// Throws when the number has a fraction or does not fit.
  int64_t to_int64() const;

  /// Whether the number can be an element of `dtype` without loss of its integer part:
  /// 2.5 fits no integer type, 300 does not fit uint8, only 0 and 1 fit bool.
  bool fits(DType dtype) const;

 private:
  bool floating_;
  double real_;
  int64_t integer_;
};

}  // namespace linnet
