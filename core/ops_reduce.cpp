// Reductions and arg-functions on NDArrays.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"

namespace linnet {
namespace {

/// Drops the dimensions of extent 1 that a reduction left.
NDArray drop(NDArray reduced, uint32_t mask) {
  for (int i = reduced.rank() - 1; i >= 0; --i) {
    if ((mask >> i & 1U) != 0) reduced = reduced.squeeze(i);
  }
  return reduced;
}

NDArray reduce(const char* where, ReduceKind kind, const NDArray& x, const Dims& dims, bool keepdims) {
  const Device device = common_device(where, {&x});
  const uint32_t mask = dims.empty() ? (1U << x.rank()) - 1U : dims_mask(where, x.shape(), dims);
  Shape shape = x.shape();
  for (int i = 0; i < x.rank(); ++i) {
    if ((mask >> i & 1U) == 0) continue;
    check(kind == ReduceKind::Sum || shape[i] > 0, where,
          "dimension {} of shape {} is empty and has no extreme", i, x.shape());
    shape[i] = 1;
  }
  const bool widens = kind == ReduceKind::Sum && !is_floating(x.dtype());
  NDArray out = NDArray::empty(shape, widens ? DType::Int64 : x.dtype(), device);
  device.backend().reduce(kind, x.read_view(), result_view(out));
  return keepdims ? out : drop(out, mask);
}

NDArray arg_reduce(const char* where, ArgKind kind, const NDArray& x, int dim, bool keepdims) {
  const Device device = common_device(where, {&x});
  const int i = normalize_dim(dim, x.rank(), where);
  check(x.size(i) > 0, where, "dimension {} of shape {} is empty and has no extreme", i, x.shape());
  Shape shape = x.shape();
  shape[i] = 1;
  NDArray out = NDArray::empty(shape, DType::Int64, device);
  device.backend().arg_reduce(kind, x.read_view(), i, result_view(out));
  return keepdims ? out : out.squeeze(i);
}

}  // namespace

NDArray sum(const NDArray& x, const Dims& dims, bool keepdims) {
  return reduce("sum", ReduceKind::Sum, x, dims, keepdims);
}

NDArray mean(const NDArray& x, const Dims& dims, bool keepdims) {
  require_floating("mean", x.dtype());
  const NDArray total = reduce("mean", ReduceKind::Sum, x, dims, keepdims);
  const double count = static_cast<double>(x.numel()) / static_cast<double>(total.numel());
  return total / count;
}

NDArray amax(const NDArray& x, const Dims& dims, bool keepdims) {
  return reduce("amax", ReduceKind::Max, x, dims, keepdims);
}

NDArray amin(const NDArray& x, const Dims& dims, bool keepdims) {
  return reduce("amin", ReduceKind::Min, x, dims, keepdims);
}

NDArray argmax(const NDArray& x, int dim, bool keepdims) {
  return arg_reduce("argmax", ArgKind::Max, x, dim, keepdims);
}

NDArray argmin(const NDArray& x, int dim, bool keepdims) {
  return arg_reduce("argmin", ArgKind::Min, x, dim, keepdims);
}

NDArray argmax(const NDArray& x) {
  return argmax(x.flatten(), 0);
}

NDArray argmin(const NDArray& x) {
  return argmin(x.flatten(), 0);
}

NDArray sum_to(const NDArray& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(shape.rank() <= x.rank() && broadcast_shapes(x.shape(), shape, "sum_to") == x.shape(), "sum_to",
        "shape {} is not a broadcast of {}", x.shape(), shape);
  Dims dims;
  const int skip = x.rank() - shape.rank();
  for (int i = 0; i < x.rank(); ++i) {
    if (i < skip || (shape[i - skip] == 1 && x.shape()[i] != 1)) dims.push_back(i);
  }
  return dims.empty() ? x.view(shape) : sum(x, dims, true).view(shape);
}

}  // namespace linnet
