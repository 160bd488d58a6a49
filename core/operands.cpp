#include "core/operands.h"

#include <string>

#include <linnet/core/ops.h>
#include "core/fail.h"
#include "core/stand_in.h"

namespace linnet {
namespace {

thread_local Backend* stand_in = nullptr;
thread_local int64_t copies = 0;

/// "float32 and int64", "cpu, meta and cpu".
template <class Describe>
std::string list(std::initializer_list<const NDArray*> arrays, const Describe& describe) {
  std::string text;
  size_t i = 0;
  for (const NDArray* array : arrays) {
    if (i > 0) text += i + 1 == arrays.size() ? " and " : ", ";
    text += describe(*array);
    ++i;
  }
  return text;
}

}  // namespace

StandIn::StandIn(Backend& backend) : before_(stand_in) {
  stand_in = &backend;
}
StandIn::~StandIn() {
  stand_in = before_;
}
Backend* StandIn::active() {
  return stand_in;
}

Device common_device(const char* where, std::initializer_list<const NDArray*> arrays) {
  for (const NDArray* array : arrays)
    check(array->defined(), where, "an operand is undefined; expected an array");
  if (stand_in != nullptr) return Device(*stand_in);
  const Device device = (*arrays.begin())->device();
  for (const NDArray* array : arrays) {
    if (array->device() == device) continue;
    fail(where, "operands are on {}; expected one device; move them with to(device)",
         list(arrays, [](const NDArray& a) { return a.device().name() + " " + to_string(a.shape()); }));
  }
  return device;
}

DType common_dtype(const char* where, std::initializer_list<const NDArray*> arrays) {
  const DType dtype = (*arrays.begin())->dtype();
  for (const NDArray* array : arrays) {
    if (array->dtype() == dtype) continue;
    fail(where,
         "operands are {}; expected one dtype, as nothing is promoted silently; convert with to(dtype)",
         list(arrays, [](const NDArray& a) { return name(a.dtype()) + (" " + to_string(a.shape())); }));
  }
  return dtype;
}

void require_floating(const char* where, DType dtype) {
  check(is_floating(dtype), where, "operand is {}; expected float32 or float64; convert with to(dtype)",
        dtype);
}

Scalar require_fits(const char* where, Scalar number, DType dtype) {
  check(number.fits(dtype), where,
        "the number {} is no {}; a number takes the array's dtype; convert the array", number.to_double(),
        dtype);
  return number;
}

uint32_t dims_mask(const char* where, const Shape& shape, const Dims& dims) {
  uint32_t mask = 0;
  for (const int64_t dim : dims) {
    const int i = normalize_dim(static_cast<int>(dim), shape.rank(), where);
    check((mask >> i & 1U) == 0, where, "dimensions {} of shape {} name {} twice", dims, shape, i);
    mask |= 1U << i;
  }
  return mask;
}

View result_view(const NDArray& array) {
  return array.read_view();
}

void count_copy() {
  ++copies;
}
int64_t copies_made() {
  return copies;
}

}  // namespace linnet
