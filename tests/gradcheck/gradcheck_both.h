// check_both(f, inputs): first and second gradients of f against differences. randoms(...): its inputs.
#pragma once

#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

namespace linnet {

inline void check_both(const autograd::Function& f, const Tensors& inputs) {
  EXPECT_NO_THROW(autograd::gradcheck(f, inputs));
  EXPECT_NO_THROW(autograd::gradgradcheck(f, inputs));
}

/// Uniform in [low, high); each seed another draw.
inline NDArray randoms(const Shape& shape, uint64_t seed, double low = -1, double high = 1) {
  Generator generator(seed);
  std::vector<double> values(static_cast<size_t>(shape.product()));
  for (double& value : values) value = low + (high - low) * generator.next_uniform();
  return NDArray::from_data(values, shape);
}

}  // namespace linnet
