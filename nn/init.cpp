#include <linnet/nn/init.h>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>

#include <cmath>

#include "core/backend.h"
#include "core/fail.h"

namespace linnet::nn {
namespace {

double kaiming_gain(const KaimingOptions& options) {
  return std::sqrt(2.0 / (1.0 + options.a * options.a));
}

double kaiming_fan(const Tensor& weight, const KaimingOptions& options) {
  const Fans both = fans(weight.shape());
  return static_cast<double>(options.fan == Fan::In ? both.in : both.out);
}

double xavier_fan(const Tensor& weight) {
  const Fans both = fans(weight.shape());
  return static_cast<double>(both.in + both.out);
}

/// Puts offset + scale * draws in place. The arithmetic is done where the draws are, on the CPU.
void assign(const Tensor& parameter, const NDArray& draws, double scale, double offset) {
  const NDArray values = draws * scale + offset;
  parameter.data().copy_(values.to(parameter.device()));
}

/// Parameters on `meta` have none, and nothing is drawn for them.
bool has_values(const Tensor& parameter) {
  return parameter.device().backend().has_values();
}

}  // namespace

Fans fans(const Shape& shape) {
  check(shape.rank() >= 2, "fans",
        "a weight of shape {} has no fan-in; expected at least two dimensions, (out, in, ...)", shape);
  int64_t window = 1;
  for (int i = 2; i < shape.rank(); ++i) window *= shape[i];
  return {shape[1] * window, shape[0] * window};
}

void uniform_(const Tensor& parameter, double low, double high) {
  if (!has_values(parameter)) return;
  const NDArray draws = random_uniform(parameter.shape(), parameter.dtype(), device("cpu"));
  assign(parameter, draws, high - low, low);
}

void normal_(const Tensor& parameter, double mean, double standard_deviation) {
  if (!has_values(parameter)) return;
  const NDArray draws = random_normal(parameter.shape(), parameter.dtype(), device("cpu"));
  assign(parameter, draws, standard_deviation, mean);
}

void kaiming_normal_(const Tensor& weight, const KaimingOptions& options) {
  normal_(weight, 0, kaiming_gain(options) / std::sqrt(kaiming_fan(weight, options)));
}

void kaiming_uniform_(const Tensor& weight, const KaimingOptions& options) {
  const double bound = kaiming_gain(options) * std::sqrt(3.0 / kaiming_fan(weight, options));
  uniform_(weight, -bound, bound);
}

void xavier_normal_(const Tensor& weight, const XavierOptions& options) {
  normal_(weight, 0, options.gain * std::sqrt(2.0 / xavier_fan(weight)));
}

void xavier_uniform_(const Tensor& weight, const XavierOptions& options) {
  const double bound = options.gain * std::sqrt(6.0 / xavier_fan(weight));
  uniform_(weight, -bound, bound);
}

void default_init_(const Tensor& weight, const Tensor& bias) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fans(weight.shape()).in));
  uniform_(weight, -bound, bound);
  if (bias.defined()) uniform_(bias, -bound, bound);
}

}  // namespace linnet::nn
