// Activation functions: each forward with its rule beside it, written in Tensor operators. A branch that is
// not taken is kept finite, for its gradient is multiplied by 0.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <cmath>
#include <numbers>

namespace linnet {

using autograd::record;
using autograd::Saved;

Tensor leaky_relu(const Tensor& x, double slope) {
  return record("leaky_relu", {x}, leaky_relu(x.data(), slope),
                [slope](const Saved& saved, const Tensor& gy) -> Tensors {
                  return {where(saved.input(0) > 0, gy, gy * slope)};
                });
}

Tensor elu(const Tensor& x, double alpha) {
  return record("elu", {x}, elu(x.data(), alpha), [alpha](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor in = saved.input(0);
    return {gy * where(in > 0, 1, exp(minimum(in, 0)) * alpha)};
  });
}

namespace {

/// Phi(x) + x phi(x), phi being the density.
Tensor gelu_slope(const Tensor& x) {
  const Tensor distribution = (erf(x * (1 / std::numbers::sqrt2)) + 1) * 0.5;
  const Tensor density = exp(square(x) * -0.5) * (1 / std::sqrt(2 * std::numbers::pi));
  return distribution + x * density;
}

/// With s(u) = (1 + tanh(u)) / 2: s + x s', where s' = 2 s(u) s(-u) u' does not cancel far from 0.
Tensor gelu_tanh_slope(const Tensor& x) {
  const double scale = std::sqrt(2 / std::numbers::pi), cubic = 0.044715;
  const Tensor squares = square(x);
  const Tensor twice = x * (squares * cubic + 1) * (2 * scale);
  const Tensor twice_slope = (squares * (3 * cubic) + 1) * (2 * scale);
  const Tensor s = sigmoid(twice);
  return s + x * (s * sigmoid(-twice)) * twice_slope;
}

}  // namespace

Tensor gelu(const Tensor& x, GeluApproximation approximation) {
  return record("gelu", {x}, gelu(x.data(), approximation),
                [approximation](const Saved& saved, const Tensor& gy) -> Tensors {
                  const bool by_tanh = approximation == GeluApproximation::Tanh;
                  return {gy * (by_tanh ? gelu_tanh_slope : gelu_slope)(saved.input(0))};
                });
}

Tensor silu(const Tensor& x) {
  return record("silu", {x}, silu(x.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor in = saved.input(0), s = sigmoid(in);
    return {gy * (s * (in * (1 - s) + 1))};
  });
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  return record("softplus", {x}, softplus(x.data(), beta, threshold),
                [beta, threshold](const Saved& saved, const Tensor& gy) -> Tensors {
                  const Tensor scaled = saved.input(0) * beta;
                  return {gy * where(scaled > threshold, 1, sigmoid(scaled))};
                });
}

Tensor hardsigmoid(const Tensor& x) {
  return record("hardsigmoid", {x}, hardsigmoid(x.data()),
                [](const Saved& saved, const Tensor& gy) -> Tensors {
                  return {where(abs(saved.input(0).detach()) < 3, gy * (1.0 / 6), 0)};
                });
}

Tensor hardswish(const Tensor& x) {
  return record("hardswish", {x}, hardswish(x.data()), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor in = saved.input(0), above = where(in < 3, in * (1.0 / 3) + 0.5, 1);
    return {gy * where(in > -3, above, 0)};
  });
}

}  // namespace linnet
