// Batch normalisation of more elements a channel than one block combines: parts of planes, and of channels
// side by side; with means that differ from part to part.
#include <cmath>
#include <vector>

#include <linnet/autograd/ops.h>
#include <linnet/core/ops.h>
#include "tests/unit/cuda_device.h"

namespace linnet {
namespace {

using CudaBatchNorm = test::CudaTest;

/// 5043 elements a channel, two parts and a rest; their mean grows from image to image.
Tensor images(MemoryOrder order, double step) {
  const NDArray numbers = NDArray::arange(3 * 35 * 41 * 41, DType::Float64).reshape({3, 35, 41, 41});
  const NDArray drift = NDArray::arange(3, DType::Float64).reshape({3, 1, 1, 1});
  // Fractions without a pattern: sines of steps.
  std::vector<double> values = numbers.to_vector<double>();
  for (double& value : values) value = std::sin(step * value);
  const NDArray sines = NDArray::from_data<double>(values, {3, 35, 41, 41});
  return Tensor(sines + drift).to(order).detach();
}

Tensors on(Device device, MemoryOrder order, bool training) {
  Tensor x = images(order, 8.4).to(device).detach().requires_grad_();
  Tensor weight = Tensor(NDArray::arange(35, DType::Float64) * 0.1 + 1).to(device).detach().requires_grad_();
  Tensor bias = Tensor(NDArray::arange(35, DType::Float64)).to(device).detach().requires_grad_();
  const Tensor mean = NDArray::zeros({35}, DType::Float64, device);
  const Tensor variance = NDArray::ones({35}, DType::Float64, device);
  const Tensor y = batch_norm(x, mean, variance, weight, bias, {.training = training});
  y.backward(images(order, 3.7).to(device));
  return {y.detach(), x.grad(), weight.grad(), bias.grad(), mean, variance};
}

TEST_F(CudaBatchNorm, PartsAreCombined) {
  for (const MemoryOrder order : {MemoryOrder::Contiguous, MemoryOrder::ChannelsLast}) {
    for (const bool training : {false, true}) {
      const Tensors found = on(cuda_, order, training), expected = on(device("cpu"), order, training);
      EXPECT_EQ(found[1].data().is_channels_last(), order == MemoryOrder::ChannelsLast);
      for (size_t i = 0; i < found.size(); ++i) {
        const std::vector<double> f = found[i].to_vector<double>(), e = expected[i].to_vector<double>();
        ASSERT_EQ(f.size(), e.size());
        for (size_t j = 0; j < f.size(); ++j) {
          ASSERT_NEAR(f[j], e[j], 1e-11 * (1 + std::fabs(e[j]))) << "result " << i << ", element " << j;
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet
