#include <linnet/nn/activations.h>

#include "core/fail.h"
#include "nn/in_mode_of.h"

namespace linnet::nn {

Tensor ReLU::forward(const Tensor& x) const {
  return relu(x);
}

Tensor LeakyReLU::forward(const Tensor& x) const {
  return leaky_relu(x, slope_);
}
std::string LeakyReLU::describe() const {
  return format_text("LeakyReLU({})", slope_);
}
LeakyReLU LeakyReLU::clone() const {
  return in_mode_of(*this, LeakyReLU(slope_));
}

Tensor ELU::forward(const Tensor& x) const {
  return elu(x, alpha_);
}
std::string ELU::describe() const {
  return format_text("ELU({})", alpha_);
}
ELU ELU::clone() const {
  return in_mode_of(*this, ELU(alpha_));
}

Tensor GELU::forward(const Tensor& x) const {
  return gelu(x, approximation_);
}
std::string GELU::describe() const {
  return approximation_ == GeluApproximation::Tanh ? "GELU(tanh)" : "GELU";
}
GELU GELU::clone() const {
  return in_mode_of(*this, GELU(approximation_));
}

Tensor SiLU::forward(const Tensor& x) const {
  return silu(x);
}

Tensor Sigmoid::forward(const Tensor& x) const {
  return sigmoid(x);
}

Tensor Tanh::forward(const Tensor& x) const {
  return tanh(x);
}

Softplus::Softplus(double beta, double threshold) : beta_(beta), threshold_(threshold) {
  check(beta != 0, "Softplus", "beta must not be 0; got {}", describe());
}
Tensor Softplus::forward(const Tensor& x) const {
  return softplus(x, beta_, threshold_);
}
std::string Softplus::describe() const {
  return format_text("Softplus(beta={}, threshold={})", beta_, threshold_);
}
Softplus Softplus::clone() const {
  return in_mode_of(*this, Softplus(beta_, threshold_));
}

Tensor Hardsigmoid::forward(const Tensor& x) const {
  return hardsigmoid(x);
}

Tensor Hardswish::forward(const Tensor& x) const {
  return hardswish(x);
}

}  // namespace linnet::nn
