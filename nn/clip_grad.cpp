#include <linnet/nn/clip_grad.h>

#include <cmath>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include "core/fail.h"

namespace linnet::optim {
namespace {

Tensors with_gradient(const Tensors& parameters, const char* where) {
  Tensors found;
  for (size_t i = 0; i < parameters.size(); ++i) {
    check(parameters[i].defined(), where, "parameter {} of {} is undefined", i, parameters.size());
    if (parameters[i].grad().defined()) found.push_back(parameters[i]);
  }
  return found;
}

}  // namespace

NDArray clip_grad_norm_(const Tensors& parameters, double max_norm, double norm_type) {
  constexpr const char* kWhere = "clip_grad_norm_";
  check(max_norm >= 0, kWhere, "max_norm is {}; it must be at least 0", max_norm);
  check(norm_type > 0, kWhere, "norm_type is {}; it must be above 0, or infinity", norm_type);
  const NoGrad no_grad;
  const Tensors clipped = with_gradient(parameters, kWhere);
  if (clipped.empty()) return NDArray::zeros({});
  const NDArray first = clipped[0].grad().data();
  const auto count = static_cast<int64_t>(clipped.size());
  const NDArray norms = NDArray::zeros({count}, first.dtype(), first.device());
  for (int64_t i = 0; i < count; ++i) {
    const Tensor gradient = clipped[static_cast<size_t>(i)].grad();
    if (gradient.numel() == 0) continue;
    norms.select(0, i).copy_(norm(gradient, norm_type).data().to(first.device()));
  }
  const NDArray total = norm(norms, norm_type).data();
  const NDArray factor = minimum(max_norm / (total + 1e-6), 1.0);
  for (Tensor parameter : clipped) {
    const NDArray gradient = parameter.grad().data();
    parameter.set_grad(gradient * factor.to(gradient.device()).to(gradient.dtype()));
  }
  return total;
}

void clip_grad_value_(const Tensors& parameters, double clip_value) {
  constexpr const char* kWhere = "clip_grad_value_";
  check(std::isfinite(clip_value) && clip_value >= 0, kWhere,
        "clip_value is {}; it must be a finite number, at least 0", clip_value);
  const NoGrad no_grad;
  for (Tensor parameter : with_gradient(parameters, kWhere)) {
    parameter.set_grad(clamp(parameter.grad(), -clip_value, clip_value).data());
  }
}

}  // namespace linnet::optim
