// One step of SGD and of Adam for one element: the formulas of PyTorch's SGD, Adam and AdamW (the
// single-tensor forms of torch/optim/{sgd,adam}.py), shared by the backends' fused loops. Coefficients are
// computed in double and rounded once to the element type, as there.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/backend.h"
#include "core/host_device.h"

namespace linnet {

/// A moment that nothing feeds decays until it is subnormal and stays so, and each later step over it is
/// twenty times slower. So it becomes 0 where it no longer counts: a mean below kMeanTail moves a parameter
/// by less than lr / epsilon * 1e-31, and the root of a square below kSquareTail is nothing beside epsilon.
template <class T>
inline constexpr T kMeanTail = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
template <class T>
inline constexpr T kSquareTail = 32 * std::numeric_limits<T>::min();

template <class T>
LINNET_HOST_DEVICE T without_tail(T moment, T tail) {
  return std::abs(moment) < tail ? T(0) : moment;
}

template <class T>
struct SgdStep {
  T momentum, keep, weight_decay, minus_lr;  ///< keep = 1 - dampening
  bool decays, has_momentum, first, nesterov;

  LINNET_HOST_DEVICE SgdStep(const SgdSpec& spec, double lr, int64_t step)
      : momentum(static_cast<T>(spec.momentum)),
        keep(static_cast<T>(1 - spec.dampening)),
        weight_decay(static_cast<T>(spec.weight_decay)),
        minus_lr(static_cast<T>(-lr)),
        decays(spec.weight_decay != 0),
        has_momentum(spec.momentum != 0),
        first(step == 1),
        nesterov(spec.nesterov) {}

  /// g += weight_decay p; buffer = momentum buffer + (1 - dampening) g, at the first step g;
  /// with Nesterov g += momentum buffer, else g = buffer; p -= lr g.
  LINNET_HOST_DEVICE void operator()(T& p, T g, T& buffer) const {
    if (decays) g = g + weight_decay * p;
    buffer = first ? g : without_tail(momentum * buffer + keep * g, kMeanTail<T>);
    p = p + minus_lr * (nesterov ? g + momentum * buffer : buffer);
  }
  /// Without momentum.
  LINNET_HOST_DEVICE void operator()(T& p, T g) const {
    if (decays) g = g + weight_decay * p;
    p = p + minus_lr * g;
  }
};

/// 1 - beta^step.
LINNET_HOST_DEVICE inline double adam_correction(double beta, int64_t step) {
  return 1 - std::pow(beta, static_cast<double>(step));
}

template <class T>
struct AdamStep {
  T mean_weight, beta2, square_weight;  ///< 1 - beta1, beta2, 1 - beta2
  T minus_step_size;                    ///< -lr / (1 - beta1^t)
  T root_scale;                         ///< 1 / sqrt(1 - beta2^t), for a division takes long
  T epsilon;
  T weight_decay;  ///< of the gradient: Adam
  T shrink;        ///< of the parameter: AdamW; 1 otherwise
  bool decays;

  /// With adam_correction() of beta1 and of beta2.
  LINNET_HOST_DEVICE AdamStep(const AdamSpec& spec, double lr, double mean_correction, double square_share)
      : mean_weight(static_cast<T>(1 - spec.beta1)),
        beta2(static_cast<T>(spec.beta2)),
        square_weight(static_cast<T>(1 - spec.beta2)),
        minus_step_size(static_cast<T>(-(lr / mean_correction))),
        root_scale(static_cast<T>(1 / std::sqrt(square_share))),
        epsilon(static_cast<T>(spec.epsilon)),
        weight_decay(static_cast<T>(spec.weight_decay)),
        shrink(spec.decoupled ? static_cast<T>(1 - lr * spec.weight_decay) : T(1)),
        decays(!spec.decoupled && spec.weight_decay != 0) {}

  /// g += weight_decay p (Adam) or p *= 1 - lr weight_decay (AdamW); m += (1 - beta1) (g - m);
  /// v = beta2 v + (1 - beta2) g^2; p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
  LINNET_HOST_DEVICE void operator()(T& p, T g, T& mean, T& square) const {
    p = p * shrink;
    if (decays) g = g + weight_decay * p;
    mean = without_tail(mean + mean_weight * (g - mean), kMeanTail<T>);
    square = without_tail(square * beta2 + square_weight * g * g, kSquareTail<T>);
    const T denominator = std::sqrt(square) * root_scale + epsilon;
    p = p + minus_step_size * mean / denominator;
  }
};

}  // namespace linnet
