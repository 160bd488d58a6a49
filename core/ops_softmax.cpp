// Softmax, log-softmax and their gradients on NDArrays.
#include <linnet/core/ops.h>

#include "core/fail.h"
#include "core/operands.h"

namespace linnet {
namespace {

NDArray forward(const char* where, SoftmaxKind kind, const NDArray& x, int dim) {
  const Device device = common_device(where, {&x});
  require_floating(where, x.dtype());
  const int i = normalize_dim(dim, x.rank(), where);
  NDArray y = NDArray::empty_like_order(x, x.shape(), x.dtype());
  device.backend().softmax(kind, x.read_view(), i, result_view(y));
  return y;
}

NDArray backward(const char* where, SoftmaxKind kind, const NDArray& y, const NDArray& gy, int dim) {
  const Device device = common_device(where, {&y, &gy});
  require_floating(where, common_dtype(where, {&y, &gy}));
  const int i = normalize_dim(dim, y.rank(), where);
  check(y.shape() == gy.shape(), where, "result {} and its gradient {}; expected equal shapes", y.shape(),
        gy.shape());
  NDArray gx = NDArray::empty_like_order(y, y.shape(), y.dtype());
  device.backend().softmax_grad(kind, y.read_view(), gy.read_view(), i, result_view(gx));
  return gx;
}

}  // namespace

NDArray softmax(const NDArray& x, int dim) {
  return forward("softmax", SoftmaxKind::Softmax, x, dim);
}
NDArray log_softmax(const NDArray& x, int dim) {
  return forward("log_softmax", SoftmaxKind::LogSoftmax, x, dim);
}

NDArray softmax_grad(const NDArray& y, const NDArray& gy, int dim) {
  return backward("softmax_grad", SoftmaxKind::Softmax, y, gy, dim);
}
NDArray log_softmax_grad(const NDArray& y, const NDArray& gy, int dim) {
  return backward("log_softmax_grad", SoftmaxKind::LogSoftmax, y, gy, dim);
}

}  // namespace linnet
