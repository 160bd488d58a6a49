// Joining, cutting, reversing, spreading and padding NDArrays.
#include <linnet/core/ops.h>

#include <algorithm>
#include <string>

#include "core/fail.h"
#include "core/operands.h"
#include "core/pad.h"

namespace linnet {
namespace {

/// Throws unless all arrays have the first one's device, dtype, rank and extents but in `dim`.
void check_parts(const char* where, const std::vector<NDArray>& arrays, int dim) {
  const NDArray& first = arrays[0];
  for (size_t i = 1; i < arrays.size(); ++i) {
    common_device(where, {&first, &arrays[i]});
    common_dtype(where, {&first, &arrays[i]});
    Shape expected = first.shape();
    if (arrays[i].rank() == expected.rank()) expected[dim] = arrays[i].shape()[dim];
    check(arrays[i].shape() == expected, where,
          "array {} has shape {}, array 0 {}; expected equal extents but in dimension {}", i,
          arrays[i].shape(), first.shape(), dim);
  }
}

void check_any(const char* where, const std::vector<NDArray>& arrays) {
  check(!arrays.empty(), where, "no arrays; expected at least one");
  common_device(where, {&arrays[0]});
}

constexpr char kWrongParts[] = "parts of {} along dimension {} of shape {}; expected sizes that add up to {}";

std::string listed(const std::vector<int64_t>& sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text.empty() ? "no sizes" : text;
}

}  // namespace

NDArray concat(const std::vector<NDArray>& arrays, int dim) {
  check_any("concat", arrays);
  const int axis = normalize_dim(dim, arrays[0].rank(), "concat");
  check_parts("concat", arrays, axis);
  Shape shape = arrays[0].shape();
  for (size_t i = 1; i < arrays.size(); ++i) shape[axis] += arrays[i].size(axis);
  const NDArray out = NDArray::empty_like_order(arrays[0], shape, arrays[0].dtype());
  int64_t at = 0;
  for (const NDArray& array : arrays) {
    const NDArray place = out.slice(axis, at, at + array.size(axis));
    out.device().backend().copy(array.read_view(), result_view(place));
    at += array.size(axis);
  }
  return out;
}

NDArray stack(const std::vector<NDArray>& arrays, int dim) {
  check_any("stack", arrays);
  const int axis = normalize_dim(dim, arrays[0].rank() + 1, "stack");
  std::vector<NDArray> layers;
  for (size_t i = 0; i < arrays.size(); ++i) {
    check(arrays[i].defined() && arrays[i].shape() == arrays[0].shape(), "stack",
          "array {} has shape {}, array 0 {}; they must be equal", i,
          arrays[i].defined() ? arrays[i].shape() : Shape(), arrays[0].shape());
    layers.push_back(arrays[i].expand_dims(axis));
  }
  return concat(layers, axis);
}

std::vector<NDArray> split(const NDArray& x, int64_t size, int dim) {
  common_device("split", {&x});
  const int axis = normalize_dim(dim, x.rank(), "split");
  check(size >= 1, "split", "parts of {} along dimension {} of shape {}; expected at least 1", size, axis,
        x.shape());
  std::vector<NDArray> parts;
  int64_t at = 0;
  do {
    parts.push_back(x.slice(axis, at, std::min(at + size, x.size(axis))));
    at += size;
  } while (at < x.size(axis));
  return parts;
}

std::vector<NDArray> split(const NDArray& x, const std::vector<int64_t>& sizes, int dim) {
  common_device("split", {&x});
  const int axis = normalize_dim(dim, x.rank(), "split");
  std::vector<NDArray> parts;
  int64_t at = 0;
  for (const int64_t size : sizes) {
    check(size >= 0 && at + size <= x.size(axis), "split", kWrongParts, listed(sizes), axis, x.shape(),
          x.size(axis));
    parts.push_back(x.slice(axis, at, at + size));
    at += size;
  }
  check(at == x.size(axis), "split", kWrongParts, listed(sizes), axis, x.shape(), x.size(axis));
  return parts;
}

NDArray flip(const NDArray& x, const Dims& dims) {
  const Device device = common_device("flip", {&x});
  const NDArray out = NDArray::empty_like_order(x, x.shape(), x.dtype());
  device.backend().flip(x.read_view(), dims_mask("flip", x.shape(), dims), result_view(out));
  return out;
}

NDArray dilate(const NDArray& x, const Size2& stride) {
  const Device device = common_device("dilate", {&x});
  check(x.rank() == 4, "dilate", "shape {}; expected (N, C, H, W)", x.shape());
  check(stride.h >= 1 && stride.w >= 1, "dilate", "stride {{{}, {}}}; expected at least 1", stride.h,
        stride.w);
  Shape shape = x.shape();
  shape[2] = shape[2] == 0 ? 0 : (shape[2] - 1) * stride.h + 1;
  shape[3] = shape[3] == 0 ? 0 : (shape[3] - 1) * stride.w + 1;
  const NDArray out = NDArray::empty_like_order(x, shape, x.dtype());
  device.backend().dilate(x.read_view(), {stride.h, stride.w, 0, 0}, result_view(out));
  return out;
}

NDArray pad(const NDArray& x, int dim, int64_t before, int64_t after, const PadOptions& options) {
  common_device("pad", {&x});
  return pad_dim(x, normalize_dim(dim, x.rank(), "pad"), before, after, options);
}

NDArray pad(const NDArray& x, const Padding& padding, const PadOptions& options) {
  common_device("pad", {&x});
  return pad_sides(x, padding, options);
}

}  // namespace linnet
