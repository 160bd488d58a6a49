// NDArray: making arrays, reading and writing them. Views are in ndarray_views.cpp.
#include <linnet/core/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <ostream>

#include <linnet/core/ops.h>
#include "core/fail.h"
#include "core/operands.h"
#include "core/recycled.h"
#include "core/stand_in.h"
#include "core/storage.h"

namespace linnet {
namespace {

/// Bytes of a dense array; throws for negative extents and sizes beyond 2^63.
size_t dense_bytes(const Shape& shape, DType dtype) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    check(extent >= 0, "empty", "shape {} has a negative extent", shape);
    constexpr int64_t kFew = int64_t{1} << 30;  // the usual case, without a division
    const bool fits = (count < kFew && extent < kFew) || extent == 0 ||
                      count <= std::numeric_limits<int64_t>::max() / 8 / extent;
    check(fits, "empty", "shape {} has more than 2^60 elements", shape);
    count *= extent;
  }
  return static_cast<size_t>(count) * size_of(dtype);
}

template <class To, class From>
bool holds(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return true;
  } else if constexpr (std::is_floating_point_v<To>) {
    return true;
  } else if constexpr (std::is_floating_point_v<From>) {
    // The upper bound is one past the largest value, a power of two and so exact.
    return value > static_cast<double>(std::numeric_limits<To>::min()) - 1 &&
           value < std::ldexp(1.0, std::numeric_limits<To>::digits);
  } else {
    return static_cast<int64_t>(value) >= static_cast<int64_t>(std::numeric_limits<To>::min()) &&
           static_cast<int64_t>(value) <= static_cast<int64_t>(std::numeric_limits<To>::max());
  }
}

/// Calls f with a value of the C++ type of `dtype`.
template <class F>
void with_type(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float32:
      return f(float{});
    case DType::Float64:
      return f(double{});
    case DType::Int32:
      return f(int32_t{});
    case DType::Int64:
      return f(int64_t{});
    case DType::UInt8:
      return f(uint8_t{});
    case DType::Bool:
      return f(bool{});
  }
}

void convert_host(const void* from, DType from_type, void* to, DType to_type, int64_t count) {
  with_type(from_type, [&](auto source) {
    using From = decltype(source);
    with_type(to_type, [&](auto target) {
      using To = decltype(target);
      const From* values = static_cast<const From*>(from);
      To* results = static_cast<To*>(to);
      for (int64_t i = 0; i < count; ++i) {
        check(holds<To>(values[i]), "to_vector", "element {} is {}; it does not fit {}", i, values[i],
              to_type);
        results[i] = static_cast<To>(values[i]);
      }
    });
  });
}

/// Whether two index tuples reach the same element.
bool overlaps_itself(const Shape& shape, const Strides& strides) {
  if (shape.product() <= 1) return false;
  Dims order;  // dimensions with more than one element, by rising stride
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    int k = order.rank();
    while (k > 0 && strides[static_cast<int>(order[k - 1])] > strides[i]) --k;
    order.insert(k, i);
  }
  int64_t reach = 0;  // furthest element of the dimensions with smaller strides
  bool nested = true;
  for (const int64_t dim : order) {
    const int i = static_cast<int>(dim);
    if (strides[i] == 0) return true;
    nested = nested && strides[i] > reach;
    reach += (shape[i] - 1) * strides[i];
  }
  if (nested) return false;
  if (shape.product() > reach + 1) return true;
  std::vector<bool> seen(static_cast<size_t>(reach + 1));  // interleaved strides: look at every element
  Dims index = Dims::filled(shape.rank(), 0);
  for (int64_t n = shape.product(); n > 0; --n) {
    int64_t position = 0;
    for (int i = 0; i < shape.rank(); ++i) position += index[i] * strides[i];
    if (seen[static_cast<size_t>(position)]) return true;
    seen[static_cast<size_t>(position)] = true;
    for (int i = shape.rank() - 1; i >= 0 && ++index[i] == shape[i]; --i) index[i] = 0;
  }
  return false;
}

