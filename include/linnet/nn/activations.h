// Activation functions as layers: those of the operators of the same names (autograd/ops.h), with PyTorch's
// defaults.
#pragma once

#include <string>

#include <linnet/autograd/ops.h>
#include <linnet/nn/module.h>

namespace linnet::nn {

/// max(x, 0).
class ReLU : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

/// x above 0, slope x elsewhere.
class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  LeakyReLU clone() const;

 private:
  double slope_;
};

/// x above 0, alpha (exp(x) - 1) elsewhere.
class ELU : public Module {
 public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  ELU clone() const;

 private:
  double alpha_;
};

/// x times the probability that a normal variable is below x, or the approximation of that by tanh.
class GELU : public Module {
 public:
  explicit GELU(GeluApproximation approximation = GeluApproximation::None) : approximation_(approximation) {}
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  GELU clone() const;

 private:
  GeluApproximation approximation_;
};

/// x sigmoid(x).
class SiLU : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

/// 1 / (1 + exp(-x)).
class Sigmoid : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

class Tanh : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

/// log(1 + exp(beta x)) / beta; x where beta x is above the threshold.
class Softplus : public Module {
 public:
  /// Throws Error for beta 0.
  explicit Softplus(double beta = 1, double threshold = 20);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  Softplus clone() const;

 private:
  double beta_, threshold_;
};

/// (x + 3) / 6, at least 0 and at most 1.
class Hardsigmoid : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

/// x hardsigmoid(x).
class Hardswish : public Module {
 public:
  Tensor forward(const Tensor& x) const override;
};

}  // namespace linnet::nn
