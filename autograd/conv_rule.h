// The backward rule of a convolution, which may take in a ReLU behind it.
#pragma once

#include <linnet/autograd/autograd.h>
#include <linnet/core/conv2d.h>

namespace linnet::autograd {

/// Rule of conv2d and, with `relu`, of conv2d_relu; inputs are image, filters and bias. ReLU masks the
/// gradient that comes in by the result, which is kept.
struct Conv2dRule {
  Conv2dGeometry geometry;
  bool relu;

  Tensors operator()(const Saved& saved, const Tensor& by_y) const;
};

}  // namespace linnet::autograd
