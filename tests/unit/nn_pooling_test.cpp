// Pooling layers: their operators, what they say of themselves, copies, and their place in a network.
#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/nn/clone.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/pooling.h>
#include <linnet/nn/sequential.h>
#include <linnet/nn/summary.h>

#include <sstream>

#include "tests/unit/expect_error.h"

namespace linnet::nn {
namespace {

template <class Layer>
void expect_layer(const Layer& layer, const Tensor& x, const Tensor& expected,
                  const std::string& description) {
  EXPECT_EQ(layer(x).shape(), expected.shape()) << description;
  EXPECT_EQ(layer(x).template to_vector<float>(), expected.to_vector<float>()) << description;
  EXPECT_EQ(layer.describe(), description);
  const Layer copy = clone(layer);
  EXPECT_EQ(copy(x).template to_vector<float>(), expected.to_vector<float>()) << description;
  EXPECT_EQ(copy.describe(), description);
}

TEST(PoolingLayers, AreTheOperatorsOfTheirNames) {
  const Tensor x(NDArray::arange(2 * 3 * 6 * 5).mul_(-0.5).reshape({2, 3, 6, 5}));
  expect_layer(MaxPool2d({.kernel = 2}), x, max_pool2d(x, {.kernel = 2}), "MaxPool2d(kernel=2x2)");
  const Pool2dOptions all{
      .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .ceil_mode = true};
  expect_layer(MaxPool2d(all), x, max_pool2d(x, all),
               "MaxPool2d(kernel=3x2, stride=2x1, padding=1x0, dilation=1x2, ceil_mode)");
  expect_layer(AvgPool2d({.kernel = 3}), x, avg_pool2d(x, {.kernel = 3}), "AvgPool2d(kernel=3x3)");
  const Pool2dOptions average{.kernel = 2, .padding = 1, .count_include_pad = false, .divisor_override = 3};
  expect_layer(AvgPool2d(average), x, avg_pool2d(x, average),
               "AvgPool2d(kernel=2x2, padding=1x1, padding not counted, divisor=3)");
  expect_layer(AdaptiveAvgPool2d(1), x, mean(x, {2, 3}, true), "AdaptiveAvgPool2d(1x1)");
  expect_layer(AdaptiveAvgPool2d({3, 2}), x, adaptive_avg_pool2d(x, {3, 2}), "AdaptiveAvgPool2d(3x2)");
  expect_layer(AdaptiveMaxPool2d({3, 2}), x, adaptive_max_pool2d(x, {3, 2}), "AdaptiveMaxPool2d(3x2)");
  expect_layer(Upsample({.scale_factor = 2}), x, upsample(x, {.scale_factor = 2}),
               "Upsample(scale_factor=2x2, nearest)");
  const UpsampleOptions aligned{.size = {7, 9}, .mode = UpsampleMode::Bilinear, .align_corners = true};
  expect_layer(Upsample(aligned), x, upsample(x, aligned), "Upsample(size=7x9, bilinear, align_corners)");
}

TEST(PoolingLayers, CopiesKeepTheMode) {
  MaxPool2d layer({.kernel = 2});
  layer.eval();
  EXPECT_FALSE(clone(layer).is_training());
}

TEST(PoolingLayers, RefuseOptionsThatFitNoImage) {
  EXPECT_ERROR(MaxPool2d({}), "[MaxPool2d] kernel 0x0; expected at least 1x1");
  EXPECT_ERROR(MaxPool2d({.kernel = 2, .padding = 2}), "[MaxPool2d] padding 2x2; expected 0 to 1x1");
  EXPECT_ERROR(AvgPool2d({.kernel = 2, .dilation = 2}), "[AvgPool2d] dilation 2x2; averages have none");
  EXPECT_ERROR(AdaptiveAvgPool2d(0), "[AdaptiveAvgPool2d] output size 0x0; expected at least 1x1");
  EXPECT_ERROR(AdaptiveMaxPool2d({2, 0}), "[AdaptiveMaxPool2d] output size 2x0");
  const char* layout = "layers have Layout::NCHW; got Layout::NHWC";
  EXPECT_ERROR(MaxPool2d({.kernel = 2, .layout = Layout::NHWC}), layout);
  EXPECT_ERROR(AvgPool2d({.kernel = 2, .layout = Layout::NHWC}), layout);
  EXPECT_ERROR(Upsample({.scale_factor = 2, .layout = Layout::NHWC}), layout);
  EXPECT_ERROR(Upsample({}), "[Upsample] size 0x0 and scale_factor 0x0; expected one of them");
}

TEST(PoolingLayers, StandInASequentialAndItsSummary) {
  const Sequential model{Conv2d(3, 4, {.kernel = 3, .padding = 1}), MaxPool2d({.kernel = 3, .stride = 2}),
                         Upsample({.scale_factor = 2}), AdaptiveAvgPool2d(1), Flatten()};
  EXPECT_EQ(model(Tensor(NDArray::ones({2, 3, 9, 9}))).shape(), (Shape{2, 4}));
  std::ostringstream text;
  text << summary(clone(model), {2, 3, 9, 9});
  EXPECT_NE(text.str().find("MaxPool2d(kernel=3x3, stride=2x2)    (2, 4, 4, 4)"), std::string::npos)
      << text.str();
  EXPECT_ERROR(model(Tensor(NDArray::ones({2, 3, 1, 1}))), "[max_pool2d] input (2, 4, 1, 1): in height");
}

}  // namespace
}  // namespace linnet::nn
