#include <linnet/core/dtype.h>

#include <cmath>
#include <limits>
#include <ostream>

#include <linnet/core/scalar.h>
#include "core/fail.h"

namespace linnet {

const char* name(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return "float32";
    case DType::Float64:
      return "float64";
    case DType::Int32:
      return "int32";
    case DType::Int64:
      return "int64";
    case DType::UInt8:
      return "uint8";
    case DType::Bool:
      return "bool";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << name(dtype);
}

int64_t Scalar::to_int64() const {
  if (!floating_) return integer_;
  check(fits(DType::Int64), "scalar", "{} is not a whole number of 64 bits; give an integer", real_);
  return static_cast<int64_t>(real_);
}

bool Scalar::fits(DType dtype) const {
  if (linnet::is_floating(dtype)) return true;
  if (floating_ && (std::trunc(real_) != real_ || std::fabs(real_) >= 0x1p63)) return false;  // also NaN
  const int64_t value = floating_ ? static_cast<int64_t>(real_) : integer_;
  switch (dtype) {
    case DType::Int32:
      return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
    case DType::UInt8:
      return value >= 0 && value <= 255;
    case DType::Bool:
      return value == 0 || value == 1;
    default:
      return true;
  }
}

}  // namespace linnet
