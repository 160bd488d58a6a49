// Cross-entropy of class labels on NDArrays, and its gradient.
#include "core/cross_entropy.h"

#include <linnet/core/ops.h>
#include "core/operands.h"

namespace linnet {

CrossEntropies cross_entropies(const NDArray& x, const NDArray& labels, int dim) {
  constexpr const char* kWhere = "cross_entropy";
  const Device device = common_device(kWhere, {&x, &labels});
  require_floating(kWhere, x.dtype());
  const NDArray scores = gather(x, dim, labels);  // which checks the labels
  const NDArray largest = NDArray::empty(labels.shape(), x.dtype(), device);
  const NDArray log_sum = NDArray::empty(labels.shape(), x.dtype(), device);
  device.backend().log_normalizer(x.read_view(), normalize_dim(dim, x.rank(), kWhere),
                                  {result_view(largest), result_view(log_sum)});
  return {log_sum - (scores - largest), largest, log_sum};
}

NDArray cross_entropies_grad(const NDArray& gy, const NDArray& x, const NDArray& largest,
                             const NDArray& log_sum, const NDArray& labels, int dim) {
  constexpr const char* kWhere = "cross_entropy_grad";
  const Device device = common_device(kWhere, {&gy, &x, &largest, &log_sum, &labels});
  require_floating(kWhere, common_dtype(kWhere, {&gy, &x, &largest, &log_sum}));
  NDArray gx = NDArray::empty_like_order(x, x.shape(), x.dtype());
  device.backend().cross_entropy_grad(x.read_view(), {largest.read_view(), log_sum.read_view()},
                                      labels.read_view(), gy.read_view(),
                                      normalize_dim(dim, x.rank(), kWhere), result_view(gx));
  return gx;
}

}  // namespace linnet
