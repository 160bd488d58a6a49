// ReLU in place, and its gradient with the sums over channels.
#include "core/operands.h"
#include "core/relu.h"

namespace linnet {

void relu_in_place(const NDArray& x) {
  common_device("relu", {&x}).backend().unary(UnaryKind::Relu, x.read_view(), result_view(x));
}

ReluGradient relu_grad_sums(const NDArray& y, const NDArray& gy, bool overwrite) {
  constexpr const char* kWhere = "relu_grad_sums";
  const DType dtype = common_dtype(kWhere, {&y, &gy});
  const Device device = common_device(kWhere, {&y, &gy});
  const bool dense = gy.is_contiguous() || gy.is_channels_last();
  ReluGradient g{overwrite && dense ? gy : NDArray::empty_like_order(y, y.shape(), dtype),
                 NDArray::empty({y.size(1)}, dtype, device)};
  device.backend().relu_grad_sums(y.read_view(), gy.read_view(), result_view(g.gx), result_view(g.sums));
  return g;
}

}  // namespace linnet
