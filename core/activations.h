// The functors of the activation functions: see core/elementwise.h. Their numbers are kept in double and used
// in the element's type.
#pragma once

#include "core/host_device.h"
#include "core/vmath.h"

namespace linnet::functor {

/// x above 0, slope x elsewhere.
struct LeakyRelu {
  double slope;
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::select(x > V(0), x, V(slope) * x);
  }
};
/// x above 0, alpha (exp(x) - 1) elsewhere.
struct Elu {
  double alpha;
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::select(x > V(0), x, V(alpha) * vmath::expm1(vmath::minimum(x, V(0))));
  }
};
/// x times the probability that a normal variable is below x: by erfc, for 1 + erf cancels far below 0.
struct Gelu {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return x * (V(0.5) * vmath::erfc(x * V(-0.70710678118654752440)));
  }
};
/// Its approximation by tanh, (1 + tanh(u)) / 2 being 1 / (1 + exp(-2 u)).
struct GeluTanh {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    const V u = V(0.79788456080286535588) * (x + V(0.044715) * (x * x * x));
    return x / (V(1) + vmath::exp(V(-2) * u));
  }
};
struct Silu {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return x / (V(1) + vmath::exp(V(0) - x));
  }
};
/// log(1 + exp(beta x)) / beta; x where beta x is above the threshold.
struct Softplus {
  double beta, threshold;
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    const V scaled = V(beta) * x, bounded = vmath::minimum(scaled, V(threshold));
    return vmath::select(scaled > V(threshold), x, vmath::log1p(vmath::exp(bounded)) / V(beta));
  }
};
/// 0 below -3, 1 above 3, a line between.
struct Hardsigmoid {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return vmath::minimum(vmath::maximum(x + V(3), V(0)), V(6)) / V(6);
  }
};
struct Hardswish {
  template <class V>
  LINNET_HOST_DEVICE V operator()(V x) const {
    return x * vmath::minimum(vmath::maximum(x + V(3), V(0)), V(6)) / V(6);
  }
};

}  // namespace linnet::functor
