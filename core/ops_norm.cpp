// Batch normalisation of NDArrays and its gradients.
#include "core/batch_norm.h"
#include "core/operands.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "batch_norm";

NDArray for_channels(const NDArray& x) {
  return NDArray::empty({x.size(1)}, x.dtype(), x.device());
}

/// The device that all of them are on; throws where dtypes or devices differ.
Device device_of(const NDArray& x, const BatchNormOperands& by) {
  for (const NDArray* operand : {&by.mean, &by.variance, &by.weight, &by.bias}) {
    if (!operand->defined()) continue;
    common_dtype(kWhere, {&x, operand});
    common_device(kWhere, {&x, operand});
  }
  return common_device(kWhere, {&x});
}

View view_of(const NDArray& operand) {
  return operand.defined() ? operand.read_view() : View();
}

BatchNormSpec spec_of(const BatchNormOperands& by) {
  return {by.mean.read_view(), by.variance.read_view(), view_of(by.weight), view_of(by.bias), by.eps};
}

}  // namespace

BatchMoments batch_moments(const NDArray& x) {
  const BatchMoments moments{for_channels(x), for_channels(x)};
  common_device(kWhere, {&x})
      .backend()
      .batch_moments(x.read_view(), result_view(moments.mean), result_view(moments.variance));
  return moments;
}

NDArray batch_normalized(const NDArray& x, const BatchNormOperands& by) {
  const Device device = device_of(x, by);
  NDArray y = NDArray::empty_like_order(x, x.shape(), x.dtype());
  device.backend().batch_norm(spec_of(by), x.read_view(), result_view(y));
  return y;
}

BatchNormGradients batch_norm_grad(const NDArray& gy, const NDArray& x, const BatchNormOperands& by,
                                   bool training, BatchNormWanted wanted) {
  const Device device = device_of(x, by);
  BatchNormGradients result;
  BatchNormGrads views;
  if (wanted.x) {
    result.x = NDArray::empty_like_order(x, x.shape(), x.dtype());
    views.x = result_view(result.x);
  }
  if (wanted.weight) {
    result.weight = for_channels(x);
    views.weight = result_view(result.weight);
  }
  if (wanted.bias) {
    result.bias = for_channels(x);
    views.bias = result_view(result.bias);
  }
  device.backend().batch_norm_grad(spec_of(by), training, x.read_view(), gy.read_view(), views);
  return result;
}

}  // namespace linnet
