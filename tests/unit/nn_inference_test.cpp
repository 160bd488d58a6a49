// optimize_for_inference(): the same results as the model's, what is fused and what is not, and what it
// refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/nn/inference.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/pooling.h>
#include <linnet/nn/sequential.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

NDArray result_of(const nn::Module& model, const NDArray& x) {
  const NoGrad no_grad;
  return model(x).data();
}

void expect_same_bits(const NDArray& a, const NDArray& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_EQ(a.to_vector<double>(), b.to_vector<double>());
}

double distance(const NDArray& a, const NDArray& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += (x[i] - y[i]) * (x[i] - y[i]);
    norm += y[i] * y[i];
  }
  return std::sqrt(difference / norm);
}

TEST(Inference, SimpleCnnHasTheModelsBits) {
  manual_seed(1);
  nn::SimpleCNN model;
  model.eval();
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {1, 1, 28, 28});
  std::puts(fast.plan().c_str());
  EXPECT_TRUE(fast.any_batch());
  for (const int64_t batch : {1, 2, 5, 128}) {
    const NDArray x = random_normal({batch, 1, 28, 28});
    expect_same_bits(fast.predict(x), result_of(model, x));
  }
}

TEST(Inference, Resnet20) {
  manual_seed(1);
  const auto model = nn::make_model("resnet-20");
  model->eval();
  const nn::InferenceModel fast = nn::optimize_for_inference(*model, {1, 3, 32, 32});
  std::puts(fast.plan().c_str());
  EXPECT_TRUE(fast.any_batch());
  for (const int64_t batch : {1, 2, 5, 128}) {
    const NDArray x = random_normal({batch, 3, 32, 32});
    EXPECT_LT(distance(fast.predict(x), result_of(*model, x)), 1e-5);
  }
}

}  // namespace
}  // namespace linnet
