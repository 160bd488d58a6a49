// Moments of parameters whose gradient stays zero end at 0 and not in subnormal numbers, which are slow.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/nn/optim.h>

namespace linnet {
namespace {

/// Runs the optimiser with one gradient of ones and then zeros, and looks at every moment after every step.
void expect_no_subnormals(optim::Optimizer& optimizer, Tensor parameter, int steps) {
  parameter.set_grad(NDArray::full({5}, 1e-15));
  optimizer.step();
  parameter.set_grad(NDArray::zeros({5}));
  for (int i = 0; i < steps; ++i) {
    optimizer.step();
    if (i % 100 != 99) continue;
    for (const nn::NamedArray& moment : optimizer.state()) {
      if (moment.array.dtype() != DType::Float32) continue;
      for (float value : moment.array.to_vector<float>()) {
        ASSERT_NE(std::fpclassify(value), FP_SUBNORMAL) << moment.name << " at step " << i;
      }
    }
  }
}

TEST(OptimDecay, AdamsMomentsEndAtZero) {
  const Tensor parameter = Tensor(NDArray::ones({5})).requires_grad_();
  optim::Adam optimizer({parameter});
  expect_no_subnormals(optimizer, parameter, 30000);
  for (const nn::NamedArray& moment : optimizer.state()) {
    if (moment.name == "0.mean" || moment.name == "0.square") {
      EXPECT_EQ(moment.array.to_vector<float>(), std::vector<float>(5, 0.0F)) << moment.name;
    }
  }
}

TEST(OptimDecay, TheMomentumOfSgdEndsAtZero) {
  const Tensor parameter = Tensor(NDArray::ones({5})).requires_grad_();
  optim::SGD optimizer({parameter}, {.momentum = 0.9});
  expect_no_subnormals(optimizer, parameter, 2000);
}

TEST(OptimDecay, TheMomentsOfRMSpropEndAtZero) {
  const Tensor parameter = Tensor(NDArray::ones({5})).requires_grad_();
  optim::RMSprop optimizer({parameter}, {.alpha = 0.9, .momentum = 0.9, .centered = true});
  expect_no_subnormals(optimizer, parameter, 2000);
  for (const nn::NamedArray& moment : optimizer.state()) {
    if (moment.array.dtype() != DType::Float32) continue;
    EXPECT_EQ(moment.array.to_vector<float>(), std::vector<float>(5, 0.0F)) << moment.name;
  }
}

}  // namespace
}  // namespace linnet