/// The backend of an array's memory, unless another stands in.
Backend& at_work(Backend& own) {
  Backend* const stand_in = StandIn::active();
  return stand_in != nullptr ? *stand_in : own;
}

}  // namespace

std::string Device::name() const {
  return backend_ == nullptr ? "no device" : backend_->name();
}
void Device::synchronize() const {
  backend_->synchronize();
}
MemoryStats Device::memory_stats() const {
  return backend_->memory_stats();
}
void Device::trim_memory() const {
  backend_->trim_memory();
}
std::ostream& operator<<(std::ostream& out, const Device& device) {
  return out << device.name();
}

NDArray NDArray::empty(const Shape& shape, DType dtype, Device device) {
  check(device.defined(), "empty", "no device given; expected one such as device(\"cpu\")");
  return {std::allocate_shared<Storage>(Recycled<Storage>(), at_work(device.backend()),
                                        dense_bytes(shape, dtype)),
          shape, contiguous_strides(shape), 0, dtype};
}

NDArray NDArray::zeros(const Shape& shape, DType dtype, Device device) {
  return full(shape, 0, dtype, device);
}
NDArray NDArray::ones(const Shape& shape, DType dtype, Device device) {
  return full(shape, 1, dtype, device);
}

NDArray NDArray::full(const Shape& shape, Scalar value, DType dtype, Device device) {
  NDArray array = empty(shape, dtype, device);
  array.storage_->backend().fill(require_fits("full", value, dtype), result_view(array));
  return array;
}

NDArray NDArray::scalar(Scalar value, DType dtype, Device device) {
  return full({}, value, dtype, device);
}

NDArray NDArray::arange(int64_t n, DType dtype, Device device) {
  return arange(0, n, 1, dtype, device);
}

NDArray NDArray::arange(Scalar start, Scalar stop, Scalar step, DType dtype, Device device) {
  check(step.to_double() != 0, "arange", "step is 0; expected a step from {} towards {}", start.to_double(),
        stop.to_double());
  const double length = std::ceil((stop.to_double() - start.to_double()) / step.to_double());
  const auto count = static_cast<int64_t>(std::max(0.0, length));
  if (is_floating(dtype)) {
    std::vector<double> values(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      values[static_cast<size_t>(i)] = start.to_double() + static_cast<double>(i) * step.to_double();
    }
    return from_data(values, {count}, device).to(dtype);
  }
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = start.to_int64() + i * step.to_int64();
  if (count > 0) {
    require_fits("arange", values.front(), dtype);
    require_fits("arange", values.back(), dtype);
  }
  return from_data(values, {count}, device).to(dtype);
}

NDArray NDArray::from_bytes(const void* values, size_t count, DType dtype, const Shape& shape,
                            Device device) {
  check(static_cast<int64_t>(count) == shape.product(), "from_data",
        "{} values for shape {}, which has {} elements", count, shape, shape.product());
  NDArray array = empty(shape, dtype, device);
  if (count > 0)
    array.storage_->backend().copy_from_host(array.storage_->memory(), values, count * size_of(dtype));
  return array;
}

