// Normalisation by mean and variance: over a batch, a layer, groups of channels. The three differ in the
// dimensions that share a mean and in what scales the result. The first is fused, and its rule too, except
// where the gradient itself is recorded; the others are composed of differentiable operators.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "autograd/node.h"
#include "core/batch_norm.h"
#include "core/fail.h"

namespace linnet {

using autograd::array_of;
using autograd::record;
using autograd::Saved;

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

/// y * weight + bias, as far as they are defined.
Tensor stretched(const Tensor& y, const Tensor& weight, const Tensor& bias) {
  const Tensor product = weight.defined() ? y * weight : y;
  return bias.defined() ? product + bias : product;
}

/// values / sqrt(variance + eps).
Tensor scaled(const Tensor& values, const Tensor& variance, double eps) {
  return values * (1 / sqrt(variance + eps));
}

void check_input(const Tensor& x, int least_rank, const char* expected, double eps, const char* where) {
  check(x.defined() && is_floating(x.dtype()) && x.rank() >= least_rank, where,
        "the input is {} {}; expected a floating dtype and shape {}",
        x.defined() ? name(x.dtype()) : "undefined", x.defined() ? x.shape() : Shape(), expected);
  check(eps >= 0, where, "eps is {}; expected at least 0", eps);
}

/// Throws where an optional operand has another shape.
void check_operand(const Tensor& operand, const Shape& expected, const char* what, const Tensor& x,
                   const char* where) {
  check(!operand.defined() || operand.shape() == expected, where,
        "the {} has shape {}; for input {} expected {}", what, operand.defined() ? operand.shape() : Shape(),
        x.shape(), expected);
}

/// Reshapes an optional operand to `to`.
Tensor shaped(const Tensor& operand, const Shape& to) {
  return operand.defined() ? operand.reshape(to) : operand;
}

/// (1, C, 1, ...), so that it broadcasts over (N, C, ...).
Shape channel_shape(const Tensor& x) {
  Shape shape = Dims::filled(x.rank(), 1);
  shape[1] = x.size(1);
  return shape;
}

/// All dimensions but the channels'.
Dims within_channels(const Tensor& x) {
  Dims dims{0};
  for (int i = 2; i < x.rank(); ++i) dims.push_back(i);
  return dims;
}

/// running += share (batch - running), in place and unrecorded.
void move_towards(const Tensor& running, const NDArray& batch, double share) {
  if (running.defined()) running.data().mul_(1 - share).add_(batch, share);
}

/// The batch's mean and variance, towards which the running ones move.
BatchMoments batch_statistics(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                              double momentum) {
  constexpr const char* kWhere = "batch_norm";
  const int64_t count = x.size(1) == 0 ? 0 : x.numel() / x.size(1);
  check(count > 1, kWhere, "input {} has {} elements a channel; training needs more than one", x.shape(),
        count);
  BatchMoments batch = batch_moments(x.data());
  move_towards(running_mean, batch.mean, momentum);
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  move_towards(running_var, batch.variance * unbiased, momentum);
  return batch;
}

Tensor tensor(const NDArray& array) {
  return array.defined() ? Tensor(array) : Tensor();
}

// Inputs of the recorded operator.
constexpr int kX = 0, kWeight = 1, kBias = 2, kMean = 3, kVariance = 4;

/// The gradients in operators that record.
Tensors batch_norm_gradients(const Saved& saved, const Tensor& gy, double eps, bool training) {
  const Tensor x = saved.input(kX);
  const Shape shape = channel_shape(x);
  const Dims dims = within_channels(x);
  Centred c;
  if (training) {
    c = centred(x, dims);
  } else {
    c.values = x - saved.input(kMean).reshape(shape);
    c.variance = saved.input(kVariance).reshape(shape);
  }
  const Tensor normal = scaled(c.values, c.variance, eps);
  Tensors gradients(5);
  if (saved.needs(kWeight)) gradients[kWeight] = sum(gy * normal, dims);
  if (saved.needs(kBias)) gradients[kBias] = sum(gy, dims);
  if (saved.needs(kX)) {
    const Tensor change = training ? gy - mean(gy, dims, true) - normal * mean(gy * normal, dims, true) : gy;
    gradients[kX] = stretched(scaled(change, c.variance, eps), shaped(saved.input(kWeight), shape), {});
  }
  return gradients;
}

/// y = (x - mean) / sqrt(variance + eps) * weight + bias, fused; in training mean and variance are x's. They
/// are inputs, though without gradients, so that a change of running ones before backward is noticed.
Tensor normalized(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& weight,
                  const Tensor& bias, const BatchNormOptions& options) {
  const NDArray y = batch_normalized(
      x.data(), {mean.data(), variance.data(), array_of(weight), array_of(bias), options.eps});
  return record(
      "batch_norm", {x, weight, bias, mean, variance}, y,
      [eps = options.eps, training = options.training](const Saved& saved, const Tensor& gy) -> Tensors {
        if (grad_enabled()) return batch_norm_gradients(saved, gy, eps, training);
        const BatchNormGradients g =
            batch_norm_grad(gy.data(), saved.input(kX).data(),
                            {saved.input(kMean).data(), saved.input(kVariance).data(),
                             array_of(saved.input(kWeight)), NDArray(), eps},
                            training, {saved.needs(kX), saved.needs(kWeight), saved.needs(kBias)});
        return {tensor(g.x), tensor(g.weight), tensor(g.bias), {}, {}};
      });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, const BatchNormOptions& options) {
  constexpr const char* kWhere = "batch_norm";
  check_input(x, 2, "(N, C, ...)", options.eps, kWhere);
  const Shape channels{x.size(1)};
  check_operand(weight, channels, "weight", x, kWhere);
  check_operand(bias, channels, "bias", x, kWhere);
  check_operand(running_mean, channels, "running mean", x, kWhere);
  check_operand(running_var, channels, "running variance", x, kWhere);
  if (options.training) {
    const BatchMoments batch = batch_statistics(x, running_mean, running_var, options.momentum);
    return normalized(x, batch.mean, batch.variance, weight, bias, options);
  }
  check(running_mean.defined() && running_var.defined(), kWhere,
        "the running {} is undefined; it is needed unless training",
        running_mean.defined() ? "variance" : "mean");
  if (!running_mean.requires_grad() && !running_var.requires_grad()) {
    return normalized(x, running_mean, running_var, weight, bias, options);
  }
  const Shape shape = channel_shape(x);
  return stretched(scaled(x - running_mean.reshape(shape), running_var.reshape(shape), options.eps),
                   shaped(weight, shape), shaped(bias, shape));
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
  check_operand(weight, shape, "weight", x, kWhere);
  check_operand(bias, shape, "bias", x, kWhere);
  const Centred c = centred(x, dims);
  return stretched(scaled(c.values, c.variance, eps), weight, bias);
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  constexpr const char* kWhere = "group_norm";
  check_input(x, 2, "(N, C, ...)", eps, kWhere);
  const int64_t C = x.size(1);
  check(groups >= 1 && C % groups == 0, kWhere, "{} groups of the {} channels of {}; expected a divisor",
        groups, C, x.shape());
  check_operand(weight, {C}, "weight", x, kWhere);
  check_operand(bias, {C}, "bias", x, kWhere);
  const Centred c = centred(x.reshape({x.size(0), groups, x.numel() == 0 ? 0 : -1}), {2});
  const Shape shape = channel_shape(x);
  return stretched(scaled(c.values, c.variance, eps).reshape(x.shape()), shaped(weight, shape),
                   shaped(bias, shape));
}

}  // namespace linnet
