// Matrix products on NDArrays.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"

namespace linnet {
namespace {

/// Leading extents of an operand with at least two dimensions.
Shape batch_of(const NDArray& a) {
  Shape batch;
  for (int i = 0; i + 2 < a.rank(); ++i) batch.push_back(a.shape()[i]);
  return batch;
}

Shape with_matrix(Shape batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

/// Both operands have at least two dimensions and fit.
NDArray product(const NDArray& a, const NDArray& b, Device device) {
  const int64_t M = a.size(-2);
  const int64_t K = a.size(-1);
  const int64_t N = b.size(-1);
  const Shape batch = broadcast_shapes(batch_of(a), batch_of(b), "matmul");
  NDArray c = NDArray::empty(with_matrix(batch, M, N), a.dtype(), device);
  device.backend().gemm(1, a.broadcast_to(with_matrix(batch, M, K)).read_view(),
                        b.broadcast_to(with_matrix(batch, K, N)).read_view(), 0, result_view(c), {});
  return c;
}

}  // namespace

NDArray matmul(const NDArray& a, const NDArray& b) {
  const Device device = common_device("matmul", {&a, &b});
  require_floating("matmul", common_dtype("matmul", {&a, &b}));
  check(a.rank() >= 1 && b.rank() >= 1, "matmul", "shapes {} and {}; expected at least one dimension each",
        a.shape(), b.shape());
  const NDArray left = a.rank() == 1 ? a.expand_dims(0) : a;
  const NDArray right = b.rank() == 1 ? b.expand_dims(1) : b;
  check(left.size(-1) == right.size(-2), "matmul",
        "shapes {} and {}; expected (..., M, K) and (..., K, N), but K is {} on the left and {} on the right",
        a.shape(), b.shape(), left.size(-1), right.size(-2));
  NDArray c = product(left, right, device);
  if (b.rank() == 1) c = c.squeeze(-1);
  if (a.rank() == 1) c = c.squeeze(b.rank() == 1 ? -1 : -2);
  return c;
}

NDArray linear(const NDArray& x, const NDArray& w, const NDArray& bias) {
  const Device device =
      bias.defined() ? common_device("linear", {&x, &w, &bias}) : common_device("linear", {&x, &w});
  require_floating(
      "linear", bias.defined() ? common_dtype("linear", {&x, &w, &bias}) : common_dtype("linear", {&x, &w}));
  check(w.rank() == 2 && x.rank() >= 1 && x.size(-1) == w.size(1), "linear",
        "input {} and weight {}; expected input (..., in) and weight (out, in) for y = x w^T + b", x.shape(),
        w.shape());
  check(!bias.defined() || bias.shape() == Shape{w.size(0)}, "linear",
        "bias {} for weight {}; expected ({},)", bias.shape(), w.shape(), w.size(0));
  Shape shape = x.shape();
  shape[shape.rank() - 1] = w.size(0);
  NDArray y = NDArray::empty(shape, x.dtype(), device);
  Shape leading = x.shape();
  leading.erase(leading.rank() - 1);
  const int64_t rows = leading.product();
  const NDArray flat = x.reshape({rows, x.size(-1)});
  if (!flat.shares_storage(x)) count_copy();
  device.backend().gemm(1, flat.read_view(), w.transpose(0, 1).read_view(), 0,
                        result_view(y.view({rows, w.size(0)})), bias.defined() ? bias.read_view() : View{});
  return y;
}

}  // namespace linnet
