// NDArray: views, and what falls back to a copy where strides forbid a view.
#include <algorithm>
#include <optional>

#include <linnet/core/ndarray.h>
#include "core/fail.h"
#include "core/operands.h"
#include "core/stand_in.h"
#include "core/storage.h"

namespace linnet {
namespace {

/// Fills in an extent of -1 and checks the number of elements.
Shape resolve_shape(const Shape& from, const Shape& to, const char* where) {
  Shape shape = to;
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < to.rank(); ++i) {
    check(to[i] >= -1 && (to[i] != -1 || unknown < 0), where,
          "new shape {}; expected extents of at least 0, and at most one -1", to);
    if (to[i] == -1)
      unknown = i;
    else
      known *= to[i];
  }
  const int64_t count = from.product();
  if (unknown >= 0) {
    check(known != 0 && count % known == 0, where, "{} elements of shape {} do not divide into shape {}",
          count, from, to);
    shape[unknown] = count / known;
  }
  check(shape.product() == count, where, "shape {} has {} elements, the new shape {} has {}", from, count, to,
        shape.product());
  return shape;
}

/// Strides that view (from, strides) as shape `to`, if there are any: joins neighbouring dimensions that lie
/// in memory as one into runs, then splits each run into target dimensions.
std::optional<Strides> view_strides(const Shape& from, const Strides& strides, const Shape& to) {
  if (to.product() == 0) return contiguous_strides(to);
  Dims extents;
  Dims steps;
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    if (!extents.empty() && steps.back() == strides[i] * from[i]) {
      extents[extents.rank() - 1] *= from[i];
      steps[steps.rank() - 1] = strides[i];
    } else {
      extents.push_back(from[i]);
      steps.push_back(strides[i]);
    }
  }
  Strides result = Dims::filled(to.rank(), 1);
  int run = extents.rank() - 1;
  int64_t taken = 1;  // elements of the run that target dimensions cover so far
  for (int i = to.rank() - 1; i >= 0; --i) {
    if (to[i] == 1) continue;
    if (run >= 0 && taken == extents[run]) {
      --run;
      taken = 1;
    }
    result[i] = taken * steps[run];
    taken *= to[i];
    if (extents[run] % taken != 0) return std::nullopt;
  }
  return result;
}

}  // namespace

NDArray NDArray::with(const Shape& shape, const Strides& strides, int64_t offset) const {
  check(defined(), "view", "the array is undefined");
  return {storage_, shape, strides, offset, dtype_};
}

NDArray NDArray::permute(const Dims& order) const {
  check(order.rank() == rank(), "permute", "order {} for an array of shape {}; expected each dimension once",
        order, shape_);
  Shape shape = shape_;
  Strides strides = strides_;
  unsigned used = 0;
  for (int i = 0; i < rank(); ++i) {
    const int from = normalize_dim(static_cast<int>(order[i]), rank(), "permute");
    check((used >> from & 1U) == 0, "permute", "order {} names dimension {} twice", order, from);
    used |= 1U << from;
    shape[i] = shape_[from];
    strides[i] = strides_[from];
  }
  return with(shape, strides, offset_);
}

NDArray NDArray::transpose(int dim0, int dim1) const {
  const int i = normalize_dim(dim0, rank(), "transpose");
  const int j = normalize_dim(dim1, rank(), "transpose");
  Shape shape = shape_;
  Strides strides = strides_;
  std::swap(shape[i], shape[j]);
  std::swap(strides[i], strides[j]);
  return with(shape, strides, offset_);
}

NDArray NDArray::slice(int dim, int64_t start, int64_t stop, int64_t step) const {
  const int i = normalize_dim(dim, rank(), "slice");
  check(step >= 1, "slice", "step is {}; expected at least 1 (flip reverses)", step);
  const int64_t extent = shape_[i];
  const auto clip = [extent](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + extent : position, 0, extent);
  };
  const int64_t first = clip(start);
  const int64_t last = std::max(first, clip(stop));
  Shape shape = shape_;
  Strides strides = strides_;
  shape[i] = (last - first) / step + ((last - first) % step == 0 ? 0 : 1);
  strides[i] = shape[i] > 1 ? strides_[i] * step : strides_[i];
  return with(shape, strides, shape[i] > 0 ? offset_ + first * strides_[i] : offset_);
}

NDArray NDArray::select(int dim, int64_t index) const {
  const int i = normalize_dim(dim, rank(), "select");
  check(index >= -shape_[i] && index < shape_[i], "select",
        "index {} is outside [{}, {}) of dimension {} of shape {}", index, -shape_[i], shape_[i], i, shape_);
  Shape shape = shape_;
  Strides strides = strides_;
  shape.erase(i);
  strides.erase(i);
  return with(shape, strides, offset_ + (index < 0 ? index + shape_[i] : index) * strides_[i]);
}

NDArray NDArray::broadcast_to(const Shape& shape) const {
  check(shape.rank() >= rank() && broadcast_shapes(shape_, shape, "broadcast_to") == shape, "broadcast_to",
        "shape {} does not broadcast to {}", shape_, shape);
  Strides strides = Dims::filled(shape.rank(), 0);
  const int skip = shape.rank() - rank();
  for (int i = 0; i < rank(); ++i) {
    if (shape_[i] == shape[skip + i]) strides[skip + i] = strides_[i];
  }
  return with(shape, strides, offset_);
}

NDArray NDArray::squeeze() const {
  Shape shape;
  Strides strides;
  for (int i = 0; i < rank(); ++i) {
    if (shape_[i] == 1) continue;
    shape.push_back(shape_[i]);
    strides.push_back(strides_[i]);
  }
  return with(shape, strides, offset_);
}

NDArray NDArray::squeeze(int dim) const {
  const int i = normalize_dim(dim, rank(), "squeeze");
  check(shape_[i] == 1, "squeeze", "dimension {} of shape {} has extent {}; expected 1", i, shape_,
        shape_[i]);
  return select(i, 0);
}

NDArray NDArray::expand_dims(int dim) const {
  const int i = normalize_dim(dim, rank() + 1, "expand_dims");
  Shape shape = shape_;
  Strides strides = strides_;
  strides.insert(i, i < rank() ? shape_[i] * strides_[i] : 1);
  shape.insert(i, 1);
  return with(shape, strides, offset_);
}

NDArray NDArray::as_strided(const Shape& shape, const Strides& strides, int64_t offset) const {
  check(shape.rank() == strides.rank(), "as_strided", "shape {} and strides {} differ in rank", shape,
        strides);
  int64_t extent = numel() == 0 ? 0 : 1;  // elements between this view's first and last
  for (int i = 0; i < rank() && extent > 0; ++i) extent += (shape_[i] - 1) * strides_[i];
  int64_t last = offset;
  for (int i = 0; i < shape.rank(); ++i) {
    check(shape[i] >= 0 && strides[i] >= 0, "as_strided", "shape {}, strides {}; expected no negative values",
          shape, strides);
    last += std::max<int64_t>(shape[i] - 1, 0) * strides[i];
  }
  check(offset >= 0 && (shape.product() == 0 || last < extent), "as_strided",
        "shape {} with strides {} and offset {} reaches elements {} to {}; this array of shape {} and "
        "strides {} spans "
        "{} elements",
        shape, strides, offset, offset, last, shape_, strides_, extent);
  return with(shape, strides, offset_ + (shape.product() == 0 ? 0 : offset));
}

NDArray NDArray::view(const Shape& shape) const {
  const Shape resolved = resolve_shape(shape_, shape, "view");
  const std::optional<Strides> strides = view_strides(shape_, strides_, resolved);
  check(strides.has_value(), "view",
        "shape {} with strides {} cannot be viewed as {}; reshape() copies where it must", shape_, strides_,
        resolved);
  return with(resolved, *strides, offset_);
}

