// A model that is planned for inference on a CUDA device: nothing is packed there, all else is fused as on
// the CPU.
#include <gtest/gtest.h>

#include <linnet/autograd/autograd.h>
#include <linnet/core/random.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/inference.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/sequential.h>

#include "tests/unit/cuda_device.h"

namespace linnet {
namespace {

using CudaInference = test::CudaTest;

TEST_F(CudaInference, FoldsAndFusesAsOnTheCpu) {
  manual_seed(1);
  nn::Sequential model{nn::Conv2d(3, 4, {.kernel = 3, .bias = false}), nn::BatchNorm2d(4), nn::ReLU(),
                       nn::Flatten(), nn::Linear(4 * 4 * 4, 5)};
  for (const auto& [name, tensor] : model.named_buffers()) {
    if (is_floating(tensor.dtype())) tensor.data().copy_(0.5 + random_uniform(tensor.shape()));
  }
  model.eval();
  const NDArray x = random_normal({2, 3, 6, 6}), one = x.slice(0, 1, 2);
  NoGrad no_grad;
  const std::vector<double> expected = model(x).to_vector<double>();
  model.to(cuda_);
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {2, 3, 6, 6});
  EXPECT_EQ(fast.plan(),
            "conv2d_relu (2, 3, 6, 6) (4, 3, 3, 3) (4,) -> (2, 4, 4, 4)\n"
            "gemm (2, 64) (64, 5) (5,) -> (2, 5)\n");
  const NDArray y = fast.predict(x.to(cuda_)), last = fast.predict(one.to(cuda_));
  EXPECT_EQ(y.device(), cuda_);
  const std::vector<double> results = y.to_vector<double>(), alone = last.to_vector<double>();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(results[i], expected[i], 1e-5) << i;
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(alone[i], expected[5 + i], 1e-5) << i;
}

}  // namespace
}  // namespace linnet
