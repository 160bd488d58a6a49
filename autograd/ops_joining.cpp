// Joining, cutting, reversing, spreading and padding Tensors, and what chooses or marks elements. Each is the
// other's gradient: parts of a joined array are its slices, a reversed gradient is reversed again.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "autograd/node.h"
#include "core/fail.h"
#include "core/pad.h"

namespace linnet {

using autograd::array_of;
using autograd::Keep;
using autograd::record;
using autograd::Saved;

namespace {

std::vector<NDArray> data_of(const Tensors& tensors) {
  std::vector<NDArray> arrays;
  for (const Tensor& tensor : tensors) arrays.push_back(array_of(tensor));
  return arrays;
}

/// As many parts as split() has, each a recorded slice.
Tensors slices_like(const Tensor& x, const std::vector<NDArray>& parts, int dim) {
  Tensors slices;
  int64_t at = 0;
  for (const NDArray& part : parts) {
    slices.push_back(x.slice(dim, at, at + part.size(dim)));
    at += part.size(dim);
  }
  return slices;
}

}  // namespace

Tensor concat(const Tensors& arrays, int dim) {
  NDArray y = concat(data_of(arrays), dim);
  std::vector<int64_t> sizes;
  for (const Tensor& array : arrays) sizes.push_back(array.size(dim));
  return record(
      "concat", arrays, std::move(y),
      [sizes, dim](const Saved& saved, const Tensor& gy) {
        Tensors parts;
        int64_t at = 0;
        for (size_t i = 0; i < sizes.size(); ++i) {
          parts.push_back(saved.needs(static_cast<int>(i)) ? gy.slice(dim, at, at + sizes[i]) : Tensor());
          at += sizes[i];
        }
        return parts;
      },
      Keep::Nothing);
}

Tensor stack(const Tensors& arrays, int dim) {
  NDArray y = stack(data_of(arrays), dim);
  return record(
      "stack", arrays, std::move(y),
      [count = arrays.size(), dim](const Saved& saved, const Tensor& gy) {
        Tensors parts;
        for (size_t i = 0; i < count; ++i) {
          parts.push_back(saved.needs(static_cast<int>(i)) ? gy.select(dim, static_cast<int64_t>(i))
                                                           : Tensor());
        }
        return parts;
      },
      Keep::Nothing);
}

Tensors split(const Tensor& x, int64_t size, int dim) {
  return slices_like(x, split(x.data(), size, dim), dim);
}

Tensors split(const Tensor& x, const std::vector<int64_t>& sizes, int dim) {
  return slices_like(x, split(x.data(), sizes, dim), dim);
}

Tensor flip(const Tensor& x, const Dims& dims) {
  return record(
      "flip", {x}, flip(x.data(), dims),
      [dims](const Saved&, const Tensor& gy) -> Tensors { return {flip(gy, dims)}; }, Keep::Nothing);
}

Tensor dilate(const Tensor& x, const Size2& stride) {
  return record(
      "dilate", {x}, dilate(x.data(), stride),
      [stride](const Saved&, const Tensor& gy) -> Tensors {
        return {gy.slice(2, 0, gy.size(2), stride.h).slice(3, 0, gy.size(3), stride.w)};
      },
      Keep::Nothing);
}

Tensor pad(const Tensor& x, int dim, int64_t before, int64_t after, const PadOptions& options) {
  return pad_dim(x, normalize_dim(dim, x.rank(), "pad"), before, after, options);
}

Tensor pad(const Tensor& x, const Padding& padding, const PadOptions& options) {
  return pad_sides(x, padding, options);
}

Tensor one_hot(const Tensor& labels, int64_t classes, DType dtype) {
  check(labels.defined() && labels.dtype() == DType::Int64, "one_hot", "the labels are {}; expected int64",
        labels.defined() ? name(labels.dtype()) : "undefined");
  check(classes >= 1, "one_hot", "{} classes; expected at least 1", classes);
  Shape shape = labels.shape();
  shape.push_back(classes);
  const NDArray index = labels.data().expand_dims(-1);
  return scatter_add(shape, -1, index, NDArray::ones(index.shape(), dtype, index.device()));
}

Tensor clamp(const Tensor& x, Scalar low, Scalar high) {
  check(low.to_double() <= high.to_double(), "clamp", "low {} is above high {}", low.to_double(),
        high.to_double());
  return record(
      "clamp", {x}, minimum(maximum(x.data(), low), high),
      [](const Saved& saved, const Tensor& gy) -> Tensors {
        return {where(saved.input(0).data() == saved.output().data(), gy, 0)};
      },
      Keep::Both);
}

}  // namespace linnet