NDArray NDArray::storage() const {
  check(defined(), "storage", "the array is undefined");
  return with({static_cast<int64_t>(storage_->bytes() / size_of(dtype_))}, {1}, 0);
}

NDArray NDArray::reshape(const Shape& shape) const {
  const Shape resolved = resolve_shape(shape_, shape, "reshape");
  const std::optional<Strides> strides = view_strides(shape_, strides_, resolved);
  if (strides.has_value()) return with(resolved, *strides, offset_);
  return contiguous().view(resolved);
}

NDArray NDArray::flatten(int start, int stop) const {
  if (rank() == 0) return reshape({1});
  const int first = normalize_dim(start, rank(), "flatten");
  const int last = normalize_dim(stop, rank(), "flatten");
  check(first <= last, "flatten", "dimensions {} to {} of shape {}; expected them in order", start, stop,
        shape_);
  Shape shape;
  int64_t joined = 1;
  for (int i = 0; i < rank(); ++i) {
    if (i >= first && i <= last) joined *= shape_[i];
    if (i == last) shape.push_back(joined);
    if (i < first || i > last) shape.push_back(shape_[i]);
  }
  return reshape(shape);
}

NDArray NDArray::contiguous() const {
  check(defined(), "contiguous", "the array is undefined");
  if (is_contiguous()) return *this;
  const NDArray result = empty(shape_, dtype_, device());
  result.device().backend().copy(read_view(), result.read_view());
  return result;
}

NDArray NDArray::clone() const {
  const NDArray result = empty_like_order(*this, shape_, dtype_);
  result.device().backend().copy(read_view(), result.read_view());
  return result;
}

NDArray NDArray::to(DType dtype) const {
  check(defined(), "to", "the array is undefined");
  if (dtype == dtype_) return *this;
  const NDArray result = empty_like_order(*this, shape_, dtype);
  result.device().backend().copy(read_view(), result.read_view());
  return result;
}

NDArray NDArray::to(Device device) const {
  check(defined() && device.defined(), "to", "the {} is undefined", defined() ? "device" : "array");
  if (device == this->device() || StandIn::active() != nullptr) return *this;
  check(this->device().backend().has_values(), "to",
        "an array on {} has a shape, {}, and no values; it cannot move to {}", this->device(), shape_,
        device);
  // Elements travel as they lie where they are dense in some order, so that the order survives.
  const Strides in_order = strides_like(*this, shape_);
  bool dense_already = true;
  for (int i = 0; i < rank(); ++i) {  // the stride of an extent of 1 says nothing
    dense_already = dense_already && (shape_[i] <= 1 || strides_[i] == in_order[i]);
  }
  const NDArray dense = dense_already ? *this : contiguous();
  const NDArray result = empty(shape_, dtype_, device).with(shape_, dense.strides_, 0);
  if (numel() == 0 || !device.backend().has_values()) return result;
  const size_t bytes = static_cast<size_t>(numel()) * size_of(dtype_);
  std::vector<char> host(bytes);
  dense.device().backend().copy_to_host(host.data(), dense.read_view().data, bytes);
  device.backend().copy_from_host(result.read_view().data, host.data(), bytes);
  return result;
}

NDArray NDArray::to(MemoryOrder order) const {
  if (order == MemoryOrder::Contiguous) {
    const NDArray dense = contiguous();
    return dense.with(shape_, contiguous_strides(shape_), dense.offset_);
  }
  check(rank() == 4, "to", "channels-last order for shape {}; expected (N, C, H, W)", shape_);
  const NDArray dense = is_channels_last() ? *this : permute({0, 2, 3, 1}).contiguous();
  const int64_t column = shape_[1], row = shape_[3] * column;
  return dense.with(shape_, {shape_[2] * row, 1, row, column}, dense.offset_);
}

}  // namespace linnet
