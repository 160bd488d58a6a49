// Batch normalisation composed of a backend's primitives: the textbook's formulas, pass after pass.
#include "core/backend_scratch.h"

namespace linnet {
namespace {

using Scratch = BackendScratch;

/// Numbers of channels, (C,), seen with x's extents.
View spread(const View& channels, const View& x) {
  View result = channels;
  result.shape = x.shape;
  result.strides = Strides::filled(x.rank(), 0);
  result.strides[1] = channels.strides[0];
  return result;
}

/// to = the sums over the channels of x.
void sum_channels(Backend& backend, const View& x, const View& to) {
  View kept = spread(to, x);
  for (int d = 0; d < x.rank(); ++d) {
    if (d != 1) kept.shape[d] = 1;
  }
  backend.reduce(ReduceKind::Sum, x, kept);
}

/// to = the means over the channels of x.
void average_channels(Backend& backend, Scratch& s, const View& x, const View& to) {
  const View sum = s.like(to);
  sum_channels(backend, x, sum);
  const auto count = static_cast<double>(x.numel()) / static_cast<double>(x.shape[1]);
  backend.binary(BinaryKind::Div, sum, Scalar(count), to);
}

/// 1 / sqrt(variance + eps).
View inverse_deviation(Scratch& s, const BatchNormSpec& spec) {
  const View raised = s.binary(BinaryKind::Add, spec.variance, Scalar(spec.eps), spec.variance);
  return s.binary(BinaryKind::Div, Scalar(1), s.unary(UnaryKind::Sqrt, raised), raised);
}

View times_weight(Scratch& s, const View& factor, const BatchNormSpec& spec) {
  return spec.weight.defined() ? s.binary(BinaryKind::Mul, factor, spec.weight, factor) : factor;
}

}  // namespace

void Backend::batch_moments(const View& x, const View& mean, const View& variance) {
  Scratch s(*this);
  average_channels(*this, s, x, mean);
  const View away = s.binary(BinaryKind::Sub, x, spread(mean, x), x);
  average_channels(*this, s, s.unary(UnaryKind::Square, away), variance);
}

void Backend::batch_norm(const BatchNormSpec& spec, const View& x, const View& y) {
  Scratch s(*this);
  const View factor = times_weight(s, inverse_deviation(s, spec), spec);
  const View away = s.binary(BinaryKind::Sub, x, spread(spec.mean, x), x);
  if (!spec.bias.defined()) return binary(BinaryKind::Mul, away, spread(factor, x), y);
  binary(BinaryKind::Add, s.binary(BinaryKind::Mul, away, spread(factor, x), x), spread(spec.bias, x), y);
}

void Backend::batch_norm_grad(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                              const BatchNormGrads& grads) {
  Scratch s(*this);
  const View inverse = inverse_deviation(s, spec);
  const View away = s.binary(BinaryKind::Sub, x, spread(spec.mean, x), x);
  const View normal = s.binary(BinaryKind::Mul, away, spread(inverse, x), x);
  const View product = s.binary(BinaryKind::Mul, gy, normal, x);
  if (grads.bias.defined()) sum_channels(*this, gy, grads.bias);
  if (grads.weight.defined()) sum_channels(*this, product, grads.weight);
  if (!grads.x.defined()) return;
  const View factor = spread(times_weight(s, inverse, spec), x);
  if (!training) return binary(BinaryKind::Mul, gy, factor, grads.x);
  const View mean = s.like(inverse), slope = s.like(inverse);
  average_channels(*this, s, gy, mean);
  average_channels(*this, s, product, slope);
  const View along = s.binary(BinaryKind::Mul, normal, spread(slope, x), x);
  const View rest = s.binary(BinaryKind::Sub, s.binary(BinaryKind::Sub, gy, spread(mean, x), x), along, x);
  binary(BinaryKind::Mul, rest, factor, grads.x);
}

}  // namespace linnet