Strides strides_like(const NDArray& like, const Shape& shape) {
  Strides strides = contiguous_strides(shape);
  if (like.is_contiguous()) return strides;
  std::array<int, Dims::kMaxRank> order{};
  std::iota(order.begin(), order.end(), 0);
  for (int i = 0; i < shape.rank(); ++i) {
    if (like.strides()[i] == 0 && like.shape()[i] > 1) return strides;  // broadcast: no order of its own
  }
  std::stable_sort(order.begin(), order.begin() + shape.rank(),
                   [&](int a, int b) { return like.strides()[a] > like.strides()[b]; });
  int64_t stride = 1;
  for (int k = shape.rank() - 1; k >= 0; --k) {
    const int i = order[static_cast<size_t>(k)];
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

bool prefers_channels_last(const NDArray& x) {
  if (!x.is_channels_last()) return false;
  if (!x.is_contiguous()) return true;
  const Shape& shape = x.shape();
  const Strides& strides = x.strides();
  return strides[1] == 1 && strides[3] == shape[1] && strides[2] == shape[3] * strides[3] &&
         strides != contiguous_strides(shape);
}

NDArray NDArray::empty_like_order(const NDArray& like, const Shape& shape, DType dtype) {
  NDArray array = empty(shape, dtype, like.device());
  if (!like.is_contiguous()) array.strides_ = strides_like(like, shape);
  return array;
}

int64_t NDArray::size(int dim) const {
  return shape_[normalize_dim(dim, rank(), "size")];
}

Device NDArray::device() const {
  check(defined(), "device", "the array is undefined");
  return Device(storage_->backend());
}

uint64_t NDArray::version() const {
  return defined() ? storage_->version() : 0;
}

bool NDArray::is_contiguous() const {
  int64_t stride = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (shape_[i] != 1 && strides_[i] != stride) return numel() == 0;
    stride *= shape_[i];
  }
  return true;
}

bool NDArray::is_channels_last() const {
  return rank() == 4 && permute({0, 2, 3, 1}).is_contiguous();
}

View NDArray::read_view() const {
  check(defined(), "view", "the array is undefined");
  char* first = storage_->memory();
  if (storage_->backend().has_values()) first += offset_ * static_cast<int64_t>(size_of(dtype_));
  return {first, dtype_, shape_, strides_};
}

View NDArray::write_view() const {
  check(defined(), "write", "the array is undefined");
  check(!overlaps_itself(shape_, strides_), "write",
        "an array of shape {} and strides {} overlaps itself; write to a clone()", shape_, strides_);
  storage_->count_write();
  return read_view();
}

void NDArray::read(void* value, int64_t expected, DType dtype) const {
  check(defined() && numel() == expected, "item", "array of shape {}; expected exactly one element", shape_);
  read_all(value, dtype);
}

void NDArray::read_all(void* values, DType dtype) const {
  check(defined(), "to_vector", "the array is undefined");
  check(at_work(storage_->backend()).has_values(), "to_vector",
        "an array on meta has a shape ({}) and no values", shape_);
  const NDArray dense = contiguous();
  const size_t bytes = static_cast<size_t>(numel()) * size_of(dtype_);
  if (bytes == 0) return;
  Backend& backend = at_work(storage_->backend());
  const void* from = dense.read_view().data;
  if (dtype == dtype_) return backend.copy_to_host(values, from, bytes);
  std::vector<char> host(bytes);
  backend.copy_to_host(host.data(), from, bytes);
  convert_host(host.data(), dtype_, values, dtype, numel());
}

const NDArray& NDArray::fill_(Scalar value) const {
  const View view = write_view();
  at_work(storage_->backend()).fill(require_fits("fill_", value, dtype_), view);
  return *this;
}

const NDArray& NDArray::copy_(const NDArray& source) const {
  const bool same = source.shares_storage(*this);
  const NDArray from = (same ? source.clone() : source.to(device())).broadcast_to(shape_);
  at_work(storage_->backend()).copy(from.read_view(), write_view());
  return *this;
}

const NDArray& NDArray::add_(const NDArray& other, Scalar alpha) const {
  common_device("add_", {this, &other});
  common_dtype("add_", {this, &other});
  const bool same = other.shares_storage(*this);
  const NDArray scaled = alpha.to_double() == 1 ? (same ? other.clone() : other) : mul(other, alpha);
  const View out = write_view();
  at_work(storage_->backend()).binary(BinaryKind::Add, out, scaled.broadcast_to(shape_).read_view(), out);
  return *this;
}

const NDArray& NDArray::mul_(Scalar factor) const {
  const Scalar number = require_fits("mul_", factor, dtype_);
  const View out = write_view();
  at_work(storage_->backend()).binary(BinaryKind::Mul, out, number, out);
  return *this;
}

}  // namespace linnet
