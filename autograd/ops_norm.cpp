// Normalisation by mean and variance, composed of differentiable operators: over a batch, a layer, groups of
// channels. The three differ in the dimensions that share a mean and in what scales the result.
#include <linnet/autograd/ops.h>

#include "core/fail.h"

namespace linnet {
namespace {

/// x less its mean over `dims`, and the variance (divided by the count); both keep the dimensions.
struct Centred {
  Tensor mean, values, variance;
};
Centred centred(const Tensor& x, const Dims& dims) {
  Tensor average = mean(x, dims, true);
  Tensor values = x - average;
  Tensor variance = mean(square(values), dims, true);
  return {std::move(average), std::move(values), std::move(variance)};
}

/// values / sqrt(variance + eps) * weight + bias, small factors first.
Tensor scaled(const Tensor& values, const Tensor& variance, double eps, const Tensor& weight,
              const Tensor& bias) {
  const Tensor factor = 1 / sqrt(variance + eps);
  const Tensor y = weight.defined() && weight.numel() == factor.numel()
                       ? values * (factor * weight)
                       : (weight.defined() ? values * factor * weight : values * factor);
  return bias.defined() ? y + bias : y;
}

void check_input(const Tensor& x, int least_rank, const char* expected, double eps, const char* where) {
  check(x.defined() && is_floating(x.dtype()) && x.rank() >= least_rank, where,
        "the input is {} {}; expected a floating dtype and shape {}",
        x.defined() ? name(x.dtype()) : "undefined", x.defined() ? x.shape() : Shape(), expected);
  check(eps >= 0, where, "eps is {}; expected at least 0", eps);
}

/// Reshapes an optional operand of that shape to `to`.
Tensor shaped(const Tensor& operand, const Shape& expected, const Shape& to, const char* what,
              const Tensor& x, const char* where) {
  if (!operand.defined()) return operand;
  check(operand.shape() == expected, where, "the {} has shape {}; for input {} expected {}", what,
        operand.shape(), x.shape(), expected);
  return operand.reshape(to);
}

/// (1, C, 1, ...), so that it broadcasts over (N, C, ...).
Shape channel_shape(const Tensor& x) {
  Shape shape = Dims::filled(x.rank(), 1);
  shape[1] = x.size(1);
  return shape;
}

/// running += share (batch - running), in place and unrecorded.
void move_towards(const Tensor& running, const NDArray& batch, double share) {
  if (!running.defined()) return;
  running.data().mul_(1 - share).add_(batch.reshape(running.shape()), share);
}

Centred batch_statistics(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                         double momentum) {
  constexpr const char* kWhere = "batch_norm";
  Dims dims{0};
  for (int i = 2; i < x.rank(); ++i) dims.push_back(i);
  const int64_t count = x.size(1) == 0 ? 0 : x.numel() / x.size(1);
  check(count > 1, kWhere, "input {} has {} elements a channel; training needs more than one", x.shape(),
        count);
  Centred c = centred(x, dims);
  move_towards(running_mean, c.mean.data(), momentum);
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  move_towards(running_var, c.variance.data() * unbiased, momentum);
  return c;
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, const BatchNormOptions& options) {
  constexpr const char* kWhere = "batch_norm";
  check_input(x, 2, "(N, C, ...)", options.eps, kWhere);
  const Shape channels{x.size(1)}, shape = channel_shape(x);
  const Tensor scale = shaped(weight, channels, shape, "weight", x, kWhere);
  const Tensor shift = shaped(bias, channels, shape, "bias", x, kWhere);
  const Tensor mean = shaped(running_mean, channels, shape, "running mean", x, kWhere);
  const Tensor variance = shaped(running_var, channels, shape, "running variance", x, kWhere);
  if (options.training) {
    const Centred batch = batch_statistics(x, running_mean, running_var, options.momentum);
    return scaled(batch.values, batch.variance, options.eps, scale, shift);
  }
  check(mean.defined() && variance.defined(), kWhere,
        "the running {} is undefined; it is needed unless training", mean.defined() ? "variance" : "mean");
  return scaled(x - mean, variance, options.eps, scale, shift);
}

Tensor layer_norm(const Tensor& x, const Shape& shape, const Tensor& weight, const Tensor& bias, double eps) {
  constexpr const char* kWhere = "layer_norm";
  check_input(x, 1, "(..., the given one)", eps, kWhere);
  const int rank = shape.rank(), first = x.rank() - rank;
  bool fits = rank >= 1 && first >= 0;
  Dims dims;
  for (int i = 0; fits && i < rank; ++i) {
    fits = x.size(first + i) == shape[i];
    dims.push_back(first + i);
  }
  check(fits, kWhere, "input {} does not end in the shape {} to normalise over", x.shape(), shape);
  const Centred c = centred(x, dims);
  return scaled(c.values, c.variance, eps, shaped(weight, shape, shape, "weight", x, kWhere),
                shaped(bias, shape, shape, "bias", x, kWhere));
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  constexpr const char* kWhere = "group_norm";
  check_input(x, 2, "(N, C, ...)", eps, kWhere);
  const int64_t C = x.size(1);
  check(groups >= 1 && C % groups == 0, kWhere, "{} groups of the {} channels of {}; expected a divisor",
        groups, C, x.shape());
  const Shape shape = channel_shape(x);
  const Tensor scale = shaped(weight, {C}, shape, "weight", x, kWhere);
  const Tensor shift = shaped(bias, {C}, shape, "bias", x, kWhere);
  const Centred c = centred(x.reshape({x.size(0), groups, x.numel() == 0 ? 0 : -1}), {2});
  const Tensor y = scaled(c.values, c.variance, eps, {}, {}).reshape(x.shape());
  const Tensor stretched = scale.defined() ? y * scale : y;
  return shift.defined() ? stretched + shift : stretched;
}

}  // namespace linnet
