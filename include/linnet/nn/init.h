// Initial values of parameters. All of them fill in place, outside any graph, with numbers that the default
// generator draws on the CPU, so that a seed gives the same weights on every device. On `meta` nothing is
// drawn.
//
// Of a weight (out, in, R, S), fan_in = in * R * S and fan_out = out * R * S; of (out, in), in and out. For a
// grouped convolution `in` is the weight's own second extent, as in PyTorch.
#pragma once

#include <cstdint>

#include <linnet/autograd/tensor.h>

namespace linnet::nn {

struct Fans {
  int64_t in;
  int64_t out;
};
/// Throws Error for less than two dimensions.
Fans fans(const Shape& shape);

enum class Fan : uint8_t { In, Out };

struct KaimingOptions {
  double a = 0;       ///< Slope for negative inputs of the (leaky) ReLU that follows: gain^2 = 2 / (1 + a^2).
  Fan fan = Fan::In;  ///< In keeps the variance of activations, Out that of gradients.
};
/// N(0, std^2) with std = gain / sqrt(fan); sqrt(2 / fan) for ReLU. He, Zhang, Ren and Sun, "Delving deep
/// into rectifiers", ICCV 2015, equations 10 and 14.
void kaiming_normal_(const Tensor& weight, const KaimingOptions& options = {});
/// U(-b, b) of the same variance: b = gain * sqrt(3 / fan).
void kaiming_uniform_(const Tensor& weight, const KaimingOptions& options = {});

struct XavierOptions {
  double gain = 1;
};
/// N(0, std^2) with std = gain * sqrt(2 / (fan_in + fan_out)). Glorot and Bengio, "Understanding the
/// difficulty of training deep feedforward neural networks", AISTATS 2010, equation 12.
void xavier_normal_(const Tensor& weight, const XavierOptions& options = {});
/// U(-b, b) of the same variance: b = gain * sqrt(6 / (fan_in + fan_out)); equation 16.
void xavier_uniform_(const Tensor& weight, const XavierOptions& options = {});

/// What Conv2d and Linear start with, as in PyTorch: weight and then bias (where defined) from U(-b, b),
/// b = 1 / sqrt(fan_in) of the weight. For the weight that is kaiming_uniform_ with a = sqrt(5).
void default_init_(const Tensor& weight, const Tensor& bias = {});

/// Uniform in [low, high).
void uniform_(const Tensor& parameter, double low, double high);
void normal_(const Tensor& parameter, double mean, double standard_deviation);

}  // namespace linnet::nn
