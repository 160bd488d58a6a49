// Layers that normalise and leave out: their state, their modes, copies, and what they refuse.
#include <cmath>

#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/sequential.h>

#include "tests/unit/expect_error.h"

namespace linnet::nn {
namespace {

std::vector<float> values(const Tensor& x) {
  return x.to_vector<float>();
}

/// Channels 0, 2, 4, 6 and 1, 1, 3, 3: means 3 and 2, variances 5 and 1.
Tensor batch() {
  return NDArray::from_data<float>({0, 2, 1, 1, 4, 6, 3, 3}, {2, 2, 1, 2});
}

TEST(BatchNorm, MovesItsStatisticsInTraining) {
  BatchNorm2d layer(2);
  layer(batch());
  const float third = 4.0F / 3;  // from the biased variance to the unbiased one
  EXPECT_EQ(layer.num_batches_tracked.item<int64_t>(), 1);
  EXPECT_FLOAT_EQ(values(layer.running_mean)[0], 0.3F);
  EXPECT_FLOAT_EQ(values(layer.running_mean)[1], 0.2F);
  EXPECT_FLOAT_EQ(values(layer.running_var)[0], 0.9F + 0.1F * 5 * third);
  EXPECT_FLOAT_EQ(values(layer.running_var)[1], 0.9F + 0.1F * third);
  layer(batch());
  EXPECT_EQ(layer.num_batches_tracked.item<int64_t>(), 2);
  EXPECT_FLOAT_EQ(values(layer.running_mean)[0], 0.57F);
}

TEST(BatchNorm, EvaluatesWithRunningStatistics) {
  BatchNorm2d layer(2, {.eps = 0});
  layer.running_mean.data().copy_(NDArray::from_data<float>({1, 2}, {2}));
  layer.running_var.data().copy_(NDArray::from_data<float>({4, 0.25F}, {2}));
  layer.eval();
  EXPECT_EQ(values(layer(batch())), (std::vector<float>{-0.5, 0.5, -2, -2, 1.5, 2.5, 2, 2}));
  EXPECT_EQ(layer.num_batches_tracked.item<int64_t>(), 0);
}

TEST(BatchNorm, WithoutRunningStatisticsAlwaysUsesTheBatch) {
  BatchNorm2d layer(2, {.eps = 0, .affine = false, .track_running_stats = false});
  const std::vector<float> training = values(layer(batch()));
  layer.eval();
  EXPECT_EQ(values(layer(batch())), training);
  EXPECT_TRUE(layer.state_dict().empty());
  EXPECT_EQ(layer.describe(), "BatchNorm2d(2, eps=0, no affine, no running statistics)");
}

TEST(BatchNorm, HasPyTorchsNamesInItsOrder) {
  std::string names;
  for (const NamedArray& named : BatchNorm2d(3).state_dict()) names += named.name + " ";
  EXPECT_EQ(names, "weight bias running_mean running_var num_batches_tracked ");
}

TEST(BatchNorm, CopiesKeepStateAndMode) {
  BatchNorm2d layer(2, {.momentum = 0.5});
  layer(batch());
  layer.eval();
  const BatchNorm2d copy = clone(layer);
  EXPECT_EQ(values(copy(batch())), values(layer(batch())));
  EXPECT_EQ(copy.describe(), "BatchNorm2d(2, momentum=0.5)");
  EXPECT_FALSE(copy.running_mean.data().shares_storage(layer.running_mean.data()));
}

TEST(BatchNorm, IsTheSameChannelsLast) {
  BatchNorm2d layer(2);
  const Tensor y = layer(batch().to(MemoryOrder::ChannelsLast));
  EXPECT_TRUE(y.data().is_channels_last());
  EXPECT_EQ(values(y), values(layer(batch())));
}

TEST(Normalization, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(BatchNorm2d(0), "[BatchNorm2d] expected at least 1 channel");
  EXPECT_ERROR(BatchNorm2d(3)(batch()), "[BatchNorm2d] input (2, 2, 1, 2); expected (N, 3, H, W)");
  EXPECT_ERROR(BatchNorm2d(2)(NDArray::ones({1, 2, 1, 1})),
               "[batch_norm] input (1, 2, 1, 1) has 1 elements a channel; training needs more than one");
  EXPECT_ERROR(batch_norm(batch(), {}, {}),
               "[batch_norm] the running mean is undefined; it is needed unless training");
  EXPECT_ERROR(batch_norm(batch(), {}, {}, NDArray::ones({3}), {}, {.training = true}),
               "[batch_norm] the weight has shape (3,); for input (2, 2, 1, 2) expected (2,)");
  EXPECT_ERROR(batch_norm(NDArray::ones({3}), {}, {}), "[batch_norm] the input is float32 (3,)");
  EXPECT_ERROR(LayerNorm({3})(batch()), "[layer_norm] input (2, 2, 1, 2) does not end in the shape (3,)");
  EXPECT_ERROR(LayerNorm(Shape{}), "[LayerNorm] expected a shape with elements");
  EXPECT_ERROR(GroupNorm(2, 3), "[GroupNorm] expected groups that divide the channels");
  EXPECT_ERROR(GroupNorm(2, 4)(batch()), "[GroupNorm] input (2, 2, 1, 2); expected (N, 4, ...)");
  EXPECT_ERROR(group_norm(batch(), 3), "[group_norm] 3 groups of the 2 channels");
  EXPECT_ERROR(Dropout(1.5), "[Dropout] p must be a probability; got Dropout(1.5)");
  EXPECT_ERROR(dropout(batch(), -0.5), "[dropout] p is -0.5; expected a probability");
  EXPECT_ERROR(dropout2d(NDArray::ones({3})), "[dropout2d] the input has shape (3,)");
}

TEST(Normalization, LayersSayWhatTheyAre) {
  EXPECT_EQ(LayerNorm({4, 5}, {.eps = 0.01}).describe(), "LayerNorm((4, 5), eps=0.01)");
  EXPECT_EQ(GroupNorm(2, 4, {.affine = false}).describe(), "GroupNorm(2, 4, no affine)");
  EXPECT_EQ(clone(LayerNorm({4})).describe(), "LayerNorm((4,))");
  EXPECT_EQ(clone(GroupNorm(2, 4)).describe(), "GroupNorm(2, 4)");
  EXPECT_EQ(clone(Dropout(0.25)).describe(), "Dropout(0.25)");
  EXPECT_EQ(clone(Dropout2d(0.25)).describe(), "Dropout2d(0.25)");
}

TEST(Dropping, FollowsTheMode) {
  manual_seed(1);
  Sequential model{Dropout(0.5), Dropout2d(0.5)};
  const Tensor x = NDArray::ones({1, 64, 4, 4});
  for (const float value : values(model(x))) EXPECT_TRUE(value == 0 || value == 4) << value;
  model.eval();
  EXPECT_EQ(values(model(x)), values(x));
}

TEST(Dropping, KeepsTheExpectedShare) {
  manual_seed(2);
  const double kept =
      mean(Tensor(dropout(NDArray::ones({100, 100}), 0.3).data() > 0).to(DType::Float64)).item<double>();
  EXPECT_NEAR(kept, 0.7, 5 * std::sqrt(0.21 / 10000));
}

}  // namespace
}  // namespace linnet::nn
