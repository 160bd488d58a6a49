// What joining, cutting, padding and choosing refuse, and what they keep: views, memory order, versions.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

TEST(Joining, RefusesWhatDoesNotFit) {
  const NDArray a = NDArray::zeros({2, 3});
  EXPECT_ERROR(concat(std::vector<NDArray>{}), "[concat] no arrays; expected at least one");
  EXPECT_ERROR(
      concat({a, NDArray::zeros({3, 4})}, 1),
      "[concat] array 1 has shape (3, 4), array 0 (2, 3); expected equal extents but in dimension 1");
  EXPECT_ERROR(concat({a, NDArray::zeros({2, 3, 1})}), "array 1 has shape (2, 3, 1), array 0 (2, 3)");
  EXPECT_ERROR(concat({a, NDArray::zeros({2, 3}, DType::Float64)}), "[concat]");
  EXPECT_ERROR(concat({a, a}, 2), "[concat] dimension 2 is outside [-2, 2)");
  EXPECT_ERROR(stack({a, NDArray::zeros({3, 2})}),
               "[stack] array 1 has shape (3, 2), array 0 (2, 3); they must be equal");
  EXPECT_ERROR(stack({a, NDArray()}), "[stack] array 1 has shape ()");
  EXPECT_ERROR(stack({a}, 3), "[stack] dimension 3 is outside [-3, 3)");
  EXPECT_ERROR(concat({Tensor(a), Tensor()}), "[concat]");
}

TEST(Joining, KeepsTheMemoryOrder) {
  const NDArray image = NDArray::zeros({1, 2, 3, 4}).to(MemoryOrder::ChannelsLast);
  EXPECT_TRUE(concat({image, image}, 1).is_channels_last());
  EXPECT_TRUE(pad(image, 1, {}).is_channels_last());
  EXPECT_TRUE(pad(image, 1, {.mode = PaddingMode::Reflect}).is_channels_last());
  EXPECT_TRUE(flip(image, {2}).is_channels_last());
  EXPECT_TRUE(dilate(image, 2).is_channels_last());
}

TEST(Joining, ConcatTakesArraysAndTensorsMixed) {
  const Tensor x = Tensor(NDArray::ones({1, 2})).requires_grad_();
  const NDArray fixed = NDArray::zeros({1, 2});
  sum(concat({x, fixed, x}, 0) * 3).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{6, 6}));
}

TEST(Splitting, GivesViews) {
  const NDArray x = NDArray::arange(7);
  const std::vector<NDArray> parts = split(x, 3);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_TRUE(parts[2].shares_storage(x));
  EXPECT_EQ(parts[2].to_vector<float>(), std::vector<float>{6});
  EXPECT_EQ(split(NDArray::zeros({0, 2}), 3).size(), 1U);
}

TEST(Splitting, RefusesSizesThatDoNotFill) {
  const NDArray x = NDArray::arange(7);
  EXPECT_ERROR(split(x, 0), "[split] parts of 0 along dimension 0 of shape (7,); expected at least 1");
  EXPECT_ERROR(split(x, {3, 5}),
               "[split] parts of 3, 5 along dimension 0 of shape (7,); expected sizes that add up to 7");
  EXPECT_ERROR(split(x, {3, 3}), "parts of 3, 3 along dimension 0");
  EXPECT_ERROR(split(x, {8, -1}), "parts of 8, -1");
  EXPECT_ERROR(split(Tensor(x), std::vector<int64_t>{}), "parts of no sizes");
}

TEST(Padding, RefusesMoreThanThereIs) {
  const NDArray x = NDArray::zeros({2, 3});
  EXPECT_ERROR(
      pad(x, 1, 3, 0, {.mode = PaddingMode::Reflect}),
      "[pad] 3 in front and 0 behind for dimension 1 of shape (2, 3) in mode reflect; expected at most 2");
  EXPECT_ERROR(pad(x, 1, 0, 4, {.mode = PaddingMode::Circular}), "in mode circular; expected at most 3");
  EXPECT_ERROR(pad(NDArray::zeros({0}), 0, 1, 0, {.mode = PaddingMode::Replicate}), "expected at most 0");
  EXPECT_ERROR(pad(x, 1, -2, -2),
               "[pad] -2 in front and -2 behind cut off more than dimension 1 of shape (2, 3) has");
  EXPECT_ERROR(pad(x, Padding::Same), "[pad] Padding::Same for shape (2, 3)");
  EXPECT_ERROR(pad(NDArray::zeros({3}), Padding(1)), "[pad] padding for shape (3,)");
  EXPECT_ERROR(pad(x, 2, 1, 1), "[pad] dimension 2");
  EXPECT_ERROR(conv2d(NDArray::zeros({1, 1, 2, 2}), NDArray::zeros({1, 1, 3, 3}),
                      Conv2dOptions{.padding = 2, .padding_mode = PaddingMode::Reflect}),
               "in mode reflect; expected at most 1");
}

TEST(Reversing, RefusesADimensionTwice) {
  EXPECT_ERROR(flip(NDArray::zeros({2, 3}), {1, -1}),
               "[flip] dimensions (1, -1) of shape (2, 3) name 1 twice");
  EXPECT_ERROR(dilate(NDArray::zeros({2, 3}), 2), "[dilate] shape (2, 3); expected (N, C, H, W)");
  EXPECT_ERROR(dilate(NDArray::zeros({1, 1, 2, 3}), 0), "[dilate] stride {0, 0}; expected at least 1");
}

TEST(Choosing, RefusesWhatHasNoMeaning) {
  EXPECT_ERROR(one_hot(NDArray::zeros({2}), 3), "[one_hot] the labels are float32; expected int64");
  EXPECT_ERROR(one_hot(NDArray::zeros({2}, DType::Int64), 0), "[one_hot] 0 classes; expected at least 1");
  EXPECT_ERROR(one_hot(NDArray::full({2}, 3, DType::Int64), 3), "[scatter_add]");
  EXPECT_ERROR(clamp(NDArray::zeros({2}), 1, 0), "[clamp] low 1 is above high 0");
  EXPECT_ERROR(norm(NDArray::zeros({2}), 0), "[norm] p is 0; expected a number above 0, or infinity");
  EXPECT_ERROR(var(NDArray::zeros({1, 3}), {0}), "[var] 1 elements for each result of shape (1, 3)");
}

TEST(Choosing, GradientsAtTheEdges) {
  const Tensor x = Tensor(NDArray::from_data<float>({-1, 0, 0.5, 1, 2}, {5})).requires_grad_();
  sum(clamp(x, 0, 1)).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 1, 1, 1, 0}));
  const Tensor zeros = Tensor(NDArray::zeros({3})).requires_grad_();
  norm(zeros).backward();
  EXPECT_EQ(zeros.grad().to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(TransposedConvolution, RefusesWhatDoesNotFit) {
  const NDArray x = NDArray::zeros({1, 2, 3, 3}), w = NDArray::zeros({2, 3, 3, 3});
  EXPECT_ERROR(conv_transpose2d(x, NDArray::zeros({3, 2, 3, 3})),
               "[conv_transpose2d] input (1, 2, 3, 3) has 2 channels, filters (3, 2, 3, 3) take 3");
  EXPECT_ERROR(conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = 2}),
               "[conv_transpose2d] output_padding 2 for H with stride 2 and dilation 1; expected less than "
               "one of them");
  EXPECT_ERROR(conv_transpose2d(x, w, {}, {.padding = 3}), "give a result of -1x-1; expected at least 1x1");
  EXPECT_ERROR(conv_transpose2d(x, w, NDArray::zeros({2})),
               "[conv_transpose2d] bias (2,) for filters (2, 3, 3, 3) in 1 groups; expected (3,)");
  EXPECT_ERROR(conv_transpose2d(x, w, {}, {.padding = Padding::Same}), "[conv_transpose2d] Padding::Same");
  EXPECT_ERROR(conv_transpose2d(x, w, {}, {.kernel = 2}),
               "[conv_transpose2d] the options say a kernel of 2x2, the filters are (2, 3, 3, 3)");
  EXPECT_ERROR(conv_transpose2d(NDArray::zeros({2, 3, 3}), w), "[conv_transpose2d] input (2, 3, 3)");
}

}  // namespace
}  // namespace linnet
