// gather, scatter_add and unslice on NDArrays.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"

namespace linnet {
namespace {

/// `indexed` is the array the indices point into; `index` has its extents everywhere but in `dim`.
void check_index(const char* where, const Shape& indexed, int dim, const NDArray& index) {
  check(index.dtype() == DType::Int64, where, "the index {} is {}; expected int64", index.shape(),
        index.dtype());
  Shape expected = indexed;
  if (index.rank() == indexed.rank()) expected[dim] = index.shape()[dim];
  check(
      index.shape() == expected, where,
      "the index has shape {} for an array of shape {} along dimension {}; expected equal extents but there",
      index.shape(), indexed, dim);
}

}  // namespace

NDArray gather(const NDArray& x, int dim, const NDArray& index) {
  const Device device = common_device("gather", {&x, &index});
  const int i = normalize_dim(dim, x.rank(), "gather");
  check_index("gather", x.shape(), i, index);
  NDArray out = NDArray::empty(index.shape(), x.dtype(), device);
  device.backend().gather(x.read_view(), i, index.read_view(), result_view(out));
  return out;
}

NDArray scatter_add(const Shape& shape, int dim, const NDArray& index, const NDArray& source) {
  const Device device = common_device("scatter_add", {&index, &source});
  const int i = normalize_dim(dim, shape.rank(), "scatter_add");
  check_index("scatter_add", shape, i, index);
  check(index.shape() == source.shape(), "scatter_add",
        "the index has shape {}, the source {}; expected equal shapes", index.shape(), source.shape());
  check(source.dtype() != DType::Bool, "scatter_add",
        "the source is bool; expected numbers; convert with to(dtype)");
  NDArray out = NDArray::zeros(shape, source.dtype(), device);
  device.backend().scatter_add(source.read_view(), i, index.read_view(), result_view(out));
  return out;
}

NDArray unslice(const NDArray& x, const Shape& shape, int dim, int64_t start, int64_t stop, int64_t step) {
  const Device device = common_device("unslice", {&x});
  const NDArray out = shape.rank() == x.rank() ? NDArray::empty_like_order(x, shape, x.dtype())
                                               : NDArray::empty(shape, x.dtype(), device);
  out.zero_();
  const NDArray window = out.slice(dim, start, stop, step);
  check(window.shape() == x.shape(), "unslice",
        "an array of shape {} for slice({}, {}, {}, {}) of shape {}, which is {}", x.shape(), dim, start,
        stop, step, shape, window.shape());
  device.backend().copy(x.read_view(), result_view(window));
  return out;
}

}  // namespace linnet
